"""From a block on a page to a newsletter in an inbox, with browser, worker and SMTP."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from sandbox.main_job import ADMIN
from sandbox.supervisor import RunningSite
from tests.e2e.conftest import what_axe_finds

READER = "grace@example.org"
SUBJECT = "First letter from the greenhouse"
BOOK = "Greenhouse letter"


def test_from_a_block_on_a_page_to_a_newsletter_and_out_again(
    served: RunningSite, editor: Page, new_page
):
    editor_makes_an_address_book(editor)
    address = editor_puts_the_block_on_a_page(served, editor)
    visitor = new_page(viewport={"width": 375, "height": 812})
    visitor_signs_up_and_confirms(served, visitor, address)
    editor_composes_and_previews(editor)
    editor_sends_a_test(served, editor)
    editor_sends(editor)
    the_mail_is_for_everybody(served, visitor)
    visitor_unsubscribes(served, visitor)
    the_next_campaign_leaves_them_out(editor)


def editor_makes_an_address_book(editor: Page) -> None:
    editor.goto(ADMIN.replace("/campaign", "/addressbook/add/"))
    editor.get_by_role("textbox", name=re.compile("^Name")).fill(BOOK)
    editor.get_by_label("Language").select_option("en")
    editor.get_by_label("Text beside the box").fill("Yes, send me the greenhouse letter.")
    editor.get_by_label("What you use the address for").fill("One letter in spring.")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text(f"Address book '{BOOK}' created")).to_be_visible()


def editor_puts_the_block_on_a_page(served: RunningSite, editor: Page) -> str:
    editor.goto(f"/admin/pages/add/home/standardpage/{served.demo['home_page']}/")
    editor.get_by_role("textbox", name=re.compile("^Title")).fill("Letters from the greenhouse")
    editor.get_by_role("button", name="Insert a block").first.click()
    editor.get_by_role("option", name="Newsletter sign-up").click()
    editor.get_by_label("Heading").fill("Write to me")
    editor.get_by_role("button", name="Choose address book").click()
    editor.get_by_role("link", name=BOOK).click()
    expect(editor.get_by_role("dialog")).to_have_count(0)
    editor.get_by_role("button", name="More actions").click()
    editor.get_by_role("button", name="Publish", exact=True).click()
    expect(editor.get_by_text("created and published")).to_be_visible()
    return "/letters-from-the-greenhouse/"


def visitor_signs_up_and_confirms(served: RunningSite, visitor: Page, address: str) -> None:
    visitor.goto(address)
    expect(visitor.get_by_role("heading", name="Write to me")).to_be_visible()
    box = visitor.get_by_role("checkbox")
    expect(box).not_to_be_checked()
    visitor.get_by_role("button", name="Sign up").click()
    expect(visitor.get_by_role("alert")).to_be_focused()
    visitor.get_by_label("E-mail address").fill(READER)
    visitor.get_by_role("checkbox").check()
    visitor.get_by_role("button", name="Sign up").click()
    answer = visitor.get_by_role("status")
    expect(answer).to_contain_text("Check your inbox")
    expect(answer).to_be_focused()
    assert visitor.url.endswith(address), "answered in place"

    mail = served.mailbox.wait_for(READER)
    visitor.goto(mail.link("/confirm/"))
    visitor.get_by_role("button", name="Confirm").click()
    expect(visitor.get_by_role("heading", name="Welcome, you are in")).to_be_visible()


def editor_composes_and_previews(editor: Page) -> None:
    editor.goto(f"{ADMIN}/add/")
    editor.get_by_label("Subject").fill(SUBJECT)
    editor.get_by_label("Preheader").fill("The seeds are in")
    editor.get_by_role("button", name="Insert a block").first.click()
    editor.get_by_role("option", name="Heading").click()
    editor.locator("[data-streamfield-child] input[type=text]").first.fill("Dear {name|reader}")
    editor.get_by_role("checkbox", name=BOOK).check()
    editor.get_by_role("button", name="Toggle preview").click()
    preview = editor.frame_locator("#w-preview-iframe")
    expect(preview.get_by_role("heading", name="Dear reader")).to_be_visible()
    expect(preview.get_by_role("link", name="Unsubscribe")).to_be_visible()
    editor.get_by_label("Preview mode").select_option("text")
    expect(preview.get_by_text("Unsubscribe: http")).to_be_visible()


def editor_sends_a_test(served: RunningSite, editor: Page) -> None:
    editor.get_by_role("button", name="More actions").click()
    editor.get_by_role("button", name="Send test…").click()
    editor.get_by_label("Send a test to").fill("editor@example.org")
    editor.get_by_role("button", name="Send test").click()
    expect(editor.get_by_text("The test is on its way.")).to_be_visible()
    test = served.mailbox.wait_for("editor@example.org")
    assert test.subject == f"[Test] {SUBJECT}"
    assert not served.mailbox.mails(to=READER)[1:], "readers get no test"


def editor_sends(editor: Page) -> None:
    editor.get_by_role("button", name="More actions").click()
    editor.get_by_role("button", name="Send…").click()
    expect(editor.get_by_text("1 reader will get this campaign.")).to_be_visible()
    editor.get_by_role("button", name="Send to 1 reader now").click()
    expect(editor.get_by_role("heading", name="How it went")).to_be_visible(timeout=30_000)
    expect(editor.get_by_text("Finished on")).to_be_visible()
    expect(editor.get_by_role("row", name="sent 1")).to_be_visible()


def the_mail_is_for_everybody(served: RunningSite, visitor: Page) -> None:
    """W3, as far as a browser can tell."""
    served.mailbox.wait_for(READER, subject=SUBJECT)
    for mail in served.mailbox.mails(to=READER):
        visitor.set_content(mail.html)
        assert what_axe_finds(visitor) == [], mail.subject
        assert visitor.evaluate("document.documentElement.scrollWidth") <= 375


def visitor_unsubscribes(served: RunningSite, visitor: Page) -> None:
    mail = served.mailbox.wait_for(READER, subject=SUBJECT)
    assert "Dear reader" in mail.text
    visitor.goto(mail.link("/unsubscribe/"))
    visitor.get_by_role("button", name="Unsubscribe", exact=True).click()
    expect(visitor.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    visitor.get_by_role("button", name="That was a mistake").click()
    expect(visitor.get_by_role("heading", name="You are still with us")).to_be_visible()
    visitor.goto(mail.link("/unsubscribe/"))
    visitor.get_by_role("button", name="Unsubscribe", exact=True).click()
    expect(visitor.get_by_role("heading", name="You are unsubscribed")).to_be_visible()


def the_next_campaign_leaves_them_out(editor: Page) -> None:
    editor.get_by_role("link", name="Write another from a copy").click()
    editor.get_by_role("button", name="More actions").click()
    editor.get_by_role("button", name="Send…").click()
    expect(editor.get_by_text("Nobody would get it")).to_be_visible()
    expect(editor.get_by_role("row", name="have unsubscribed 1")).to_be_visible()
    expect(editor.get_by_role("button", name=re.compile("now$"))).to_have_count(0)
