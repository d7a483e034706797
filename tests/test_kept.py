"""Connections outlive a turn: what it took to open them is not paid for every ten seconds."""

from __future__ import annotations

import time
from collections import Counter
from time import monotonic

import pytest

from tests import factories
from tests.conftest import CROWD
from tests.mailers import use_server
from tests.smtp_server import Manners, SmtpServer, serving
from wagtail_gdpr_newsletter.models import SenderSettings
from wagtail_gdpr_newsletter.sending import dispatch, kept, supply
from wagtail_gdpr_newsletter.sending.turn import take_turn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_turns(monkeypatch, configure):
    monkeypatch.setattr(supply, "FRESH", 0.3)
    monkeypatch.setattr(dispatch, "FRESH", 0.3)
    monkeypatch.setattr(kept, "KEPT", 1)
    configure(CONNECTIONS=2)
    yield
    time.sleep(1.1)  # Nobody else gets what is left of the last one.


@pytest.fixture
def server():
    with serving(Manners(delay=0.03)) as server, use_server(server):
        yield server


def a_turn() -> None:
    turn = take_turn()
    campaign = turn.turn_to_next()
    dispatch.run(campaign, turn, deadline=monotonic())
    turn.end()


def turn_until_done(campaign) -> None:
    while campaign.ledger.counted().get("pending"):
        a_turn()


def wait_until(condition) -> None:
    deadline = monotonic() + 10
    while not condition() and monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


@pytest.mark.parametrize("pipelining", [True, False])
def test_the_next_turn_goes_on_with_the_connections_of_the_last(
    server: SmtpServer, campaign, pipelining
):
    server.manners.pipelining = pipelining
    a_turn()
    assert 0 < len(server.recipients) < 40
    assert server.open == 2
    turn_until_done(campaign)
    assert server.greeted == 2
    assert Counter(server.recipients) == Counter(CROWD)
    assert campaign.ledger.counted() == {"sent": 40}


def test_the_next_campaign_goes_on_with_them_too(server, campaign, book):
    turn_until_done(campaign)
    following = factories.make_campaign(book)
    factories.write_ledger(following)
    turn_until_done(following)
    assert server.greeted == 2
    assert Counter(server.recipients) == Counter(CROWD * 2)


def test_what_nobody_goes_on_with_is_closed(server, campaign):
    a_turn()
    assert server.open == 2
    wait_until(lambda: server.open == 0)
    assert server.said_goodbye == 2


def test_a_server_that_has_hung_up_meanwhile_is_called_again(server, campaign):
    a_turn()
    server.loop.call_soon_threadsafe(server.hang_up)
    wait_until(lambda: server.open == 0)
    turn_until_done(campaign)
    assert Counter(server.recipients) == Counter(CROWD)
    assert campaign.ledger.counted() == {"sent": 40}


def test_a_server_that_wants_to_end_it_in_the_next_turn_loses_nobody(server, campaign):
    a_turn()
    before = len(server.recipients)
    tired = ["421 4.3.2 enough"] * 2
    server.manners.to_sender = lambda _address: tired.pop() if tired else "250 ok"
    turn_until_done(campaign)
    assert before < 40
    assert Counter(server.recipients) == Counter(CROWD)
    assert campaign.ledger.counted() == {"sent": 40}


def test_a_sender_with_a_limit_of_connections_keeps_none(server, campaign, site):
    """They would count for nobody, and the limit not be kept."""
    SenderSettings.objects.filter(site=site).update(connections=2)
    a_turn()
    assert len(server.recipients) < 40
    assert server.said_goodbye == 2
    turn_until_done(campaign)
    assert server.most_at_once == 2


def test_another_server_gets_connections_of_its_own(server, campaign):
    a_turn()
    with serving() as another, use_server(another):
        turn_until_done(campaign)
    assert another.greeted == 2
    assert Counter(server.recipients + another.recipients) == Counter(CROWD)
