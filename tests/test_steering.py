"""Campaigns that are held, let go on, ended, scheduled, and what is done about copies in doubt."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.urls import reverse
from django.utils.timezone import now
from wagtail.models import ModelLogEntry

from tests import factories
from tests.mailers import after_each_message, use_mailer
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Campaign, Lane, SenderSettings

pytestmark = pytest.mark.django_db

ALL = ["change_campaign", "send_campaign", "publish_campaign"]


@pytest.fixture
def page(client):
    """The progress page, as somebody sees it who may send."""
    client.force_login(factories.make_editor("sender", *ALL))
    return Page(client)


class Page:
    def __init__(self, client) -> None:
        self.client = client

    def url(self, campaign, name: str) -> str:
        return reverse(Campaign.snippet_viewset.get_url_name(name), args=[campaign.pk])

    def text(self, campaign, name: str = "progress") -> str:
        return " ".join(self.client.get(self.url(campaign, name)).content.decode().split())

    def press(self, campaign, verb: str):
        response = self.client.post(self.url(campaign, "steer"), {"verb": verb}, follow=True)
        campaign.refresh_from_db()
        return response


def logged(campaign) -> list[str]:
    entries = ModelLogEntry.objects.filter(object_id=str(campaign.pk)).order_by("pk")
    ours = "wagtail_gdpr_newsletter."
    return [each.action.removeprefix(ours) for each in entries if each.action.startswith(ours)]


def test_pausing_lets_nothing_more_leave_than_the_batch_at_work(
    book, readers, send, page, configure
):
    configure(BATCH_SIZE=1)
    campaign = factories.make_campaign(book)
    with after_each_message(lambda: page.press(campaign, "pause")):
        send(campaign)
    assert campaign.send_status == "paused"
    assert len(mail.outbox) == 1
    assert campaign.ledger.counted() == {"sent": 1, "pending": 2}
    actions.tend_campaigns()
    actions.run_lane()
    assert len(mail.outbox) == 1, "no job and no task starts it again"


def test_resuming_goes_on_where_it_was_held(book, readers, send, page, configure):
    configure(BATCH_SIZE=1)
    campaign = factories.make_campaign(book)
    with after_each_message(lambda: page.press(campaign, "pause")):
        send(campaign)
    assert "Resume" in page.text(campaign)
    factories.make_subscription(book, "late@example.org")
    page.press(campaign, "resume")
    actions.run_lane()
    campaign.refresh_from_db()
    assert campaign.send_status == "sent"
    assert "late@example.org" not in [message.to[0] for message in mail.outbox]
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 3
    assert logged(campaign) == ["send", "pause", "resume"]


def test_what_is_paused_while_its_ledger_is_being_written_reaches_everybody(
    book, readers, send, page
):
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    page.press(campaign, "pause")
    actions.run_lane()
    assert mail.outbox == []
    page.press(campaign, "resume")
    assert campaign.send_status == "preparing"
    actions.run_lane()
    assert len(mail.outbox) == 3


def test_cancelling_ends_it_for_those_who_wait_and_says_so(book, readers, send, page, configure):
    configure(BATCH_SIZE=1)
    campaign = factories.make_campaign(book)
    with after_each_message(lambda: page.press(campaign, "cancel")):
        send(campaign)
    actions.run_lane()
    campaign.refresh_from_db()
    assert campaign.send_status == "cancelled"
    assert len(mail.outbox) == 1
    assert campaign.ledger.counted() == campaign.deliveries.counted() == {"sent": 1, "cancelled": 2}
    assert "not sent: cancelled" in page.text(campaign)
    assert page.press(campaign, "resume").status_code == 200
    assert campaign.send_status == "cancelled", "what is cancelled stays so"


def test_a_campaign_can_be_cancelled_while_its_ledger_is_being_written(book, readers, send, page):
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    page.press(campaign, "cancel")
    actions.run_lane()
    actions.tend_campaigns()
    assert mail.outbox == []


def test_the_buttons_are_for_those_who_may_send(book, readers, client):
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    client.force_login(factories.make_editor("writer", "change_campaign"))
    page = Page(client)
    assert "Pause" not in page.text(campaign)
    assert page.client.post(page.url(campaign, "steer"), {"verb": "pause"}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.send_status == "preparing"


def test_what_is_in_doubt_is_sent_again_when_somebody_says_so(book, readers, send, page):
    with use_mailer("tests.mailers.BreakingOff"):
        campaign = send(factories.make_campaign(book))
    with time_machine.travel(now() + timedelta(minutes=5)):
        actions.tend_campaigns()
    campaign.refresh_from_db()
    assert campaign.ledger.counted() == {"sent": 1, "unknown": 2}
    assert "Send again to these 2" in page.text(campaign)
    page.press(campaign, "send_again")
    actions.run_lane()
    campaign.refresh_from_db()
    assert campaign.send_status == "sent"
    assert len(mail.outbox) == 3
    assert campaign.ledger.counted() == campaign.deliveries.counted() == {"sent": 3}
    assert campaign.ledger.counted_reasons() == {}


def test_what_is_in_doubt_is_left_when_somebody_says_so(book, readers, send, page):
    with use_mailer("tests.mailers.BreakingOff"):
        campaign = send(factories.make_campaign(book))
    with time_machine.travel(now() + timedelta(minutes=5)):
        actions.tend_campaigns()
    page.press(campaign, "leave")
    assert "Send again" not in page.text(campaign)
    assert campaign.deliveries.counted() == {"sent": 1, "unknown": 2}


def test_whoever_left_meanwhile_is_not_sent_to_again(book, readers, send, page):
    with use_mailer("tests.mailers.BreakingOff"):
        campaign = send(factories.make_campaign(book))
    doubtful = campaign.deliveries.filter(status="unknown").first()
    actions.unsubscribe(contact=doubtful.contact, books=None, origin=factories.ORIGIN)
    page.press(campaign, "send_again")
    with time_machine.travel(now() + timedelta(minutes=5)):
        actions.tend_campaigns()
    assert doubtful.contact.mailbox not in [message.to[0] for message in mail.outbox]


def test_a_campaign_is_sent_at_its_time_in_the_zone_of_the_site(book, readers, page, settings):
    """The editor's own clock may be set to another zone: Rome it is, as the page says."""
    campaign = factories.make_campaign(book)
    assert "Europe/Rome" in page.text(campaign, "send")
    with time_machine.travel("2026-12-01T10:00:00Z", tick=False):
        response = page.client.post(
            page.url(campaign, "send"),
            {
                "schedule": "1",
                "send_at": "2026-12-24T18:00",
                "seen": actions.digest_of_newest(campaign),
            },
        )
        assert response.status_code == 302
    campaign.refresh_from_db()
    assert campaign.send_status == "scheduled"
    assert campaign.send_at.isoformat() == "2026-12-24T17:00:00+00:00"
    assert "Europe/Rome" in page.text(campaign)
    with time_machine.travel("2026-12-24T16:59:30Z", tick=False):
        actions.tend_campaigns()
    assert mail.outbox == []
    with time_machine.travel("2026-12-24T17:00:10Z"):
        actions.tend_campaigns()
        actions.run_lane()
    assert len(mail.outbox) == 3
    assert logged(campaign) == ["schedule", "send"]


