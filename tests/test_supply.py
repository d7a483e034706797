"""What a lane claims: batch after batch, and each delivery nobody's but its own until it has an outcome."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from time import monotonic

import pytest
from django.utils.timezone import now

from tests import factories
from tests.conftest import CROWD
from tests.mailers import use_mailer, use_server
from tests.provider import Manners, Refusal
from tests.smtp_server import Manners as SmtpManners
from tests.smtp_server import serving
from tests.test_batches import MAILGUN, POSTMARK, sending_by
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    Delivery,
    DeliveryStatus,
    Lane,
    Ledger,
    Pace,
    SenderSettings,
)
from wagtail_gdpr_newsletter.models.ledgers import LANE_LEASE
from wagtail_gdpr_newsletter.sending import audience, lanes, supply
from wagtail_gdpr_newsletter.sending.claims import Claimed
from wagtail_gdpr_newsletter.sending.compose import Composer
from wagtail_gdpr_newsletter.sending.settling import Settled
from wagtail_gdpr_newsletter.sending.transport import Outcome
from wagtail_gdpr_newsletter.sending.turn import Turn

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_turn(campaign):
    """Of another worker each time."""

    def open_turn() -> Turn:
        slot = Lane.objects.count()
        lane = Lane.objects.create(
            machine="m", leader=1, process=1, slot=slot, leased_until=now() + LANE_LEASE
        )
        turn = Turn(lane)
        assert turn.turn_to_next() == campaign
        return turn

    return open_turn


def put_on_the_wire(turn: Turn, campaign, claims) -> list[Claimed]:
    reached = audience.recipients(
        campaign, audience.subscriptions_of(campaign).mailable(), claims, latest=0
    )
    turn.record([], reached)
    return reached


def test_a_slow_answer_keeps_no_other_call_from_being_made(settings, configure, book, crowd, send):
    configure(CONNECTIONS=2, BATCH_SIZE=4)
    slow = Manners(thinks=lambda recipients: 2 if CROWD[0] in recipients else 0)
    with sending_by(POSTMARK, settings, slow) as here:
        send(factories.make_campaign(book))
    answered = [call.recipients[0] for call in here.calls]
    assert answered.index(CROWD[0]) > 20
    assert Counter(answered) == Counter(CROWD)


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_slow_answer_keeps_no_other_conversation_from_going_on(
    configure, book, crowd, send, pipelining
):
    configure(CONNECTIONS=2, BATCH_SIZE=4)
    manners = SmtpManners(pipelining=pipelining, lingers_over={CROWD[0]: 2})
    with serving(manners) as server, use_server(server):
        send(factories.make_campaign(book))
    (slow,) = [each for each in server.received if each.recipient == CROWD[0]]
    assert sum(each.at < slow.at + 2 for each in server.received) > 20
    assert Counter(server.recipients) == Counter(CROWD)


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_batch_that_follows_another_leaves_nobody_out_and_nobody_twice(
    configure, book, crowd, send, pipelining
):
    configure(CONNECTIONS=3, BATCH_SIZE=2)
    with serving(SmtpManners(pipelining=pipelining, delay=0.01)) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert Counter(server.recipients) == Counter(CROWD)
    assert campaign.ledger.counted() == {"sent": 40}


def test_what_is_under_way_stays_the_lanes_own_when_it_claims_more(campaign, open_turn):
    turn, other = open_turn(), open_turn()
    first = turn.claim(3, keep=())
    leaving, waiting, unbegun = (claim.delivery for claim in first)
    put_on_the_wire(turn, campaign, first[:1])
    mine = [claim.delivery for claim in turn.claim(3, keep={waiting})]
    theirs = [claim.delivery for claim in other.claim(40, keep=())]
    assert unbegun in mine
    everybody = campaign.deliveries.values_list("pk", flat=True)
    assert sorted([leaving, waiting, *mine, *theirs]) == sorted(everybody)


def test_the_next_batch_is_claimed_and_looked_at_in_two_steps(campaign, open_turn, configure):
    configure(BATCH_SIZE=5)
    turn, other = open_turn(), open_turn()
    here = supply.Supply(campaign, turn, deadline=monotonic() + 60)
    assert here.begin()
    assert len(list(here)) == 5
    assert not here.more(at_once=False)
    assert next(here, None) is None, "nobody has looked whether they have left"
    theirs = [claim.delivery for claim in other.claim(40, keep=())]
    assert here.more(at_once=False)
    assert len(list(here)) == 5
    everybody = campaign.deliveries.values_list("pk", flat=True)
    assert sorted([*here.handed_out, *theirs]) == sorted(everybody)


def test_what_nobody_has_wanted_in_time_is_not_claimed_anew_before_somebody_does(
    campaign, open_turn, monkeypatch
):
    monkeypatch.setattr(supply, "FRESH", 0.2)
    turn = open_turn()
    here = supply.Supply(campaign, turn, deadline=monotonic() + 60)
    assert here.begin()
    next(here)
    before = Lane.objects.get(pk=turn.lane.pk).batches
    time.sleep(0.2)
    assert next(here, None) is None
    assert not here.more(at_once=False)
    assert Lane.objects.get(pk=turn.lane.pk).batches == before
    assert here.more()
    assert next(here)


def test_what_a_lane_has_given_back_is_not_given_back_again_when_it_ends(campaign, open_turn):
    """It is another lane's by then: it would be sent twice."""
    turn, other = open_turn(), open_turn()
    turn.claim(40, keep=())
    Ledger.objects.keep_quiet(until=now() + timedelta(seconds=5))
    assert turn.claim(40, keep=()) == []
    Ledger.objects.update(quiet_until=None)
    assert len(other.claim(40, keep=())) == 40
    turn.end()
    assert not Delivery.objects.to_try_again().exists()


