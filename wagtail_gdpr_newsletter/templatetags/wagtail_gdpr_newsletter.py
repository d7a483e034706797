"""How the sign-up block's template gets its form."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from wagtail.blocks import StructValue
from wagtail.blocks.list_block import ListValue
from wagtail.blocks.stream_block import StreamValue
from wagtail.fields import StreamField
from wagtail.models import Page, Site

from ..actions.offering import show_form
from ..forms import Offer, SignupForm
from ..models import AddressBook, SenderSettings, reasons_against_form

register = template.Library()


@register.simple_tag(takes_context=True)
def newsletter_signup_form(context: Context, value: StructValue) -> dict[str, Any]:
    """`form` and `shown` for a sign-up block, or the `reasons` why visitors get no form."""
    books = list(dict.fromkeys(book for book in value["books"] if book))
    page = context.get("page")
    request = context.get("request")
    site = _site_of(page, request, books)
    shown = site and show_form(
        site=site,
        books=books,
        language=get_language() or "",
        page_url=_url_of(page, request),
        block_id=_block_id(page, value),
        button_label=value["button_label"],
        success_message=value["success_message"],
        thank_you_page=value["thank_you_page"].pk if value["thank_you_page"] else None,
    )
    if shown:
        return {
            "form": shown.build(),
            "shown": shown,
            "privacy_url": SenderSettings.for_site(site).privacy_url,
        }
    return {
        # Visitors see nothing; editors read why, in every preview.
        "reasons": reasons_against_form(site, books) if site else [],
        "is_preview": getattr(request, "is_preview", False),
    }


@register.simple_tag
def newsletter_sample_form() -> dict[str, Any]:
    """A form that leads nowhere, for the preview in the block chooser."""
    offer = Offer(
        statement=0,
        book_uuid="sample",
        book_name=_("Newsletter"),
        description="",
        label=_("Yes, I would like to receive the newsletter by e-mail."),
        notice=[],
    )
    return {"form": SignupForm(offers=[offer], ask_name=False, token="")}


def _site_of(
    page: Page | None, request: HttpRequest | None, books: list[AddressBook]
) -> Site | None:
    if page is not None and (site := page.get_site()):
        return site
    if request is not None and (site := Site.find_for_request(request)):
        return site
    return books[0].site if books else None


def _url_of(page: Page | None, request: HttpRequest | None) -> str:
    if page is not None and page.full_url:
        return page.full_url
    return request.build_absolute_uri(request.path) if request is not None else ""


def _block_id(page: Page | None, value: StructValue) -> str:
    """The id under which the block, or the one it is nested in, stands in the page."""
    for field in page._meta.concrete_fields if page is not None else ():
        if isinstance(field, StreamField):
            for child in getattr(page, field.name):
                if _holds(child.value, value):
                    return child.id or ""
    return ""


def _holds(container: Any, value: StructValue) -> bool:
    if container is value:
        return True
    if isinstance(container, StructValue):
        return any(_holds(child, value) for child in container.values())
    if isinstance(container, ListValue | StreamValue):
        children = container.bound_blocks if isinstance(container, ListValue) else container
        return any(_holds(child.value, value) for child in children)
    return False
