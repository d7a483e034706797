"""What a newsletter is for, once from end to end, and only through the doors that people use.

Visitors sign up over HTTP and confirm from their mail, an editor sends a campaign, a worker delivers
it over SMTP, one reader leaves. Every step says what happened, or raises what did not.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

from .browser import Browser, Page, Unexpected, press_one_click
from .inbox.mailbox import Mail
from .supervisor import RunningSite

Say = Callable[[str], None]
ADMIN = "/admin/snippets/wagtail_gdpr_newsletter/campaign"


@dataclass(frozen=True)
class Visitor:
    name: str
    address: str
    page: str = "/"
    #: Words that stand beside the boxes that get ticked.
    ticks: tuple[str, ...] = ("La Lettera",)
    confirms: bool = True

    @property
    def language(self) -> str:
        return "it" if self.page.startswith("/it/") else "en"


VISITORS = (
    Visitor("Ada Byron", "ada@example.org", ticks=("La Lettera", "Le Serate")),
    Visitor("Łucja Żółć-Ångström", "lucja@example.net"),
    Visitor("Giulia Conti", "giulia@example.com", page="/it/"),
    Visitor("Tom Later", "tom@example.org", confirms=False),
    Visitor("Nora Nothing", "nora@example.org", ticks=()),
)
LEAVER = VISITORS[1].name


def run_main_job(site: RunningSite, *, say: Say) -> None:
    """All of it; takes a few seconds. The campaign must not have been sent before."""
    visitors = _new_visitors(site)
    say("\n1. Visitors sign up on the site")
    for visitor in visitors:
        say(f"   {visitor.name} <{visitor.address}>: {_sign_up(site, visitor)}")
    say("\n2. They confirm from their mail")
    for visitor in visitors:
        if visitor.ticks:
            say(f"   {visitor.name}: {_confirm(site, visitor)}")
    say("\n3. An editor sends the campaign, a worker delivers it")
    editor = _log_in(site)
    for line in _send_campaign(site, editor):
        say(f"   {line}")
    say("\n4. What arrived")
    for visitor in visitors:
        for line in _what_arrived(site, visitor):
            say(f"   {line}")
    say("\n5. One reader leaves with one click")
    leaver = next(visitor for visitor in visitors if visitor.name == LEAVER)
    for line in _leave(site, leaver, editor):
        say(f"   {line}")


def _new_visitors(site: RunningSite) -> list[Visitor]:
    """On a database that has seen them before they come with other addresses, as new people do."""
    if not site.mailbox.mails() and "DATABASE_URL" not in site.env:
        return list(VISITORS)
    tag = secrets.token_hex(2)
    return [replace(each, address=each.address.replace("@", f"-{tag}@")) for each in VISITORS]


def _sign_up(site: RunningSite, visitor: Visitor) -> str:
    browser = Browser(language=visitor.language)
    page = browser.open(site.base_url + visitor.page)
    form = page.form("form.gdpr-newsletter-form")
    if form.ticked:
        raise Unexpected(f"{page.url} serves boxes that are ticked already: {form.ticked}")
    form.type("email", visitor.address)
    form.type("name", visitor.name)
    for words in visitor.ticks:
        form.tick(words)
    if not visitor.ticks:
        answer = browser.submit(form, status=422)
        return f"ticks nothing and is told “{answer.text('[role=alert] li')}”"
    answer = browser.submit(form)
    return f"ticks {len(form.ticked)} of {len(form.boxes)} boxes and reads “{answer.heading}”"


def _confirm(site: RunningSite, visitor: Visitor) -> str:
    mail = site.mailbox.wait_for(visitor.address)
    got = f"gets “{mail.subject}”"
    if not visitor.confirms:
        return f"{got} and leaves it at that"
    browser, link = Browser(language=visitor.language), mail.link("/confirm/")
    browser.open(link)  # As mail scanners do: it must confirm nothing.
    page = browser.open(link)
    answer = browser.submit(page.form())
    return f"{got}, opens its link, presses the button, reads “{answer.heading}”"


def _log_in(site: RunningSite) -> Browser:
    browser = Browser()
    form = browser.open(f"{site.base_url}/admin/login/").form()
    form.type("username", "admin")
    form.type("password", "admin")
    page = browser.submit(form)
    if "/login/" in page.url:
        raise Unexpected(f"admin could not log in with the password admin: {page.text('main')}")
    return browser


def _send_campaign(site: RunningSite, editor: Browser) -> Iterator[str]:
    campaign = site.demo["campaign"]
    page = editor.open(f"{site.base_url}{ADMIN}/send/{campaign}/")
    yield f"“{site.demo['subject']}”: {page.text('.nl-number')}"
    for row in page.soup.select(".nl-table tr"):
        yield f"not: {row.get_text(' ', strip=True)}"
    button = page.soup.select_one("form.nl-actions button[type=submit]")
    if button is None or button.has_attr("disabled"):
        raise Unexpected(f"The campaign cannot be sent: {page.text('.nl-page')}")
    editor.submit(page.form("form.nl-actions"))
    progress = _wait_until_sent(site, editor, f"{site.base_url}{ADMIN}/progress/{campaign}/live/")
    yield f"the worker is done: {progress.text('.nl-table td, .nl-table th')}"


def _wait_until_sent(site: RunningSite, editor: Browser, url: str, timeout: float = 60) -> Page:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        site.check()
        page = editor.open(url)
        if page.soup.select_one('[data-under-way="false"]'):
            return page
        time.sleep(0.2)
    raise Unexpected(f"After {timeout:g} seconds the campaign is still under way: {page.text('')}")


def _what_arrived(site: RunningSite, visitor: Visitor) -> Iterator[str]:
    if not (visitor.ticks and visitor.confirms):
        yield f"{visitor.name}: {_only_this(site, visitor)}"
        return
    mail = site.mailbox.wait_for(visitor.address, subject=site.demo["subject"])
    copies = [
        each for each in site.mailbox.mails(to=visitor.address) if each.subject == mail.subject
    ]
    if len(copies) != 1:
        raise Unexpected(f"{visitor.address} got the campaign {len(copies)} times.")
    yield f"{visitor.name}: “{mail.subject}”"
    yield f"   From: {mail.sender}"
    yield f"   List-Unsubscribe: {mail.header('List-Unsubscribe')}"
    yield f"   List-Unsubscribe-Post: {mail.header('List-Unsubscribe-Post')}"
    yield f"   it begins “Dear {_greeted(mail, visitor)},” and ends with {_footer(mail)}"


def _only_this(site: RunningSite, visitor: Visitor) -> str:
    """Who did not ask, or did not confirm, must have got nothing more."""
    subjects = [mail.subject for mail in site.mailbox.mails(to=visitor.address)]
    if len(subjects) != (1 if visitor.ticks else 0) or site.demo["subject"] in subjects:
        raise Unexpected(f"{visitor.address} should not have got this: {subjects}")
    return f"nothing but “{subjects[0]}”" if subjects else "nothing at all"


def _greeted(mail: Mail, visitor: Visitor) -> str:
    for part, text in (("HTML", BeautifulSoup(mail.html, "html.parser").text), ("text", mail.text)):
        if visitor.name not in text:
            raise Unexpected(f"The {part} part for {visitor.address} does not greet them by name.")
    return visitor.name


def _footer(mail: Mail) -> str:
    """The links that must be there, in both parts."""
    for path in ("/unsubscribe/", "/my-data/"):
        if urlsplit(mail.link(path)).path not in mail.text:
            raise Unexpected(f"The text part of “{mail.subject}” has no link to {path}")
    links = BeautifulSoup(mail.html, "html.parser").select(".footer-text a")
    return ", ".join(link.get_text(strip=True) for link in links)


def _leave(site: RunningSite, leaver: Visitor, editor: Browser) -> Iterator[str]:
    mail = site.mailbox.wait_for(leaver.address, subject=site.demo["subject"])
    status = press_one_click(mail.one_click_url)
    if status != 200:
        raise Unexpected(f"The one-click POST of {leaver.address} was answered with {status}.")
    yield f"{leaver.name} presses “unsubscribe” in the mail program: the site answers {status}"
    page = editor.open(f"{site.base_url}{ADMIN}/send/{site.demo['next_campaign']}/")
    left_out = page.text(".nl-table th, .nl-table td")
    if "unsubscribed" not in left_out:
        raise Unexpected(f"The next campaign would still reach {leaver.address}: {left_out}")
    yield f"The next campaign: {page.text('.nl-number')} Not: {left_out}"
