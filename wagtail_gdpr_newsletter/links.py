"""Absolute links for mails, always on the contact's own site (never the request's, never the admin's)."""

from __future__ import annotations

from urllib.parse import urljoin

import idna
from django.urls import reverse
from wagtail.models import Site

NAMESPACE = "wagtail_gdpr_newsletter"


def absolute(site: Site, name: str, *args: object) -> str:
    """The address of one of our public pages on that site, in ASCII, as headers need it."""
    root = site.root_url.replace(site.hostname, host(site), 1)
    return urljoin(root, reverse(f"{NAMESPACE}:{name}", args=args))


def host(site: Site) -> str:
    """Its name as the DNS has it; an editor may have written it in letters."""
    return in_ascii(site.hostname)


def in_ascii(domain: str) -> str:
    """By the standard of today (UTS 46); Python's own codec knows an older one, with other domains."""
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def default_site() -> Site | None:
    """Wagtail's default, or, where somebody has unset it, the oldest."""
    return Site.objects.order_by("-is_default_site", "pk").first()
