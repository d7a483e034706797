"""The inbox: what the mail catcher caught, as the people who got it would read it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from ..browser import press_one_click
from .mailbox import Mail, Mailbox, NoSuchMail

#: A mail may show pictures and wear its own styles; it may not run, load or post anything.
MAIL_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; form-action 'none'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "inbox/inbox.html", _list(request))


@require_safe
@never_cache
def read(request: HttpRequest, id: str) -> HttpResponse:
    mail = _mail(id)
    views = [("html", "Message")] if mail.html else []
    views += [("text", "Plain text"), ("source", "Source")]
    shown = request.GET.get("as", "")
    shown = shown if shown in dict(views) else views[0][0]
    context = {"mail": mail, "views": views, "shown": shown, **_list(request)}
    if shown == "source":
        head, _blank, body = mail.source.decode("utf-8", "replace").partition("\r\n\r\n")
        context |= {"head": head, "body": body}
    return render(request, "inbox/inbox.html", context)


@require_safe
@never_cache
@xframe_options_sameorigin
def html(request: HttpRequest, id: str) -> HttpResponse:
    """The HTML part alone, for a frame; its links open in a tab of their own."""
    page = _mail(id).html
    start, head, rest = page.partition("<head>")
    base = '<base target="_blank">'
    response = HttpResponse(f"{start}{head}{base}{rest}" if head else base + page)
    response["Content-Security-Policy"] = MAIL_POLICY
    return response


@require_POST
def one_click(request: HttpRequest, id: str) -> HttpResponse:
    """Unsubscribe as mail providers do it: their server asks ours, with nobody's cookies."""
    url = _mail(id).one_click_url
    if not url:
        raise Http404
    messages.info(request, f"The site answered {press_one_click(url)} to {url}")
    return redirect("inbox:read", id)


@require_POST
def empty(request: HttpRequest) -> HttpResponse:
    _mailbox().empty()
    return redirect("inbox:index")


def _mailbox() -> Mailbox:
    return Mailbox(settings.MAIL_DIR)


def _mail(id: str) -> Mail:
    try:
        return _mailbox().get(id)
    except NoSuchMail as error:
        raise Http404 from error


def _list(request: HttpRequest) -> dict[str, Any]:
    """The list beside every mail: all of them, or one person's."""
    mailbox, person = _mailbox(), request.GET.get("to", "")
    return {"mails": mailbox.mails(to=person), "people": mailbox.people(), "person": person}
