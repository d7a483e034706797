"""Providers with an API: a call for many readers where one may be, several calls at once, and nobody twice."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import pytest
from anymail.signals import pre_send
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from tests import factories, provider
from tests.mailers import use_mailer
from tests.provider import Manners, Refusal
from tests.test_compose import HOSTILE, composer, names, recipient, within_tests  # noqa: F401
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Contact, Ledger, SenderSettings
from wagtail_gdpr_newsletter.sending import batches, messages

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
]

MAILGUN, SENDGRID, POSTMARK = "Mailgun", "SendGrid", "Postmark"
IN_BATCHES = [MAILGUN, SENDGRID]


@contextmanager
def sending_by(name: str, settings, manners: Manners | None = None):
    """The site's mail goes by Anymail to a provider of that name, here."""
    with provider.serving(manners) as here:
        settings.ANYMAIL = {**settings.ANYMAIL, **here.settings}
        with use_mailer(f"anymail.backends.{name.lower()}.EmailBackend"):
            yield here


@pytest.fixture
def here(name, settings):
    with sending_by(name, settings) as here:
        yield here


def everybody() -> set[str]:
    return set(Contact.objects.values_list("address", flat=True))


@pytest.mark.parametrize("name", IN_BATCHES)
def test_many_readers_share_a_call_and_each_gets_their_own_words(name, settings, book, send):
    for number, hostile in enumerate(HOSTILE):
        reader = factories.make_subscription(book, f"reader{number}@example.org").contact
        name_in_table = hostile.replace("\x00", "")[:200]
        Contact.objects.filter(pk=reader.pk).update(name=name_in_table)
    body = [("text", "<p>Dear {name|reader}, this is for {email}.</p>")]
    with sending_by(name, settings) as here:
        campaign = send(factories.make_campaign(book, subject="For {name|all}", body=body))
    assert campaign.deliveries.counted() == {"sent": len(HOSTILE)}
    assert len(here.calls) == 1
    contacts = {contact.address: contact for contact in Contact.objects.all()}
    assert Counter(here.recipients) == Counter(list(contacts))
    for copy in here.copies:
        (address,) = copy.to
        token = contacts[address].link_token
        assert f"/{token}/" in copy.headers["List-Unsubscribe"]
        assert copy.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert f"my-data/{token}" in copy.text
        assert f"my-data/{token}" in copy.html
        for other in contacts.values():
            if other.address != address:
                assert other.link_token not in copy.everything


@pytest.mark.parametrize("name", IN_BATCHES)
@within_tests
@given(readers=st.lists(names, min_size=2, max_size=4))
def test_a_copy_of_a_batch_says_what_one_alone_would(name, here, composer, book, readers):  # noqa: F811
    many = [
        recipient(book, each)._replace(
            mailbox=f"reader{number}@example.org",
            link_token=f"{number:032x}",
            delivery_id=f"{number}",
        )
        for number, each in enumerate(readers)
    ]
    here.copies.clear()
    messages.open_mailer().send_messages([batches.BatchComposer(composer, name).message(many)])
    for each, copy in zip(many, here.copies, strict=True):
        alone = composer.message(each, provider=name)
        assert copy.to == [each.mailbox]
        assert (copy.subject, copy.text) == (alone.subject, alone.body)
        assert copy.html == alone.alternatives[0].content
        headers = {field.lower(): value for field, value in copy.headers.items()}
        for field, value in alone.extra_headers.items():
            assert field == "Message-ID" or headers[field.lower()] == value
        assert copy.metadata["delivery"] == each.delivery_id


def test_providers_without_batches_get_a_call_a_reader(settings, configure, book, crowd, send):
    manners = Manners(delay=0.05)
    configure(CONNECTIONS=5)
    with sending_by(POSTMARK, settings, manners) as here:
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 40}
    assert Counter(here.recipients) == Counter(everybody())
    assert {len(call.recipients) for call in here.calls} == {1}
    assert here.most_at_once == 5
    assert campaign.deliveries.exclude(message_id="").count() == 40


