"""The pages that visitors see: for everybody, on every screen, in both languages (WCAG 2.2 AA)."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from sandbox.supervisor import RunningSite
from tests.e2e.conftest import NARROW, for_size, for_width, with_axe


def new_address() -> str:
    return f"visitor-{secrets.token_hex(4)}@example.org"


def press(page: Page) -> None:
    with page.expect_navigation():
        page.locator("main [type=submit]").first.click()


@pytest.fixture
def walk(served: RunningSite, new_page):
    """Open each public page once, in the way people come to it, and let the test look at it."""

    def walk(look, *, path: str = "/", **options) -> None:
        page = new_page(**options)
        address = new_address()
        page.goto(path)
        look(page, "the form")
        form = page.locator("[data-gdpr-newsletter-form]")
        form.locator("[type=submit]").click()
        page.locator(".gdpr-newsletter-errors").wait_for()
        look(page, "errors")
        form.locator("[type=email]").fill(address)
        form.locator("[type=checkbox]").first.check()
        form.locator("summary").first.click()
        look(page, "the notice")
        form.locator("[type=submit]").click()
        page.locator("[data-gdpr-newsletter-answer]").wait_for()
        look(page, "the answer")
        page.goto(served.mailbox.wait_for(address).link("/confirm/"))
        look(page, "confirm")
        press(page)
        look(page, "confirmed")
        page.reload()  # Posts again, as browsers do.
        look(page, "nothing left to confirm")
        token = "0" * 32
        for name, path in {
            "unsubscribe": f"/newsletter/unsubscribe/{token}/",
            "My data": f"/newsletter/my-data/{token}/",
            "a broken link": "/newsletter/confirm/x/",
        }.items():
            page.goto(path)
            look(page, name)
        page.goto(f"/newsletter/unsubscribe/{token}/")
        press(page)
        look(page, "unsubscribed")

    return walk


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/it/"])
def test_axe_finds_nothing(walk, path, scheme):
    found: list[str] = []
    walk(with_axe(found), path=path, color_scheme=scheme)
    assert found == []


def test_nothing_has_to_be_scrolled_sideways_at_320_pixels(walk):
    found: list[str] = []
    walk(for_width(found), viewport=NARROW)
    assert found == []


def test_it_works_without_javascript(walk):
    walk(lambda page, name: None, java_script_enabled=False)


def test_what_must_be_pressed_is_large_enough(walk):
    found: list[str] = []
    walk(for_size(found))
    assert found == []


def test_the_keyboard_alone_is_enough(served: RunningSite, new_page):
    page = new_page()
    page.goto("/")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type(address := new_address())
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name (optional)")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox").first).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your rights").first).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_focused()
    page.goto(served.mailbox.wait_for(address).link("/confirm/"))
    while not page.evaluate("document.activeElement.matches('main button')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Welcome, you are in")).to_be_visible()


def test_the_public_pages_ask_nobody_else_for_anything(served: RunningSite, walk):
    """A4. The browser may ask this site alone, and keeps no cookie of it."""
    asked: set[str] = set()

    def look(page: Page, name: str) -> None:
        if not asked:
            page.on("request", lambda request: asked.add(request.url))
            asked.add(page.url)
        assert page.context.cookies() == [], name

    walk(look)
    assert f"{served.base_url}/newsletter/subscribe/" in asked
    assert all(url.startswith(served.base_url) for url in asked)
