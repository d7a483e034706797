"""From Wagtail's rich text to what a mail can carry: absolute links, well-formed markup, plain text."""

from __future__ import annotations

import re
import textwrap
from urllib.parse import urljoin

from bs4 import BeautifulSoup
from bs4.element import NavigableString
from inscriptis import get_text
from wagtail.rich_text import RichText, expand_db_html


def for_mail(rich_text: RichText | str, *, root_url: str) -> str:
    """HTML whose links and images still lead home when read in an inbox."""
    soup = _parsed(expand_db_html(getattr(rich_text, "source", rich_text)))
    for tag, attribute in (("a", "href"), ("img", "src")):
        for element in soup.find_all(tag, attrs={attribute: True}):
            element[attribute] = urljoin(root_url, str(element[attribute]))
    return soup.decode(formatter="minimal")


def to_text(html: str) -> str:
    """Plain text as a person would have typed it: a link's address stands behind its words."""
    soup = _parsed(html)
    for link in soup.find_all("a", href=True):
        words, address = link.get_text().strip(), str(link["href"]).removeprefix("mailto:")
        link.replace_with(NavigableString(address if words == address else f"{words} ({address})"))
    # inscriptis indents and pads for terminals; a mail wants neither.
    lines = (_wrapped(line.rstrip()) for line in get_text(str(soup)).splitlines())
    return "\n".join(lines).strip()


def _wrapped(line: str) -> str:
    """As people type mails (RFC 3676 advises 78 characters); addresses and personal words stay whole."""
    kept = re.sub(r"\{[^{}]*\}", lambda token: token[0].replace(" ", "\0"), line)
    indent = " " * (len(kept) - len(kept.lstrip()))
    filled = textwrap.fill(
        kept, 74, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace("\0", " ")


def _parsed(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")
