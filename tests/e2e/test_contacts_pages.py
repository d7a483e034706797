"""The list of contacts, somebody's page, and the deletion of an address book: by keyboard, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from sandbox.readers import become_reader
from sandbox.supervisor import RunningSite
from tests.e2e.conftest import NARROW, what_axe_finds

CONTACTS = "/admin/newsletter/contacts/"
BOOKS = "/admin/snippets/wagtail_gdpr_newsletter/addressbook/"


@pytest.fixture
def reader(served: RunningSite) -> str:
    return become_reader(served, name="Grace Hopper")


def make_book(site: RunningSite, name: str) -> str:
    """The address of the page that deletes it."""
    code = (
        "from wagtail.models import Site\n"
        "from tests.factories import make_book\n"
        f"print(make_book(Site.objects.get(is_default_site=True), {name!r}).pk)"
    )
    pk = site.manage("shell", "--verbosity", "0", "--command", code).split()[-1]
    return f"{BOOKS}delete/{pk}/"


def test_somebody_is_found_and_the_list_narrowed_by_keyboard(editor: Page, reader: str):
    editor.goto(CONTACTS)
    editor.get_by_label("E-mail address").focus()
    editor.keyboard.type(reader.upper())
    editor.keyboard.press("Enter")
    timeline = editor.get_by_role("region", name="The latest first")
    expect(timeline.get_by_role("cell", name="Confirmed", exact=True)).to_be_visible()
    editor.goto(CONTACTS)
    row = editor.get_by_role("row", name=reader)
    expect(row).to_be_visible()
    editor.get_by_role("button", name="Show filters").focus()
    editor.keyboard.press("Enter")
    editor.get_by_role("button", name="Status").focus()
    editor.keyboard.press("Enter")
    editor.get_by_label("unproven").focus()
    editor.keyboard.press("Space")
    expect(row).to_be_hidden()
    expect(editor.get_by_text("No contacts match your query.")).to_be_visible()


def take_by_keyboard(page: Page, button: str) -> str:
    """The name of the file."""
    page.get_by_role("button", name=button).first.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    return download.value.suggested_filename


def test_the_proof_of_consent_is_taken_by_keyboard_before_and_after_an_erasure(
    editor: Page, reader: str
):
    editor.goto(CONTACTS)
    editor.get_by_label("E-mail address").fill(reader)
    editor.keyboard.press("Enter")
    editor.get_by_role("heading", name="Proof of consent").wait_for()
    somebody = editor.url
    assert take_by_keyboard(editor, "Print as PDF (").endswith(".pdf")
    assert take_by_keyboard(editor, "Save as JSON (").endswith(".json")
    editor.goto(f"{somebody}erase/")
    editor.get_by_label("Why, and how you know").fill("They wrote a letter")
    editor.get_by_role("button", name="Erase now").click()
    editor.get_by_label("E-mail address").fill(reader)
    editor.keyboard.press("Enter")
    editor.get_by_role("heading", name="What it proves").wait_for()
    assert what_axe_finds(editor) == []
    assert take_by_keyboard(editor, "Print as PDF (").endswith(".pdf")
    editor.set_viewport_size(NARROW)
    assert what_axe_finds(editor) == []
    assert editor.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_a_book_is_deleted_by_typing_its_name(editor: Page, served: RunningSite):
    editor.goto(make_book(served, "Old letters"))
    editor.get_by_label("Type the name of the address book to delete it").focus()
    editor.keyboard.type("New letters")
    editor.keyboard.press("Enter")
    expect(editor.get_by_text("The address book is called “Old letters”.")).to_be_visible()
    editor.get_by_label("Type the name of the address book to delete it").fill("Old letters")
    editor.keyboard.press("Enter")
    expect(editor.get_by_text("Address book 'Old letters' deleted.")).to_be_visible()
    expect(editor.get_by_role("link", name="Old letters")).to_be_hidden()


def test_axe_finds_nothing_and_nothing_of_ours_is_wider_than_a_small_screen(
    editor: Page, served: RunningSite, reader: str
):
    editor.goto(CONTACTS)
    assert what_axe_finds(editor) == []
    editor.get_by_label("E-mail address").fill("nobody@example.org")
    editor.keyboard.press("Enter")
    expect(editor.get_by_text("Nothing is kept under this address.")).to_be_visible()
    assert what_axe_finds(editor) == []
    editor.get_by_label("E-mail address").fill(reader)
    editor.keyboard.press("Enter")
    editor.get_by_role("heading", name="What happened").wait_for()
    somebody, deletion = editor.url, make_book(served, "Wide letters")
    for path in (somebody, deletion):
        editor.set_viewport_size({"width": 1280, "height": 900})
        editor.goto(path)
        assert what_axe_finds(editor) == []
        editor.set_viewport_size(NARROW)
        assert what_axe_finds(editor) == []
        assert editor.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
