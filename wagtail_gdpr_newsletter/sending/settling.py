"""What becomes of a message, as it is written into the ledger."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, Value, When
from django.utils.timezone import now

from ..models import Contact, DeliveryStatus
from ..models.suppressions import SITE_SCOPE, SuppressionReason
from .claims import Claimed
from .transport import Outcome

#: Minutes until the second attempt, the third, ...; after the last one a delivery has failed.
WAITS = (1, 5, 15, 60, 120, 240, 480)

logger = logging.getLogger(__name__)


class Settled(NamedTuple):
    claimed: Claimed
    outcome: Outcome


def grouped(settled: Sequence[Settled]) -> list[tuple[dict[str, Any], list[int]]]:
    """What is to be written into which deliveries: one statement an outcome, not one a delivery."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    changes: dict[tuple[Any, ...], dict[str, Any]] = {}
    for claimed, outcome in settled:
        key = (
            outcome,
            claimed.recipient.books,
            claimed.claim.looked_at,
            claimed.claim.attempts if outcome.is_later else 0,
        )
        groups[key].append(claimed.delivery)
        if key not in changes:
            changes[key] = _changes(claimed, outcome)
    return [(changes[key], deliveries) for key, deliveries in groups.items()]


def _changes(claimed: Claimed, outcome: Outcome) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "status": outcome.status,
        "error": outcome.error,
        "books": list(claimed.recipient.books),
        "attempts": F("attempts") + 1,
    }
    if outcome.status in (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN):
        # Not later than that: whoever has moved since got it where they were (see `events`).
        changes["sent_at"] = claimed.claim.looked_at
    if outcome.message_id:
        # An erasure may have been quicker: then nothing may lead to the person any more.
        changes["message_id"] = Case(
            When(contact=None, then=Value("")), default=Value(outcome.message_id)
        )
    if outcome.is_later and claimed.claim.attempts >= len(WAITS):
        changes["status"] = DeliveryStatus.FAILED
    elif outcome.is_later:
        changes["retry_at"] = now() + timedelta(minutes=WAITS[claimed.claim.attempts])
    return changes


def suppress_dead_mailbox(claimed: Claimed) -> None:
    """Before the outcome is recorded: should the worker die in between, it is known all the same.

    Whoever has moved away from that mailbox since is not charged with it.
    """
    try:
        with transaction.atomic():
            contact = Contact.objects.lock(claimed.claim.contact)
            if contact and contact.mailbox == claimed.recipient.mailbox:
                contact.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    except OperationalError:
        if connection.in_atomic_block:
            raise
        logger.exception("Contact %s could not be suppressed.", claimed.claim.contact)
