"""What the public pages share: headers that keep them private, the visitor's language, the way they came."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from wagtail.models import Site

from .. import conf
from ..links import default_site
from ..models import Origin, SenderSettings
from ..tokens import SAMPLE_LINK_TOKEN

View = Callable[..., HttpResponse]

#: What our own forms are sent in; Python knows encodings that are no text at all.
UTF_8 = ("utf-8", "utf8")


def private_page(view: View) -> View:
    """Nothing of these pages is stored, indexed or told to the next site (A4)."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response["X-Robots-Tag"] = "noindex, nofollow"
        response.headers.setdefault("X-Frame-Options", "DENY")
        return response

    return wrapped


def refuse_too_much(view: View) -> View:
    """Megabytes, thousands of fields and strange encodings are answered with a sentence, and not read."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if (request.content_params or {}).get("charset", "utf-8").lower() not in UTF_8:
            return page(request, "refused", reason="form", status=400)
        try:
            request.POST  # noqa: B018 -- reading it is what raises
        except (RequestDataTooBig, TooManyFieldsSent):
            return page(request, "refused", reason="too_much", status=413)
        return view(request, *args, **kwargs)

    return wrapped


def page(
    request: HttpRequest,
    name: str,
    *,
    site: Site | None = None,
    language: str | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render `pages/<name>.html` with the sender of the site, in the contact's language where known."""
    site = site or Site.find_for_request(request) or default_site()
    with translation.override(language or _language_of(request)):
        response = render(
            request,
            f"wagtail_gdpr_newsletter/pages/{name}.html",
            {
                "site": site,
                "sender": SenderSettings.for_site(site).as_sender(),
                "is_sample": SAMPLE_LINK_TOKEN in request.path,
                **context,
            },
            status=status,
        )
        response["Content-Language"] = translation.get_language() or ""
        return response


def _language_of(request: HttpRequest) -> str | None:
    """The visitor's own, where the site chooses languages.

    Django's middleware takes every address without a prefix for the site's first language, where that
    has none (`prefix_default_language=False`); these pages are the same address in all languages.
    """
    if hasattr(request, "LANGUAGE_CODE"):
        return translation.get_language_from_request(request, check_path=True)
    return translation.get_language()


def posted_from_elsewhere(request: HttpRequest, *, from_private_page: bool = False) -> bool:
    """The form has no CSRF token, so that its page can be cached; browsers tell where a post began.

    A private page tells no referrer, and older browsers then say “null” of its posts.
    """
    if fetch_site := request.headers.get("Sec-Fetch-Site"):
        return fetch_site not in ("same-origin", "none")
    origin = request.headers.get("Origin", "")
    if from_private_page and origin == "null":
        return False
    return bool(origin) and origin.partition("://")[2] != request.get_host()


def origin_of(
    request: HttpRequest, source: str, *, page_url: str = "", block_id: str = ""
) -> Origin:
    return Origin(
        source=source,
        page_url=page_url,
        block_id=block_id,
        ip=client_ip(request),
        user_agent="".join(filter(str.isprintable, request.headers.get("User-Agent", ""))),
    )


def client_ip(request: HttpRequest) -> str:
    """The visitor's address: what the outermost trusted proxy saw, whatever else the header claims."""
    found = request.META.get("REMOTE_ADDR", "")
    if proxies := conf.proxy_count():
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        found = forwarded[-proxies].strip() if len(forwarded) >= proxies else ""
    try:
        ip = ip_address(_without_port(found))
    except ValueError:  # A Unix socket, or a proxy that said nothing.
        return ""
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or IPv6Address(int(ip)))  # Without a zone.
    return str(ip)


def _without_port(text: str) -> str:
    """Some proxies write it: `1.2.3.4:5678`, `[2001:db8::1]:5678`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
