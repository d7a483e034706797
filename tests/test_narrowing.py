"""A campaign is for some of its books' readers: by language, by when they joined, by what they had before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Campaign, Contact, Delivery, FrozenMessage, Subscription
from wagtail_gdpr_newsletter.pseudonyms import digest_of
from wagtail_gdpr_newsletter.sending import audience

pytestmark = pytest.mark.django_db

ADA, EVE, BOB = "ada@example.org", "eve@example.org", "bob@example.org"


@pytest.fixture
def people(book):
    for address, language in ((ADA, "en"), (EVE, "it"), (BOB, "de")):
        factories.make_subscription(book, address, language=language)


def joined(address: str, at: datetime) -> None:
    Subscription.objects.filter(contact__address=address).update(confirmed_at=at)


def got_it() -> set[str]:
    return {message.to[0] for message in mail.outbox}


def reached_by(campaign: Campaign) -> set[str]:
    reached = audience.subscriptions_of(campaign).mailable()
    return set(reached.values_list("contact__address", flat=True))


@pytest.fixture
def earlier(book, people, send):
    """To Ada, Eve and Bob; then the outbox is empty again."""
    campaign = send(factories.make_campaign(book, subject="Winter is over"))
    mail.outbox.clear()
    return campaign


def becomes(campaign: Campaign, address: str, **values: object) -> None:
    Delivery.objects.filter(campaign=campaign, contact__address=address).update(**values)


def test_a_campaign_goes_to_the_languages_that_were_ticked_and_to_no_other(book, people, send):
    send(factories.make_campaign(book, only_languages=["it", "de"]))
    assert got_it() == {EVE, BOB}


@pytest.mark.parametrize(
    ("narrowed", "reached"),
    [
        ({"joined_from": date(2026, 3, 29)}, {ADA, BOB}),
        ({"joined_before": date(2026, 3, 29)}, {EVE}),
        ({"joined_from": date(2026, 3, 30)}, {BOB}),
        ({"joined_before": date(2026, 3, 30)}, {ADA, EVE}),
        ({"joined_from": date(2026, 3, 29), "joined_before": date(2026, 3, 30)}, {ADA}),
    ],
)
def test_days_begin_and_end_by_the_clock_of_the_site(
    book, people, send, settings, narrowed, reached
):
    """On the day on which Rome put its clocks forward, so that it has 23 hours."""
    settings.TIME_ZONE = "Europe/Rome"
    rome = ZoneInfo("Europe/Rome")
    joined(EVE, datetime(2026, 3, 28, 23, 59, 59, tzinfo=rome))
    joined(ADA, datetime(2026, 3, 29, 0, 0, tzinfo=rome))
    joined(BOB, datetime(2026, 3, 29, 22, 0, tzinfo=UTC))  # Midnight in Rome.
    send(factories.make_campaign(book, **narrowed))
    assert got_it() == reached


def test_whoever_joined_another_book_in_time_gets_it_through_that_one(book, site, send):
    """What is asked of a subscription is asked of one and the same."""
    other = factories.make_book(site, "Other letter")
    ada = factories.make_subscription(book, ADA)
    factories.make_subscription(other, ADA)
    both = {"joined_from": date(2025, 1, 1), "joined_before": date(2026, 1, 1)}
    Subscription.objects.filter(book=book).update(confirmed_at=datetime(2024, 1, 1, tzinfo=UTC))
    Subscription.objects.filter(book=other).update(confirmed_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert reached_by(factories.make_campaign(book, other, **both)) == set()
    send(factories.make_campaign(book, other, joined_from=date(2026, 1, 1)))
    assert got_it() == {ada.contact.address}


def test_those_who_received_an_earlier_campaign_are_told_from_those_who_did_not(
    book, earlier, send
):
    factories.make_subscription(book, "new@example.org")
    received = factories.make_campaign(book, received=earlier)
    assert reached_by(received) == {ADA, EVE, BOB}
    send(factories.make_campaign(book, not_received=earlier))
    assert got_it() == {"new@example.org"}


@pytest.mark.parametrize(
    ("status", "has", "has_not"),
    [
        ("sent", True, False),
        ("complained", True, False),
        ("unknown", False, False),
        ("pending", False, False),
        ("bounced", False, True),
        ("failed", False, True),
        ("skipped", False, True),
        ("cancelled", False, True),
    ],
)
def test_a_copy_in_doubt_counts_neither_as_received_nor_as_not(book, earlier, status, has, has_not):
    becomes(earlier, ADA, status=status)
    assert (ADA in reached_by(factories.make_campaign(book, received=earlier))) == has
    assert (ADA in reached_by(factories.make_campaign(book, not_received=earlier))) == has_not


def test_a_copy_that_came_under_an_address_they_had_then_is_remembered(book, earlier):
    """Two contacts have become one, and the further of two deliveries stayed theirs."""
    ada = Contact.objects.get(address=ADA)
    becomes(earlier, ADA, status="bounced")
    becomes(earlier, EVE, contact=None, second_copy_of=ada)
    assert ADA in reached_by(factories.make_campaign(book, received=earlier))
    assert ADA not in reached_by(factories.make_campaign(book, not_received=earlier))


def test_what_was_decided_when_the_ledger_was_written_is_not_asked_again(book, people):
    campaign = factories.make_campaign(book, only_languages=["en"])
    factories.write_ledger(campaign)
    Contact.objects.filter(address=ADA).update(language="it")
    Contact.objects.filter(address=EVE).update(language="en")
    actions.run_lane()
    assert got_it() == {ADA}


def test_whoever_leaves_after_the_ledger_was_written_gets_nothing_all_the_same(book, people):
    campaign = factories.make_campaign(book, only_languages=["en", "it"])
    factories.write_ledger(campaign)
    ada = Contact.objects.get(address=ADA)
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    actions.run_lane()
    assert got_it() == {EVE}


def test_whoever_leaves_the_book_by_which_they_are_in_it_gets_nothing_through_another(
    book, site, people
):
    """They joined that one in time, and the other one long before."""
    other = factories.make_book(site, "Other letter")
    for address in (ADA, EVE):
        factories.make_subscription(other, address)
    Subscription.objects.filter(book=other).update(confirmed_at=datetime(2024, 1, 1, tzinfo=UTC))
    campaign = factories.make_campaign(book, other, joined_from=date(2025, 1, 1))
    factories.write_ledger(campaign)
    ada = Contact.objects.get(address=ADA)
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    actions.run_lane()
    assert got_it() == {EVE, BOB}


def test_the_audience_is_stored_with_the_campaign_as_sent(book, earlier, send, settings):
    settings.TIME_ZONE = "Europe/Rome"
    narrowed = {
        "only_languages": ["it", "en"],
        "joined_from": date(2020, 1, 1),
        "received": earlier,
    }
    campaign = send(factories.make_campaign(book, **narrowed))
    frozen = FrozenMessage.objects.get(campaign=campaign)
    assert frozen.audience == {
        "books": [{"uuid": book.uuid, "name": "Seed letter"}],
        "languages": ["en", "it"],
        "joined": {"from": "2020-01-01", "time_zone": "Europe/Rome"},
        "received": {"uuid": str(earlier.uuid), "subject": "Winter is over"},
        "not_received": {},
        "answers": [],
    }
    assert frozen.digest == frozen.digest_now()
    frozen.audience["languages"] = ["it"]
    assert frozen.digest != frozen.digest_now()


def test_what_was_sent_before_audiences_were_stored_keeps_its_digest(book, people, send):
    frozen = send(factories.make_campaign(book)).frozen_message
    frozen.audience = None
    assert frozen.digest_now() == digest_of([frozen.subject, frozen.html, frozen.text])


def test_a_copy_is_for_the_same_readers(book, earlier):
    narrowed = {"only_languages": ["it"], "joined_before": date(2030, 1, 1), "received": earlier}
    copy = factories.make_campaign(book, **narrowed).copy_to_edit()
    assert reached_by(copy) == {EVE}
    restored = actions.newest(factories.make_campaign(book, **narrowed))
    assert reached_by(restored) == {EVE}


def reasons(campaign: Campaign) -> str:
    return " ".join(actions.reasons_against_sending(campaign))


def test_what_keeps_a_narrowed_campaign_from_being_sent_is_said(book, earlier):
    assert reasons(factories.make_campaign(book, received=earlier)) == ""
    nobody = factories.make_campaign(book, only_languages=["fr"])
    assert "narrowed to nobody" in reasons(nobody)
    draft = factories.make_campaign(book, subject="Not yet")
    assert "“Not yet” has not been sent" in reasons(factories.make_campaign(book, received=draft))
    elsewhere = factories.make_site()
    factories.make_sender(elsewhere)
    foreign = factories.make_campaign(factories.make_book(elsewhere), subject="Foreign")
    said = reasons(factories.make_campaign(book, not_received=foreign))
    assert "“Foreign” was sent for another site" in said


def test_counting_costs_the_same_whatever_there_is(book, earlier):
    campaign = factories.make_campaign(
        book, only_languages=["en"], joined_from=date(2020, 1, 1), not_received=earlier
    )
    asked = []
    for number in (0, 20):
        for each in range(number):
            factories.make_subscription(book, f"reader{each}@example.org")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            counted = audience.count(Campaign.objects.get(pk=campaign.pk))
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert counted.reached == 20
    assert counted.left_out == [("not in the chosen audience", 3)]


STATES = st.lists(
    st.tuples(
        st.sampled_from(["en", "it", "de"]),
        st.sampled_from(["pending", "confirmed", "unsubscribed", "unproven"]),
        st.booleans(),
        st.dates(date(2025, 12, 30), date(2026, 1, 3)),
        st.sampled_from([None, "sent", "unknown", "bounced", "pending"]),
    ),
    min_size=1,
    max_size=6,
)
CHOICES = st.fixed_dictionaries(
    {
        "only_languages": st.lists(st.sampled_from(["en", "it", "de", "fr"]), unique=True),
        "joined_from": st.none() | st.dates(date(2025, 12, 30), date(2026, 1, 3)),
        "joined_before": st.none() | st.dates(date(2025, 12, 30), date(2026, 1, 3)),
    }
)


@given(people=STATES, chosen=CHOICES, received=st.booleans(), not_received=st.booleans())
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_narrowing_never_adds_anybody(book, people, chosen, received, not_received):
    Delivery.objects.all().delete()
    Contact.objects.all().delete()
    earlier = factories.make_campaign(book)
    for number, (language, status, restricted, day, copy) in enumerate(people):
        one = factories.make_subscription(
            book, f"{number}@example.org", language=language, restricted=restricted
        )
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        Subscription.objects.filter(pk=one.pk).update(
            status=status, confirmed_at=at, unsubscribed_at=at
        )
        if copy:
            Delivery.objects.create(campaign=earlier, contact=one.contact, status=copy)
    narrow = factories.make_campaign(
        book,
        **chosen,
        received=earlier if received else None,
        not_received=earlier if not_received else None,
    )
    assert reached_by(narrow) <= reached_by(factories.make_campaign(book))
    reach = audience.reach_of(narrow)
    assert (reach.reached, reach.readers) == (
        len(reached_by(narrow)),
        audience.reach_of(factories.make_campaign(book)).readers,
    )