def test_a_worker_that_dies_leaves_in_doubt_what_was_on_the_wire_in_either_batch(
    campaign, open_turn
):
    """Whoever moves later than the look that their copy goes by got it where they were."""
    turn = open_turn()
    looks = {}
    for _batch in range(2):
        on_the_wire, *_others = turn.claim(3, keep=())
        put_on_the_wire(turn, campaign, [on_the_wire])
        looks[on_the_wire.delivery] = on_the_wire.looked_at
    lanes.close(turn.lane.pk)
    in_doubt = campaign.deliveries.filter(status="unknown")
    assert dict(in_doubt.values_list("pk", "sent_at")) == looks
    assert campaign.ledger.counted() == {"unknown": 2, "pending": 38}


def test_what_has_not_left_goes_back_to_the_moment_when_it_was_granted(campaign, open_turn, site):
    """Of two batches each to its own: else one would count for too short a time."""
    SenderSettings.objects.filter(site=site).update(per_second=40)
    turn = open_turn()
    first = turn.claim(4, keep=())
    reached = put_on_the_wire(turn, campaign, first)
    turn.claim(2, keep=())
    assert [number for _at, number in Pace.objects.get().granted["per_second"]] == [4, 2]
    turn.record([], [], reached[:3])
    turn.end()
    assert [number for _at, number in Pace.objects.get().granted["per_second"]] == [1]


def test_who_leaves_meanwhile_does_not_hasten_a_tired_provider(
    settings, configure, book, crowd, send, monkeypatch
):
    """Each time nothing is taken it is left alone for longer, however many are passed over."""
    configure(CONNECTIONS=1)
    recipients = audience.recipients
    looks = []

    def then_somebody_leaves(*arguments, **options):
        found = recipients(*arguments, **options)
        leaving = crowd[len(looks)].contact
        looks.append(leaving)
        actions.unsubscribe(contact=leaving, books=None, origin=factories.ORIGIN)
        return found

    monkeypatch.setattr(audience, "recipients", then_somebody_leaves)
    tired = Manners(refuse=lambda _recipients: Refusal(429, {"Retry-After": "1"}))
    with sending_by(MAILGUN, settings, tired) as here:
        send(factories.make_campaign(book))
    pauses = [after.at - before.at for before, after in pairwise(here.calls)]
    assert [round(pause) for pause in pauses] == [1, 2, 4]


def test_readers_who_have_all_left_are_passed_over_in_one_turn(configure, book, crowd, send):
    """However many batches of them there are."""
    configure(BATCH_SIZE=1)
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    for subscription in crowd:
        actions.unsubscribe(contact=subscription.contact, books=None, origin=factories.ORIGIN)
    with use_mailer("django.core.mail.backends.locmem.EmailBackend"):
        actions.run_lane()
    assert campaign.ledger.counted() == {"skipped": 40}


