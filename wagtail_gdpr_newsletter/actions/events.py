"""What happens when a provider reports what became of a message?

Anymail's tracking signal ends here: the event is written once, the delivery moves only towards the
graver status, so that events may come twice and in any order (M7), and what it means for the person
(a dead address, a complaint, an unsubscription) takes effect in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from .. import pseudonyms
from ..models import (
    SITE_SCOPE,
    Contact,
    Delivery,
    DeliveryEvent,
    DeliveryStatus,
    Origin,
    SuppressionReason,
)
from .unsubscription import unsubscribe

#: How far a delivery can still move; a status only ever gives way to one further down.
GRAVITY = [
    DeliveryStatus.PENDING,
    DeliveryStatus.CLAIMED,
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

#: Bounces that say the mailbox does not exist, and not that the mail was unwelcome.
DEAD_ADDRESS = {"bounced", "invalid", ""}


@dataclass(frozen=True)
class ProviderEvent:
    """What we keep of an event: no address, no IP, no user agent."""

    type: str
    opaque_id: str
    message_id: str
    event_id: str
    reason: str
    occurred_at: datetime

    @property
    def key(self) -> str:
        """The provider's id, or where it gives none, a digest that a repetition shares."""
        return self.event_id[:128] or pseudonyms.digest_of(
            [self.type, self.opaque_id, self.message_id, self.reason, self.occurred_at.isoformat()]
        )


def take_event(event: ProviderEvent) -> None:
    """Take one event into the ledger and the suppressions; unknown deliveries are not ours."""
    delivery = _find(event)
    if delivery is None or event.type not in TAKEN:
        return
    with transaction.atomic():
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
            if delivery.contact and event.type in CONSEQUENCES:
                CONSEQUENCES[event.type](delivery.contact, delivery, event)


def _find(event: ProviderEvent) -> Delivery | None:
    deliveries = Delivery.objects.select_related("contact__site")
    campaign, _dot, pk = event.opaque_id.partition(".")
    if pk.isdecimal() and len(campaign) == 32:
        return deliveries.filter(pk=int(pk), campaign__uuid=campaign).first()
    if event.message_id:
        return deliveries.filter(message_id=event.message_id).first()
    return None


def _move(delivery: Delivery, event: ProviderEvent) -> None:
    if after := STATUS_AFTER.get(event.type):
        before = GRAVITY[: GRAVITY.index(after)]
        Delivery.objects.filter(pk=delivery.pk, status__in=before).update(status=after)


def _bounced(contact: Contact, delivery: Delivery, event: ProviderEvent) -> None:
    if event.reason in DEAD_ADDRESS:
        contact.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)


def _complained(contact: Contact, delivery: Delivery, event: ProviderEvent) -> None:
    """A complaint stops everything, and only staff who settle it with the person can lift that."""
    unsubscribe(
        contact=contact,
        books=None,
        origin=Origin(source="complaint"),
        reason=SuppressionReason.COMPLAINT,
    )


def _unsubscribed(contact: Contact, delivery: Delivery, event: ProviderEvent) -> None:
    unsubscribe(contact=contact, books=delivery.books, origin=Origin(source="provider"))


CONSEQUENCES: dict[str, Callable[[Contact, Delivery, ProviderEvent], None]] = {
    "bounced": _bounced,
    "complained": _complained,
    "unsubscribed": _unsubscribed,
}