def test_a_time_that_has_passed_is_refused(book, readers, page):
    campaign = factories.make_campaign(book)
    data = {"schedule": "1", "send_at": "2020-01-01T10:00", "seen": ""}
    response = page.client.post(page.url(campaign, "send"), data)
    assert "That time has passed." in response.content.decode()
    campaign.refresh_from_db()
    assert campaign.send_status == "draft"


def scheduled(book) -> Campaign:
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign, at=now() + timedelta(hours=1))
    campaign.refresh_from_db()
    return campaign


def test_what_is_scheduled_cannot_be_edited_and_comes_off_the_schedule(book, readers, page):
    campaign = scheduled(book)
    assert campaign.get_lock() is not None
    page.press(campaign, "unschedule")
    assert campaign.send_status == "draft"
    assert campaign.get_lock() is None
    with time_machine.travel(now() + timedelta(hours=2)):
        actions.tend_campaigns()
    assert mail.outbox == []


def test_what_cannot_be_sent_at_its_time_becomes_a_draft_and_says_why(book, readers, page):
    campaign = scheduled(book)
    SenderSettings.objects.update(postal_address="")
    with time_machine.travel(now() + timedelta(hours=2)):
        actions.tend_campaigns()
    campaign.refresh_from_db()
    assert campaign.send_status == "draft"
    assert "postal address" in campaign.trouble
    assert mail.outbox == []


def test_the_page_tells_rate_and_time_left(book, readers, page):
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    Campaign.objects.update(trouble="")
    Lane.objects.create(
        machine="elsewhere",
        leader=1,
        process=1,
        slot=0,
        campaign=campaign,
        started_at=now() - timedelta(seconds=4),
        leased_until=now() + timedelta(minutes=1),
        tally={"sent": 2},
    )
    text = page.text(campaign)
    assert "2 of 3 done" in text
    assert "a second" in text
    assert "left" in text