def test_what_a_server_put_off_is_the_next_lanes_whatever_becomes_of_the_first(campaign, open_turn):
    """Once its wait is over another lane has it: it would be sent twice."""
    turn, other, third = open_turn(), open_turn(), open_turn()
    (put_off,) = put_on_the_wire(turn, campaign, turn.claim(1, keep=()))
    turn.record([Settled(put_off, Outcome(DeliveryStatus.PENDING, error="451"))])
    Delivery.objects.filter(pk=put_off.delivery).update(retry_at=now())
    assert [claim.delivery for claim in other.claim(1, keep=())] == [put_off.delivery]
    turn.end()
    assert put_off.delivery not in [claim.delivery for claim in third.claim(40, keep=())]


@pytest.fixture
def looks(monkeypatch):
    """When it was last looked whether somebody may be written to; `slowness`: what each look takes."""
    recipients, looks = audience.recipients, Looks()

    def look(*arguments, **options):
        at = monotonic()
        found = recipients(*arguments, **options)
        looks.update({each.recipient.address: at for each in found})
        time.sleep(looks.slowness)
        return found

    monkeypatch.setattr(audience, "recipients", look)
    monkeypatch.setattr(supply, "LATEST", 1)
    monkeypatch.setattr(supply, "FRESH", 0.7)
    return looks


class Looks(dict[str, float]):
    slowness = 0.0


@pytest.mark.parametrize("pipelining", [True, False])
def test_nobody_waits_on_the_wire_until_many_who_have_left_are_passed_over(
    configure, book, crowd, looks, pipelining
):
    """I4: a copy leaves soon after it was looked whether it may."""
    configure(CONNECTIONS=2, BATCH_SIZE=2)
    looks.slowness = 0.15
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    for subscription in crowd[2:-1]:
        actions.unsubscribe(contact=subscription.contact, books=None, origin=factories.ORIGIN)
    with serving(SmtpManners(pipelining=pipelining)) as server, use_server(server):
        actions.run_lane()
    assert sorted(server.recipients) == [CROWD[0], CROWD[1], CROWD[-1]]
    for each in server.received:
        assert each.at - looks[each.recipient] < 1
    assert campaign.ledger.counted() == {"sent": 3, "skipped": 37}


def test_a_call_that_has_waited_for_another_is_not_made_without_a_new_look(
    settings, configure, book, send, looks
):
    """I4: one with an unusual address takes a call of its own, and the others wait for it."""
    configure(CONNECTIONS=1)
    names = ["r0", "r1", "o'hara", "r2"]
    for name in names:
        factories.make_subscription(book, f"{name}@example.org")
    slow = Manners(thinks=lambda recipients: 1.5 if "o'hara@example.org" in recipients else 0)
    with sending_by(MAILGUN, settings, slow) as here:
        send(factories.make_campaign(book))
    assert sorted(here.recipients) == sorted(f"{name}@example.org" for name in names)
    for call in here.calls:
        began = call.at - slow.thinks(call.recipients)
        assert began - looks[call.recipients[0]] < 1


def test_a_campaign_of_which_no_copy_can_be_written_is_not_burnt_through(
    configure, book, crowd, send, monkeypatch
):
    """Many in a row that fail are not the readers' fault, in however many batches they come."""

    def fail(_composer, _recipient):
        raise ValueError

    configure(CONNECTIONS=2, BATCH_SIZE=4)
    monkeypatch.setattr(Composer, "copy", fail)
    with serving() as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    counted = campaign.ledger.counted()
    assert 20 <= counted["failed"] < 20 + 2 * 4
    assert counted["pending"] == 40 - counted["failed"]
    assert campaign.send_status == "paused"
    assert not server.received


def test_a_sender_with_limits_is_granted_more_when_all_that_was_has_left(
    configure, book, crowd, send, site
):
    """Else what a slow server holds up, and what comes after it, leave at once."""
    SenderSettings.objects.filter(site=site).update(per_second=8)
    configure(CONNECTIONS=2)
    manners = SmtpManners(lingers_over={CROWD[0]: 1.5})
    with serving(manners) as server, use_server(server):
        send(factories.make_campaign(book))
    (slow,) = [each for each in server.received if each.recipient == CROWD[0]]
    assert sum(each.at < slow.at + 1.4 for each in server.received) == 2
    assert Counter(server.recipients) == Counter(CROWD)
