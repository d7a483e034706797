"""Who gets a campaign, who does not and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from ..addresses import Address
from ..models import Campaign, Contact, Delivery, Subscription, SubscriptionStatus
from ..models.deliveries import opaque_id
from ..models.subscriptions import SubscriptionQuerySet
from . import narrowing
from .claims import Claim, Claimed
from .compose import Recipient

#: Up to so many places in the books of a campaign are looked at one by one while an editor waits.
SAMPLE = 10_000


@dataclass(frozen=True)
class Audience:
    """How many contacts a campaign reaches, and how many of its books' contacts it does not."""

    reached: int
    #: [(reason, number)], nobody counted twice.
    left_out: list[tuple[str, int]]


@dataclass(frozen=True)
class Reach:
    """How many contacts a campaign reaches, of the readers of its books who may be written to."""

    reached: int
    readers: int
    is_narrowed: bool
    is_estimated: bool = False


def in_books(campaign: Campaign) -> SubscriptionQuerySet:
    return Subscription.objects.filter(book__in=campaign.books.all())


def subscriptions_of(campaign: Campaign) -> SubscriptionQuerySet:
    """Those of its books that the campaign is for.

    Whoever is counted and whoever is written into the ledger is taken from here. At the moment of sending it is
    asked whether they may be written to, and of this only what `still_for` does.
    """
    return narrowing.narrowed(in_books(campaign), campaign)


def still_for(campaign: Campaign) -> SubscriptionQuerySet:
    """At the moment of sending, for those in the ledger: so that who has left the place by which they are in it is
    not written to for another one.

    A language that somebody has corrected, or a copy of the earlier campaign that arrived meanwhile, changes
    nothing of what was decided, and costs nothing per reader.
    """
    return narrowing.still_narrowed(in_books(campaign), campaign)


def reach_of(campaign: Campaign, *, among: Q | None = None) -> Reach:
    """Everybody, or those `among` them, counted one by one."""
    among = among or Q()
    readers = reached = _people(in_books(campaign).filter(among).mailable())
    if is_narrowed := narrowing.is_narrow(campaign):
        reached = _people(subscriptions_of(campaign).filter(among).mailable())
    return Reach(reached, readers, is_narrowed)


def estimate_reach(campaign: Campaign) -> Reach:
    """In a fraction of a second, of a million too: while an editor chooses, a percent more or less will do.

    Tokens are random, and have an index: those below a limit belong to a sample of the readers.
    """
    places = in_books(campaign).filter(status=SubscriptionStatus.CONFIRMED).count()
    if places <= SAMPLE:
        return reach_of(campaign)
    share = SAMPLE / places
    found = reach_of(campaign, among=Q(contact__link_token__lt=f"{int(share * 16**8):08x}"))
    reached, readers = (
        int(float(f"{each / share:.2g}")) for each in (found.reached, found.readers)
    )
    return Reach(reached, readers, found.is_narrowed, is_estimated=True)


def _people(subscriptions: SubscriptionQuerySet) -> int:
    return subscriptions.order_by().values("contact").distinct().count()


def count(campaign: Campaign) -> Audience:
    """A constant number of queries, whatever the size of the books."""
    reach = reach_of(campaign)
    here = in_books(campaign).filter(contact=OuterRef("pk"))
    remaining = Contact.objects.filter(Exists(here), ~Exists(here.mailable()))
    left_out = [(_("not in the chosen audience"), reach.readers - reach.reached)]
    for reason, because in _reasons():
        number = remaining.filter(Exists(here.filter(because))).count()
        remaining = remaining.filter(~Exists(here.filter(because)))
        left_out.append((reason, number))
    left_out.append((_("suppressed: bounced, complained, objected or left"), remaining.count()))
    return Audience(reach.reached, [(reason, number) for reason, number in left_out if number])


def _reasons() -> list[tuple[str, Q]]:
    valid = Subscription.objects.standing_on_a_valid_basis().filter(pk=OuterRef("pk"))
    return [
        (_("have restricted the use of their data"), Q(contact__restricted=True)),
        (_("have not confirmed yet"), Q(status=SubscriptionStatus.PENDING)),
        (_("were added without proof of consent"), Q(status=SubscriptionStatus.UNPROVEN)),
        (_("have unsubscribed"), Q(status=SubscriptionStatus.UNSUBSCRIBED)),
        (_("agreed to an earlier wording that has changed since"), ~Q(Exists(valid))),
    ]


def recipients(
    campaign: Campaign,
    mailable: SubscriptionQuerySet,
    claimed: Sequence[Claim],
    *,
    latest: float,
    with_answers: bool = False,
) -> list[Claimed]:
    """Whom these deliveries go to: without the people who may not be written to any more.

    `mailable`, of the campaign, is asked once more, at the moment of sending, by one query. What it says holds
    until `latest`, by the monotonic clock. What they have answered is read only where the message needs it.
    """
    by_contact = {claim.contact: claim for claim in claimed}
    contacts = sorted(contact for contact in by_contact if contact)
    if not contacts:
        return []
    rows = (
        # Neighbours in the ledger: the range lets a database read the index there, and nothing else of it.
        mailable.filter(contact__gte=contacts[0], contact__lte=contacts[-1], contact__in=contacts)
        .order_by("contact_id", "book_id")
        .values_list(
            "contact",
            "contact__address",
            "contact__canonical_address",
            "contact__name",
            "contact__link_token",
            "book__uuid",
            *(["answers"] if with_answers else []),
        )
    )
    reached = []
    for contact, group in groupby(rows, key=itemgetter(0)):
        row, *others = group
        _contact, address, canonical, name, token = row[:5]
        recipient = Recipient(
            address=address,
            mailbox=Address(address, canonical).mailbox,
            name=name,
            link_token=token,
            books=tuple(each[5] for each in (row, *others)),
            delivery_id=opaque_id(campaign, by_contact[contact].delivery),
        )
        if with_answers:
            told = {uuid: answer for each in (row, *others) for uuid, answer in each[6].items()}
            recipient = recipient._replace(answers=told)
        reached.append(Claimed(by_contact[contact], recipient, latest))
    return _still_theirs(reached)


def _still_theirs(reached: list[Claimed]) -> list[Claimed]:
    """Two may have become one since these were claimed, and have one delivery between them now."""
    numbers = [each.delivery for each in reached]
    whose = dict(Delivery.objects.filter(pk__in=numbers).values_list("pk", "contact"))
    return [each for each in reached if whose.get(each.delivery) == each.claim.contact]
