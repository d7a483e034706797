"""Several people and workers at the same moment: no error, nothing twice, nothing lost."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.factories import sign_up
from tests.mails import token_in
from tests.threads import at_once, at_the_same_time, errors_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    Campaign,
    ConsentRecord,
    Contact,
    Delivery,
    FrozenMessage,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
)

pytestmark = at_the_same_time

ADA = "ada@example.org"


def test_two_presses_of_send_start_one_campaign(book):
    factories.make_subscription(book, "ada@example.org")
    campaign = factories.make_campaign(book)
    outcomes = at_once(lambda: actions.send_campaign(campaign=campaign), times=4)
    assert outcomes.count(None) == 1
    assert all(isinstance(error, actions.AlreadySent) for error in errors_in(outcomes))
    assert FrozenMessage.objects.count() == len(mail.outbox) == 1


def test_many_workers_on_one_campaign_send_everybody_one_copy(book, configure, many_workers):
    """The queue repeats every task, and all of them run at the same time."""
    configure(BATCH_SIZE=5)
    for number in range(40):
        factories.make_subscription(book, f"reader{number}@example.org")
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    assert mail.outbox == []
    outcomes = at_once(lambda: actions.run_lane(), actions.tend_campaigns, times=4)
    actions.tend_campaigns()
    assert errors_in(outcomes) == []
    assert sorted(message.to[0] for message in mail.outbox) == sorted(
        f"reader{number}@example.org" for number in range(40)
    )
    assert Campaign.objects.get().send_status == "sent"
    assert Delivery.objects.filter(campaign=campaign).counted() == {"sent": 40}


def test_strangers_who_post_an_address_do_not_keep_its_owner_from_confirming(book):
    sign_up(book, ADA)
    token = token_in(mail.outbox[0], "confirm")
    outcomes = at_once(
        *[lambda: sign_up(book, ADA)] * 5,
        lambda: actions.confirm(token=token, origin=factories.ORIGIN),
    )
    assert errors_in(outcomes) == []
    assert ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED).count() == 1
    assert Subscription.objects.mailable().exists()


def test_the_same_link_in_several_tabs_confirms_once(book):
    sign_up(book, ADA)
    token = token_in(mail.outbox[0], "confirm")
    outcomes = at_once(lambda: actions.confirm(token=token, origin=factories.ORIGIN), times=4)
    assert errors_in(outcomes) == []
    assert ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED).count() == 1


def test_the_same_address_posted_many_times_at_once_gets_one_mail(book):
    outcomes = at_once(lambda: sign_up(book, ADA), times=6)
    assert errors_in(outcomes) == []
    assert Contact.objects.count() == Subscription.objects.count() == len(mail.outbox) == 1


def test_leaving_and_signing_up_at_the_same_moment_end_in_one_state_or_the_other(book):
    subscription = factories.make_subscription(book, "ada@example.org")
    outcomes = at_once(
        *[
            lambda: actions.unsubscribe(
                contact=subscription.contact, books=None, origin=factories.ORIGIN
            )
        ]
        * 3,
        *[lambda: sign_up(book, ADA)] * 3,
    )
    assert errors_in(outcomes) == []
    assert Subscription.objects.get().status in (
        SubscriptionStatus.UNSUBSCRIBED,
        SubscriptionStatus.PENDING,
    )
    assert not Subscription.objects.mailable().exists()
    assert ConsentRecord.objects.filter(event=RecordedEvent.WITHDRAWN).exists()


def test_a_request_and_the_purge_of_an_older_one_do_not_block_each_other(book):
    with time_machine.travel(now() - timedelta(days=9)):
        sign_up(book, ADA)

    def purge() -> None:
        time.sleep(random.random() / 50)
        actions.purge()

    outcomes = at_once(purge, *[lambda: sign_up(book, ADA)] * 4)
    assert errors_in(outcomes) == []
    assert Subscription.objects.get().status == SubscriptionStatus.PENDING
    assert ConsentRecord.objects.filter(event=RecordedEvent.REQUESTED).exists()
