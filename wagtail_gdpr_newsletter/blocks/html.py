"""From Wagtail's rich text to what a mail can carry: absolute links, well-formed markup, plain text."""

from __future__ import annotations

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
    lines = (line.rstrip() for line in get_text(str(soup)).splitlines())
    return "\n".join(lines).strip()


def _parsed(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")
