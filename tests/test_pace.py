"""How fast a sender may go: counted to the letter, over all workers, changed while a campaign runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Lane, Ledger, Pace, SenderSettings, pace

pytestmark = pytest.mark.django_db


@given(
    most=st.integers(1, 40),
    asked=st.lists(st.tuples(st.floats(0, 900), st.integers(1, 60)), max_size=60),
    limit=st.sampled_from(pace.LIMITS),
)
def test_in_no_period_more_leaves_than_the_limit_allows(most, asked, limit):
    granted: list[tuple[float, int]] = []
    remembered: pace.Granted = []
    at = 1_000_000.0
    for pause, wanted in asked:
        at += pause
        allowed = pace._allowed(remembered, limit, most, at)
        number = min(wanted, allowed.number)
        if number:
            granted.append((at, number))
            remembered = pace._with(remembered, limit, number, at)
        else:
            assert allowed.wait > 0
            later = pace._allowed(remembered, limit, most, at + allowed.wait + 0.001)
            assert later.number > 0, "the wait that is named is long enough"
    for start, _number in granted:
        within = [n for when, n in granted if start <= when < start + limit.period]
        assert sum(within) <= most
    assert len(remembered) <= most * 3 + 100


def test_people_who_run_the_site_read_what_a_sender_allows(site, capsys):
    SenderSettings.objects.filter(site=site).update(per_second=10, per_day=5000, connections=4)
    call_command("newsletter_status")
    said = "testserver sends at most 10 a second, 5,000 a day, 4 connections at once."
    assert said in capsys.readouterr().out


def test_an_hourly_limit_holds_the_rest_back_until_there_is_room(book, readers, send, site):
    SenderSettings.objects.filter(site=site).update(per_hour=2)
    campaign = send(factories.make_campaign(book))
    assert len(mail.outbox) == 2
    assert campaign.ledger.counted() == {"sent": 2, "pending": 1}
    actions.tend_campaigns()
    assert len(mail.outbox) == 2
    Ledger.objects.update(rests_until=None)
    hour = [[at - 3700, number] for at, number in Pace.objects.get().granted["per_hour"]]
    Pace.objects.update(granted={"per_hour": hour})
    actions.tend_campaigns()
    assert len(mail.outbox) == 3


def test_a_limit_a_second_is_waited_for_within_the_turn(book, readers, send, site):
    SenderSettings.objects.filter(site=site).update(per_second=2)
    began = datetime.now(UTC)
    send(factories.make_campaign(book))
    assert len(mail.outbox) == 3
    assert datetime.now(UTC) - began >= timedelta(seconds=1)


def test_a_limit_may_be_lifted_while_a_campaign_waits(book, readers, send, site):
    SenderSettings.objects.filter(site=site).update(per_day=1)
    send(factories.make_campaign(book))
    assert len(mail.outbox) == 1
    SenderSettings.objects.filter(site=site).update(per_day=None)
    Ledger.objects.update(rests_until=None)
    actions.tend_campaigns()
    assert len(mail.outbox) == 3


def test_two_senders_do_not_share_a_limit(book, readers, send, site):
    other = factories.make_site()
    factories.make_sender(other)
    theirs = factories.make_book(other)
    factories.make_subscription(theirs, "ada@example.org")
    SenderSettings.objects.filter(site=site).update(per_day=1)
    send(factories.make_campaign(book))
    send(factories.make_campaign(theirs))
    assert sorted(message.to[0] for message in mail.outbox) == [
        "ada@example.org",
        "reader0@example.org",
    ]


def test_lanes_share_the_connections_that_a_sender_may_have(book, readers, site):
    SenderSettings.objects.filter(site=site).update(connections=10)
    campaign = factories.make_campaign(book)
    lanes = [
        Lane.objects.create(
            machine="m", leader=1, process=1, slot=slot, campaign=campaign, leased_until=_later()
        )
        for slot in range(3)
    ]
    with transaction.atomic():
        got = [Pace.objects.reserve_connections(lane, site, 8) for lane in lanes]
    assert got == [8, 2, 0]


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def test_two_campaigns_of_a_sender_take_turns(book, readers, monkeypatch):
    """Whoever was served longest ago is next."""
    first, second = factories.make_campaign(book), factories.make_campaign(book, subject="Second")
    for campaign in (first, second):
        factories.write_ledger(campaign)
    served = []
    for _turn in range(4):
        ledger = Ledger.objects.with_work().first()
        served.append(ledger.pk)
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=len(served))):
            Ledger.objects.filter(pk=ledger.pk).update(served_at=datetime.now(UTC))
    assert served[0] != served[1]
    assert served[:2] == served[2:]
