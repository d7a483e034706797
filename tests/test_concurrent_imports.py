"""An import while readers go on: no error for anybody, nobody twice, and nobody who leaves is brought back."""

from __future__ import annotations

import pytest

from tests import factories
from tests.imports import uploaded
from tests.threads import a_moment, at_once, at_the_same_time, errors_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    ConsentRecord,
    Contact,
    ContactImport,
    Subscription,
)

pytestmark = at_the_same_time

ROUNDS = 3
PEOPLE = [f"reader{number}@example.org" for number in range(30)]


@pytest.fixture(autouse=True)
def bells_that_nobody_hears(monkeypatch):
    """The workers of these tests are threads."""
    monkeypatch.setattr("django_q.conf.Conf.SYNC", False)


def checked(book: AddressBook, people: list[str]) -> ContactImport:
    contact_import = uploaded(book, people)
    work(contact_import)
    return contact_import


def work(contact_import: ContactImport) -> None:
    actions.work_on_import(contact_import.pk)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_two_workers_at_one_import_take_every_row_once(book, round):
    contact_import = checked(book, PEOPLE)
    actions.start_import(contact_import=contact_import)
    outcomes = at_once(lambda: work(contact_import), times=3)
    assert errors_in(outcomes) == []
    contact_import.refresh_from_db()
    assert contact_import.counts == {"proven": len(PEOPLE)}
    assert ConsentRecord.objects.filter(event="imported").count() == len(PEOPLE)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_import_is_pressed_in_several_tabs(book, round):
    contact_import = checked(book, PEOPLE)
    outcomes = at_once(lambda: actions.start_import(contact_import=contact_import), times=3)
    refused = errors_in(outcomes)
    assert len(refused) == 2
    assert all(isinstance(each, actions.CannotImport) for each in refused)
    contact_import.refresh_from_db()
    assert contact_import.statement, "what was told is stated once"


@pytest.mark.parametrize("round", range(ROUNDS))
def test_people_sign_up_leave_and_are_erased_while_they_are_imported(site, book, round):
    other = factories.make_book(site, "Other")
    there = [factories.make_subscription(other, address).contact for address in PEOPLE[:20]]
    contact_import = checked(book, PEOPLE)
    actions.start_import(contact_import=contact_import)
    leaving, erased, new = there[:5], there[5:10], PEOPLE[20:25]
    outcomes = at_once(
        lambda: work(contact_import),
        *(a_moment(lambda who=who: leave(who, other)) for who in leaving),
        *(
            a_moment(lambda who=who: actions.erase(contact=who, origin=factories.ORIGIN))
            for who in erased
        ),
        *(a_moment(lambda who=who: factories.sign_up(book, who)) for who in new),
    )
    assert errors_in(outcomes) == []
    work(contact_import)
    contact_import.refresh_from_db()
    assert contact_import.status == "done"
    reached = Subscription.objects.mailable().filter(book=book)
    gone = [contact.pk for contact in erased]
    assert not reached.filter(contact__in=gone).exists()
    for (
        contact
    ) in leaving:  # Whoever left before they were looked at is not brought; else both happened.
        here = Subscription.objects.filter(contact=contact, book=book).first()
        brought = ConsentRecord.objects.filter(contact=contact, event="imported").first()
        left = ConsentRecord.objects.filter(contact=contact, event="withdrawn").first()
        assert (here is None) == (brought is None)
        assert left
    assert Contact.objects.count() == len(PEOPLE) - len(erased) + back_again(PEOPLE[5:10])
    assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())


def leave(contact: Contact, book: AddressBook) -> None:
    actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)


def back_again(addresses: list[str]) -> int:
    return Contact.objects.filter(address__in=addresses).count()


@pytest.mark.parametrize("round", range(ROUNDS))
def test_an_import_is_taken_back_while_people_confirm_and_leave(book, round):
    contact_import = checked(book, PEOPLE)
    actions.start_import(contact_import=contact_import)
    work(contact_import)
    actions.undo_import(contact_import=contact_import, why="A test")
    leaving = list(Contact.objects.order_by("pk")[:5])
    outcomes = at_once(
        lambda: work(contact_import),
        *(a_moment(lambda who=who: leave(who, book)) for who in leaving),
        *(a_moment(lambda who=who: factories.sign_up(book, who)) for who in PEOPLE[10:15]),
    )
    assert errors_in(outcomes) == []
    work(contact_import)
    assert not Subscription.objects.mailable().exists()
    for contact in leaving:
        is_here = Contact.objects.filter(pk=contact.pk).exists()
        assert not is_here or contact.suppressions.exists()
