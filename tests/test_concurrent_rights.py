"""Readers who change or leave while everything else goes on: no error, no second copy, no lost evidence."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db.models import Count

from tests import factories
from tests.factories import join
from tests.mails import token_in
from tests.threads import (
    a_moment,
    asked_to_move,
    at_once,
    at_the_same_time,
    confirm_move,
    errors_in,
)
from wagtail_gdpr_newsletter import actions, tokens
from wagtail_gdpr_newsletter.actions.offering import current_statement
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    AccessSession,
    AskedMailbox,
    ConsentRecord,
    Contact,
    Delivery,
    RecordedEvent,
    RightsRequest,
    Subscription,
    Suppression,
)

pytestmark = at_the_same_time

ROUNDS = 3
#: What somebody is told whose page is about something that has changed.
TOO_LATE = (tokens.InvalidToken, actions.SomethingElse)


def what_must_hold() -> None:
    """DESIGN, section 6, as far as the tables tell it."""
    assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())
    for subscription in Subscription.objects.mailable():
        proof = ConsentRecord.objects.filter(
            contact=subscription.contact,
            book_uuid=subscription.book.uuid,
            event=RecordedEvent.CONFIRMED,
        )
        assert proof.exists()
    twice = Delivery.objects.exclude(contact=None).values("campaign", "contact")
    assert not twice.annotate(number=Count("pk")).filter(number__gt=1).exists()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_erasing_while_a_campaign_claims_the_contact(book, configure, many_workers, round):
    configure(BATCH_SIZE=3)
    people = [join(book, f"reader{number}@example.org") for number in range(12)]
    mail.outbox.clear()
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    outcomes = at_once(
        *[lambda: actions.run_lane()] * 2,
        *[
            a_moment(lambda person=person: actions.erase(contact=person, origin=factories.ORIGIN))
            for person in people[::3]
        ],
    )
    actions.tend_campaigns()
    assert errors_in(outcomes) == []
    reached = [message.to[0] for message in mail.outbox]
    assert len(reached) == len(set(reached))
    stayed = {person.address for person in people} - {person.address for person in people[::3]}
    assert stayed <= set(reached)
    campaign.refresh_from_db()
    assert campaign.send_status == "sent"
    assert campaign.deliveries.count() == 12
    assert not Contact.objects.filter(pk__in=[person.pk for person in people[::3]]).exists()
    what_must_hold()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_erasing_while_the_ledger_is_written(book, round):
    people = [join(book, f"reader{number}@example.org") for number in range(8)]
    campaign = factories.make_campaign(book)
    outcomes = at_once(
        lambda: actions.send_campaign(campaign=campaign),
        *[
            a_moment(lambda person=person: actions.erase(contact=person, origin=factories.ORIGIN))
            for person in people[:4]
        ],
    )
    actions.tend_campaigns()
    assert errors_in(outcomes) == []
    campaign.refresh_from_db()
    assert (campaign.send_status, campaign.trouble) == ("sent", "")
    assert set(campaign.deliveries.exclude(contact=None).values_list("contact", flat=True)) == {
        person.pk for person in people[4:]
    }


@pytest.mark.parametrize("round", range(ROUNDS))
def test_two_who_once_typed_each_others_address_are_erased_at_once(book, round):
    ada, grace = join(book, "ada@example.org"), join(book, "grace@example.org")
    asked_to_move(ada, grace.address)
    asked_to_move(grace, ada.address)
    outcomes = at_once(
        lambda: actions.erase(contact=ada, origin=factories.ORIGIN),
        lambda: actions.erase(contact=grace, origin=factories.ORIGIN),
    )
    assert errors_in(outcomes) == []
    assert not Contact.objects.exists()


def test_erasing_one_person_in_several_tabs(book):
    ada = join(book, "ada@example.org")
    outcomes = at_once(lambda: actions.erase(contact=ada, origin=factories.ORIGIN), times=4)
    assert errors_in(outcomes) == []
    assert RightsRequest.objects.filter(kind="erasure").count() == 1
    what_must_hold()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_erasing_while_the_same_person_does_everything_else(book, site, round):
    other = factories.make_book(site, "Garden letter")
    ada = join(book, "ada@example.org")
    moving = asked_to_move(ada, "countess@example.org")
    doing = [
        lambda: actions.erase(contact=ada, origin=factories.ORIGIN),
        lambda: actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN),
        lambda: actions.restrict(contact=ada, restricted=True, source="test"),
        lambda: actions.object_to_mail(contact=ada, origin=factories.ORIGIN),
        lambda: actions.correct(contact=ada, name="Ada", language="it", source="test"),
        lambda: actions.write_to_sender(contact=ada, text="Hello"),
        lambda: actions.mail_access_link(ada.pk),
        lambda: factories.sign_up(other, "ada@example.org"),
        lambda: confirm_move(moving),
    ]
    outcomes = at_once(*[a_moment(task) for task in doing])
    assert [error for error in errors_in(outcomes) if not isinstance(error, TOO_LATE)] == []
    assert not Subscription.objects.mailable().exists()
    assert ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED).count() == 1
    what_must_hold()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_two_address_changes_at_once_end_in_one_address(book, round):
    ada = join(book, "ada@example.org")
    links = [asked_to_move(ada, f"new{number}@example.org") for number in range(2)]
    outcomes = at_once(
        *[lambda token=token: confirm_move(token) for token in links],
        times=2,
    )
    moved = [outcome for outcome in outcomes if isinstance(outcome, Contact)]
    assert len(moved) == 1
    assert all(isinstance(error, TOO_LATE) for error in errors_in(outcomes))
    ada.refresh_from_db()
    assert ada.address == moved[0].address
    assert ConsentRecord.objects.filter(event=RecordedEvent.ADDRESS_CHANGED).count() == 1
    what_must_hold()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_two_people_who_move_onto_each_other_become_one(book, site, send, round):
    """Each is asked at the other's address, and both confirm at the same moment."""
    garden = factories.make_book(site, "Garden letter")
    ada, grace = join(book, "ada@example.org"), join(book, "grace@example.org")
    factories.make_subscription(garden, "grace@example.org")
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    evidence = set(ConsentRecord.objects.values_list("pk", flat=True))
    links = [asked_to_move(ada, grace.address), asked_to_move(grace, ada.address)]
    outcomes = at_once(*[lambda token=token: confirm_move(token) for token in links])
    assert all(isinstance(error, TOO_LATE) for error in errors_in(outcomes))
    one = Contact.objects.get()
    assert evidence < set(one.consent_records.values_list("pk", flat=True))
    assert sorted(each.book.name for each in one.subscriptions.all()) == [
        "Garden letter",
        "Seed letter",
    ]
    assert campaign.deliveries.filter(contact=one).count() == 1
    assert one.former_links.count() == 2
    assert ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED).count() == 2


