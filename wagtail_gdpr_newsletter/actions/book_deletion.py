"""What happens when an address book is deleted?

Its subscriptions go, and requests that nobody has confirmed go with all that was kept for them, as they do when
they lapse (C12). The people stay, as somebody does who has left, and so does what they agreed to, as proof. Who
has left stays remembered without their address, so that neither the same book made again nor an import brings
them back (S1). While a campaign goes to the book, or is to, it cannot be deleted, nor while somebody in it has
restricted the use of their data, of which all is kept (GDPR 18).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.log_actions import log

from ..models import (
    AddressBook,
    Campaign,
    ConsentRecord,
    Contact,
    ContactImport,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from ..models.subscriptions import SubscriptionQuerySet
from .import_undoing import let_go_who_was_brought
from .patience import patiently
from .retention import drop_those_without_anything

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: So many contacts are looked at by one statement.
STEP = 1000


class CannotBeDeleted(Exception):
    """Something has to be kept, or to end before; `reasons` tells an editor what."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Consequences:
    """What goes with a book, and what stays."""

    #: {status: number}, of those that there are.
    subscriptions: dict[SubscriptionStatus, int]
    #: How many people who stay are in no other book.
    nowhere_else: int
    #: How many addresses are remembered as having left it.
    suppressions: int
    #: Those that were sent to it, or are drafts for it.
    campaigns: int


def consequences_of_deleting(book: AddressBook) -> Consequences:
    """A constant number of queries, whatever the size of the book."""
    here = Subscription.objects.filter(book=book)
    by_status = here.order_by().values_list("status").annotate(number=Count("pk"))
    elsewhere = Subscription.objects.filter(contact=OuterRef("contact")).exclude(book=book)
    people = here.exclude(status=SubscriptionStatus.PENDING, previous_status="")
    remembered = Suppression.objects.filter(site=book.site_id, scope=book.uuid)
    return Consequences(
        subscriptions={SubscriptionStatus(status): number for status, number in by_status},
        nowhere_else=people.filter(~Exists(elsewhere)).count(),
        suppressions=remembered.aggregate(addresses=Count("hash", distinct=True))["addresses"],
        campaigns=Campaign.objects.filter(books=book).count(),
    )


def reasons_against_deleting(book: AddressBook) -> list[str]:
    """For editors; empty where nothing is against it."""
    reasons = [
        _("The campaign “%(campaign)s” goes to it: wait until it is sent, or cancel it.")
        % {"campaign": campaign}
        for campaign in Campaign.objects.filter(books=book).not_over()
    ]
    reasons += [
        _("The file “%(file)s” is being imported into it: wait until that is over.")
        % {"file": each.file_name}
        for each in ContactImport.objects.at_work().filter(book=book)
    ]
    if number := Subscription.objects.filter(book=book, contact__restricted=True).count():
        said = ngettext(
            "%(number)s person in it has restricted the use of their data: it has to be kept until they lift that.",
            "%(number)s people in it have restricted the use of their data: it has to be kept until they lift that.",
            number,
        )
        reasons.append(said % {"number": number})
    return reasons


def delete_book(*, book: AddressBook, user: User | None = None) -> None:
    """Once, however often it is called. Raise `CannotBeDeleted` with the reasons; nothing has changed then."""
    patiently(lambda: _delete(book, user))


@transaction.atomic
def _delete(book: AddressBook, user: User | None) -> None:
    # In the order in which those lock who start a campaign, and who sign up or confirm.
    list(Campaign.objects.select_for_update().filter(pk__in=book.campaigns.values("pk")))
    waiting = Subscription.objects.pending().filter(book=book)
    people = _lock_people(waiting)
    here = AddressBook.objects.select_for_update().filter(pk=book.pk).first()
    if here is None:
        return  # In another tab.
    if reasons := reasons_against_deleting(book):
        raise CannotBeDeleted(reasons)
    _forget_requests(book, waiting)
    unproven = Subscription.objects.filter(book=book, status=SubscriptionStatus.UNPROVEN)
    brought = _lock_people(unproven)
    number, _by_model = Subscription.objects.filter(book=book).delete()
    for step in people:
        drop_those_without_anything(Contact.objects.filter(pk__in=step))
    for step in brought:  # Nothing keeps them here but that a file had named them.
        let_go_who_was_brought(Contact.objects.filter(pk__in=step))
    data = {"subscriptions": number}
    log(instance=here, action="wagtail.delete", user=user, deleted=True, data=data)
    here.delete()


def _lock_people(subscriptions: SubscriptionQuerySet) -> list[list[int]]:
    """Whose they are, in steps."""
    numbers = sorted(subscriptions.values_list("contact", flat=True))
    steps = [numbers[start : start + STEP] for start in range(0, len(numbers), STEP)]
    for step in steps:
        list(Contact.objects.select_for_update().filter(pk__in=step).order_by("pk"))
    return steps


def _forget_requests(book: AddressBook, waiting: SubscriptionQuerySet) -> None:
    asked = waiting.filter(contact=OuterRef("contact"), requested_at__lte=OuterRef("occurred_at"))
    records = ConsentRecord.objects.filter(
        Exists(asked), book_uuid=book.uuid, event__in=RecordedEvent.before_confirmation()
    )
    records.forget()
