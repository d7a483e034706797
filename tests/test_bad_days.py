"""Servers that misbehave, lanes that crash, and people who change while their copy is under way."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from tests import factories
from tests.conftest import CROWD
from tests.mailers import after_each_message, use_mailer, use_server
from tests.smtp_server import Manners, serving
from tests.test_smtp import answering, settle
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import Contact, Ledger, Subscription, Suppression
from wagtail_gdpr_newsletter.sending import audience, lanes, supply

pytestmark = pytest.mark.django_db


def test_a_reader_at_whom_the_server_hangs_up_does_not_keep_the_others(book, crowd, send):
    """Each time it costs a conversation: it waits ever longer, and in the end it has failed."""
    manners = Manners(to_recipient=answering("250 ok", reader03="421 4.7.0 not this one"))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        for hours in range(1, 30):
            settle(campaign, minutes=60 * hours)
    assert sorted(server.recipients) == [each for each in CROWD if "03" not in each]
    assert campaign.send_status == "sent"
    assert campaign.ledger.counted() == {"sent": 39, "failed": 1}


@pytest.mark.parametrize("answer", ["2 5 0 taken", "354 go ahead", "199 hm", "999 what"])
def test_an_answer_that_is_none_leaves_the_message_in_doubt(book, crowd, send, answer):
    """It was read, and may have been taken: nobody sends it again by themselves."""
    manners = Manners(to_end=answering("250 taken", reader05=answer))
    manners.keep = (kept := []).append
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        settle(campaign, minutes=600)
    assert campaign.deliveries.counted() == {"sent": 39, "unknown": 1}
    assert Counter(each.recipient for each in kept).most_common(1)[0][1] == 1


def test_a_server_that_never_greets_is_given_up(book, crowd, send):
    """Also where the site sets no timeout: a lane waits a minute at most, here a second."""
    with serving(Manners(greeting="")) as server, use_server(server, timeout=1):
        began = time.monotonic()
        campaign = send(factories.make_campaign(book))
    assert time.monotonic() - began < 20
    assert "tried again" in campaign.trouble
    assert campaign.deliveries.counted() == {"pending": 40}


def test_a_server_that_never_stops_talking_is_given_up(book, crowd, send):
    talk = "250-" + "bla " * 50
    manners = Manners(to_sender=answering("\r\n".join([talk] * 1000)))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"pending": 40}
    assert campaign.trouble


def test_a_lane_that_crashes_is_not_rung_again_at_once(book, readers):
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    with use_mailer("tests.mailers.Broken"), pytest.raises(RuntimeError):
        actions.run_lane()
    assert not Ledger.objects.with_work().exists()
    with time_machine.travel(now() + timedelta(minutes=2)):
        assert Ledger.objects.with_work().exists()


def test_a_surplus_of_tasks_dies_out(book, readers, settings, monkeypatch):
    """Where all turns are taken, a task leaves no other behind."""
    factories.write_ledger(factories.make_campaign(book))
    taken = [lanes.open_lane() for _slot in range(lanes.slots())]
    assert all(taken)
    assert lanes.open_lane() is None
    rung = []
    monkeypatch.setattr("wagtail_gdpr_newsletter.actions.campaigns.ring", lambda: rung.append(1))
    for _surplus in range(5):
        actions.run_lane()
    assert rung == []


def test_nothing_leaves_long_after_it_was_asked_who_may_get_it(book, crowd, send, monkeypatch):
    """A server that is slow to say "go ahead": whoever leaves meanwhile gets nothing (I4)."""
    recipients, left = audience.recipients, []

    def then_somebody_leaves(*arguments, **options):
        found = recipients(*arguments, **options)
        if not left:
            left.append(True)
            leaving = crowd[5].contact
            actions.unsubscribe(contact=leaving, books=None, origin=factories.ORIGIN)
        return found

    monkeypatch.setattr(audience, "recipients", then_somebody_leaves)
    monkeypatch.setattr(supply, "LATEST", 0.5)
    manners = Manners(thinks=0.7)
    with serving(manners) as server, use_server(server, timeout=30):
        campaign = send(factories.make_campaign(book))
    assert sorted(server.recipients) == [each for each in CROWD if "05" not in each]
    assert campaign.ledger.counted() == {"sent": 39, "skipped": 1}


def test_whoever_moved_away_is_not_charged_with_their_dead_mailbox(book, crowd, send):
    """The server answers for the old one when they are at the new one."""
    moving = crowd[3].contact

    def move_and_refuse(address: str) -> str:
        return "550 5.1.1 gone" if address == CROWD[3] else "250 ok"

    with serving(Manners(to_recipient=move_and_refuse)) as server, use_server(server):
        recipients = audience.recipients

        def then_moves(*arguments, **options):
            found = recipients(*arguments, **options)
            moving.take_address(Address.parse("new@example.org"))
            moving.save()
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(audience, "recipients", then_moves)
            send(factories.make_campaign(book))
    assert not Suppression.objects.exists()
    assert Subscription.objects.mailable().filter(contact=moving).exists()


def test_who_becomes_one_with_somebody_meanwhile_gets_their_copy(book, readers):
    """Between the claim and the look at who it goes to."""
    ada, other = readers[0].contact, readers[1].contact
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    recipients, merged = audience.recipients, []

    def merge_first(*arguments, **options):
        if not merged:
            merged.append(True)
            actions_merge(ada, other)
        return recipients(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audience, "recipients", merge_first)
        actions.run_lane()
    assert Contact.objects.count() == 2
    counted = campaign.deliveries.counted()
    assert counted["sent"] == 2
    assert campaign.deliveries.filter(contact=ada, status="sent").count() == 1


def actions_merge(contact, other) -> None:
    from django.db import transaction

    from wagtail_gdpr_newsletter.actions.merging import merge

    with transaction.atomic():
        merge(contact, other)
        contact.save()


def test_two_who_become_one_while_the_one_copy_is_on_its_way_get_no_second(
    book, readers, configure
):
    configure(BATCH_SIZE=1)
    ada, other = readers[0].contact, readers[1].contact
    campaign = factories.make_campaign(book)
    merged = []

    def merge_now() -> None:
        if not merged:
            merged.append(True)
            actions_merge(other, ada)  # The copy of Ada is on the wire.

    with after_each_message(merge_now):
        actions.send_campaign(campaign=campaign)
        actions.run_lane()
    assert campaign.deliveries.counted() == {"sent": 2, "skipped": 1}


def test_copies_in_doubt_of_a_cancelled_campaign_stay_so(book, readers, send):
    with use_mailer("tests.mailers.BreakingOff"):
        campaign = send(factories.make_campaign(book))
    actions.cancel_campaign(campaign=campaign)
    assert actions.send_again_in_doubt(campaign=campaign) == 0
    actions.run_lane()
    assert campaign.deliveries.counted() == {"unknown": 2, "cancelled": 1}
