"""What is removed when its time is over?

Unconfirmed sign-ups with everything that was kept for them (C12), and the visitor's connection in
the proof (C7). Runs daily; repeating it does no harm.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from .. import conf
from ..models import (
    ConsentRecord,
    Contact,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
)


def purge() -> None:
    """Everything that is due."""
    purge_unconfirmed()
    ConsentRecord.objects.strip_client(before=now() - conf.client_retention())


def purge_unconfirmed() -> int:
    """Delete requests that nobody confirmed, and whoever has nothing else here; returns their number."""
    before = now() - conf.confirmation_expiry()
    lapsed = Subscription.objects.pending().filter(requested_at__lt=before)
    pks = list(lapsed.values_list("pk", flat=True))
    for pk in pks:
        _forget(pk)
    return len(pks)


@transaction.atomic
def _forget(subscription_pk: int) -> None:
    """A request of somebody who was here before leaves the older evidence alone."""
    # Locked alone, without its relations: MariaDB has no FOR UPDATE OF.
    subscription = (
        Subscription.objects.pending().select_for_update().filter(pk=subscription_pk).first()
    )
    if subscription is None:  # Confirmed at the last moment.
        return
    ConsentRecord.objects.filter(
        contact=subscription.contact,
        book_uuid=subscription.book.uuid,
        event__in=RecordedEvent.before_confirmation(),
        occurred_at__gte=subscription.requested_at,
    ).forget()
    if subscription.unsubscribed_at:
        subscription.status = SubscriptionStatus.UNSUBSCRIBED
        subscription.save(update_fields=["status"])
        return
    subscription.delete()
    _drop_contacts_without_anything(subscription.contact)


def _drop_contacts_without_anything(contact: Contact) -> None:
    Contact.objects.filter(
        ~Exists(Subscription.objects.filter(contact=OuterRef("pk"))),
        ~Exists(ConsentRecord.objects.filter(contact=OuterRef("pk"))),
        pk=contact.pk,
    ).delete()
