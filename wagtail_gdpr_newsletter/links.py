"""Absolute links for mails, always on the contact's own site (never the request's, never the admin's)."""

from __future__ import annotations

from urllib.parse import urljoin

from django.urls import reverse
from wagtail.models import Site

NAMESPACE = "wagtail_gdpr_newsletter"


def absolute(site: Site, name: str, *args: object) -> str:
    """The address of one of our public pages on that site."""
    return urljoin(site.root_url, reverse(f"{NAMESPACE}:{name}", args=args))
