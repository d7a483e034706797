"""A visitor signs up, confirms, and is asked nothing behind their back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.mails import link_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    ConsentRecord,
    ConsentStatement,
    Contact,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
)

pytestmark = pytest.mark.django_db


def test_visitor_is_mailable_only_once_they_confirm(visitor, signup_page):
    visitor.fill_and_post(signup_page, email="Ada@example.org")
    assert visitor.response.status_code == 303
    assert not Subscription.objects.mailable().exists()

    visitor.open_link(mail.outbox[0], "confirm")
    assert not Subscription.objects.mailable().exists(), "GET confirms nothing"

    visitor.press("Confirm")
    assert "you are in" in visitor.text
    assert Subscription.objects.mailable().get().contact.address == "Ada@example.org"


def test_the_box_starts_empty_and_without_it_nothing_is_stored(visitor, signup_page):
    visitor.fill_and_post(signup_page, email="ada@example.org", consent=False)
    assert visitor.response.status_code == 422
    assert "Tick the box" in visitor.text
    assert visitor.soup.select_one("input[type=email]")["value"] == "ada@example.org"
    assert not Contact.objects.exists()
    assert not ConsentRecord.objects.exists()
    assert mail.outbox == []


def test_no_query_string_ticks_a_box(visitor, book, signup_page):
    visitor.open(f"{signup_page.get_url()}?book-{book.uuid}=on&email=x@example.org")
    assert not visitor.soup.select("input[checked]")


def test_the_proof_keeps_what_was_shown_word_by_word(visitor, book, signup_page):
    """C5."""
    visitor.fill_and_post(signup_page, email="ada@example.org", name="")
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")

    asked, sent, confirmed = ConsentRecord.objects.all()
    assert [asked.event, sent.event, confirmed.event] == [
        RecordedEvent.REQUESTED,
        RecordedEvent.CONFIRMATION_SENT,
        RecordedEvent.CONFIRMED,
    ]
    shown = ConsentStatement.objects.current_for(book).get()
    assert asked.statement == confirmed.statement == shown
    assert shown.label == "Yes, Seed letter (en)"
    assert shown.digest == shown.digest_now()
    assert asked.page_url == signup_page.full_url
    assert asked.block_id == signup_page.body[0].id
    assert asked.address == "ada@example.org"
    assert asked.ip == "127.0.0.0/24", "truncated by default (C7)"
    assert sent.message_id == mail.outbox[0].extra_headers["Message-ID"]
    for record in (asked, sent, confirmed):
        record.refresh_from_db()
        assert record.digest == record.digest_now()


def test_confirming_twice_shows_a_kind_page_and_records_once(visitor, signup_page):
    visitor.join(signup_page, "ada@example.org")
    visitor.open_link(mail.outbox[0], "confirm")
    assert visitor.response.status_code == 200
    assert "nothing left to confirm" in visitor.text
    assert ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED).count() == 1


def test_an_expired_link_says_so(visitor, signup_page):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(now() + timedelta(days=8)):
        visitor.open_link(mail.outbox[0], "confirm")
        assert visitor.response.status_code == 410
        assert "too old" in visitor.text


@pytest.mark.parametrize(
    "change", [lambda t: t[:-3], lambda t: t + "x", lambda t: "x", lambda t: "é"]
)
def test_a_broken_link_says_so(visitor, signup_page, change):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    link = link_in(mail.outbox[0], "confirm").rstrip("/")
    head, _slash, token = link.rpartition("/")
    visitor.open(f"{head}/{change(token)}/")
    assert visitor.response.status_code == 404
    assert "not complete" in visitor.text


def test_a_token_for_something_else_confirms_nothing(visitor, signup_page):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.open(signup_page.get_url())
    token = visitor.soup.select_one("input[name=form]")["value"]
    visitor.open(f"/newsletter/confirm/{token}/")
    assert visitor.response.status_code == 404


def test_the_link_of_an_earlier_request_does_not_confirm_a_later_one(visitor, signup_page):
    """Confirmed, left, asked again: the first mail's link was spent."""
    visitor.join(signup_page, "ada@example.org")
    contact = Contact.objects.get()
    actions.unsubscribe(contact=contact, books=None, origin=factories.ORIGIN)
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.open_link(mail.outbox[0], "confirm")
    assert "no longer valid" in visitor.text
    assert Subscription.objects.get().status == SubscriptionStatus.PENDING


