"""The way to one's own data: only for whoever reads the mailbox, once, and for a while (R2, A2 to A4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.conftest import HttpsClient
from tests.mailers import use_mailer
from tests.mails import link_in, token_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    AccessSession,
    Contact,
    Subscription,
)

pytestmark = pytest.mark.django_db

MY_DATA = "/newsletter/my-data/"


@pytest.fixture
def ada(book):
    return factories.make_subscription(book, "Ada@Example.org", name="Ada Lovelace").contact


@pytest.fixture
def access_link(visitor, ada):
    """Ada asked for it, and has it in her mailbox."""
    visitor.open(MY_DATA)
    visitor.press("Send me the link", email="ada@example.org")
    return link_in(mail.outbox[-1], "my-data/open")


def opened(visitor) -> bool:
    """Whether the page shows Ada's data."""
    visitor.open(MY_DATA)
    return "Ada Lovelace" in visitor.text


def test_a_mailed_link_opens_the_data_in_this_browser_and_leaves_the_address(visitor, access_link):
    visitor.open(access_link)
    assert "Ada Lovelace" not in visitor.text
    visitor.press("Open my data")
    assert visitor.response.request["PATH_INFO"] == MY_DATA
    assert "Ada Lovelace" in visitor.text
    assert access_link.split("/")[-2] not in visitor.response.content.decode()
    other = HttpsClient()
    assert b"Ada Lovelace" not in other.get(MY_DATA).content


def test_the_mail_says_who_what_and_how_long_in_the_readers_language(visitor, ada):
    Contact.objects.update(language="it")
    visitor.open(MY_DATA)
    visitor.press("Send me the link", email="ada@example.org")
    message = mail.outbox[-1]
    assert message.to == ["Ada@example.org"]
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "Orto dei Semi" in message.body
    assert "1 ora" in message.body


def test_the_cookie_goes_nowhere_else_and_no_script_reads_it(visitor, access_link):
    visitor.open(access_link)
    visitor.press("Open my data")
    cookie = visitor.client.cookies["gdpr_newsletter_access_key"]
    assert cookie["path"] == MY_DATA
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Strict"
    assert AccessSession.objects.get().key_digest != cookie.value
    assert "ada" not in cookie.value.lower()


@pytest.mark.parametrize("path", ["", "0" * 32 + "/", "open/x/", "message/", "erase/"])
def test_the_pages_are_private(visitor, site, path):
    visitor.open(MY_DATA + path)
    headers = visitor.response.headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["X-Frame-Options"] == "DENY"


def test_the_link_works_once(visitor, access_link):
    visitor.open(access_link)
    visitor.press("Open my data")
    visitor.client.cookies.clear()
    visitor.open(access_link)
    assert visitor.response.status_code == 410
    assert "This link has been used" in visitor.text
    assert visitor.client.post(access_link.removeprefix("https://testserver")).status_code == 410
    assert not opened(visitor)


def test_opening_the_link_as_a_mail_scanner_does_spends_nothing(visitor, access_link):
    for _scan in range(3):
        visitor.open(access_link)
        visitor.client.head(access_link.removeprefix("https://testserver"))
    visitor.press("Open my data")
    assert opened(visitor)


def test_the_link_has_its_time(visitor, access_link):
    with time_machine.travel(now() + timedelta(minutes=61)):
        visitor.open(access_link)
        assert visitor.response.status_code == 410
        assert "This link is too old" in visitor.text


def test_the_session_has_its_time(visitor, access_link):
    visitor.open(access_link)
    visitor.press("Open my data")
    with time_machine.travel(now() + timedelta(minutes=29)):
        assert opened(visitor)
    with time_machine.travel(now() + timedelta(minutes=31)):
        assert not opened(visitor)
        actions.purge()
        assert not AccessSession.objects.exists()


def test_closing_it_closes_it(visitor, access_link):
    visitor.open(access_link)
    visitor.press("Open my data")
    key = visitor.client.cookies["gdpr_newsletter_access_key"].value
    visitor.press("Close")
    assert "Your data are closed" in visitor.text
    assert not opened(visitor)
    visitor.client.cookies["gdpr_newsletter_access_key"] = key
    assert not opened(visitor), "not even with the cookie kept"


def test_the_link_is_dead_after_an_address_change(visitor, access_link, ada):
    from wagtail_gdpr_newsletter.addresses import Address

    ada.take_address(Address.parse("countess@example.org"))
    ada.save()
    visitor.open(access_link)
    assert visitor.response.status_code == 404


