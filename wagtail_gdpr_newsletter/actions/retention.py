"""What is removed when its time is over?

Unconfirmed sign-ups with everything that was kept for them (C12), what was answered for a newsletter that
somebody has left, the visitor's connection in the proof (C7), service mails and sessions that are over. Runs daily; repeating it does no harm.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from .. import conf
from ..models import (
    ConsentRecord,
    Contact,
    RecordedEvent,
    RightsOutcome,
    RightsRequest,
    Subscription,
    SubscriptionStatus,
)
from ..models.contacts import ContactQuerySet
from ..models.subscriptions import SubscriptionQuerySet
from . import access, erasure, importing, service_mail
from .confirmation_mail import was_invited
from .import_undoing import let_go_who_was_brought

logger = logging.getLogger(__name__)


def purge() -> None:
    """Everything that is due."""
    purge_unconfirmed()
    purge_answers()
    ConsentRecord.objects.strip_client(before=now() - conf.client_retention())
    service_mail.purge_service_mails()
    access.purge_sessions()
    erasure.give_up_elsewhere()
    importing.purge_imports()


def purge_unconfirmed() -> int:
    """Delete requests that nobody confirmed, and whoever has nothing else here; returns their number."""
    subscriptions = list(_lapsed().values_list("contact", "pk"))
    forgotten = 0
    for contact_pk, subscription_pk in subscriptions:
        try:
            forgotten += _forget(contact_pk, subscription_pk)
        except DatabaseError:  # One that cannot be deleted must not keep all the others.
            logger.exception("The request %s could not be deleted.", subscription_pk)
    return forgotten


def purge_answers() -> int:
    """Forget what nobody is written to by any more; after a day, so that leaving can be taken back."""
    left = Subscription.objects.filter(
        status=SubscriptionStatus.UNSUBSCRIBED,
        unsubscribed_at__lt=now() - timedelta(days=1),
        contact__restricted=False,  # Then everything is kept (GDPR 18).
    )
    return left.exclude(answers={}, asked_answers=[]).update(answers={}, asked_answers=[])


def _lapsed() -> SubscriptionQuerySet:
    """Time runs from the last request, and from the last mail: its link must not die before its time."""
    before = now() - conf.confirmation_expiry()
    heard_of_since = ConsentRecord.objects.filter(
        contact=OuterRef("contact"),
        book_uuid=OuterRef("book__uuid"),
        event__in=RecordedEvent.before_confirmation(),
        occurred_at__gte=before,
    )
    return Subscription.objects.pending().filter(
        ~Exists(heard_of_since),
        requested_at__lt=before,
        contact__restricted=False,  # Then everything is kept (GDPR 18).
    )


@transaction.atomic
def _forget(contact_pk: int, subscription_pk: int) -> bool:
    """A request of somebody who was here before leaves them as they were, with the older evidence."""
    contact = Contact.objects.lock(contact_pk)
    subscription = _lapsed().filter(pk=subscription_pk).first()
    if contact is None or subscription is None:  # Confirmed, or asked again, at the last moment.
        return False
    records = ConsentRecord.objects.filter(contact=contact, book_uuid=subscription.book.uuid)
    records.filter(
        event__in=RecordedEvent.before_confirmation(), occurred_at__gte=subscription.requested_at
    ).forget()
    here = Contact.objects.filter(pk=contact.pk)
    if was_invited(subscription):  # We were to forget them where they do not answer.
        if subscription.mail_wanted_at:
            return False  # They have not been asked yet: no mail got out.
        subscription.delete()
        let_go_who_was_brought(here)
    elif subscription.previous_status:
        subscription.take_request_back()
        subscription.save()
    else:
        subscription.delete()
        drop_those_without_anything(here)
    return True


def drop_those_without_anything(contacts: ContactQuerySet) -> None:
    """Nothing is to be proved of them, and nothing to be done for them."""
    contacts.filter(
        ~Exists(Subscription.objects.filter(contact=OuterRef("pk"))),
        ~Exists(ConsentRecord.objects.filter(contact=OuterRef("pk"))),
        ~Exists(RightsRequest.objects.filter(contact=OuterRef("pk"), outcome=RightsOutcome.OPEN)),
    ).delete()
