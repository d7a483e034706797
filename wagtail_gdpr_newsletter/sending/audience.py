"""Who gets a campaign, who does not and why, and the ledger that is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from ..models import Campaign, Contact, Delivery, Subscription, SubscriptionStatus
from ..models.subscriptions import SubscriptionQuerySet

#: Rows that one statement writes.
LEDGER_STEP = 1000


@dataclass(frozen=True)
class Audience:
    """How many contacts a campaign reaches, and how many of its books' contacts it does not."""

    reached: int
    #: [(reason, number)], nobody counted twice.
    left_out: list[tuple[str, int]]


def subscriptions_of(campaign: Campaign) -> SubscriptionQuerySet:
    return Subscription.objects.filter(book__in=campaign.books.all())


def count(campaign: Campaign) -> Audience:
    """A constant number of queries, whatever the size of the books."""
    subscriptions = subscriptions_of(campaign)
    here = subscriptions.filter(contact=OuterRef("pk"))
    remaining = Contact.objects.filter(Exists(here), ~Exists(here.mailable()))
    left_out = []
    for reason, because in _reasons():
        number = remaining.filter(Exists(here.filter(because))).count()
        remaining = remaining.filter(~Exists(here.filter(because)))
        left_out.append((reason, number))
    left_out.append((_("suppressed: bounced, complained, objected or left"), remaining.count()))
    reached = subscriptions.mailable().order_by().values("contact").distinct().count()
    return Audience(reached, [(reason, number) for reason, number in left_out if number])


def _reasons() -> list[tuple[str, Q]]:
    valid = Subscription.objects.standing_on_a_valid_basis().filter(pk=OuterRef("pk"))
    return [
        (_("have restricted the use of their data"), Q(contact__restricted=True)),
        (_("have not confirmed yet"), Q(status=SubscriptionStatus.PENDING)),
        (_("were added without proof of consent"), Q(status=SubscriptionStatus.UNPROVEN)),
        (_("have unsubscribed"), Q(status=SubscriptionStatus.UNSUBSCRIBED)),
        (_("agreed to an earlier wording that has changed since"), ~Q(Exists(valid))),
    ]


def write_ledger(campaign: Campaign) -> None:
    """One delivery for each contact whom the campaign reaches; repeating it adds nobody twice."""
    step: list[Delivery] = []
    for contact_pk, books in _contacts_with_books(campaign):
        step.append(Delivery(campaign=campaign, contact_id=contact_pk, books=books))
        if len(step) == LEDGER_STEP:
            _write(step)
            step = []
    _write(step)


def _write(step: list[Delivery]) -> None:
    try:
        Delivery.objects.bulk_create(step, ignore_conflicts=True)
    except IntegrityError:  # Somebody among them has been erased since we read them.
        contacts = [delivery.contact_id for delivery in step if delivery.contact_id]
        here = set(Contact.objects.filter(pk__in=contacts).values_list("pk", flat=True))
        _write([delivery for delivery in step if delivery.contact_id in here])


def _contacts_with_books(campaign: Campaign) -> Iterator[tuple[int, list[str]]]:
    rows = (
        subscriptions_of(campaign)
        .mailable()
        .order_by("contact", "book")
        .values_list("contact", "book__uuid")
    )
    for contact_pk, group in groupby(rows.iterator(), key=lambda row: row[0]):
        yield contact_pk, [uuid for _contact, uuid in group]


def still_reached(campaign: Campaign, deliveries: list[Delivery]) -> dict[int, list[str]]:
    """The contacts among these who may still be written to, and the UUIDs of the books they are in now."""
    contacts = [delivery.contact_id for delivery in deliveries if delivery.contact_id]
    mailable = subscriptions_of(campaign).mailable().filter(contact__in=contacts)
    reached: dict[int, list[str]] = {}
    for contact_pk, uuid in mailable.order_by("book").values_list("contact", "book__uuid"):
        reached.setdefault(contact_pk, []).append(uuid)
    return reached


def is_reached(campaign: Campaign) -> Exists:
    """The same of one delivery, as a condition: asked in the statement that begins it."""
    mailable = subscriptions_of(campaign).mailable()
    return Exists(mailable.filter(contact=OuterRef("contact")))
