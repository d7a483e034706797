"""In whatever order people are imported, taken back, leave, object, are erased, and books are deleted and made again:
no import makes anybody mailable who has not confirmed since leaving.

Hypothesis makes up the order, and finds the shortest one that goes wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest
from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.imports import uploaded
from tests.mails import token_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    ConsentRecord,
    Contact,
    ContactImport,
    Subscription,
)

pytestmark = pytest.mark.django_db

#: Each person in two spellings.
PEOPLE = {
    "ada@xn--bcher-kva.example": ["ada@bücher.example", "ADA@Bücher.Example"],
    "grace@example.org": ["grace@example.org", "Grace@EXAMPLE.org"],
}
NAMES = ["Seed letter", "Garden letter"]


def work_off(contact_import: ContactImport) -> None:
    while contact_import.is_at_work:
        actions.work_on_import(contact_import.pk)
    contact_import.refresh_from_db()


class World:
    """Does what people and staff do, and remembers what has been left and not been confirmed since."""

    def __init__(self, site) -> None:
        self.site = site
        self.books: list[AddressBook] = [factories.make_book(site, name) for name in NAMES]
        self.left: dict[str, set[str]] = defaultdict(set)
        self.may_come: set[tuple[str, str]] = set()

    def contact(self, person: str) -> Contact | None:
        return Contact.objects.filter(canonical_address=person).first()

    def take(self, spellings: list[str], book: AddressBook, kind: str = "people") -> None:
        contact_import = uploaded(book, spellings, kind=kind)
        work_off(contact_import)
        actions.start_import(contact_import=contact_import)
        work_off(contact_import)

    def be_imported(self, person: str, book: int, spelling: int) -> None:
        if not self.left[person]:
            self.may_come.add((person, self.books[book].uuid))
        self.take([PEOPLE[person][spelling]], self.books[book])

    def be_imported_with_all(self, person: str, book: int, spelling: int) -> None:
        self.may_come |= {(each, self.books[book].uuid) for each in PEOPLE if not self.left[each]}
        self.take([spellings[spelling] for spellings in PEOPLE.values()], self.books[book])

    def be_listed_as_gone(self, person: str, book: int, spelling: int) -> None:
        self.take([PEOPLE[person][spelling]], self.books[book], kind="leavers")
        self.left[person].add(self.books[book].uuid)

    def take_imports_back(self, person: str, book: int, spelling: int) -> None:
        for contact_import in ContactImport.objects.filter(kind="people", status="done"):
            actions.undo_import(contact_import=contact_import, why="A test")
            work_off(contact_import)

    def leave_one(self, person: str, book: int, spelling: int) -> None:
        if contact := self.contact(person):
            uuid = self.books[book].uuid
            actions.unsubscribe(contact=contact, books=[uuid], origin=factories.ORIGIN)
            self.left[person].add(uuid)

    def leave_all(self, person: str, book: int, spelling: int) -> None:
        if contact := self.contact(person):
            actions.unsubscribe(contact=contact, books=None, origin=factories.ORIGIN)
            self.left[person].add("site")

    def object(self, person: str, book: int, spelling: int) -> None:
        if contact := self.contact(person):
            actions.object_to_mail(contact=contact, origin=factories.ORIGIN)
            self.left[person].add("site")

    def be_erased(self, person: str, book: int, spelling: int) -> None:
        if contact := self.contact(person):
            actions.erase(contact=contact, origin=factories.ORIGIN)
            self.left[person].add("site")

    def delete_book(self, person: str, book: int, spelling: int) -> None:
        """And make it again, under the same name or another one."""
        name = NAMES[book] if spelling else f"{NAMES[book]} {len(self.may_come)}"
        actions.delete_book(book=self.books[book])
        self.books[book] = factories.make_book(self.site, name)

    def join(self, person: str, book: int, spelling: int) -> None:
        """The whole double opt-in, as far as anybody is mailed."""
        before = len(mail.outbox)
        factories.sign_up(self.books[book], PEOPLE[person][spelling])
        if contact := self.contact(person):
            Contact.objects.update(confirmation_rests_until=None)
            actions.send_confirmation(contact.pk)
        for message in mail.outbox[before:]:
            token = token_in(message, "confirm")
            for each in actions.confirm(token=token, origin=factories.ORIGIN):
                self.left[person].discard(each.book.uuid)
                self.may_come.add((person, each.book.uuid))

    def must_hold(self) -> None:
        reached = Subscription.objects.mailable().values_list(
            "contact__canonical_address", "book__uuid"
        )
        unexpected = set(reached) - self.may_come
        assert not unexpected, f"{unexpected} had left and not confirmed since"
        # Whoever is not reached any more has to come anew, and then counts what they have left.
        self.may_come &= set(reached)
        assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())


STEPS: list[Callable[..., None]] = [
    World.be_imported,
    World.be_imported_with_all,
    World.be_listed_as_gone,
    World.take_imports_back,
    World.leave_one,
    World.leave_all,
    World.object,
    World.be_erased,
    World.delete_book,
    World.join,
]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(STEPS),
            st.sampled_from(sorted(PEOPLE)),
            st.integers(0, 1),
            st.integers(0, 1),
        ),
        min_size=3,
        max_size=12,
    )
)
def test_no_import_brings_back_whoever_has_not_confirmed_since_leaving(site, steps):
    with transaction.atomic():
        world = World(site)
        for step, *details in steps:
            step(world, *details)
            world.must_hold()
        for book, spelling in ((0, 0), (1, 1)):  # And at the end the old file comes once more.
            world.be_imported_with_all("", book, spelling)
            world.must_hold()
        transaction.set_rollback(True)
