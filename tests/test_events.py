"""Anymail: what a provider is told, and what it reports back, twice and in any order (M7)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
import time_machine
from anymail.signals import AnymailTrackingEvent, tracking
from django.core import mail
from django.test import override_settings
from django.urls import reverse
from django.utils.timezone import now

from tests import factories
from tests.mailers import use_mailer
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Delivery,
    DeliveryEvent,
    DeliveryStatus,
    RecordedEvent,
    Subscription,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db

ANYMAIL_TEST = "anymail.backends.test.EmailBackend"


@pytest.fixture
def delivery(book, send) -> Delivery:
    factories.make_subscription(book, "ada@example.org")
    with use_mailer(ANYMAIL_TEST):
        send(factories.make_campaign(book))
    return Delivery.objects.get()


def report(delivery: Delivery, event_type: str, **event) -> None:
    """What Anymail's webhook does once it has understood a provider."""
    facts = {
        "event_type": event_type,
        "timestamp": now(),
        "event_id": f"{event_type}-1",
        "recipient": "ada@example.org",
        "metadata": {"delivery": delivery.opaque_id},
        "message_id": delivery.message_id,
        **event,
    }
    tracking.send(object, event=AnymailTrackingEvent(**facts), esp_name="Test")


def of_the_confirmation_mail(visitor, page, event_type: str, **event) -> AnymailTrackingEvent:
    """Somebody signs up, and a provider has this to tell of the mail that they got."""
    with use_mailer(ANYMAIL_TEST):
        visitor.fill_and_post(page, email="ada@example.org")
    sent = ConsentRecord.objects.get(event=RecordedEvent.CONFIRMATION_SENT)
    return AnymailTrackingEvent(
        event_type=event_type,
        timestamp=now(),
        message_id=sent.message_id,
        metadata={},
        **event,
    )


def state_of(delivery: Delivery) -> str:
    return Delivery.objects.get(pk=delivery.pk).status


def test_the_provider_is_told_an_opaque_id_a_tag_and_not_to_track(delivery):
    """T1, M5."""
    told = mail.outbox[0].anymail_test_params
    assert told["metadata"] == {"delivery": delivery.opaque_id}
    assert told["tags"] == ["newsletter"]
    assert told["track_opens"] is False
    assert told["track_clicks"] is False
    assert "List-Unsubscribe" in told["extra_headers"]
    assert delivery.status == DeliveryStatus.SENT


def test_confirmations_are_not_tracked_either(visitor, signup_page):
    """T4."""
    with use_mailer(ANYMAIL_TEST):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    told = mail.outbox[0].anymail_test_params
    assert told["track_opens"] is told["track_clicks"] is False
    assert "metadata" not in told


def test_a_hard_bounce_suppresses_the_address(delivery):
    report(delivery, "bounced", reject_reason="bounced")
    assert state_of(delivery) == DeliveryStatus.BOUNCED
    assert Suppression.objects.get().reason == SuppressionReason.BOUNCE
    assert not Subscription.objects.mailable().exists()
    assert Subscription.objects.get().status == "confirmed", "nobody has withdrawn"


def test_a_bounce_that_says_the_mail_was_unwelcome_suppresses_nobody(delivery):
    report(delivery, "bounced", reject_reason="blocked")
    assert state_of(delivery) == DeliveryStatus.BOUNCED
    assert Subscription.objects.mailable().exists()


