"""The pages of My data: for everybody, on every screen, in both languages (WCAG 2.2 AA, W1, W2)."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from sandbox.readers import become_reader
from sandbox.supervisor import RunningSite
from tests.e2e.conftest import NARROW, for_size, for_width, with_axe
from tests.e2e.readers import MY_DATA


def press(page: Page, selector: str = "main [type=submit]") -> None:
    with page.expect_navigation():
        page.locator(selector).first.click()


@pytest.fixture
def walk(served: RunningSite, new_page):
    """Open each page once, in the way people come to it, and let the test look at it."""

    def walk(look, *, path: str = "/", **options) -> None:
        address = become_reader(served, path=path)
        page = new_page(locale="it" if path == "/it/" else "en", **options)
        before_the_door(page, served, address, look)
        at_a_new_mailbox(page, served, look)
        behind_the_door(page, look)

    return walk


def before_the_door(page: Page, site: RunningSite, address: str, look) -> None:
    page.goto(f"{MY_DATA}{'0' * 32}/")
    look(page, "from a newsletter")
    page.goto(MY_DATA)
    look(page, "the entrance")
    press(page)
    look(page, "the entrance, with an error")
    page.locator("[type=email]").fill(address)
    press(page)
    look(page, "check your inbox")
    link = site.mailbox.wait_for_link(address, "/my-data/open/")
    page.goto(link)
    look(page, "open")
    press(page)
    look(page, "the data")
    page.goto(link)
    look(page, "a link that was used")
    page.goto(f"{MY_DATA}open/x/")
    look(page, "a broken link")
    page.goto(MY_DATA)


def at_a_new_mailbox(page: Page, site: RunningSite, look) -> None:
    """The move itself closes the data, so it is made in the end."""
    page.locator("form[action$='/address/']").evaluate("form => form.parentElement.open = true")
    press(page, "form[action$='/address/'] [type=submit]")
    look(page, "the data, with an error")
    new = f"new-{secrets.token_hex(4)}@example.org"
    page.locator("[name=new_address]").fill(new)
    press(page, "form[action$='/address/'] [type=submit]")
    look(page, "the data, with a message")
    page.goto(site.mailbox.wait_for_link(new, "/my-data/new-address/"))
    look(page, "is this your new address?")
    press(page)
    look(page, "the address is changed")
    page.goto(MY_DATA)
    page.locator("[type=email]").fill(new)
    press(page)
    page.goto(site.mailbox.wait_for_link(new, "/my-data/open/"))
    press(page)


def behind_the_door(page: Page, look) -> None:
    page.locator("summary").evaluate_all(
        "folds => folds.forEach(fold => fold.parentElement.open = true)"
    )
    look(page, "the data, unfolded")
    press(page, "form[action$='/restrict/'] [type=submit]")
    press(page, "form[action$='/object/'] [type=submit]")
    look(page, "restricted and objected")
    page.goto(f"{MY_DATA}message/")
    look(page, "a message")
    press(page)
    look(page, "a message, with an error")
    page.goto(f"{MY_DATA}erase/")
    look(page, "what an erasure does")
    press(page)
    look(page, "erased")
    page.goto(f"{MY_DATA}erase/")
    look(page, "no longer open")


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


def test_what_must_be_pressed_is_large_enough(walk):
    found: list[str] = []
    walk(for_size(found))
    assert found == []


def test_it_speaks_italian(walk):
    def look(page: Page, name: str) -> None:
        assert page.locator("html").get_attribute("lang") == "it", name

    walk(look, path="/it/")


def test_nobody_else_is_asked_for_anything(served: RunningSite, walk):
    """A4, and the one cookie that there is."""
    asked: set[str] = set()
    cookies: set[str] = set()

    def look(page: Page, name: str) -> None:
        if not asked:
            page.on("request", lambda request: asked.add(request.url))
        asked.add(page.url)
        cookies.update(cookie["name"] for cookie in page.context.cookies())

    walk(look)
    assert all(url.startswith(served.base_url) for url in asked)
    assert cookies == {"gdpr_newsletter_access_key"}


def tab_to(page: Page, selector: str) -> None:
    """Press the key until that has the focus, as somebody without a mouse does."""
    for _key in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_keyboard_alone_is_enough_with_and_without_javascript(
    served: RunningSite, new_page, scripts
):
    address = become_reader(served)
    page = new_page(java_script_enabled=scripts)
    if not scripts:
        without_scripts(page, served, address)
        return
    page.goto(MY_DATA)
    tab_to(page, "[type=email]")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    expect(page.get_by_role("alert")).to_be_focused()
    tab_to(page, "main [type=email]")
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    page.goto(served.mailbox.wait_for_link(address, "/my-data/open/"))
    tab_to(page, "main [type=submit]")
    with page.expect_navigation(url=f"**{MY_DATA}"):
        page.keyboard.press("Enter")
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    tab_to(page, "[name=name]")
    page.keyboard.press("Control+A")
    page.keyboard.type("Ada King")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_focused()
    expect(page.locator("#details")).to_contain_text("Ada King")
    tab_to(page, "a[href$='/erase/']")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to(page, "[type=radio]")
    page.keyboard.press("ArrowDown")
    tab_to(page, "main [type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your data are deleted")).to_be_visible()
    expect(page.locator("main")).to_contain_text("We keep nothing that leads to you.")


def without_scripts(page: Page, site: RunningSite, address: str) -> None:
    page.goto(MY_DATA)
    page.locator("[type=email]").fill(address)
    press(page)
    page.goto(site.mailbox.wait_for_link(address, "/my-data/open/"))
    press(page)
    page.get_by_text("Correct name or language").click()
    page.get_by_label("Name (optional)").fill("Ada King")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your details are changed.")
    with page.expect_download():
        page.get_by_role("button", name="Download everything").click()
    page.get_by_role("button", name="Never write to me again").click()
    expect(page.get_by_role("status")).to_have_text("No newsletter reaches you again.")
    page.get_by_role("link", name="Delete my data…").click()
    page.get_by_role("button", name="Delete my data now").click()
    expect(page.get_by_role("heading", name="Your data are deleted")).to_be_visible()
