"""Mailboxes that are there and take nothing, campaign after campaign (M7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from tests import factories
from tests.mailers import use_mailer
from tests.test_events import ANYMAIL_TEST, report
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Delivery,
    Origin,
    RecordedEvent,
    Subscription,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db


def campaigns_to_ada(book, send, number: int) -> list[Delivery]:
    """A week between two of them; she is in the book already."""
    sent = []
    for each in range(number):
        later = now() + timedelta(days=7 * each + 1)
        with use_mailer(ANYMAIL_TEST), time_machine.travel(later):
            campaign = send(factories.make_campaign(book, subject=f"Letter {each}"))
        sent.append(campaign.deliveries.get())
    return sent


FULL = {"reject_reason": "bounced", "mta_response": "452 4.2.2 mailbox full [185.4.7.12]"}


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
        {"reject_reason": "bounced", "mta_response": "552 5.3.4 message too big"},
        *(
            {
                "reject_reason": "bounced",
                "esp_event": {"bounce": {"bounceType": "Transient", "bounceSubType": kind}},
            }
            for kind in ("General", "MessageTooLarge", "ContentRejected", "AttachmentRejected")
        ),
    ],
)
def test_what_says_nothing_of_the_mailbox_is_not_the_readers_fault(book, send, configure, told):
    """Else a day on a blocklist, or somebody's holidays, would cost readers who are there."""
    configure(SOFT_BOUNCE_LIMIT=2)
    factories.make_subscription(book, "ada@example.org")
    for delivery in campaigns_to_ada(book, send, 3):
        report(delivery, "bounced", **told)
    assert Subscription.objects.mailable().exists()


def test_a_bad_week_ends_nothing(book, send, configure):
    configure(SOFT_BOUNCE_LIMIT=3)
    factories.make_subscription(book, "ada@example.org")
    for delivery in campaigns_to_ada(book, send, 3):
        Delivery.objects.filter(pk=delivery.pk).update(sent_at=now())
        report(delivery, "bounced", **FULL)
    assert Subscription.objects.mailable().exists()


def test_what_was_delivered_as_well_has_not_come_back(book, send, configure):
    """An answer of the reader's, say, that somebody is away."""
    configure(SOFT_BOUNCE_LIMIT=3)
    factories.make_subscription(book, "ada@example.org")
    for delivery in campaigns_to_ada(book, send, 3):
        report(delivery, "delivered")
        report(delivery, "bounced", **FULL)
    assert Subscription.objects.mailable().exists()


def test_whoever_opted_in_once_more_begins_anew(book, send, configure):
    configure(SOFT_BOUNCE_LIMIT=3)
    subscription = factories.make_subscription(book, "ada@example.org")
    sent = campaigns_to_ada(book, send, 6)
    for delivery in sent[:3]:
        report(delivery, "bounced", **FULL)
    assert Suppression.objects.exists()
    ConsentRecord.objects.append(
        RecordedEvent.CONFIRMED,
        subscription.contact,
        subscription,
        origin=Origin(source="form"),
        occurred_at=sent[3].sent_at - timedelta(days=1),
    )
    subscription.contact.lift_suppressions(books=[book.uuid])
    for delivery in sent[3:5]:
        report(delivery, "bounced", **FULL)
    assert Subscription.objects.mailable().exists()
    report(sent[5], "bounced", **FULL)
    assert not Subscription.objects.mailable().exists()
