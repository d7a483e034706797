"""Set a document as PDF: what stands in it comes as data, how it looks is a Typst template.

Typst sets it in process: no server, no network, no font of the system is needed. What readers have typed goes in
as values of JSON and is never read as markup. The file is PDF/A-3 for archives and PDF/UA for screen readers.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

from django.template import Engine, TemplateDoesNotExist

TEMPLATE = "wagtail_gdpr_newsletter/evidence/sheet.typ"

STANDARDS: list[Any] = ["a-3a", "ua-1"]

#: For these the fonts that come with Typst have every character: Latin, Greek, Cyrillic, punctuation, currencies,
#: arrows, and what we use ourselves.
ALWAYS_SET = (
    *(range(0x0500), range(0x1E00, 0x2041), range(0x20A0, 0x2100), range(0x2190, 0x2400)),
    (ord("☐"), ord("⟨"), ord("⟩")),
)


def is_installed() -> bool:
    """It is an extra: `pip install wagtail-gdpr-newsletter[evidence]`."""
    return find_spec("typst") is not None


def as_pdf(document: Mapping[str, Any], *, made_at: datetime, attached: bytes) -> bytes:
    """The same document makes the same file, but for the fonts of the machine; `attached`: its JSON.

    A character that no font has is written as its number, so that nothing is silently missing.
    """
    from typst import TypstError

    try:
        return _compile(_each_text(document, _visible), made_at, attached)
    except TypstError:
        return _compile(_each_text(document, _certain), made_at, attached)


def _compile(document: Any, made_at: datetime, attached: bytes) -> bytes:
    import typst

    return typst.compile(
        _template().encode(),
        font_paths=_fonts(),
        format="pdf",
        pdf_standards=STANDARDS,
        timestamp=made_at,
        sys_inputs={"document": json.dumps(document), "attached": attached.decode()},
    )


@cache
def _fonts() -> Any:
    """Those that come with Typst, and for other scripts those of the machine; looked for once."""
    import typst

    return typst.Fonts()


def _template() -> str:
    """As a site may have replaced it. It is Typst's and not Django's, so it is not rendered."""
    loaders: list[Any] = Engine.get_default().template_loaders
    for loader in loaders:
        for origin in loader.get_template_sources(TEMPLATE):
            try:
                return str(loader.get_contents(origin))
            except TemplateDoesNotExist:
                continue
    raise TemplateDoesNotExist(TEMPLATE)


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_text(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return value


def _visible(text: str) -> str:
    """What cannot be seen, or turns what follows round, is shown as its number."""
    return "".join(
        _number(character)
        if unicodedata.category(character)[0] == "C" and character != "\n"
        else character
        for character in text.replace("\r\n", "\n")
    )


def _certain(text: str) -> str:
    """Whatever may be missing is shown as its number."""
    return "".join(
        character if any(ord(character) in each for each in ALWAYS_SET) else _number(character)
        for character in _visible(text)
    )


def _number(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"
