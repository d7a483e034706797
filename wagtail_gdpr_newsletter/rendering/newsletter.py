"""A campaign's blocks become MJML, the MJML becomes HTML, and the footer is the engine's own."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import mrml
from bs4 import BeautifulSoup, Comment
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from soupsieve import SelectorSyntaxError
from wagtail.images.models import SourceImageIOError

from . import footer, merge

#: One rule of a style sheet, those inside @media too.
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
#: Comments, statements such as @import, and what is for print alone.
NOT_ON_SCREEN = re.compile(
    r"/\*.*?\*/|@[^{};]+;|@media\s+print\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.DOTALL
)
HIDING = re.compile(
    r"(display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|(opacity|max-height)\s*:\s*0(\.0+)?(?![.\d]))",
    re.IGNORECASE,
)


class RenderingFailed(ValueError):
    """The message cannot be made, or would go out without its footer; the text says why."""


@dataclass(frozen=True)
class Sender:
    """The controller, as a message shows it; addresses of pages are absolute."""

    name: str
    postal_address: str
    email: str
    phone: str
    data_protection_officer: str
    supervisory_authority: str
    mail_provider: str
    root_url: str
    privacy_url: str
    imprint_url: str
    logo_url: str
    #: Pixels.
    logo_width: int
    accent_color: str


@dataclass(frozen=True)
class Newsletter:
    """All that one message is made of, before anybody's own values."""

    subject: str
    preheader: str
    body: Any
    sender: Sender


@dataclass(frozen=True)
class Rendered:
    """A message with merge slots, as `merge.MergeTemplate` reads them."""

    subject: str
    html: str
    text: str


def render(newsletter: Newsletter) -> Rendered:
    """HTML and plain text in the active language, with the footer that no template can take out (I3)."""
    try:
        return Rendered(
            subject=merge.one_line(newsletter.subject),
            html=_html(newsletter),
            text=_text(newsletter),
        )
    except SourceImageIOError as error:
        raise RenderingFailed(
            _("The file of an image cannot be read: choose another image.")
        ) from error


def _context(newsletter: Newsletter) -> dict[str, Any]:
    return {
        "newsletter": newsletter,
        "sender": newsletter.sender,
        "root_url": newsletter.sender.root_url,
    }


def _html(newsletter: Newsletter) -> str:
    context = _context(newsletter)
    blocks, heading_level = [], 1
    for block in newsletter.body:
        blocks.append(block.render({**context, "heading_level": heading_level}))
        if block.block_type == "heading":
            heading_level = 2  # One first heading, and the others below it (W3).
    mjml = render_to_string(
        "wagtail_gdpr_newsletter/emails/campaign.mjml", {**context, "blocks": blocks}
    )
    before, end, after = mjml.rpartition("</mj-body>")
    if not end:
        raise RenderingFailed(_("The campaign template has no closing </mj-body>."))
    html = to_html(before + footer.as_mjml(newsletter.sender) + end + after)
    _check_footer(html)
    return html


def to_html(mjml: str) -> str:
    """Compile MJML; `RenderingFailed` where a block's template is not well formed."""
    try:
        # No fonts: mrml would fetch them from a third party in every reader's mail program.
        return mrml.to_html(mjml, render_options=mrml.RenderOptions(fonts={})).content
    except OSError as error:  # What mrml raises for markup that it cannot read.
        raise RenderingFailed(
            _("A block's MJML cannot be read: %(error)s") % {"error": error}
        ) from error


def _check_footer(html: str) -> None:
    """A template might still comment the footer out, or nest it where parsers lose it."""
    soup = BeautifulSoup(html, "html.parser")
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    hidden = _hidden_by_styles(soup)
    links = {
        str(link["href"])
        for link in soup.find_all("a", href=True)
        if not any(id(element) in hidden for element in [link, *link.parents])
    }
    if not set(footer.PERSONAL_LINKS) <= links:
        raise RenderingFailed(
            _("The campaign template hides the footer with its unsubscribe and My data links.")
        )


def _hidden_by_styles(soup: BeautifulSoup) -> set[int]:
    """The ids of the elements that a style sheet, or a style of their own, makes invisible."""
    hidden = {id(element) for element in [*soup.find_all(style=HIDING), *soup.select("[hidden]")]}
    styles = "\n".join(style.get_text() for style in soup.find_all("style"))
    styles = NOT_ON_SCREEN.sub("", styles)
    for selector, declarations in RULE.findall(styles):
        if HIDING.search(declarations):
            with suppress(SelectorSyntaxError, NotImplementedError):
                hidden |= {id(element) for element in soup.select(selector.strip())}
    return hidden


def _text(newsletter: Newsletter) -> str:
    context = _context(newsletter)
    parts = [block.block.render_text(block.value, context) for block in newsletter.body]
    body = "\n\n".join(part for part in parts if part)
    return f"{body}\n\n{footer.as_text(newsletter.sender)}\n"
