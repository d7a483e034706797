"""Growth at a glance: reached by keyboard, found right by a machine, wide, narrow and in the dark."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from sandbox.readers import become_reader
from sandbox.supervisor import RunningSite
from tests.e2e.conftest import NARROW, what_axe_finds


def test_the_overview_leads_to_the_numbers_of_each_book(editor: Page, served: RunningSite):
    become_reader(served, name="Grace Hopper")
    editor.goto("/admin/")
    editor.get_by_role("button", name="Newsletter").focus()
    editor.keyboard.press("Enter")
    editor.get_by_role("link", name="Overview").focus()
    editor.keyboard.press("Enter")
    editor.get_by_role("link", name="La Lettera").focus()
    editor.keyboard.press("Enter")
    numbers = editor.get_by_role("region", name="Readers who joined, left and were confirmed")
    numbers.focus()
    expect(numbers).to_be_focused()
    expect(numbers.get_by_role("row").nth(1).get_by_role("cell").last).not_to_have_text("0")
    growth = editor.url
    for page in ("/admin/newsletter/", growth):
        for scheme in ("light", "dark"):
            editor.emulate_media(color_scheme=scheme)
            editor.set_viewport_size({"width": 1280, "height": 900})
            editor.goto(page)
            assert what_axe_finds(editor) == []
            editor.set_viewport_size(NARROW)
            assert what_axe_finds(editor) == []
            assert editor.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