@pytest.mark.parametrize("round", range(ROUNDS))
def test_three_contacts_that_move_to_one_address_at_once_become_one(book, round):
    people = [join(book, f"reader{number}@example.org") for number in range(3)]
    links = []
    for person in people:
        # The limit on what one mailbox gets is not what this is about.
        AskedMailbox.objects.all().delete()
        links.append(asked_to_move(person, "all@example.org"))
    outcomes = at_once(*[lambda token=token: confirm_move(token) for token in links])
    for outcome, link in zip(outcomes, links, strict=True):
        if isinstance(
            outcome, actions.SomethingElse
        ):  # They read what it would do now, and confirm.
            confirm_move(link)
        else:
            assert isinstance(outcome, Contact)
    assert Contact.objects.get().address == "all@example.org"
    assert Subscription.objects.mailable().count() == 1
    assert ConsentRecord.objects.filter(event=RecordedEvent.CONFIRMED).count() == 3


@pytest.mark.parametrize("round", range(ROUNDS))
def test_moving_while_the_campaign_is_sent_brings_no_second_copy(
    book, configure, many_workers, round
):
    configure(BATCH_SIZE=1)
    ada, grace = join(book, "ada@example.org"), join(book, "grace@example.org")
    link = asked_to_move(ada, grace.address)
    mail.outbox.clear()
    campaign = factories.make_campaign(book)
    factories.write_ledger(campaign)
    outcomes = at_once(
        lambda: actions.run_lane(),
        a_moment(lambda: confirm_move(link)),
    )
    actions.tend_campaigns()
    assert errors_in(outcomes) == []
    copies = [message.to[0] for message in mail.outbox if message.subject == campaign.subject]
    assert len(copies) == len(set(copies)) >= 1
    what_must_hold()


