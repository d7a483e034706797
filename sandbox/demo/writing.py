"""The words in which the demo's pages are written down: pages, and the blocks of their bodies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from wagtail.rich_text import RichText

from .illustrations import Illustration

#: The name of a block, and its value.
Block = tuple[str, Any]


@dataclass(frozen=True)
class Article:
    slug: str
    title: str
    date: date
    introduction: str
    illustration: Illustration
    body: list[Block]


@dataclass(frozen=True)
class Plain:
    """A page like "Privacy"."""

    slug: str
    title: str
    introduction: str
    body: list[Block] = field(default_factory=list)
    in_menu: bool = False


def paragraph(html: str) -> Block:
    return "paragraph", RichText(html)


def quote(text: str, source: str) -> Block:
    return "quote", {"text": text, "source": source}


def facts(*pairs: tuple[str, str]) -> Block:
    return "facts", {"facts": [{"label": label, "text": RichText(html)} for label, html in pairs]}


def picture(illustration: Illustration) -> Block:
    """Becomes an image when the page is planted: then the illustration has been painted."""
    return "image", illustration
