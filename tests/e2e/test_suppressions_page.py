"""The page of the addresses that must not be written to, by keyboard alone, wide and narrow."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.conftest import NARROW, what_axe_finds

PAGE = "/admin/newsletter/suppressions/"
OURS = "main .nl-page"


def test_an_address_is_checked_added_and_lifted_by_keyboard(editor: Page):
    editor.goto(PAGE)
    editor.get_by_label("E-mail address").focus()
    editor.keyboard.type("keyboard@example.org")
    editor.keyboard.press("Enter")
    expect(editor.get_by_text("Nothing keeps this address from being written to.")).to_be_visible()
    editor.get_by_label("What happened").focus()
    editor.keyboard.type("address")
    editor.keyboard.press("Tab")
    editor.keyboard.type("It came back")
    editor.keyboard.press("Enter")
    expect(editor.get_by_text("Nobody writes to this address any more.")).to_be_visible()
    editor.get_by_label("E-mail address").fill("keyboard@example.org")
    editor.keyboard.press("Enter")
    form = editor.get_by_role("form", name="The mailbox takes mail again?")
    form.get_by_label("Why, and how you know").focus()
    editor.keyboard.type("They wrote from it")
    editor.keyboard.press("Enter")
    expect(editor.get_by_text("What the bounce had left is lifted.")).to_be_visible()


def test_axe_finds_nothing_and_nothing_is_wider_than_a_small_screen(editor: Page):
    editor.goto(PAGE)
    for reason in ("bounce", "complaint", "objection", "withdrawal"):
        editor.get_by_label("E-mail address").fill(f"{reason}@example.org")
        editor.keyboard.press("Enter")
        editor.get_by_label("What happened").select_option(reason)
        add = editor.get_by_role("form", name="They must not be written to?")
        add.get_by_label("Why, and how you know").fill("By telephone")
        editor.keyboard.press("Enter")
        expect(editor.get_by_text("Nobody writes to this address any more.")).to_be_visible()
    editor.get_by_label("E-mail address").fill("bounce@example.org")
    editor.keyboard.press("Enter")
    expect(editor.get_by_role("heading", name="bounce@example.org")).to_be_visible()
    assert what_axe_finds(editor) == []
    editor.set_viewport_size(NARROW)
    assert what_axe_finds(editor) == []
    assert editor.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