def test_as_many_calls_are_under_way_as_there_may_be(settings, configure, book, crowd, send):
    configure(CONNECTIONS=3, BATCH_SIZE=15)
    with sending_by(MAILGUN, settings, Manners(delay=0.1)) as here:
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 40}
    assert here.most_at_once == 3
    assert max(len(call.recipients) for call in here.calls) == 5


@pytest.mark.parametrize("name", IN_BATCHES)
def test_an_address_that_the_provider_does_not_like_costs_the_others_nothing(
    name, settings, book, crowd, send
):
    def refuse(recipients):
        return Refusal(400) if "reader17@example.org" in recipients else None

    with sending_by(name, settings, Manners(refuse=refuse)) as here:
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 39, "failed": 1}
    failed = campaign.deliveries.get(status="failed")
    assert (failed.contact.address, failed.attempts) == ("reader17@example.org", 1)
    assert Counter(here.recipients) == Counter(everybody() - {"reader17@example.org"})


def test_an_unusual_address_goes_alone(settings, book, crowd, send):
    """In a call a copy's own words are found by the address: it must not be read in two ways."""
    factories.make_subscription(book, "o'hara@example.org")
    with sending_by(MAILGUN, settings) as here:
        send(factories.make_campaign(book))
    assert Counter(here.recipients) == Counter(everybody())
    assert ["o'hara@example.org"] in [call.recipients for call in here.calls]


@pytest.mark.parametrize("name", [MAILGUN, POSTMARK])
def test_too_many_requests_are_obeyed_and_cost_nobody_anything(
    name, settings, configure, book, crowd, send
):
    """RFC 6585, 4: nothing is sent before the provider's time is over, and nobody's attempt is spent."""
    calls = []

    def refuse(recipients):
        calls.append(monotonic())
        return Refusal(429, {"Retry-After": "1"}) if len(calls) <= 3 else None

    configure(CONNECTIONS=3, BATCH_SIZE=30)
    with sending_by(name, settings, Manners(refuse=refuse)) as here:
        campaign = send(factories.make_campaign(book))
    refused = [call.at for call in here.calls if call.status == 429]
    taken = [call.at for call in here.calls if call.status == 200]
    assert len(refused) == 3
    assert min(taken) - min(refused) >= 1
    assert Counter(here.recipients) == Counter(everybody())
    assert set(campaign.deliveries.values_list("status", "attempts")) == {("sent", 1)}
    assert campaign.trouble == ""


def test_a_provider_that_wants_to_be_left_alone_for_longer_is(settings, book, crowd, send):
    tired = Manners(refuse=lambda _recipients: Refusal(429, {"Retry-After": "1800"}))
    with sending_by(MAILGUN, settings, tired) as here:
        campaign = send(factories.make_campaign(book))
        assert len(here.calls) <= 8
        assert campaign.deliveries.counted() == {"pending": 40}
        assert "429" in campaign.trouble
        rests_until = Ledger.objects.get().rests_until
        assert timedelta(minutes=29) < rests_until - now() <= timedelta(minutes=30)
        tired.refuse = lambda _recipients: None
        Ledger.objects.update(rests_until=now(), quiet_until=now())
        actions.tend_campaigns()
        actions.run_lane()
        campaign.refresh_from_db()
    assert campaign.deliveries.counted() == {"sent": 40}
    assert campaign.trouble == ""
    assert Counter(here.recipients) == Counter(everybody())


@pytest.mark.parametrize("connections", [1, 8])
def test_a_call_whose_answer_got_lost_leaves_its_readers_in_doubt_and_no_others(
    settings, configure, book, crowd, send, connections
):
    """One is an accident, however many readers it is for."""
    configure(CONNECTIONS=connections)
    rude = Manners(hangs_up_on=lambda recipients: "reader17@example.org" in recipients)
    for number in range(40, 230):
        factories.make_subscription(book, f"reader{number}@example.org")
    with sending_by(MAILGUN, settings, rude) as here:
        campaign = send(factories.make_campaign(book))
    (lost,) = [call.recipients for call in here.calls if "reader17@example.org" in call.recipients]
    assert len(lost) > 20
    unknown = campaign.deliveries.filter(status="unknown")
    assert set(unknown.values_list("contact__address", flat=True)) == set(lost)
    assert campaign.deliveries.counted() == {"unknown": len(lost), "sent": 230 - len(lost)}
    assert Counter(here.recipients) == Counter(everybody())
    assert campaign.trouble == ""


