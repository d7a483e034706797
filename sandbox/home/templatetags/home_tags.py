"""What every page of the site shows around its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from wagtail.models import Page, Site

register = template.Library()


@dataclass(frozen=True)
class Navigation:
    home: Page
    items: list[Page]
    translations: list[Page]


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> Navigation | None:
    """The menu in the visitor's language, and this page (or the home page) in the other ones."""
    site = Site.find_for_request(context["request"])
    if site is None:
        return None
    home = site.root_page.localized
    page = context.get("page") or home
    translations = page.get_translations().live() or home.get_translations().live()
    return Navigation(
        home=home,
        items=list(home.get_children().live().in_menu()),
        translations=[translation.specific for translation in translations],
    )
