"""In whatever order people join, leave, move, object, are erased and imported: who left is not written to.

Hypothesis makes up the order, and finds the shortest one that goes wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.mails import token_in
from wagtail_gdpr_newsletter import actions, tokens
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import AskedMailbox, ConsentRecord, Contact, Subscription

pytestmark = pytest.mark.django_db

ADDRESSES = ["ada@example.org", "grace@example.org", "hedy@example.org"]


class World:
    """Does what people do, and remembers of each address and book what its owner said last."""

    def __init__(self, books, clock) -> None:
        self.books, self.clock = books, clock
        self.left: dict[tuple[str, int], bool] = defaultdict(bool)
        self.objected: set[str] = set()
        self.undo: list[str] = []

    def contact(self, address: str) -> Contact | None:
        return Contact.objects.filter(canonical_address=address).first()

    def leave_everything(self, address: str) -> None:
        self.left.update({(address, book.pk): True for book in self.books})

    def join(self, address, book, other) -> None:
        """By the form, and the link in the mail."""
        before = len(mail.outbox)
        factories.sign_up(book, address)
        if contact := self.contact(address):
            actions.send_confirmation(contact.pk)
        for message in mail.outbox[before:]:
            token = token_in(message, "confirm")
            for subscription in actions.confirm(token=token, origin=factories.ORIGIN):
                self.left[address, subscription.book_id] = False

    def ask_only(self, address, book, other) -> None:
        """Anybody may post a form."""
        factories.sign_up(book, address)

    def be_imported(self, address, book, other) -> None:
        """An old list whose people, it says, had agreed."""
        contact = self.contact(address)
        if contact is None or not contact.subscriptions.filter(book=book).exists():
            factories.make_subscription(book, address)

    def leave_one(self, address, book, other) -> None:
        if contact := self.contact(address):
            token = actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)
            self.undo.append(token)
            self.left[address, book.pk] = True

    def leave_all(self, address, book, other) -> None:
        if contact := self.contact(address):
            actions.unsubscribe(contact=contact, books=None, origin=factories.ORIGIN)
            self.leave_everything(address)

    def take_it_back(self, address, book, other) -> None:
        for token in filter(None, self.undo):
            with suppress(tokens.ExpiredToken):
                self._take_back(token)

    def _take_back(self, token: str) -> None:
        for subscription in actions.resubscribe(token=token, origin=factories.ORIGIN):
            self.left[subscription.contact.canonical_address, subscription.book_id] = False

    def object(self, address, book, other) -> None:
        if contact := self.contact(address):
            actions.object_to_mail(contact=contact, origin=factories.ORIGIN)
            self.leave_everything(address)
            self.objected.add(address)

    def withdraw(self, address, book, other) -> None:
        if contact := self.contact(address):
            actions.withdraw_objection(contact=contact, source="my data")
            self.objected.discard(address)

    def bounce(self, address, book, other) -> None:
        if contact := self.contact(address):
            contact.suppress(scope="site", reason="bounce")

    def be_erased(self, address, book, other) -> None:
        if contact := self.contact(address):
            actions.erase(contact=contact, origin=factories.ORIGIN)
            self.leave_everything(address)

    def move(self, address, book, other) -> None:
        contact, before = self.contact(address), len(mail.outbox)
        if contact is None or address == other:
            return
        AskedMailbox.objects.all().delete()
        contact.service_mails.all().delete()
        actions.ask_for_new_address(contact=contact, address=Address.parse(other))
        for owed in contact.service_mails.owed():
            actions.send_service_mail(owed.pk)
        for message in mail.outbox[before:]:
            token = token_in(message, "my-data")
            shown = actions.awaiting_move(token)
            actions.move(token=token, shown=shown.shown, origin=factories.ORIGIN)
            named = {each.pk for each in shown.books}
            for each in self.books:
                here = self.left[other, each.pk] or self.left[address, each.pk]
                self.left[other, each.pk] = here and each.pk not in named
            self.leave_everything(address)
            if address in self.objected:
                self.objected.add(other)

    def wait(self, address, book, other) -> None:
        self.clock.shift(timedelta(days=8))
        actions.purge()

    def must_hold(self) -> None:
        for each in Subscription.objects.mailable().select_related("contact"):
            address = each.contact.canonical_address
            assert not self.left[address, each.book_id], f"{address} had left {each.book}"
            assert address not in self.objected
        assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())


STEPS: list[Callable[..., None]] = [
    World.join,
    World.ask_only,
    World.be_imported,
    World.leave_one,
    World.leave_all,
    World.take_it_back,
    World.object,
    World.withdraw,
    World.bounce,
    World.be_erased,
    World.move,
    World.wait,
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
            st.sampled_from(ADDRESSES),
            st.integers(0, 1),
            st.sampled_from(ADDRESSES),
        ),
        min_size=3,
        max_size=25,
    )
)
def test_nobody_is_written_to_who_has_not_agreed_since_leaving(site, steps):
    with transaction.atomic(), time_machine.travel(now(), tick=True) as clock:
        books = [factories.make_book(site, name) for name in ("Seed letter", "Garden letter")]
        world = World(books, clock)
        for step, address, book, other in steps:
            clock.shift(timedelta(minutes=4))
            step(world, address, books[book], other)
            world.must_hold()
        transaction.set_rollback(True)
