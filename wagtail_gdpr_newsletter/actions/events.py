"""What happens when a provider reports what became of a message?

Anymail's tracking signal ends here: the event is written once, the delivery moves only towards the
graver status, so that events may come twice and in any order (M7), and what it means for the person
(a dead address, a complaint, an unsubscription) takes effect in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from .. import conf, pseudonyms
from ..models import (
    SITE_SCOPE,
    ConsentRecord,
    Contact,
    Delivery,
    DeliveryEvent,
    DeliveryStatus,
    Ledger,
    MailKind,
    Origin,
    RecordedEvent,
    ServiceMail,
    SuppressionReason,
)
from .patience import patiently
from .unsubscription import unsubscribe

#: How far a delivery can still move; a status only ever gives way to one further down.
GRAVITY = [
    DeliveryStatus.PENDING,
    DeliveryStatus.CANCELLED,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SENT,
    DeliveryStatus.FAILED,
    DeliveryStatus.BOUNCED,
    DeliveryStatus.COMPLAINED,
]

#: Anymail's event types; opens and clicks are not among them and never stored (T1).
STATUS_AFTER = {
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.SENT,
    "rejected": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "bounced": DeliveryStatus.BOUNCED,
    "complained": DeliveryStatus.COMPLAINED,
    "unsubscribed": DeliveryStatus.SENT,
}
TAKEN = {*STATUS_AFTER, "deferred"}

#: Reasons for a bounce that are the mailbox's own, in Anymail's words; with others the sender is not wanted.
OF_THE_MAILBOX = ("", "bounced", "invalid", "timed_out")
#: From the first to the last of the campaigns in a row that came back.
SOFT_BOUNCES_SPAN = timedelta(days=7)

#: `Delivery.opaque_id`; anything else in its place was not made by us.
OPAQUE_ID = re.compile(r"(?P<campaign>[0-9a-f]{32})\.(?P<pk>[0-9]{1,18})")
#: In the Message-ID that we gave, where the provider has none of its own.
OUR_MESSAGE_ID = re.compile(rf"<?{OPAQUE_ID.pattern}@[^>]+>?")


@dataclass(frozen=True)
class ProviderEvent:
    """What we keep of an event: no address, no IP, no user agent."""

    type: str
    opaque_id: str
    message_id: str
    event_id: str
    reason: str
    #: A bounce that says: this mailbox takes nothing, now or later.
    is_permanent: bool
    occurred_at: datetime

    @property
    def key(self) -> str:
        """The provider's id, or where it gives none, a digest that a repetition shares."""
        return self.event_id[:128] or pseudonyms.digest_of(
            [self.type, self.opaque_id, self.message_id, self.reason, self.occurred_at.isoformat()]
        )


def take_event(event: ProviderEvent) -> None:
    """Take one event into the ledger and the suppressions; messages that nobody knows are not ours."""
    if event.type not in TAKEN:
        return
    if delivery := _find(event):
        patiently(lambda: _take_of_delivery(event, delivery))
    else:
        patiently(lambda: _take_of_letter(event))


def _take_of_delivery(event: ProviderEvent, delivery: Delivery) -> None:
    consequence = CONSEQUENCES.get(event.type)
    with transaction.atomic():
        # The person before their delivery, as an erasure does it.
        contact = _lock_owner(delivery) if consequence else None
        _stored, is_new = DeliveryEvent.objects.get_or_create(
            delivery=delivery,
            event_id=event.key,
            defaults={
                "type": event.type,
                "reason": event.reason[:32],
                "occurred_at": event.occurred_at,
            },
        )
        if is_new:
            _move(delivery, event)
            if consequence and contact and _concerns(contact, event, delivery.sent_at):
                consequence(contact, delivery.books, event)
                if event.type == "bounced" and _comes_back_again_and_again(contact, delivery):
                    contact.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)


def _lock_owner(delivery: Delivery) -> Contact | None:
    """Who it went to, held; they may be merged into somebody else until we hold them."""
    while True:
        whose = delivery.contact_id or delivery.second_copy_of_id
        contact = Contact.objects.lock(whose)
        delivery.refresh_from_db(fields=["contact", "second_copy_of"])
        if whose == (delivery.contact_id or delivery.second_copy_of_id):
            return contact


def _concerns(contact: Contact, event: ProviderEvent, sent_at: datetime | None) -> bool:
    """A bounce is about a mailbox, and they may have moved to another since."""
    return event.type != "bounced" or sent_at is None or sent_at >= contact.address_since


@transaction.atomic
def _take_of_letter(event: ProviderEvent) -> None:
    """Of confirmation and service mails there is no ledger; what it means for the person it means all the same.

    But for what they have decided since: the event may be an old one that is told again.
    """
    letter = _find_letter(event)
    contact = Contact.objects.lock(letter.contact_pk) if letter else None
    if letter is None or contact is None or not _concerns(contact, event, letter.sent_at):
        return
    history = contact.consent_records
    taken = history.filter(event=RecordedEvent.WITHDRAWN, occurred_at__gte=letter.sent_at)
    confirmed = history.filter(event=RecordedEvent.CONFIRMED, occurred_at__gt=event.occurred_at)
    if event.type == "complained" or not (taken.exists() or confirmed.exists()):
        CONSEQUENCES[event.type](contact, letter.books, event)


