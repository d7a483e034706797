"""Mailboxes that are there and take nothing, campaign after campaign (M7)."""

from __future__ import annotations

import pytest

from tests import factories
from tests.mailers import use_mailer
from tests.test_events import ANYMAIL_TEST, report
from wagtail_gdpr_newsletter.models import (
    Delivery,
    Subscription,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db


def campaigns_to_ada(book, send, number: int) -> list[Delivery]:
    """In their order; she is in the book already."""
    sent = []
    for each in range(number):
        with use_mailer(ANYMAIL_TEST):
            campaign = send(factories.make_campaign(book, subject=f"Letter {each}"))
        sent.append(campaign.deliveries.get())
    return sent


FULL = {"reject_reason": "bounced", "mta_response": "452 4.2.2 mailbox full"}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_a_mailbox_that_is_always_full_gets_no_more(book, send, configure, order):
    """M7: in whichever order the events come."""
    configure(SOFT_BOUNCE_LIMIT=3)
    factories.make_subscription(book, "ada@example.org")
    sent = campaigns_to_ada(book, send, 3)
    for number in order:
        assert Subscription.objects.mailable().exists()
        report(sent[number], "bounced", **FULL)
        report(sent[number], "bounced", **FULL)
    assert Suppression.objects.get().reason == SuppressionReason.BOUNCE
    assert not Subscription.objects.mailable().exists()


def test_bounces_with_a_delivered_mail_in_between_end_nothing(book, send, configure):
    configure(SOFT_BOUNCE_LIMIT=3)
    factories.make_subscription(book, "ada@example.org")
    sent = campaigns_to_ada(book, send, 5)
    for number in (0, 1, 3, 4):
        report(sent[number], "bounced", **FULL)
    assert Subscription.objects.mailable().exists()


@pytest.mark.parametrize(
    "told",
    [
        {"reject_reason": "blocked"},
        {"reject_reason": "spam"},
        {"reject_reason": "bounced", "mta_response": "550 5.7.1 your IP is on a blocklist"},
        {"reject_reason": "bounced", "esp_event": {"event": "blocked"}},
    ],
)
def test_a_mailbox_that_does_not_want_the_sender_is_not_the_readers_fault(
    book, send, configure, told
):
    """Else a day on a blocklist would cost all readers who are there."""
    configure(SOFT_BOUNCE_LIMIT=2)
    factories.make_subscription(book, "ada@example.org")
    for delivery in campaigns_to_ada(book, send, 3):
        report(delivery, "bounced", **told)
    assert Subscription.objects.mailable().exists()