def test_one_link_in_several_tabs_opens_one_session(book):
    ada = join(book, "ada@example.org")
    actions.mail_access_link(ada.pk)
    token = token_in(mail.outbox[-1], "my-data")
    outcomes = at_once(lambda: actions.open_by_link(token=token), times=4)
    assert AccessSession.objects.count() == 1
    assert all(isinstance(error, tokens.SpentToken) for error in errors_in(outcomes))
    assert len(errors_in(outcomes)) == 3


def test_many_requests_for_a_link_at_once_bring_one_mail(book):
    ada = join(book, "ada@example.org")
    before = len(mail.outbox)
    outcomes = at_once(lambda: actions.mail_access_link(ada.pk), times=5)
    assert errors_in(outcomes) == []
    assert len(mail.outbox) == before + 1


def test_an_erasure_and_a_bounce_at_the_same_moment(book):
    from django.utils.timezone import now

    ada = join(book, "ada@example.org")
    actions.send_campaign(campaign=factories.make_campaign(book))
    delivery = Delivery.objects.get()
    event = actions.ProviderEvent("bounced", delivery.opaque_id, "", "1", "bounced", True, now())
    outcomes = at_once(
        lambda: actions.take_event(event),
        lambda: actions.erase(contact=ada, origin=factories.ORIGIN, keep_hash=False),
    )
    assert errors_in(outcomes) == []
    assert not Contact.objects.exists()
    assert not Suppression.objects.exists(), "nothing was to be remembered"


def test_downloading_while_being_erased(book):
    ada = join(book, "ada@example.org")
    outcomes = at_once(
        *[a_moment(lambda: actions.as_zip(contact=ada, language="en", source="my data"))] * 4,
        lambda: actions.erase(contact=ada, origin=factories.ORIGIN),
    )
    assert errors_in(outcomes) == []
    assert not RightsRequest.objects.exclude(contact=None).exists()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_joining_while_being_erased_brings_nobody_back(book, site, round):
    other = factories.make_book(site, "Garden letter")
    ada = join(book, "ada@example.org")
    statement = current_statement(other, "en")
    outcomes = at_once(
        a_moment(lambda: actions.erase(contact=ada, origin=factories.ORIGIN)),
        *[
            a_moment(
                lambda: actions.join(contact=ada, statements=[statement], origin=factories.ORIGIN)
            )
        ]
        * 3,
    )
    assert errors_in(outcomes) == []
    assert not Contact.objects.exists()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_leaving_while_moving_is_remembered_of_the_new_address(book, site, round):
    ada = join(book, "ada@example.org")
    link = asked_to_move(ada, "countess@example.org")
    outcomes = at_once(
        a_moment(lambda: confirm_move(link)),
        a_moment(lambda: actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)),
    )
    assert all(isinstance(error, TOO_LATE) for error in errors_in(outcomes))
    now_at = Contact.objects.get()
    left = Suppression.objects.of(now_at.canonical_address, site=site)
    assert left.filter(reason="withdrawal", scope=book.uuid).exists()
    assert not Subscription.objects.mailable().exists()


def test_many_people_who_ask_one_mailbox_at_once_bring_one_mail(book):
    people = [join(book, f"mallory{number}@example.org") for number in range(8)]
    before = len(mail.outbox)
    new = Address.parse("victim@example.org")
    outcomes = at_once(
        *[
            lambda person=person: actions.ask_for_new_address(contact=person, address=new)
            for person in people
        ]
    )
    assert errors_in(outcomes) == []
    assert len(mail.outbox) == before + 1
