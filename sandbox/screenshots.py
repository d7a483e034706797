"""Makes the pictures of the documentation, and many more to look at: `make screenshots`.

Serves the sandbox in a state of its own, does the main job, and walks through it with Chromium: the
best go to `docs/images/`, all of them to `sandbox/var/screenshots/`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from sandbox.main_job import ADMIN, run_main_job  # noqa: E402
from sandbox.readers import become_reader  # noqa: E402
from sandbox.supervisor import RunningSite, running_site  # noqa: E402

EVERYTHING = ROOT / "sandbox" / "var" / "screenshots"
FOR_DOCS = ROOT / "docs" / "images"
#: Name of a picture here, its name in the documentation.
BEST = {
    "home-form-desktop-light": "signup",
    "campaign-editor-desktop-light": "campaign",
    "campaign-send-desktop-light": "send",
    "mail-campaign-desktop-light": "mail",
    "my-data-home-desktop-light": "my-data",
}
#: The token in the links of tests: a page that belongs to nobody.
SAMPLE = "0" * 32
SIZES = {"desktop": (1280, 900), "phone": (375, 812)}


def main() -> int:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        print("Chromium is missing: apt-get install chromium, or CHROMIUM=/path/to/it.")
        return 1
    shutil.rmtree(EVERYTHING, ignore_errors=True)
    EVERYTHING.mkdir(parents=True)
    FOR_DOCS.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-screenshots-") as state,
        running_site(Path(state), unsent=True, say=print) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        _before_sending(browser, site)
        run_main_job(site, say=print)
        _after_sending(browser, site)
        browser.close()
    for name, wanted in BEST.items():
        shutil.copy(EVERYTHING / f"{name}.png", FOR_DOCS / f"{wanted}.png")
    print(f"{len(list(EVERYTHING.iterdir()))} pictures are in {EVERYTHING.relative_to(ROOT)}")
    return 0


@contextmanager
def _pages(browser: Browser, site: RunningSite, *, staff: bool = False) -> Iterator[Iterator[Page]]:
    """A page for each size and each colour scheme, logged in where staff look."""
    contexts = []

    def each() -> Iterator[Page]:
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                contexts.append(context)
                context.route("**/*", lambda route: _local_only(route))
                page = context.new_page()
                page.suffix = f"{size}-{scheme}"
                if staff:
                    _log_in(page, site)
                yield page

    yield each()
    for context in contexts:
        context.close()


def _local_only(route) -> None:
    route.continue_() if "//127.0.0.1" in route.request.url else route.abort()


def _log_in(page: Page, site: RunningSite) -> None:
    page.goto(f"{site.base_url}/admin/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")


def _shoot(page: Page, name: str, *, full: bool = False) -> None:
    page.screenshot(path=EVERYTHING / f"{name}-{page.suffix}.png", full_page=full)


def _before_sending(browser: Browser, site: RunningSite) -> None:
    with _pages(browser, site) as pages:
        for page in pages:
            _visitor_sees(page, site)
    with _pages(browser, site, staff=True) as pages:
        for page in pages:
            _editor_sees(page, site)


def _visitor_sees(page: Page, site: RunningSite) -> None:
    page.goto(site.base_url)
    _shoot(page, "home", full=True)
    form = page.locator("[data-gdpr-newsletter-form]")
    form.scroll_into_view_if_needed()
    page.locator("[data-gdpr-newsletter]").scroll_into_view_if_needed()
    _shoot(page, "home-form")
    form.get_by_role("button").click()
    page.locator("[data-gdpr-newsletter-focus]").wait_for()
    _shoot(page, "home-form-errors")
    page.locator("details").first.locator("summary").click()
    _shoot(page, "home-form-notice")
    address = f"grace-{page.suffix}@example.org"
    form.get_by_label("E-mail address").fill(address)
    form.get_by_role("checkbox").first.check()
    form.get_by_role("button").click()
    page.locator("[data-gdpr-newsletter-answer]").wait_for()
    _shoot(page, "home-form-answer")
    mail = site.mailbox.wait_for(address)
    page.set_content(mail.html)
    _shoot(page, "mail-confirmation")
    page.goto(mail.link("/confirm/"))
    _shoot(page, "confirm")
    page.goto(f"{site.base_url}/it/")
    page.locator("[data-gdpr-newsletter]").scroll_into_view_if_needed()
    page.locator("[data-gdpr-newsletter-form] [type=submit]").click()
    page.locator("[data-gdpr-newsletter-focus]").wait_for()
    _shoot(page, "italian-form-errors")
    page.goto(f"{site.base_url}/newsletter/confirm/x/")
    _shoot(page, "link-problem")


def _editor_sees(page: Page, site: RunningSite) -> None:
    campaign = site.demo["campaign"]
    books = ADMIN.replace("/campaign", "/addressbook")
    for name, path in {
        "campaigns": f"{ADMIN}/",
        "overview": "/admin/newsletter/",
        "books": f"{books}/",
        "campaign-test": f"{ADMIN}/test/{campaign}/",
        "sender": "/admin/settings/wagtail_gdpr_newsletter/sendersettings/",
        "book": f"{books}/edit/1/",
    }.items():
        page.goto(site.base_url + path)
        page.wait_for_load_state("networkidle")
        _shoot(page, name, full=name in ("book", "sender"))
    page.goto(f"{site.base_url}{ADMIN}/edit/{campaign}/")
    page.wait_for_load_state("networkidle")
    if "desktop" in page.suffix:
        page.get_by_role("button", name="Toggle preview").click()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(2500)  # The preview draws itself once the panel has slid in.
    _shoot(page, "campaign-editor")
    if "desktop" in page.suffix:
        page.get_by_role("button", name="Toggle status").click()
        page.get_by_role("button", name="Insert a block").first.click()
        page.wait_for_timeout(1000)
    _shoot(page, "campaign-blocks")


def _after_sending(browser: Browser, site: RunningSite) -> None:
    subject = site.demo["subject"]
    mail = next(mail for mail in site.mailbox.mails() if mail.subject == subject)
    with _pages(browser, site) as pages:
        for page in pages:
            for name, link in (("unsubscribe", "/unsubscribe/"), ("my-data", "/my-data/")):
                page.goto(mail.link(link))
                _shoot(page, name)
            page.goto(f"{site.base_url}/newsletter/unsubscribe/{SAMPLE}/")
            page.locator("main [type=submit]").click()
            _shoot(page, "unsubscribed-sample")
            page.set_content(mail.html)
            page.wait_for_load_state("networkidle")
            _shoot(page, "mail-campaign", full=True)
            page.goto(f"{site.base_url}/inbox/")
            _shoot(page, "inbox")
            _reader_sees(page, site)
    with _pages(browser, site, staff=True) as pages:
        for page in pages:
            _data_protection_officer_sees(page, site)
            for name, path in {
                "campaign-progress": f"progress/{site.demo['campaign']}",
                "campaign-locked": f"edit/{site.demo['campaign']}",
                "campaign-send": f"send/{site.demo['next_campaign']}",
            }.items():
                page.goto(f"{site.base_url}{ADMIN}/{path}/")
                page.wait_for_load_state("networkidle")
                _shoot(page, name)


def _reader_sees(page: Page, site: RunningSite) -> None:
    address = become_reader(site)
    page.goto(f"{site.base_url}/newsletter/my-data/")
    _shoot(page, "my-data-entrance", full=True)
    page.locator("main [type=submit]").click()
    _shoot(page, "my-data-entrance-errors", full=True)
    page.get_by_label("E-mail address").fill(address)
    page.locator("main [type=submit]").click()
    _shoot(page, "my-data-sent", full=True)
    link = site.mailbox.wait_for_link(address, "/my-data/open/")
    page.set_content(site.mailbox.mails(to=address)[0].html)
    _shoot(page, "mail-my-data")
    page.goto(link)
    _shoot(page, "my-data-open", full=True)
    page.locator("main [type=submit]").click()
    _shoot(page, "my-data-home")
    _shoot(page, "my-data-home-all", full=True)
    for name in ("message", "erase"):
        page.goto(f"{site.base_url}/newsletter/my-data/{name}/")
        _shoot(page, f"my-data-{name}", full=True)
    page.locator("main [type=submit]").click()
    _shoot(page, "my-data-erased", full=True)


def _data_protection_officer_sees(page: Page, site: RunningSite) -> None:
    page.goto(f"{site.base_url}/admin/newsletter/contacts/")
    _shoot(page, "contacts")
    reader = next(address for address, _mails in site.mailbox.people() if address.startswith("ada"))
    page.get_by_label("E-mail address").fill(reader)
    page.get_by_role("button", name="Find").click()
    page.wait_for_load_state("networkidle")
    _shoot(page, "contact", full=True)
    page.get_by_role("link", name="Erase…").click()
    _shoot(page, "contact-erase")
    page.goto(f"{site.base_url}/admin/newsletter/requests/")
    page.wait_for_load_state("networkidle")
    _shoot(page, "requests")


if __name__ == "__main__":
    sys.exit(main())
