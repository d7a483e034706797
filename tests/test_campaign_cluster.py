"""Workers for campaigns alone: how many lanes they have, and what is said where there are none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import checks
from django.core.management import call_command
from django.utils.timezone import now
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage

from tests import factories
from tests.mailers import use_mailer
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Campaign, Ledger
from wagtail_gdpr_newsletter.sending import lanes


@pytest.mark.parametrize(("queue", "expected"), [("campaigns", 5), ("so", 4)])
def test_only_workers_for_campaigns_alone_may_all_have_lanes(
    many_workers, configure, monkeypatch, queue, expected
):
    configure(CAMPAIGN_CLUSTER="campaigns")
    monkeypatch.setattr("django_q.conf.Conf.CLUSTER_NAME", queue)
    assert lanes.slots() == expected


def rung() -> list[tuple[str, tuple]]:
    """Each bell that nobody has heard: its queue, and how often it may be handed on."""
    return [(task.key, SignedPackage.loads(task.payload)["args"]) for task in OrmQ.objects.all()]


def test_a_bell_is_handed_on_a_few_times_where_no_turn_is_free(campaign, configure, monkeypatch):
    """Another cluster may have one. With two workers here one may send, and does."""
    configure(CAMPAIGN_CLUSTER="campaigns")
    monkeypatch.setattr("django_q.conf.Conf.SYNC", False)
    lanes.open_lane()
    actions.run_lane(1)
    assert rung() == [("campaigns", (0,))]
    actions.run_lane(0)
    assert rung() == [("campaigns", (0,))]


def test_whoever_has_a_turn_rings_for_others_unless_a_bell_waits_already(campaign, monkeypatch):
    with use_mailer("tests.mailers.Unreachable"):
        actions.run_lane()  # Writes the ledger.
        monkeypatch.setattr("django_q.conf.Conf.SYNC", False)
        for _turn in range(2):
            Ledger.objects.update(rests_until=None)
            actions.run_lane()
    assert len(rung()) == 1


@pytest.fixture
def campaign(readers, book) -> Campaign:
    """It was to be sent five minutes ago, and a worker runs the schedules."""
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    Campaign.objects.update(sending_started_at=now() - timedelta(minutes=5))
    Schedule.objects.update(next_run=now())
    return campaign


def found() -> dict[str, checks.CheckMessage]:
    messages = checks.run_checks(tags=["wagtail_gdpr_newsletter"], databases=["default"])
    return {message.id.partition(".")[2]: message for message in messages}


def test_a_campaign_that_no_worker_takes_is_named(campaign, configure, settings, capsys):
    assert "keep all workers busy" in found()["W021"].hint
    settings.Q_CLUSTER = settings.Q_CLUSTER | {"ALT_CLUSTERS": {"campaigns": {}}}
    configure(CAMPAIGN_CLUSTER="campaigns")
    assert "Q_CLUSTER_NAME=campaigns manage.py qcluster" in found()["W021"].hint
    call_command("newsletter_status")
    assert "No worker takes campaigns" in capsys.readouterr().err


def test_a_campaign_that_was_begun_just_now_is_not_left_alone(campaign):
    Campaign.objects.update(sending_started_at=now())
    assert not actions.campaigns_are_left_alone()


def test_nobody_is_called_missing_who_sends(campaign):
    lane = lanes.open_lane()
    assert not actions.campaigns_are_left_alone(), "somebody is at it"
    lanes.close(lane.pk)
    assert actions.campaigns_are_left_alone()
    actions.run_lane()
    assert not actions.campaigns_are_left_alone()


def test_nobody_is_called_missing_where_there_was_nothing_to_do(campaign):
    with use_mailer("tests.mailers.Unreachable"):
        actions.run_lane()
    Ledger.objects.update(served_at=now() - timedelta(minutes=5), rests_until=None)
    assert actions.campaigns_are_left_alone()
    Ledger.objects.update(rests_until=now() - timedelta(minutes=1))
    assert not actions.campaigns_are_left_alone(), (
        "the mail server has taken nothing until just now"
    )


def test_nobody_is_called_missing_while_a_campaign_is_held(campaign):
    actions.pause_campaign(campaign=campaign)
    assert not actions.campaigns_are_left_alone()
    actions.resume_campaign(campaign=campaign)
    assert not actions.campaigns_are_left_alone(), "it has waited since just now"


def test_a_missing_worker_is_named_once(campaign):
    Schedule.objects.update(next_run=now() - timedelta(minutes=5))
    assert "W012" in found()
    assert "W021" not in found()
