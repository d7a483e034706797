"""The one mail before the confirmation: what it says, how often it comes, and that it does come."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.mailers import use_mailer
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import ConsentRecord, Contact, RecordedEvent, Subscription

pytestmark = pytest.mark.django_db


def test_the_confirmation_mail_has_no_advertising_image_or_tracking(visitor, signup_page):
    """C4, and RFC 3834."""
    visitor.fill_and_post(signup_page, email="ada@example.org")
    message = mail.outbox[0]
    html = message.alternatives[0].content
    assert "<img" not in html
    assert "List-Unsubscribe" not in message.extra_headers
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "Seed letter" in message.body
    assert "do nothing" in message.body
    assert "Via Micheli 3" in message.body
    assert message.reply_to == ["hello@example.org"]
    assert "confirm" in message.subject


def test_one_mail_names_all_pending_books(visitor, site):
    """A1, and two books with one ticked each."""
    letters, events = factories.make_book(site, "Letters"), factories.make_book(site, "Events")
    page = factories.make_signup_page(site, letters, events)
    visitor.fill_and_post(page, email="ada@example.org", only="Letters")
    assert Subscription.objects.get().book == letters
    assert "Letters" in mail.outbox[0].body
    assert "Events" not in mail.outbox[0].body

    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.fill_and_post(page, email="ada@example.org", only="Events")
        assert "Letters" in mail.outbox[1].body
        assert "Events" in mail.outbox[1].body
        visitor.open_link(mail.outbox[1], "confirm")
        visitor.press("Confirm")
    assert Subscription.objects.mailable().count() == 2


def test_asking_again_while_pending_sends_again_within_the_limits(visitor, signup_page):
    """A1: after ten minutes at the earliest, three a day, five a week."""
    start = now()
    mails = []
    for minutes in (0, 5, 11, 22, 33, 60 * 25, 60 * 26, 60 * 27, 60 * 50):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            visitor.fill_and_post(signup_page, email="ada@example.org")
        mails.append(len(mail.outbox))
    assert mails == [1, 1, 2, 3, 3, 4, 5, 5, 5]


def test_a_request_that_had_to_wait_is_mailed_later(
    visitor, site, django_capture_on_commit_callbacks
):
    first = factories.make_signup_page(site, factories.make_book(site, "Letters"))
    second = factories.make_signup_page(site, factories.make_book(site, "Events"))
    visitor.fill_and_post(first, email="ada@example.org")
    visitor.fill_and_post(second, email="ada@example.org")
    assert len(mail.outbox) == 1
    with time_machine.travel(now() + timedelta(minutes=12)):
        actions.ring_for_confirmations()
        actions.ring_for_confirmations()
    assert len(mail.outbox) == 2
    assert "Events" in mail.outbox[1].body


def test_a_mail_that_was_lost_with_the_queue_is_sent_after_all(visitor, signup_page):
    """The queue is only a doorbell: here nobody hears it the first time."""
    visitor.run_tasks = NobodyListens
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert mail.outbox == []
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.ring_for_confirmations()
    assert len(mail.outbox) == 1


class NobodyListens:
    def __init__(self, *, execute: bool) -> None:
        pass

    def __enter__(self):
        pass

    def __exit__(self, *args):
        pass


def test_a_mail_server_that_is_down_delays_the_mail_by_minutes(visitor, signup_page):
    with use_mailer("tests.mailers.Unreachable"):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    assert visitor.response.status_code == 303, "no mail work inside the request"
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.ring_for_confirmations()
    assert len(mail.outbox) == 1


def test_a_server_that_is_busy_is_asked_again_at_growing_intervals(visitor, signup_page):
    """Until the request lapses, and without hammering."""
    start = now()
    with use_mailer("tests.mailers.Busy"):
        visitor.fill_and_post(signup_page, email="ada@example.org")
        waits = [_rest_of_ada(start)]
        for minute in range(1, 60):
            with time_machine.travel(start + timedelta(minutes=minute, seconds=5)):
                actions.ring_for_confirmations()
                waits.append(_rest_of_ada(start))
    assert len(set(waits)) == 6, "at once, and after 1, 3, 7, 15 and 31 minutes"
    assert not ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMATION_SENT).exists()


def _rest_of_ada(start) -> int:
    return round((Contact.objects.get().confirmation_rests_until - start).total_seconds())


def test_an_address_that_the_server_refuses_is_recorded_and_left_alone(visitor, signup_page):
    with use_mailer("tests.mailers.RefusingRecipients"):
        visitor.fill_and_post(signup_page, email="nobody@example.org")
    assert visitor.response.status_code == 303
    refused = ConsentRecord.objects.get(event=RecordedEvent.CONFIRMATION_REFUSED)
    assert refused.message_id
    with time_machine.travel(now() + timedelta(days=1)):
        actions.ring_for_confirmations()
    assert mail.outbox == []
    with time_machine.travel(now() + timedelta(days=8)):
        actions.purge()
    assert not Contact.objects.exists()
    assert not ConsentRecord.objects.exists()


def test_a_mail_that_is_in_doubt_is_not_sent_again_by_itself(visitor, signup_page):
    with use_mailer("tests.mailers.BreakingOff"):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(now() + timedelta(hours=1)):
        actions.ring_for_confirmations()
    assert mail.outbox == []


def test_a_second_request_that_meets_a_busy_server_is_mailed_after_all(visitor, signup_page):
    start = now()
    visitor.fill_and_post(signup_page, email="ada@example.org")
    with (
        time_machine.travel(start + timedelta(minutes=11)),
        use_mailer("tests.mailers.Busy"),
    ):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(start + timedelta(minutes=14)):
        actions.ring_for_confirmations()
    assert len(mail.outbox) == 2


def test_a_wait_never_grows_beyond_an_hour(visitor, signup_page):
    """Not even for somebody whose other request is days old."""
    start = now()
    visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(start + timedelta(days=6)), use_mailer("tests.mailers.Busy"):
        visitor.fill_and_post(signup_page, email="ada@example.org")
        assert Contact.objects.get().confirmation_rests_until <= now() + timedelta(hours=1)


def test_after_a_material_change_the_new_words_get_a_mail_of_their_own(visitor, book, signup_page):
    start = now()
    visitor.fill_and_post(signup_page, email="ada@example.org")
    factories.change_wording(book, "Yes, and to partners too", material=True)
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert len(mail.outbox) == 1, "ten minutes have not passed"
    with time_machine.travel(start + timedelta(minutes=11)):
        actions.ring_for_confirmations()
        visitor.open_link(mail.outbox[1], "confirm")
        assert "and to partners too" in visitor.text


def test_no_mail_is_sent_whose_link_would_be_void(visitor, book, signup_page):
    visitor.run_tasks = NobodyListens
    visitor.fill_and_post(signup_page, email="ada@example.org")
    factories.change_wording(book, "Yes, and to partners too", material=True)
    with time_machine.travel(now() + timedelta(minutes=5)):
        actions.ring_for_confirmations()
    assert mail.outbox == []


def test_workers_that_die_over_the_mail_do_not_bomb_the_mailbox(visitor, signup_page):
    """A1: each may have sent it before it died, so three in doubt are enough."""
    start = now()
    visitor.run_tasks = NobodyListens
    visitor.fill_and_post(signup_page, email="ada@example.org")
    tries = 0
    for minutes in range(2, 600, 11):
        with (
            time_machine.travel(start + timedelta(minutes=minutes)),
            use_mailer("tests.mailers.Dying"),
        ):
            try:
                actions.send_confirmation(Contact.objects.get().pk)
            except SystemExit:
                tries += 1
    assert tries == 3


def test_errors_before_the_mail_leaves_are_no_mails_in_doubt(visitor, signup_page):
    """A bad deployment of half an hour must not cost anybody their confirmation."""
    start = now()
    with use_mailer("tests.mailers.Broken"):
        visitor.run_tasks = NobodyListens
        visitor.fill_and_post(signup_page, email="ada@example.org")
        for minutes in range(2, 60, 11):
            with (
                time_machine.travel(start + timedelta(minutes=minutes)),
                pytest.raises(RuntimeError),
            ):
                actions.ring_for_confirmations()
    with time_machine.travel(start + timedelta(hours=2)):
        actions.ring_for_confirmations()
    assert len(mail.outbox) == 1


def test_somebody_restricted_does_not_keep_the_others_waiting(visitor, signup_page, monkeypatch):
    visitor.run_tasks = NobodyListens
    visitor.fill_and_post(signup_page, email="restricted@example.org")
    Contact.objects.update(restricted=True)
    visitor.fill_and_post(signup_page, email="ada@example.org")
    monkeypatch.setattr("wagtail_gdpr_newsletter.actions.confirmation_mail.RING_AT_ONCE", 1)
    with time_machine.travel(now() + timedelta(minutes=5)):
        actions.ring_for_confirmations()
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
