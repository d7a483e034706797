"""How a reader comes to their data."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from sandbox.supervisor import RunningSite

MY_DATA = "/newsletter/my-data/"


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
