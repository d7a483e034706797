"""Servers on a bad day, and workers that die: nobody loses their copy, nobody gets two."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories, mailers
from tests.mailers import use_mailer
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Lane, Ledger

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("backend", "counted", "status"),
    [
        ("tests.mailers.RefusingRecipients", {"failed": 3}, "sent"),
        ("tests.mailers.Busy", {"pending": 3}, "sending"),
        # Not all of them into doubt: after two in a row the server gets a minute's rest.
        ("tests.mailers.BreakingOff", {"unknown": 2, "pending": 1}, "sending"),
    ],
)
def test_each_fault_of_a_server_has_its_outcome(book, readers, send, backend, counted, status):
    with use_mailer(backend):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == counted
    assert campaign.send_status == status
    for delivery in campaign.deliveries.filter(attempts__gt=0):
        assert delivery.error
        assert "@" not in delivery.error


def test_a_server_that_cannot_be_reached_costs_nobody_their_copy(book, readers, send):
    with use_mailer("tests.mailers.Unreachable"):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"pending": 3}
    assert "tried again" in campaign.trouble
    actions.tend_campaigns()
    assert mail.outbox == [], "it is left alone for a minute"
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.tend_campaigns()
    campaign.refresh_from_db()
    assert campaign.trouble == ""
    assert campaign.send_status == "sent"
    assert len(mail.outbox) == 3


def test_a_worker_that_died_leaves_at_most_one_message_in_doubt(book, readers):
    """What it had begun is unknown and never resent by itself; the rest is sent."""
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    with use_mailer("tests.mailers.Dying"), pytest.raises(SystemExit):
        actions.run_lane()
    actions.tend_campaigns()
    campaign.refresh_from_db()
    assert campaign.deliveries.counted() == {"sent": 2, "unknown": 1}
    assert campaign.send_status == "sent"


@pytest.mark.parametrize(
    ("status_code", "counted"),
    [
        (429, {"pending": 1}),
        (503, {"pending": 1}),
        (422, {"failed": 1}),
        # It may have been taken: nobody sends it again.
        (200, {"unknown": 1}),
        (408, {"unknown": 1}),
        (500, {"unknown": 1}),
        (502, {"unknown": 1}),
        (504, {"unknown": 1}),
    ],
)
def test_errors_of_an_api_are_sorted(book, send, status_code, counted):
    factories.make_subscription(book, "ada@example.org")
    mailers.AnsweringProvider.status_code = status_code
    with use_mailer("tests.mailers.AnsweringProvider"):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == counted


@pytest.mark.parametrize("status_code", [401, 402, 403, 404])
def test_a_wrong_key_or_an_empty_account_costs_nobody_their_copy(book, send, status_code):
    factories.make_subscription(book, "ada@example.org")
    mailers.AnsweringProvider.status_code = status_code
    with use_mailer("tests.mailers.AnsweringProvider"):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"pending": 1}
    assert str(status_code) in campaign.trouble


def test_an_api_that_cannot_be_reached_costs_nobody_their_copy(book, send, settings):
    """Anymail's own backend, and a port at which nobody listens."""
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "x",
        "POSTMARK_API_URL": "http://127.0.0.1:9/",
        "WEBHOOK_SECRET": "user:pass",
    }
    factories.make_subscription(book, "ada@example.org")
    with use_mailer("anymail.backends.postmark.EmailBackend"):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"pending": 1}
    assert campaign.trouble


def test_a_lane_that_breaks_says_so_on_the_campaigns_page(book, readers):
    campaign = factories.make_campaign(book)
    with use_mailer("tests.mailers.Unreachable"):
        actions.send_campaign(campaign=campaign)
        actions.run_lane()
    Ledger.objects.update(rests_until=None)
    with use_mailer("tests.mailers.Broken"), pytest.raises(RuntimeError):
        actions.run_lane()
    campaign.refresh_from_db()
    assert "RuntimeError" in campaign.trouble
    assert not Lane.objects.exists(), "the next worker may try at once"