@pytest.mark.parametrize("told", ["0", "Thu, 01 Jan 2026 00:00:00 GMT", "9" * 20])
def test_a_time_to_wait_that_makes_no_sense_hurts_nobody(settings, book, crowd, send, told):
    tired = Manners(refuse=lambda _recipients: Refusal(429, {"Retry-After": told}))
    with sending_by(POSTMARK, settings, tired) as here:
        campaign = send(factories.make_campaign(book))
    assert len(here.calls) <= 8 * 5
    assert campaign.deliveries.counted() == {"pending": 40}


def test_all_campaigns_wait_for_a_provider_that_one_was_told_to_wait_for(
    settings, book, crowd, send
):
    with use_mailer("tests.mailers.Unreachable"):
        send(factories.make_campaign(book, subject="Another one"))
    Ledger.objects.update(rests_until=None)
    tired = Manners(refuse=lambda _recipients: Refusal(429, {"Retry-After": "1800"}))
    with sending_by(MAILGUN, settings, tired) as here:
        send(factories.make_campaign(book))
        actions.tend_campaigns()
        actions.run_lane()
    assert len(here.calls) == 1
    assert Ledger.objects.filter(quiet_until__gt=now()).count() == 2


def test_what_a_refused_call_did_not_send_does_not_count_against_the_senders_limit(
    settings, book, crowd, send, site
):
    SenderSettings.objects.filter(site=site).update(per_day=60)
    tired = Manners(refuse=lambda _recipients: Refusal(429, {"Retry-After": "1800"}))
    with sending_by(MAILGUN, settings, tired) as here:
        campaign = send(factories.make_campaign(book))
        for _turn in range(3):
            Ledger.objects.update(rests_until=None, quiet_until=None)
            actions.run_lane()
        tired.refuse = lambda _recipients: None
        Ledger.objects.update(rests_until=None, quiet_until=None)
        actions.run_lane()
    assert campaign.deliveries.counted() == {"sent": 40}
    assert Counter(here.recipients) == Counter(everybody())


def test_an_event_finds_its_delivery_though_the_provider_gave_one_id_to_all(
    settings, book, crowd, send
):
    with sending_by(MAILGUN, settings) as here:
        campaign = send(factories.make_campaign(book))
    (copy,) = [each for each in here.copies if each.to == ["reader17@example.org"]]
    shared = "<one-for-all@example.org>"
    told = copy.metadata["delivery"]
    actions.take_event(actions.ProviderEvent("bounced", told, shared, "1", "bounced", True, now()))
    # Whose event does not say whose it is must not be taken for somebody else's.
    actions.take_event(actions.ProviderEvent("complained", "", shared, "2", "", True, now()))
    (bounced,) = campaign.deliveries.filter(status="bounced")
    assert bounced.contact.address == "reader17@example.org"
    assert campaign.deliveries.counted() == {"bounced": 1, "sent": 39}


@pytest.mark.parametrize("name", [MAILGUN, POSTMARK])
def test_what_the_sites_own_code_keeps_back_is_not_called_sent(name, settings, book, crowd, send):
    def keep_back(sender, message, **kwargs):
        message.to = [each for each in message.to if each != "reader17@example.org"]

    pre_send.connect(keep_back)
    try:
        with sending_by(name, settings) as here:
            campaign = send(factories.make_campaign(book))
    finally:
        pre_send.disconnect(keep_back)
    assert Counter(here.recipients) == Counter(everybody() - {"reader17@example.org"})
    (kept,) = campaign.deliveries.exclude(status="sent")
    assert (kept.contact.address, kept.status) == ("reader17@example.org", "failed")


def test_people_who_run_the_site_read_how_many_share_a_call(settings):
    with sending_by(MAILGUN, settings):
        assert "a call for up to 100 messages, 8 calls at once" in actions.describe_transport()
        assert messages.provider_of(messages.open_mailer()) == MAILGUN
    with sending_by(POSTMARK, settings):
        assert "a call a message, 8 calls at once" in actions.describe_transport()
