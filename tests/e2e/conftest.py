"""The served sandbox with its worker and mail catcher, and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from sandbox.supervisor import RunningSite, running_site

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
WITHOUT = "Chromium is missing: apt-get install chromium, or CHROMIUM=/path/to/it."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them beside one served site: `--dist loadgroup` keeps them in one process."""
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason=WITHOUT))


WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


def what_axe_finds(page: Page, *more: str) -> list[str]:
    """Violations of WCAG 2.2 AA that a machine can see, with the elements concerned.

    `more`: further tags of axe's rules.
    """
    response = Axe().run(page, options={"runOnly": [*WCAG, *more]}).response
    assert response["passes"], "axe looked at something"
    return [
        f"{violation['help']}: {[node['html'] for node in violation['nodes']]}"
        for violation in response["violations"]
    ]


#: 320 CSS pixels are what WCAG 1.4.10 asks for.
NARROW = {"width": 320, "height": 640}
#: What somebody presses: not links within a sentence, and not the trap for robots, which nobody sees.
PRESSED = (
    "button, summary, select, textarea, a.gdpr-newsletter-button, "
    "input:not([type=hidden], [name=leave_this_empty])"
)

Look = Callable[[Page, str], None]


def with_axe(found: list[str]) -> Look:
    """Looks at each page of a walk, and writes down what a machine finds."""

    def look(page: Page, name: str) -> None:
        found.extend(f"{name}: {violation}" for violation in what_axe_finds(page, "best-practice"))

    return look


def for_width(found: list[str]) -> Look:
    """What has to be scrolled sideways."""

    def look(page: Page, name: str) -> None:
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            found.append(f"{name} is {width} pixels wide")

    return look


def for_size(found: list[str]) -> Look:
    """What is smaller than 24 pixels (WCAG 2.5.8), of what can be seen."""

    def look(page: Page, name: str) -> None:
        for control in page.locator("main").locator(PRESSED).all():
            box = control.bounding_box()
            if box and box["width"] and min(box["width"], box["height"]) < 24:
                found.append(f"{name}: {control.evaluate('each => each.outerHTML')} {box}")

    return look


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """Web server, worker and SMTP catcher as processes of their own, on ports that are free."""
    # All its visitors come from one address.
    many = {"WAGTAIL_GDPR_NEWSLETTER_SIGNUPS_PER_HOUR_AND_IP": "1000"}
    with running_site(tmp_path_factory.mktemp("site"), unsent=True, env=many) as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser, served: RunningSite) -> Iterator:
    """Makes a page in a context of its own, as another person's browser; `**options` of the context."""
    contexts: list[BrowserContext] = []

    def make(**options) -> Page:
        context = chromium.new_context(base_url=served.base_url, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        context.route("**/*", lambda route: _only_here(route, served))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(error))
        return page

    errors: list[Exception] = []
    yield make
    for context in contexts:
        context.close()
    assert not errors, "the pages' scripts ran without an error"


def _only_here(route: Route, served: RunningSite) -> None:
    """Whatever asks a third party is stopped; the public pages have a test that they do not."""
    route.continue_() if route.request.url.startswith(served.base_url) else route.abort()


@pytest.fixture
def editor(new_page) -> Page:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    return page
