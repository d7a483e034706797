"""What a reader does before a test of My data begins, by a browser that needs no screen."""

from __future__ import annotations

import secrets

from playwright.sync_api import Page, expect

from sandbox.browser import Browser
from sandbox.supervisor import RunningSite

MY_DATA = "/newsletter/my-data/"


def become_reader(site: RunningSite, *, path: str = "/", name: str = "Ada Byron") -> str:
    """Somebody new who has confirmed the first box of the form on that page; their address."""
    address = f"reader-{secrets.token_hex(4)}@example.org"
    browser = Browser(language="it" if path == "/it/" else "en")
    form = browser.open(site.base_url + path).form("[data-gdpr-newsletter-form]")
    form.type("email", address)
    form.type("name", name)
    form.tick(next(iter(form.boxes.values())))
    browser.submit(form)
    confirm = browser.open(site.mailbox.wait_for(address).link("/confirm/"))
    browser.submit(confirm.form())
    return address


def enter(page: Page, site: RunningSite, address: str) -> None:
    """Through the public page, the mail and its button."""
    page.goto(MY_DATA)
    page.locator("[type=email]").fill(address)
    page.locator("main [type=submit]").click()
    page.wait_for_load_state()
    follow_link(page, site, address)


def follow_link(page: Page, site: RunningSite, address: str) -> None:
    """Open the newest link to the data that reached the mailbox, and press its button."""
    page.goto(site.mailbox.wait_for_link(address, "/my-data/open/"))
    page.locator("main [type=submit]").click()
    expect(page.locator("#details")).to_be_visible()
