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
from .turn import Claim, Claimed


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
    by_contact = {claim.contact: claim for claim in claimed}
    rows = (
        subscriptions_of(campaign)
        .mailable()
        .filter(contact__in=[contact for contact in by_contact if contact])
        .order_by("contact", "book")
        .values_list(
            "contact",
            "contact__address",
            "contact__canonical_address",
            "contact__name",
            "contact__link_token",
            "book__uuid",
        )
    )
    reached = []
    for contact, group in groupby(rows, key=itemgetter(0)):
        row, *others = group
        _contact, address, canonical, name, token, _book = row
        recipient = Recipient(
            address=address,
            mailbox=Address(address, canonical).mailbox,
            name=name,
            link_token=token,
            books=tuple(each[-1] for each in (row, *others)),
            delivery_id=opaque_id(campaign, by_contact[contact].delivery),
        )
        reached.append(Claimed(by_contact[contact], recipient))
    return reached
