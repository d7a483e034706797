"""What a book asks, in a browser: in its editor, at the form with and without JavaScript, and in “My data”."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from sandbox.supervisor import RunningSite
from tests.e2e.conftest import NARROW, PRESSED, what_axe_finds
from tests.e2e.readers import enter
from tests.e2e.test_public_pages import new_address

BOOKS = "/admin/snippets/wagtail_gdpr_newsletter/addressbook/"
PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Made:
    page: str
    book: int


@pytest.fixture(scope="module")
def made(served: RunningSite) -> Made:
    """A page with the boxes of two books that ask something of every kind."""
    name = f"Trade letter {secrets.token_hex(3)}"
    code = f"""
from wagtail.models import Site
from tests.factories import make_book, make_field, make_signup_page
site = Site.objects.get(is_default_site=True)
trade, evenings = make_book(site, {name!r}), make_book(site, {name + " evenings"!r})
make_field(trade, "Company", purpose="To write about your trade.", required=True)
make_field(trade, "Topics", "checkboxes", choices="Seeds\\nTools\\nSoil", purpose="To choose what you get.")
make_field(trade, "Since", "date", purpose="To congratulate you.")
make_field(evenings, "Seats", "number", purpose="To plan the chairs.", required=True)
make_field(evenings, "Way", "radio", choices="By bus\\nOn foot", purpose="To plan the buses.")
make_field(evenings, "I bring children", "checkbox", purpose="To plan the games.")
print(make_signup_page(site, trade, evenings).get_url(), trade.pk)
"""
    page, book = served.manage("shell", "--verbosity", "0", "--command", code).split()[-2:]
    return Made(page, int(book))


def look(page: Page) -> None:
    """What a machine finds, what is too small to be pressed, and what has to be scrolled sideways."""
    assert what_axe_finds(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for control in page.locator("main").locator(PRESSED).all():
        box = control.bounding_box()
        assert not box or not box["width"] or min(box["width"], box["height"]) >= 24


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": DESKTOP},
        {"viewport": PHONE},
        {"viewport": NARROW, "java_script_enabled": False},
    ],
    ids=["desktop", "phone", "without JavaScript"],
)
def test_a_visitor_answers_confirms_and_corrects(
    served: RunningSite, made: Made, new_page, options
):
    page = new_page(**options)
    scripted = options.get("java_script_enabled", True)
    page.goto(made.page)
    if scripted:
        look(page)
    address = new_address()
    page.get_by_label("E-mail address").fill(address)
    page.locator("[type=checkbox][name^=book-]").first.check()
    page.get_by_label("Since").fill("2020-05-01")
    page.get_by_label("Seeds").check()
    page.locator("[data-gdpr-newsletter-form] [type=submit]").click()
    page.get_by_role("link", name="Company: This field is required.").click()
    expect(page.get_by_role("link", name=re.compile("^Seats"))).to_have_count(0)
    expect(page.get_by_label("Seeds")).to_be_checked()
    if scripted:
        look(page)
        expect(page.get_by_label("Company")).to_be_focused()
    page.get_by_label("Company").fill("Engines & Sons")
    page.locator("[data-gdpr-newsletter-form] [type=submit]").click()
    expect(page.get_by_text("Check your inbox")).to_be_visible()
    page.goto(served.mailbox.wait_for(address).link("/confirm/"))
    expect(page.locator("main")).to_contain_text("Engines & Sons")
    page.get_by_role("button", name="Confirm").click()
    enter(page, served, address)
    expect(page.locator("#newsletters")).to_contain_text("Topics: Seeds")
    page.get_by_role("link", name="Correct your answers").click()
    if scripted:
        look(page)
    page.get_by_label("Tools").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#newsletters")).to_contain_text("Topics: Seeds, Tools")


def test_an_editor_adds_a_field_and_reads_what_removing_it_would_do(
    served: RunningSite, made: Made, editor: Page, new_page
):
    editor.goto(f"{BOOKS}edit/{made.book}/")
    editor.get_by_role("button", name="Add Field").click()
    added = editor.locator("#inline_child_fields-3")
    added.get_by_label("Label").fill("Town")
    added.get_by_label("Purpose").fill("To tell you what is near.")
    added.get_by_label("Field type").select_option("singleline")
    editor.get_by_role("button", name="Save").click()
    editor.goto(f"{BOOKS}edit/{made.book}/")
    expect(editor.locator("#inline_child_fields-3")).to_contain_text("{town|…}")

    reader = new_page()
    reader.goto(made.page)
    address = new_address()
    reader.get_by_label("E-mail address").fill(address)
    reader.locator("[type=checkbox][name^=book-]").first.check()
    reader.get_by_label("Company").fill("Engines")
    reader.get_by_label("Town").fill("London")
    reader.locator("[data-gdpr-newsletter-form] [type=submit]").click()
    reader.goto(served.mailbox.wait_for(address).link("/confirm/"))
    reader.get_by_role("button", name="Confirm").click()

    editor.locator("#inline_child_fields-3").get_by_role("button", name="Delete").click()
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text("“Town”: 1 reader has answered.")).to_be_visible()
    editor.get_by_label("I have read it: save.").check()
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_text("“Town”")).to_have_count(0)
    enter(reader, served, address)
    expect(reader.locator("#newsletters")).not_to_contain_text("London")