@dataclass(frozen=True)
class SentLetter:
    """A mail to one person that is no campaign."""

    contact_pk: int | None
    sent_at: datetime
    books: list[str]


def _find_letter(event: ProviderEvent) -> SentLetter | None:
    if not event.message_id or event.type not in CONSEQUENCES:
        return None
    if records := list(
        ConsentRecord.objects.filter(
            event=RecordedEvent.CONFIRMATION_SENT,
            message_id=event.message_id,
            contact__isnull=False,
        )
    ):
        books = [record.book_uuid for record in records]
        return SentLetter(records[0].contact_id, records[0].occurred_at, books)
    # One to another address, the old or the new, or to the sender, is not about this person's mailbox.
    to_them = ServiceMail.objects.filter(kind__in=[MailKind.ACCESS, MailKind.MESSAGE_COPY])
    if mail := to_them.filter(message_id=event.message_id, attempted_at__isnull=False).first():
        return SentLetter(mail.contact_id, mail.attempted_at or mail.wanted_at, [])
    return None


def _find(event: ProviderEvent) -> Delivery | None:
    deliveries = Delivery.objects.select_related("contact__site")
    if known := OPAQUE_ID.fullmatch(event.opaque_id):
        return deliveries.filter(pk=int(known["pk"]), campaign__uuid=known["campaign"]).first()
    if ours := OUR_MESSAGE_ID.fullmatch(event.message_id):
        return deliveries.filter(pk=int(ours["pk"]), campaign__uuid=ours["campaign"]).first()
    if event.message_id:
        return deliveries.filter(message_id=event.message_id).first()
    return None


def _move(delivery: Delivery, event: ProviderEvent) -> None:
    """Towards the graver status, from whichever it has by now."""
    after = STATUS_AFTER.get(event.type)
    lighter = GRAVITY[: GRAVITY.index(after)] if after else []
    if after is None or delivery.status not in lighter:
        return
    # Before the delivery, as whoever claims does it.
    ledger = Ledger.objects.select_for_update().get(campaign=delivery.campaign_id)
    for before in lighter:
        if Delivery.objects.filter(pk=delivery.pk, status=before).update(status=after):
            tally: dict[str, int] = {after: 1}
            if before != DeliveryStatus.PENDING:
                tally[before] = -1
            ledger.add_to_tally(tally, {})
            return


def _bounced(contact: Contact, books: Sequence[str], event: ProviderEvent) -> None:
    if event.is_permanent:
        contact.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)


def _comes_back_again_and_again(contact: Contact, delivery: Delivery) -> bool:
    """Whether it is one of so many in a row that came back from the mailbox, which is as good as gone.

    Since they last opted in, and over some days: it may be full for a weekend. What the events say together does
    not depend on their order (M7).
    """
    told = DeliveryEvent.objects.filter(delivery=OuterRef("pk"))
    came_back = told.filter(type="bounced", reason__in=OF_THE_MAILBOX)
    sent = (
        contact.deliveries.filter(sent_at__gte=_opted_in_at(contact))
        .annotate(came_back=Exists(came_back) & ~Exists(told.filter(type="delivered")))
        .order_by("sent_at", "pk")
        .values_list("came_back", "sent_at", "pk")
    )
    for back, run in groupby(sent, key=itemgetter(0)):
        in_a_row = list(run)
        if back and delivery.pk in (pk for _back, _at, pk in in_a_row):
            times = [at for _back, at, _pk in in_a_row if at]
            long_enough = times[-1] - times[0] >= SOFT_BOUNCES_SPAN
            return long_enough and len(in_a_row) >= conf.soft_bounce_limit()
    return False


def _opted_in_at(contact: Contact) -> datetime:
    """Since then what their mailbox did before is of no account."""
    confirmed = contact.consent_records.filter(event=RecordedEvent.CONFIRMED)
    last = confirmed.aggregate(last=Max("occurred_at"))["last"]
    return max(filter(None, [last, contact.address_since]))


def _complained(contact: Contact, books: Sequence[str], event: ProviderEvent) -> None:
    """A complaint stops everything, for good: not even the person's own sign-up form lifts it."""
    unsubscribe(
        contact=contact,
        books=None,
        origin=Origin(source="complaint"),
        reason=SuppressionReason.COMPLAINT,
    )


def _unsubscribed(contact: Contact, books: Sequence[str], event: ProviderEvent) -> None:
    unsubscribe(contact=contact, books=books or None, origin=Origin(source="provider"))


CONSEQUENCES: dict[str, Callable[[Contact, Sequence[str], ProviderEvent], None]] = {
    "bounced": _bounced,
    "complained": _complained,
    "unsubscribed": _unsubscribed,
}
