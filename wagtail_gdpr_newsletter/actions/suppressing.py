"""What happens when staff look after the addresses that must not be written to?

They check one, add one, and lift what a bounce has left where the mailbox takes mail again. Whatever a person
has decided only that person takes back (S5). The whole address is typed each time: it is kept nowhere (S1), and
what is done leaves a line in the audit log, with the reason and without the address (P3).
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count
from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log
from wagtail.models import Site

from ..addresses import Address
from ..models import SITE_SCOPE, Contact, Origin, Suppression, SuppressionReason
from ..models.suppressions import SuppressionQuerySet
from .patience import patiently
from .restriction import object_to_mail
from .unsubscription import unsubscribe

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: What staff may have been told of an address.
ADDED_BY_STAFF = (
    SuppressionReason.WITHDRAWAL,
    SuppressionReason.OBJECTION,
    SuppressionReason.COMPLAINT,
    SuppressionReason.BOUNCE,
)


@dataclass(frozen=True)
class Counted:
    """How many addresses of a site are suppressed, by the month in which they became so; the latest first."""

    site: Site
    #: Those that there are.
    reasons: list[SuppressionReason]
    #: [(month, [number of each reason])]; an address that left several books in a month counts once.
    months: list[tuple[datetime.date, list[int]]]


def count_suppressions() -> list[Counted]:
    """Of each site that has any, by two queries."""
    rows = (
        Suppression.objects.order_by("site", "-month")
        .values_list("site", "month", "reason")
        .annotate(addresses=Count("hash", distinct=True))
    )
    sites = Site.objects.in_bulk()
    return [_counted(sites[pk], list(of_site)) for pk, of_site in groupby(rows, key=itemgetter(0))]


def _counted(site: Site, rows: Sequence[tuple[int, datetime.date, str, int]]) -> Counted:
    numbers = {(month, reason): number for _site, month, reason, number in rows}
    reasons = [each for each in SuppressionReason if any(each == reason for _, reason in numbers)]
    months = dict.fromkeys(month for month, _reason in numbers)
    by_month = [(month, [numbers.get((month, each), 0) for each in reasons]) for month in months]
    return Counted(site, reasons, by_month)


@sensitive_variables("address")
def check_suppressions(*, address: Address, site: Site, user: User) -> SuppressionQuerySet:
    """What is remembered of that address, for the site and for each book."""
    log(instance=site, action="wagtail_gdpr_newsletter.check_suppressions", user=user)
    return Suppression.objects.of(address.canonical, site=site).order_by(
        "-month", "reason", "scope"
    )


@sensitive_variables("address")
def add_suppression(
    *, address: Address, site: Site, reason: SuppressionReason, why: str, user: User
) -> None:
    """Nobody on the site writes to it from now on. If a contact has it, it is as if they had said so.

    `reason` is one of `ADDED_BY_STAFF`; `why` says how staff know, and must not name anybody.
    """
    patiently(lambda: _add(address, site, reason, why, user))


@sensitive_variables("address")
@transaction.atomic
def _add(address: Address, site: Site, reason: SuppressionReason, why: str, user: User) -> None:
    # Whoever moves in this very moment is at the other address, or has left this one already.
    contact = Contact.objects.known_as(address, site=site).select_for_update().first()
    staff = Origin(source="staff")
    if contact is None:
        Suppression.objects.remember(address.canonical, site=site, scope=SITE_SCOPE, reason=reason)
    elif reason == SuppressionReason.OBJECTION:
        object_to_mail(contact=contact, origin=staff, user=user)
    elif reason == SuppressionReason.BOUNCE:
        contact.suppress(scope=SITE_SCOPE, reason=reason)
    else:
        unsubscribe(contact=contact, books=None, origin=staff, reason=reason, user=user)
    _note("add_suppression", site, user, reason=reason, why=why)


@sensitive_variables("address")
@transaction.atomic
def lift_bounce(*, address: Address, site: Site, why: str, user: User) -> bool:
    """The mailbox takes mail again. False where there was no bounce to lift; nothing else is lifted."""
    bounces = Suppression.objects.of(address.canonical, site=site).filter(
        reason=SuppressionReason.BOUNCE
    )
    lifted, _of_which = bounces.delete()
    if lifted:
        _note("lift_bounce", site, user, reason=SuppressionReason.BOUNCE, why=why)
    return lifted > 0


def _note(action: str, site: Site, user: User, **data: str) -> None:
    log(instance=site, action=f"wagtail_gdpr_newsletter.{action}", user=user, data=data)
