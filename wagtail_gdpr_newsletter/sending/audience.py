"""Who gets a campaign, who does not and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from ..addresses import Address
from ..models import Campaign, Contact, Subscription, SubscriptionStatus
from ..models.deliveries import opaque_id
from ..models.subscriptions import SubscriptionQuerySet
from .compose import Recipient
from .settling import Claim, Claimed


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


def recipients(campaign: Campaign, claimed: Sequence[Claim]) -> list[Claimed]:
    """Whom these deliveries go to: without the people who may not be written to any more.

    One query that asks `mailable()` once more, at the moment of sending.
    """
    by_number = {claim.delivery: claim for claim in claimed}
    contacts = sorted(claim.contact for claim in claimed if claim.contact)
    if not contacts:
        return []
    rows = (
        subscriptions_of(campaign)
        .mailable()
        # Neighbours in the ledger: the range lets a database read the index there, and nothing else of it.
        .filter(
            contact__gte=contacts[0],
            contact__lte=contacts[-1],
            contact__in=contacts,
            contact__deliveries__in=by_number,  # Two may have become one since it was claimed.
        )
        .order_by("contact__deliveries", "book_id")
        .values_list(
            "contact__deliveries",
            "contact__address",
            "contact__canonical_address",
            "contact__name",
            "contact__link_token",
            "book__uuid",
        )
    )
    reached = []
    for number, group in groupby(rows, key=itemgetter(0)):
        row, *others = group
        _number, address, canonical, name, token, _book = row
        recipient = Recipient(
            address=address,
            mailbox=Address(address, canonical).mailbox,
            name=name,
            link_token=token,
            books=tuple(each[-1] for each in (row, *others)),
            delivery_id=opaque_id(campaign, number),
        )
        reached.append(Claimed(by_number[number], recipient))
    return reached
