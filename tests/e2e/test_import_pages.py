"""The guided path of an import, and adding somebody: by keyboard, wide and narrow."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import NARROW, what_axe_finds

UPLOAD = "/admin/newsletter/imports/upload/"
#: Where somebody who wants to look at the pages has them put.
PICTURES = os.environ.get("PICTURES", "")

FILE = """\
Email Address;First Name;Last Name;OPTIN_TIME;OPTIN_IP;CONFIRM_TIME;CONFIRM_IP;LEID;EUID;Favourite tree
{run}.ada@example.org;Ada;Byron;2020-01-02 03:04:05;203.0.113.9;2020-01-02 03:05:06;203.0.113.9;1;a;Lemon
{run}.bob@example.org;Bob;;;;2021-01-02 03:05:05;;2;b;
not an address;Cy;;;;;;3;c;Fig
{run}.ADA@example.org;Ada;;;;;;4;d;
"""


def look(page: Page, name: str) -> None:
    """In both sizes: axe finds nothing, and nothing of ours is wider than a small screen."""
    for size, width in ((NARROW, "narrow"), ({"width": 1280, "height": 900}, "wide")):
        page.set_viewport_size(size)
        page.wait_for_timeout(400)  # Wagtail moves its menu in or out.
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{name}-{width}.png", full_page=True)
        assert what_axe_finds(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).focus()
    page.keyboard.press("Enter")


def upload(page: Page, directory: Path, content: str) -> None:
    file = directory / "people.csv"
    file.write_text(content)
    page.goto(UPLOAD)
    page.get_by_label("File*").set_input_files(file)
    page.get_by_label("Address book", exact=True).select_option(index=1)
    press(page, "Upload")
    page.get_by_role("heading", name="What the file holds").wait_for()


def test_people_are_imported_by_keyboard_and_taken_back(editor: Page, tmp_path: Path):
    editor.goto(UPLOAD)
    look(editor, "upload")
    upload(editor, tmp_path, FILE.format(run=tmp_path.name))
    expect(editor.get_by_text("Mailchimp", exact=True)).to_be_visible()
    press(editor, "Check the file")
    expect(editor.get_by_text("Say by which right these people may be written to.")).to_be_visible()
    look(editor, "columns")
    editor.get_by_label("The file says for each person").check()
    editor.get_by_label("What they agreed to").fill("Yes, send me the seed letter.")
    editor.get_by_label("Where*").or_(editor.get_by_label("Where", exact=True)).fill(
        "Form at the stall"
    )
    press(editor, "Check the file")
    expect(editor.get_by_role("row", name="New, with proof")).to_be_visible(timeout=30_000)
    look(editor, "checked")
    press(editor, "Import 2 people")
    expect(editor.get_by_role("heading", name="What came of it")).to_be_visible(timeout=30_000)
    look(editor, "done")
    with editor.expect_download() as download:
        press(editor, "Download them as CSV")
    assert "not an address" in Path(download.value.path()).read_text()
    editor.get_by_text("Take the import back…").focus()
    editor.keyboard.press("Enter")
    editor.get_by_label("Why, and how you know").fill("The wrong file")
    press(editor, "Take it back")
    expect(editor.get_by_role("heading", name="Import taken back")).to_be_visible(timeout=30_000)
    editor.goto("/admin/newsletter/imports/")
    look(editor, "list")


def test_a_file_that_cannot_be_read_is_refused_where_it_was_chosen(editor: Page, tmp_path: Path):
    file = tmp_path / "people.xlsx"
    file.write_bytes(b"PK\x03\x04 is no workbook")
    editor.goto(UPLOAD)
    editor.get_by_label("File*").set_input_files(file)
    editor.get_by_label("Address book", exact=True).select_option(index=1)
    press(editor, "Upload")
    expect(editor.get_by_text("This is no workbook that can be read.")).to_be_visible()
    look(editor, "refused")


def test_somebody_is_added_with_the_proof_by_keyboard(editor: Page, tmp_path: Path):
    editor.goto("/admin/newsletter/contacts/add/")
    look(editor, "add")
    editor.get_by_label("E-mail address").fill(f"{tmp_path.name}@example.org")
    editor.get_by_role("combobox", name="Address book").select_option(index=1)
    editor.get_by_label("They have agreed elsewhere").check()
    editor.get_by_label("Why, and how you know").fill("They signed at the stall")
    press(editor, "Add them")
    expect(editor.get_by_text("This belongs to the proof.").first).to_be_visible()
    look(editor, "add-errors")
    editor.get_by_label("They agreed to what I write below.").check()
    editor.get_by_label("What they agreed to").fill("Yes, send me the seed letter.")
    editor.get_by_label("Where", exact=True).fill("Paper at the stall")
    editor.get_by_label("When", exact=True).fill("2024-05-06")
    press(editor, "Add them")
    expect(editor.get_by_text("They are in the address book.")).to_be_visible()
