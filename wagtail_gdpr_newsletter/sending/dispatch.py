"""A lane: claims deliveries, asks once more who may be written to, sends, and records each outcome."""

from __future__ import annotations

import uuid
from datetime import timedelta
from time import monotonic
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Exists, F, OuterRef
from django.utils.timezone import now

from .. import conf
from ..models import Campaign, Contact, Delivery, DeliveryStatus
from ..models.deliveries import DeliveryQuerySet
from . import audience, messages, transport
from .compose import Composer

#: A lane is a short task: it stops after this many seconds and is rung again.
LANE_SECONDS = 10
MAX_ATTEMPTS = 5
#: So many messages in doubt one after the other are no accident: the server is in trouble.
DOUBTS_IN_A_ROW = 2
#: A claim, or a lease of a campaign, that is older than this belongs to a worker that died.
CLAIM_LIFETIME = timedelta(minutes=2)


def run_lane(campaign: Campaign) -> None:
    """Send until nothing is due or the lane's time is up. Raise `MailerRefuses` when nothing goes."""
    lane, deadline = uuid.uuid4(), monotonic() + LANE_SECONDS
    mailer = messages.open_mailer()
    composer = Composer(campaign.frozen_message, messages.provider_of(mailer))
    transport.open_connection(mailer)
    try:
        while monotonic() < deadline:
            batch = campaign.deliveries.claim(lane=lane, size=conf.batch_size())
            if not batch:
                return
            _send_batch(campaign, batch, mailer=mailer, composer=composer, deadline=deadline)
    finally:
        mailer.close()
        # What was claimed and not begun is free for the next lane at once.
        _release(campaign.deliveries.filter(lane=lane, attempted_at__isnull=True))


def _send_batch(
    campaign: Campaign,
    batch: list[Delivery],
    *,
    mailer: BaseEmailBackend,
    composer: Composer,
    deadline: float,
) -> None:
    doubts = 0
    reached = audience.still_reached(campaign, batch)
    _skip([delivery for delivery in batch if delivery.contact_id not in reached])
    for delivery in batch:
        if monotonic() > deadline:
            return
        if delivery.contact is None or delivery.contact_id not in reached:
            continue
        delivery.books = reached[delivery.contact_id]
        message = composer.for_contact(
            delivery.contact, books=delivery.books, delivery_id=delivery.opaque_id
        )
        transport.open_connection(mailer)
        if not _begin(campaign, delivery):
            _give_back_or_skip(delivery)
            continue
        outcome = _send_one(delivery, message, mailer=mailer)
        doubts = doubts + 1 if outcome.status == DeliveryStatus.UNKNOWN else 0
        if doubts >= DOUBTS_IN_A_ROW:
            raise transport.MailerRefuses(outcome.error)


def _skip(deliveries: list[Delivery]) -> None:
    """Only what is still this lane's, and not begun."""
    Delivery.objects.filter(
        pk__in=[delivery.pk for delivery in deliveries],
        lane__in={delivery.lane for delivery in deliveries},
        status=DeliveryStatus.CLAIMED,
        attempted_at__isnull=True,
    ).update(status=DeliveryStatus.SKIPPED)


def _send_one(
    delivery: Delivery, message: messages.NewsletterMessage, *, mailer: BaseEmailBackend
) -> transport.Outcome:
    try:
        outcome = transport.send(mailer, message)
    except transport.MailerRefuses:  # Not this delivery's fault, and nothing left.
        _release(Delivery.objects.filter(pk=delivery.pk), attempts=F("attempts") - 1)
        raise
    _record(delivery, outcome)
    return outcome


def _begin(campaign: Campaign, delivery: Delivery) -> bool:
    """Count the attempt before the work: whoever dies from here on leaves a delivery in doubt.

    False where the person left a moment ago (I4).
    """
    mine = Delivery.objects.filter(
        audience.is_reached(campaign),
        _is_at(delivery.contact),
        pk=delivery.pk,
        lane=delivery.lane,
        status=DeliveryStatus.CLAIMED,
    )
    begun = mine.update(attempted_at=now(), attempts=F("attempts") + 1, books=delivery.books)
    return begun == 1


def _is_at(contact: Contact | None) -> Exists:
    """Still at the address that the message was written to."""
    there = Contact.objects.filter(address_digest=contact.address_digest if contact else "")
    return Exists(there.filter(pk=OuterRef("contact")))


def _give_back_or_skip(delivery: Delivery) -> None:
    """Whoever left since the batch was looked through gets nothing; whoever moved is written to anew."""
    mine = Delivery.objects.filter(pk=delivery.pk, lane=delivery.lane)
    if mine.filter(_is_at(delivery.contact)).exists():
        _skip([delivery])
    else:
        _release(mine)


def _record(delivery: Delivery, outcome: transport.Outcome) -> None:
    attempts = delivery.attempts + 1
    status, retry_at = outcome.status, None
    if status == DeliveryStatus.PENDING:
        if attempts >= MAX_ATTEMPTS:
            status = DeliveryStatus.FAILED
        else:
            retry_at = now() + timedelta(minutes=2**attempts)
    mine = Delivery.objects.filter(pk=delivery.pk, lane=delivery.lane)
    if status == DeliveryStatus.SENT:
        mine.update(sent_at=now())
        # An erasure may have been quicker: then nothing may lead to the person any more.
        mine.exclude(contact=None).update(message_id=outcome.message_id)
    # A provider's event may have been quicker than this line, or somebody may have given us up.
    mine.filter(status__in=[DeliveryStatus.CLAIMED, DeliveryStatus.UNKNOWN]).update(
        status=status, retry_at=retry_at, error=outcome.error
    )


def release_dead_claims(campaign: Campaign) -> None:
    """After a worker's death: what it had not begun is due again, what it had begun is in doubt."""
    abandoned = campaign.deliveries.abandoned(after=CLAIM_LIFETIME)
    abandoned.filter(attempted_at__isnull=False).update(status=DeliveryStatus.UNKNOWN)
    _release(abandoned.filter(attempted_at__isnull=True))


def _release(deliveries: DeliveryQuerySet, **changes: Any) -> None:
    deliveries.filter(status=DeliveryStatus.CLAIMED).update(
        status=DeliveryStatus.PENDING, lane=None, claimed_at=None, attempted_at=None, **changes
    )
