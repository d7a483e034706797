"""Campaigns over real connections: what a mail server sees, and what becomes of what it answers."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.conftest import CROWD
from tests.mailers import use_server
from tests.smtp_server import Manners, serving
from wagtail_gdpr_newsletter import actions, conf
from wagtail_gdpr_newsletter.models import Lane, Suppression
from wagtail_gdpr_newsletter.sending.turn import STREAK

pytestmark = pytest.mark.django_db


def settle(campaign, *, minutes: int) -> None:
    """Some time later."""
    with time_machine.travel(now() + timedelta(minutes=minutes)):
        actions.tend_campaigns()
    campaign.refresh_from_db()


def answering(usual: str, **others: str):
    """A reply for some addresses, by what stands before their @, and another one for all the rest."""
    return lambda address: others.get(address.partition("@")[0], usual)


@pytest.mark.parametrize("pipelining", [True, False])
def test_everybody_gets_one_copy(book, crowd, send, pipelining):
    with serving(Manners(pipelining=pipelining)) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert sorted(server.recipients) == CROWD
    assert server.most_at_once == 8, "as many conversations as the setting says"
    assert campaign.send_status == "sent"
    assert campaign.ledger.counted() == campaign.deliveries.counted() == {"sent": 40}
    assert not Lane.objects.exists()


def test_a_server_that_takes_one_command_at_a_time_is_never_hurried(book, crowd, send):
    with serving(Manners(pipelining=False, delay=0.001)) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 40}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("goes_ahead", [True, False])
def test_a_mailbox_that_does_not_exist_fails_alone_and_is_suppressed(
    book, crowd, send, pipelining, goes_ahead
):
    """Also where the server says "go ahead" for a message that nobody gets (RFC 2920, 3.1)."""
    manners = Manners(
        pipelining=pipelining,
        goes_ahead_for_nobody=goes_ahead,
        to_recipient=answering("250 ok", reader07="550 5.1.1 no such user"),
    )
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert sorted(server.recipients) == [each for each in CROWD if "07" not in each]
    assert campaign.ledger.counted() == campaign.deliveries.counted() == {"sent": 39, "failed": 1}
    failed = campaign.deliveries.get(status="failed")
    assert failed.error == "The server refused the recipient (550)."
    assert Suppression.objects.get().hash == failed.contact.keyed_hash


def test_a_refusal_that_is_not_about_the_mailbox_suppresses_nobody(book, crowd, send):
    manners = Manners(to_recipient=answering("250 ok", reader07="550 5.7.1 blocked"))
    with serving(manners) as server, use_server(server):
        send(factories.make_campaign(book))
    assert not Suppression.objects.exists()


def test_a_busy_mailbox_gets_its_copy_later(book, crowd, send):
    manners = Manners(to_recipient=answering("250 ok", reader07="450 4.2.1 busy"))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        assert campaign.ledger.counted() == {"sent": 39, "pending": 1}
        assert campaign.ledger.counted_reasons() == {"The server refused the recipient (450).": 1}
        manners.to_recipient = answering("250 ok")
        settle(campaign, minutes=2)
    assert sorted(server.recipients) == CROWD
    assert campaign.send_status == "sent"


def test_a_mailbox_that_stays_busy_fails_in_the_end(book, crowd, send):
    manners = Manners(to_recipient=answering("250 ok", reader07="450 4.2.1 busy"))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        for hours in range(1, 20):
            settle(campaign, minutes=60 * hours)
    assert campaign.send_status == "sent"
    assert campaign.ledger.counted() == {"sent": 39, "failed": 1}
    assert campaign.deliveries.get(status="failed").attempts == 8


def test_what_a_server_refuses_after_it_has_read_it_fails_alone(book, crowd, send):
    manners = Manners(to_end=answering("250 taken", reader03="554 5.6.0 no", reader05="451 later"))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert campaign.ledger.counted() == {"sent": 38, "failed": 1, "pending": 1}


def test_a_server_that_hangs_up_after_the_message_leaves_one_in_doubt(book, crowd, send):
    """It may have taken it: nobody sends it again by themselves."""
    manners = Manners(hangs_up_on=lambda address: address.startswith("reader09"))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        settle(campaign, minutes=60)
    assert campaign.ledger.counted() == {"sent": 39, "unknown": 1}
    assert Counter(server.recipients) == Counter(CROWD), "here it had, and got no second copy"


def test_a_server_that_falls_silent_leaves_one_in_doubt(book, crowd, send):
    manners = Manners(falls_silent_on=lambda address: address.startswith("reader09"))
    with serving(manners) as server, use_server(server, timeout=1):
        campaign = send(factories.make_campaign(book))
        settle(campaign, minutes=60)
    assert campaign.ledger.counted() == {"sent": 39, "unknown": 1}
    assert Counter(server.recipients) == Counter(CROWD)


def test_a_server_that_closes_in_between_costs_nobody_their_copy(book, crowd, send):
    """421 is no word on the message (RFC 5321, 3.8)."""
    closed = []

    def close_three_times(address: str) -> str:
        if len(closed) < 3 and address != CROWD[0] and int(address[6:8]) > 12:
            closed.append(address)
            return "421 4.3.2 restarting"
        return "250 ok"

    with serving(Manners(to_recipient=close_three_times)) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        settle(campaign, minutes=2)
    assert len(closed) == 3
    assert sorted(server.recipients) == CROWD
    assert campaign.ledger.counted() == {"sent": 40}


def test_a_server_that_refuses_for_a_while_costs_nobody_their_copy(book, crowd, send):
    """452 for everybody: after some of them it is left alone, so the ledger does not run through its attempts."""
    manners = Manners(to_recipient=answering("452 4.3.1 full"))
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
        assert campaign.deliveries.filter(attempts__gt=0).count() < 30
        assert "tried again" in campaign.trouble
        manners.to_recipient = answering("250 ok")
        settle(campaign, minutes=3)
        settle(campaign, minutes=5)
    assert sorted(server.recipients) == CROWD
    assert campaign.trouble == ""


@pytest.mark.parametrize(
    "manners",
    [
        Manners(to_recipient=answering("550 5.7.1 relaying denied")),
        Manners(to_sender=answering("550 5.7.1 sender not allowed")),
        Manners(to_end=answering("554 5.7.1 you are blocked")),
        Manners(greeting="554 go away"),
    ],
)
def test_a_server_that_refuses_everything_pauses_the_campaign(book, crowd, send, manners):
    with serving(manners) as server, use_server(server):
        campaign = send(factories.make_campaign(book))
    assert campaign.send_status == "paused"
    assert "resume" in campaign.trouble
    # Those on the wire when the last of the row is recorded go as well.
    at_most = STREAK - 1 + conf.connections()
    assert campaign.deliveries.counted()["pending"] >= len(CROWD) - at_most, "not all of them burnt"
    assert server.received == []
    assert mail.outbox == []