@pytest.mark.parametrize(
    ("told", "is_hard"),
    [
        ({"esp_event": {"Type": "SoftBounce"}}, False),
        ({"esp_event": {"Type": "HardBounce"}}, True),
        ({"esp_event": {"bounce": {"bounceType": "Transient"}}}, False),
        ({"esp_event": {"bounce": {"bounceType": "Permanent"}}}, True),
        ({"esp_event": {"event": "soft_bounce"}}, False),
        ({"esp_event": {"event": "hard_bounce"}}, True),
        ({"esp_event": {"type": "activity.soft_bounced"}}, False),
        ({"esp_event": {"data": {"bounce": {"type": "Transient"}}}}, False),
        ({"esp_event": {"hard_bounce": False}}, False),
        ({"esp_event": {"hard_bounce": True}}, True),
        ({"esp_event": {"msys": {"message_event": {"bounce_class": "22"}}}}, False),
        ({"esp_event": {"msys": {"message_event": {"bounce_class": "10"}}}}, True),
        ({"mta_response": "smtp;452 4.2.2 mailbox full"}, False),
        ({"mta_response": "550 5.2.2 over quota"}, False),
        ({"mta_response": "550 5.1.1 no such user [52.4.12.9]"}, True),
        ({"description": "Rejected by Microsoft"}, True),
        ({"esp_event": [{"type": "blocked"}]}, False),
        ({"mta_response": "550 5.7.1 your IP is on a blocklist"}, False),
    ],
)
def test_only_a_hard_bounce_suppresses_the_address(delivery, told, is_hard):
    """M7: Anymail gives both kinds the same type; the provider's own words tell them apart."""
    report(delivery, "bounced", reject_reason="bounced", **told)
    assert state_of(delivery) == DeliveryStatus.BOUNCED
    assert Suppression.objects.exists() == is_hard
    assert Subscription.objects.mailable().exists() != is_hard


def test_an_old_event_told_again_does_not_end_a_newer_request(visitor, signup_page):
    event = of_the_confirmation_mail(visitor, signup_page, "unsubscribed")
    tracking.send(object, event=event, esp_name="Test")
    assert not Subscription.objects.pending().exists()
    with time_machine.travel(now() + timedelta(hours=1)):
        visitor.fill_and_post(signup_page, email="ada@example.org")
        tracking.send(object, event=event, esp_name="Test")
    assert Subscription.objects.pending().exists()


def test_postmarks_own_words_for_a_soft_bounce_arrive(client, delivery, settings):
    """Through Anymail's real webhook."""
    settings.ANYMAIL = {"WEBHOOK_SECRET": "user:pass"}
    body = {
        "RecordType": "Bounce",
        "Type": "SoftBounce",
        "ID": 1,
        "Email": "ada@example.org",
        "MessageID": "x",
        "Metadata": {"delivery": delivery.opaque_id},
        "BouncedAt": "2026-11-01T10:00:00Z",
    }
    headers = {"Authorization": "Basic " + base64.b64encode(b"user:pass").decode()}
    url = reverse("anymail:postmark_tracking_webhook")
    answered = client.post(url, json.dumps(body), content_type="application/json", headers=headers)
    assert answered.status_code == 200
    assert state_of(delivery) == DeliveryStatus.BOUNCED
    assert not Suppression.objects.exists()


def test_a_complaint_about_the_confirmation_mail_ends_all_mail(visitor, signup_page):
    """S5: of these there is no ledger, and the next form post must not mail them again."""
    event = of_the_confirmation_mail(visitor, signup_page, "complained")
    tracking.send(object, event=event, esp_name="Test")
    assert Suppression.objects.final().exists()
    with time_machine.travel(now() + timedelta(hours=1)):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    assert len(mail.outbox) == 1


def test_a_confirmation_mail_that_bounces_suppresses_the_address(visitor, signup_page):
    event = of_the_confirmation_mail(visitor, signup_page, "bounced", reject_reason="invalid")
    tracking.send(object, event=event, esp_name="Test")
    assert Suppression.objects.get().reason == SuppressionReason.BOUNCE


def test_a_complaint_stops_everything_everywhere(site, delivery):
    factories.make_subscription(factories.make_book(site, "Events"), "ada@example.org")
    report(delivery, "complained")
    assert state_of(delivery) == DeliveryStatus.COMPLAINED
    assert not Subscription.objects.filter(status="confirmed").exists()
    assert set(Suppression.objects.values_list("reason", flat=True)) == {"complaint"}