def test_the_link_is_dead_after_an_erasure(visitor, access_link, ada):
    actions.erase(contact=ada, origin=factories.ORIGIN)
    visitor.open(access_link)
    assert visitor.response.status_code == 404
    assert not visitor.response.cookies


def test_a_token_of_another_purpose_opens_nothing(visitor, access_link, signup_page):
    visitor.fill_and_post(signup_page, email="eve@example.org")
    token = token_in(mail.outbox[-1], "confirm")
    visitor.open(f"{MY_DATA}open/{token}/")
    assert visitor.response.status_code == 404


@pytest.mark.parametrize("typed", ["", "no address", "a@b\r\nBcc: c@example.org"])
def test_what_is_no_address_is_said_at_the_field(visitor, site, typed):
    visitor.open(MY_DATA)
    visitor.press("Send me the link", email=typed)
    assert visitor.response.status_code == 422
    assert visitor.soup.select_one("[role=alert] a")["href"] == "#id_email"
    assert visitor.soup.select_one("#id_email")["aria-invalid"] == "true"


@pytest.fixture
def newsletter(send, book, ada):
    send(factories.make_campaign(book))
    return mail.outbox[-1]


def test_a_forwarded_newsletter_shows_and_changes_nothing(visitor, newsletter):
    """R2."""
    stranger = visitor
    stranger.open_link(newsletter, "my-data")
    assert "Orto dei Semi" in stranger.text
    assert "Via Micheli 3" in stranger.text
    assert "hello@example.org" in stranger.text
    before = len(mail.outbox)
    stranger.press("Send me the link")
    assert "ada" not in stranger.response.content.decode().lower()
    assert not stranger.client.cookies
    assert [message.to for message in mail.outbox[before:]] == [["Ada@example.org"]]


def test_the_footers_page_answers_alike_once_the_reader_is_erased(visitor, newsletter, ada):
    visitor.open_link(newsletter, "my-data")
    page = visitor.response.content
    visitor.press("Send me the link")
    answer = visitor.response.content
    actions.erase(contact=ada, origin=factories.ORIGIN)
    before = len(mail.outbox)
    visitor.open_link(newsletter, "my-data")
    assert visitor.response.content == page
    visitor.press("Send me the link")
    assert visitor.response.content == answer
    assert len(mail.outbox) == before


def test_a_site_may_choose_that_newsletters_of_the_last_days_open_the_data(
    visitor, newsletter, configure
):
    """R2: by a setting."""
    configure(DIRECT_ACCESS=timedelta(days=7))
    visitor.open_link(newsletter, "my-data")
    assert "Ada Lovelace" not in visitor.text, "GET opens nothing"
    visitor.press("Open my data")
    assert "Ada Lovelace" in visitor.text
    visitor.press("Close")
    with time_machine.travel(now() + timedelta(days=8)):
        visitor.open_link(newsletter, "my-data")
        visitor.press("Send me the link")
        assert not opened(visitor)


def test_without_that_setting_no_post_opens_them(visitor, newsletter):
    link = link_in(newsletter, "my-data").removeprefix("https://testserver")
    visitor.client.post(link, {"what": "open"})
    assert not opened(visitor)


def test_a_mail_server_that_is_down_delays_the_link_and_loses_it_not(visitor, ada):
    with use_mailer("tests.mailers.Unreachable"):
        visitor.open(MY_DATA)
        visitor.press("Send me the link", email="ada@example.org")
    assert mail.outbox == []
    actions.ring_for_service_mails()
    assert mail.outbox == [], "its own task may just be on its way"
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.ring_for_service_mails()
        actions.ring_for_service_mails()
        assert len(mail.outbox) == 1
        visitor.open_link(mail.outbox[0], "my-data/open")
        visitor.press("Open my data")
        assert opened(visitor)


def test_the_same_address_on_two_sites_is_two_contacts(visitor, ada):
    other = factories.make_site()
    factories.make_sender(other)
    factories.make_subscription(factories.make_book(other, "Elsewhere"), "ada@example.org")
    visitor.enter("ada@example.org")
    assert "Seed letter" in visitor.text
    assert "Elsewhere" not in visitor.text
    assert Subscription.objects.count() == 2


def test_links_outlive_a_new_secret_key_where_the_old_one_is_a_fallback(
    visitor, access_link, settings
):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    visitor.open(access_link)
    visitor.press("Open my data")
    assert "Ada Lovelace" in visitor.text
