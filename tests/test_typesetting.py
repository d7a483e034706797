"""What stands on a page is data, whatever it is made of, and nothing of it is lost without a word."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pypdf
import pytest

from wagtail_gdpr_newsletter.rendering import typesetting

MADE_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make(*items: str, **changes: Any) -> bytes:
    document = {
        "lang": "en",
        "title": "Proof of consent",
        "author": "Orto dei Semi",
        "accent": "#1f5d50",
        "letterhead": {"name": "Orto dei Semi", "lines": ["Via Micheli 3, 50121 Firenze"]},
        "running": "Reference 1",
        "attachment": "The same as JSON",
        "blocks": [{"kind": "list", "title": "What", "level": 2, "items": list(items)}],
        **changes,
    }
    return typesetting.as_pdf(document, made_at=MADE_AT, attached=b"{}")


def text_of(pdf: bytes) -> str:
    pages = pypdf.PdfReader(BytesIO(pdf)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.mark.parametrize(
    "hostile",
    [
        "#strong[x] *b* _i_ $x^2$ `raw` = heading",
        '#import "@preview/x:0.1.0": y',
        '#read("/etc/passwd") #eval("1+1")',
        "\\u{41} <label> @label // comment /* more */ ~ -- ---",
        '"quoted" \\" {{ template }} {% tag %} &amp; <b>',
    ],
)
def test_markup_is_shown_as_it_is(hostile):
    assert hostile in text_of(make(hostile))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202eevil", "⟨U+202E⟩evil"),
        ("nul\0l", "nul⟨U+0000⟩l"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("lone \ud800", "lone ⟨U+D800⟩"),
        ("private \ue000", "private ⟨U+E000⟩"),
        ("bell\x07", "bell⟨U+0007⟩"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_its_number(text, shown):
    assert shown in text_of(make(text))


@pytest.mark.parametrize(
    "text",
    [
        "Πλήρης απόδειξη συγκατάθεσης",
        "Подтверждение согласия",
        "Příliš žluťoučký kůň, İstanbul, Łódź, Ștefan, œuvre, ß, ẞ",
        "€ → ☐ “quoted” – … 1½",
    ],
)
def test_the_scripts_of_europe_are_set_with_the_fonts_that_come_along(text, monkeypatch):
    from typst import Fonts

    alone = Fonts(include_system_fonts=False)
    monkeypatch.setattr(typesetting, "_fonts", lambda: alone)
    assert text in text_of(make(text))


def test_other_scripts_are_set_where_there_is_a_font_and_are_never_lost(monkeypatch):
    from typst import Fonts

    alone = Fonts(include_system_fonts=False)
    monkeypatch.setattr(typesetting, "_fonts", lambda: alone)
    said = text_of(make("中文 and Ada", "Ελλάδα"))
    assert "⟨U+4E2D⟩⟨U+6587⟩ and Ada" in said
    assert "Ελλάδα" in said


def test_a_word_longer_than_a_line_is_broken_and_stays_on_the_page():
    word = "".join(chr(97 + number % 26) for number in range(3000))
    pdf = make(f"before {word} after")
    assert word in text_of(pdf).replace(" ", "")
    (first, *_others) = pypdf.PdfReader(BytesIO(pdf)).pages
    rightmost = []
    first.extract_text(visitor_text=lambda text, _cm, tm, _font, _size: rightmost.append(tm[4]))
    assert max(rightmost) < float(first.mediabox.width)


def test_the_same_document_makes_the_same_file():
    assert make("Ada") == make("Ada")
    assert make("Ada") != make("Grace")


@pytest.mark.parametrize("code", ["pt-br", "zh-hans", "fil"])
def test_every_language_that_django_knows_can_be_named(code):
    pdf = make("Ada", lang=code)
    assert pypdf.PdfReader(BytesIO(pdf)).trailer["/Root"]["/Lang"] == code.split("-")[0]


@pytest.mark.parametrize("code", ["x-klingon", "simple", ""])
def test_a_language_that_no_standard_knows_is_left_untold(code):
    statement = {"kind": "statement", "level": 3, "title": "Text 1", "caption": "", "lang": code}
    told = {"name": "Ada", "description": "", "box": "Yes", "has_box": True, "notice": []}
    block = {**statement, **told, "seals": [], "alarming": False}
    heading = {"kind": "heading", "level": 2, "text": "What was shown"}
    pdf = make(lang=code, blocks=[heading, block])
    assert pypdf.PdfReader(BytesIO(pdf)).trailer["/Root"]["/Lang"] == "und"
    assert "Ada" in text_of(pdf)


def test_a_sender_who_has_filled_in_nothing_is_no_obstacle():
    assert "Ada" in text_of(make("Ada", author="", letterhead={"name": "", "lines": []}))


def test_a_site_may_lay_it_out_in_its_own_way(tmp_path, settings):
    folder = tmp_path / "wagtail_gdpr_newsletter" / "evidence"
    folder.mkdir(parents=True)
    (folder / "sheet.typ").write_text('#set document(title: "Ours")\n= {{ ours }}\n')
    templates = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    settings.TEMPLATES = templates
    assert "{{ ours }}" in text_of(make("Ada"))