def test_an_unsubscription_at_the_provider_is_a_withdrawal(site, delivery):
    factories.make_subscription(factories.make_book(site, "Events"), "ada@example.org")
    report(delivery, "unsubscribed")
    assert Subscription.objects.get(book__name="Seed letter").status == "unsubscribed"
    assert Subscription.objects.get(book__name="Events").status == "confirmed"


def test_the_same_event_twice_is_one_event(delivery):
    for _twice in range(2):
        report(delivery, "bounced", reject_reason="bounced")
    assert DeliveryEvent.objects.count() == Suppression.objects.count() == 1


def test_a_provider_without_event_ids_may_repeat_itself_too(delivery):
    when = now()
    for _twice in range(2):
        report(delivery, "complained", event_id=None, timestamp=when)
    assert DeliveryEvent.objects.count() == 1


@pytest.mark.parametrize(
    "order",
    [
        ("delivered", "bounced", "complained"),
        ("complained", "bounced", "delivered"),
        ("bounced", "complained", "sent", "delivered"),
    ],
)
def test_events_may_come_in_any_order(delivery, order):
    for event_type in order:
        report(delivery, event_type, reject_reason="bounced")
    assert state_of(delivery) == DeliveryStatus.COMPLAINED
    assert Suppression.objects.final().get(scope="site").reason == SuppressionReason.COMPLAINT


def test_a_delivery_in_doubt_is_settled_by_the_providers_word(delivery):
    Delivery.objects.update(status=DeliveryStatus.UNKNOWN)
    report(delivery, "delivered")
    assert state_of(delivery) == DeliveryStatus.SENT


def test_without_metadata_the_message_id_is_enough(delivery):
    ours = f"<{delivery.opaque_id}@example.org>"
    report(delivery, "bounced", reject_reason="invalid", metadata={}, message_id=ours)
    assert state_of(delivery) == DeliveryStatus.BOUNCED


@pytest.mark.parametrize(
    "metadata",
    [
        {"delivery": "x"},
        {"delivery": "0" * 32 + ".99"},
        {"delivery": "a.1"},
        {"delivery": "z" * 32 + ".1"},
        {"delivery": "0" * 32 + "." + "9" * 40},
    ],
)
def test_events_of_other_mail_are_not_ours(delivery, metadata):
    report(delivery, "complained", metadata=metadata, message_id="other")
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("event_type", ["opened", "clicked"])
def test_opens_and_clicks_are_not_stored(delivery, event_type):
    report(delivery, event_type)
    assert not DeliveryEvent.objects.exists()


def test_an_event_after_the_erasure_finds_the_line_and_nobody(delivery):
    delivery.contact.delete()
    report(delivery, "complained")
    assert state_of(delivery) == DeliveryStatus.COMPLAINED
    assert not Suppression.objects.exists()


def test_a_real_webhook_of_a_provider_arrives(client, delivery):
    """Postmark's, through Anymail's own view, with its authentication."""
    body = {
        "RecordType": "Bounce",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": delivery.message_id,
        "Metadata": {"delivery": delivery.opaque_id},
        "Email": "ada@example.org",
        "BouncedAt": "2026-11-05T16:33:54.0+01:00",
    }
    with override_settings(ANYMAIL={"WEBHOOK_SECRET": "user:pass"}):
        url = "/anymail/postmark/tracking/"
        headers = {"Authorization": "Basic " + base64.b64encode(b"user:pass").decode()}
        refused = client.post(url, json.dumps(body), content_type="application/json")
        assert refused.status_code == 400
        assert state_of(delivery) == DeliveryStatus.SENT
        client.post(url, json.dumps(body), content_type="application/json", headers=headers)
    assert state_of(delivery) == DeliveryStatus.BOUNCED


def test_what_a_provider_answers_at_once_is_recorded(book, send):
    factories.make_subscription(book, "ada@example.org")
    with use_mailer("tests.mailers.RejectingProvider"):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"failed": 1}