def test_a_link_is_void_after_the_address_changed(visitor, signup_page):
    """A3."""
    visitor.fill_and_post(signup_page, email="ada@example.org")
    Contact.objects.update(address_digest="0" * 64)
    visitor.open_link(mail.outbox[0], "confirm")
    assert "no longer valid" in visitor.text


def test_double_submission_makes_one_subscription_and_one_mail(visitor, signup_page):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.fill_and_post(signup_page, email="ADA@EXAMPLE.ORG")
    assert Subscription.objects.count() == Contact.objects.count() == len(mail.outbox) == 1


def test_strangers_learn_nothing_from_the_answer(visitor, site, book, signup_page):
    """A2: new, pending, confirmed, left, objected: identical status, headers and body."""
    factories.make_subscription(book, "confirmed@example.org")
    left = factories.make_subscription(book, "left@example.org").contact
    actions.unsubscribe(contact=left, books=None, origin=factories.ORIGIN)
    Suppression.objects.remember(
        "objected@example.org", site=site, scope="site", reason="objection"
    )
    visitor.fill_and_post(signup_page, email="pending@example.org")
    soup = visitor.open(signup_page.get_url())
    answers = set()
    for who in ("new", "pending", "confirmed", "left", "objected"):
        visitor.post_form(soup, email=f"{who}@example.org")
        response = visitor.response
        body = visitor.open(response["Location"]).get_text()
        headers = [item for item in response.items() if item[0] not in ("Expires", "Date")]
        answers.add((response.status_code, response.content, str(headers), body))
    assert len(answers) == 1


def test_whoever_is_subscribed_gets_no_mail_and_no_new_record(visitor, book, signup_page):
    factories.make_subscription(book, "ada@example.org")
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert mail.outbox == []
    assert not ConsentRecord.objects.exists()


def test_nothing_is_ever_mailed_after_a_complaint(visitor, site, signup_page):
    Suppression.objects.remember("ada@example.org", site=site, scope="site", reason="complaint")
    visitor.fill_and_post(signup_page, email="Ada@Example.org")
    assert mail.outbox == []
    assert not Contact.objects.exists()


def test_a_new_double_opt_in_brings_somebody_back_who_left(visitor, signup_page):
    """S5: only the person can."""
    visitor.join(signup_page, "ada@example.org")
    actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
    assert not Subscription.objects.mailable().exists()
    with time_machine.travel(now() + timedelta(hours=1)):
        visitor.join(signup_page, "ada@example.org")
    assert Subscription.objects.mailable().exists()
    assert not Suppression.objects.exclude(scope=SITE_SCOPE).exists()


def test_a_form_cannot_rename_somebody_who_confirmed(visitor, site):
    book = factories.make_book(site, ask_name=True)
    page = factories.make_signup_page(site, book)
    visitor.join(page, "ada@example.org", name="Ada")
    visitor.fill_and_post(page, email="ada@example.org", name="Rascal")
    assert Contact.objects.get().name == "Ada"


def test_unconfirmed_requests_vanish_with_everything(visitor, signup_page):
    """C12."""
    visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(now() + timedelta(days=8)):
        actions.purge()
    assert not Contact.objects.exists()
    assert not Subscription.objects.exists()
    assert not ConsentRecord.objects.exists()


def test_a_lapsed_request_of_somebody_who_left_leaves_the_older_proof(visitor, signup_page):
    visitor.join(signup_page, "ada@example.org")
    actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
    before = ConsentRecord.objects.count()
    with time_machine.travel(now() + timedelta(hours=1)):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(now() + timedelta(days=9)):
        actions.purge()
    assert Subscription.objects.get().status == SubscriptionStatus.UNSUBSCRIBED
    assert ConsentRecord.objects.count() == before


def test_the_visitors_connection_leaves_the_proof_after_its_time(visitor, signup_page, configure):
    """C7: and the record still matches its digest."""
    configure(RECORD_CLIENT="full")
    visitor.fill_and_post(signup_page, email="ada@example.org", headers={"User-Agent": "Firefox"})
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")
    record = ConsentRecord.objects.first()
    assert (record.ip, record.user_agent) == ("127.0.0.1", "Firefox")
    with time_machine.travel(now() + timedelta(days=366)):
        actions.purge()
    record.refresh_from_db()
    assert (record.ip, record.user_agent, record.client_salt) == ("", "", "")
    assert record.client_commitment
    assert record.digest == record.digest_now()


def test_the_connection_is_not_kept_where_the_site_does_not_want_it(
    visitor, signup_page, configure
):
    configure(RECORD_CLIENT="off")
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert ConsentRecord.objects.first().ip == ""
