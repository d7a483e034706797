"""What the tests share: a site, a visitor with a browser's habits, and a worker that works at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils.timezone import now
from wagtail.models import Site

from . import factories
from .imports import Importer
from .mails import link_in


@pytest.fixture(autouse=True)
def fresh_caches():
    """Sites and rate limits are cached, and outlive a test's transaction."""
    cache.clear()
    Site.clear_site_root_paths_cache()


@pytest.fixture
def site(db) -> Site:
    site = Site.objects.get(is_default_site=True)
    site.hostname, site.port, site.site_name = "testserver", 443, "Orto dei Semi"
    site.save()
    factories.make_sender(site)
    return site


@pytest.fixture
def book(site):
    return factories.make_book(site, "Seed letter")


@pytest.fixture
def readers(book):
    return [
        factories.make_subscription(book, f"reader{number}@example.org", name=name)
        for number, name in enumerate(("Ada", "", "Björk <b>"))
    ]


CROWD = [f"reader{number:02}@example.org" for number in range(40)]


@pytest.fixture
def crowd(book):
    return [factories.make_subscription(book, address) for address in CROWD]


@pytest.fixture
def campaign(book, crowd):
    """To all of the crowd, and its ledger is written."""
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    return campaign


@pytest.fixture
def signup_page(site, book):
    return factories.make_signup_page(site, book)


@pytest.fixture
def configure(settings):
    """Change keys of the package's settings dictionary for one test."""

    def change(**keys: Any) -> None:
        settings.WAGTAIL_GDPR_NEWSLETTER = settings.WAGTAIL_GDPR_NEWSLETTER | keys

    return change


@pytest.fixture
def many_workers(monkeypatch):
    """A cluster whose workers may take several turns at once; django-q2 reads its setting only once."""
    monkeypatch.setattr("django_q.conf.Conf.WORKERS", 5)


class HttpsClient(Client):
    """A browser that comes over HTTPS, as everybody does on a site that sends newsletters."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **kwargs | {"secure": True})


@dataclass
class Visitor:
    """Does what people do: opens pages, ticks boxes, presses buttons, follows links in mails."""

    run_tasks: Any
    client: Client = field(default_factory=HttpsClient)
    response: Any = None

    def open(self, url: str, **extra: Any) -> BeautifulSoup:
        self.response = self.client.get(url.removeprefix("https://testserver"), **extra)
        return self.soup

    @property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.response.content, "html.parser")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", self.soup.get_text(" "))

    def fill_and_post(
        self, page, *, email: str, consent: bool = True, only: str = "", **extra: Any
    ) -> None:
        """Fill the form as the page shows it; `only` names the one book to tick."""
        self.open(page.get_url())
        self.post_form(self.soup, email=email, consent=consent, only=only, **extra)

    def post_form(
        self,
        soup: BeautifulSoup,
        *,
        email: str,
        consent: bool = True,
        only: str = "",
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> None:
        form = soup.select_one("[data-gdpr-newsletter-form]")
        assert form, "the page shows no sign-up form"
        data = {item["name"]: item.get("value", "") for item in form.select("input[type=hidden]")}
        data |= {"email": email, **fields}
        for box in form.select("input[type=checkbox][name^=book-]"):
            if self.response.status_code != 422:  # There the visitor's own ticks are kept.
                assert not box.has_attr("checked"), "no box is ever ticked beforehand"
            block = box.find_parent(class_="gdpr-newsletter-consent").get_text()
            if consent and only in block:
                data[box["name"]] = "on"
        with self.run_tasks(execute=True):
            self.response = self.client.post(form["action"], data, headers=headers)

    def press(self, label: str, **fields: str) -> None:
        """Fill in the fields, press the button of that name, and follow where the site leads."""
        button = next(
            each for each in self.soup.select("button") if self._says(each).startswith(label)
        )
        form = button.find_parent("form")
        kept = form.select("input:not([type=checkbox], [type=radio]), input[checked]")
        data = {item["name"]: item.get("value", "") for item in kept}
        for select in form.select("select"):
            chosen = select.select_one("option[selected]") or select.select_one("option")
            data[select["name"]] = chosen["value"]
        data |= {name.replace("__", "-"): value for name, value in fields.items()}
        if button.get("name"):
            data[button["name"]] = button["value"]
        here = self.response.request
        url = form.get("action") or f"{here['PATH_INFO']}?{here['QUERY_STRING']}"
        with self.run_tasks(execute=True):
            self.response = self.client.post(url, data, follow=True)

    @staticmethod
    def _says(tag: Any) -> str:
        return re.sub(r"\s+", " ", tag.get_text(strip=True))

    def enter(self, address: str) -> None:
        """The whole way to one's own data."""
        self.open("/newsletter/my-data/")
        self.press("Send me the link", email=address)
        self.open_link(mail.outbox[-1], "my-data/open")
        self.press("Open my data")
        assert self.response.status_code == 200

    def erase(self, **fields: str) -> None:
        """Have what is open erased."""
        self.open("/newsletter/my-data/erase/")
        self.press("Delete my data now", **fields)

    def open_link(self, message, containing: str) -> BeautifulSoup:
        return self.open(link_in(message, containing))

    def join(self, page, address: str, **extra: Any) -> None:
        """The whole double opt-in."""
        before = len(mail.outbox)
        self.fill_and_post(page, email=address, **extra)
        assert len(mail.outbox) == before + 1
        self.open_link(mail.outbox[-1], "confirm")
        self.press("Confirm")


EVERYTHING_KNOWN = "Ada.Lovelace@Bücher.example"


@pytest.fixture
def staff(visitor):
    """Somebody signed in with these permissions and no others."""

    def sign_in(*permissions: str, name: str = "dpo"):
        browser = type(visitor)(visitor.run_tasks)
        browser.client.force_login(factories.make_editor(name, *permissions))
        return browser

    return sign_in


@pytest.fixture
def importer(staff):
    """Somebody signed in who may import files, and see contacts."""
    return Importer(staff("import_contactimport", "view_contact", name="importer"))


@pytest.fixture
def everything_known(visitor, signup_page, send, book, importer):
    """A reader of whom everything is known that can be, with their data open."""
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import Contact, Delivery

    visitor.join(signup_page, EVERYTHING_KNOWN, headers={"User-Agent": "Ada's browser"})
    Contact.objects.update(name="Ada Lovelace")
    importer.take(f"email\n{EVERYTHING_KNOWN}\n{EVERYTHING_KNOWN}\n", book, basis="none")
    send(factories.make_campaign(book, subject="Lemons are out"))
    delivery = Delivery.objects.get()
    actions.take_event(
        actions.ProviderEvent("deferred", delivery.opaque_id, "", "1", "other", False, now())
    )
    visitor.enter(EVERYTHING_KNOWN)
    visitor.open("/newsletter/my-data/message/")
    visitor.press("Send", text="I am Ada.")
    visitor.open("/newsletter/my-data/")
    visitor.press("Send the link", new_address="countess@example.com")
    return Contact.objects.get()


@pytest.fixture
def visitor(db, django_capture_on_commit_callbacks) -> Visitor:
    return Visitor(django_capture_on_commit_callbacks)


@pytest.fixture
def send(django_capture_on_commit_callbacks):
    """Send a campaign and let the worker finish it."""
    from wagtail_gdpr_newsletter import actions

    def send_and_work(campaign, **kwargs: Any):
        with django_capture_on_commit_callbacks(execute=True):
            actions.send_campaign(campaign=campaign, **kwargs)
        campaign.refresh_from_db()
        return campaign

    return send_and_work
