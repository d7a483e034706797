"""What editors see around the whole path: choosing the block, what is locked, what is named."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from sandbox.main_job import ADMIN
from sandbox.supervisor import RunningSite


def test_the_block_chooser_shows_what_the_sign_up_block_is(served: RunningSite, editor: Page):
    editor.goto(f"/admin/pages/add/home/standardpage/{served.demo['home_page']}/")
    editor.get_by_role("button", name="Insert a block").first.click()
    option = editor.get_by_role("option", name="Newsletter sign-up")
    expect(option.locator("svg")).to_be_visible()
    option.locator("xpath=..").get_by_role("button", name="Preview").click()
    expect(editor.get_by_text("A form with a consent box for each address book.")).to_be_visible()
    preview = editor.frame_locator("iframe[src*=block-preview]")
    expect(preview.get_by_role("heading", name="Our newsletter")).to_be_visible()
    expect(preview.get_by_role("checkbox")).not_to_be_checked()


def test_every_campaign_block_has_an_icon(editor: Page):
    editor.goto(f"{ADMIN}/add/")
    editor.get_by_role("button", name="Insert a block").first.click()
    options = editor.locator("[role=option]:has(svg)")
    expect(options).to_have_count(7)
    for option in options.all():
        symbol = option.locator("svg use").get_attribute("href")
        assert editor.locator(f"symbol{symbol}").count() == 1, option.inner_text()


def test_an_unfinished_block_does_not_stop_the_draft_from_being_saved(editor: Page):
    """Wagtail saves while the editor is still choosing."""
    editor.goto(f"{ADMIN}/add/")
    editor.get_by_role("button", name="Insert a block").first.click()
    editor.get_by_role("option", name="Button").click()
    editor.get_by_role("button", name="Save draft").click()
    expect(editor.get_by_text(re.compile("Campaign .* (created|updated)")).first).to_be_visible()


def test_the_send_page_names_everything_that_is_missing(editor: Page):
    editor.goto(f"{ADMIN}/add/")
    editor.get_by_label("Subject").fill("Hello {nmae}")
    editor.get_by_role("button", name="More actions").click()
    editor.get_by_role("button", name="Send…").click()
    for words in ("{nmae}", "No address book is chosen", "body is empty"):
        expect(editor.locator(".help-warning").get_by_text(words)).to_be_visible()
    expect(editor.get_by_role("button", name=re.compile("^Send to"))).to_have_count(0)
