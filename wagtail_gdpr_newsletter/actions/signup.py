"""What happens when a visitor signs up?

The form is posted: the subscription becomes pending, a consent record keeps the statement shown,
and a confirmation mail is queued. Its link opens a page (GET changes nothing); the button on it
confirms and writes the second record. Whoever posts, known or unknown, gets the same answer (A2):
everything that depends on the address happens here, behind the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now
from django_q.tasks import async_task
from wagtail.models import Site

from .. import conf, signals, tokens
from ..addresses import Address
from ..models import (
    SITE_SCOPE,
    ConsentRecord,
    ConsentStatement,
    Contact,
    DeliveryStatus,
    Origin,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from ..sending import confirmation
from ..sending.transport import MailerRefuses, Outcome

#: How often one address gets a confirmation mail, against list bombing (A1).
CONFIRMATION_INTERVAL = timedelta(minutes=10)
CONFIRMATION_LIMITS = [(timedelta(days=1), 3), (timedelta(weeks=1), 5)]

#: What a mail's outcome says about the confirmation; one that is in doubt counts as sent.
EVENT_AFTER = {
    DeliveryStatus.SENT: RecordedEvent.CONFIRMATION_SENT,
    DeliveryStatus.UNKNOWN: RecordedEvent.CONFIRMATION_SENT,
    DeliveryStatus.FAILED: RecordedEvent.CONFIRMATION_REFUSED,
}


@transaction.atomic
def sign_up(
    *,
    site: Site,
    address: Address,
    name: str,
    statements: Sequence[ConsentStatement],
    origin: Origin,
) -> None:
    """Take a request for the books of the statements; they must be of that site."""
    if Suppression.objects.of(address.canonical, site=site).final().exists():
        return  # After a complaint or "never write to me" no mail goes there at all (S5).
    contact = Contact.objects.get_or_add(
        site=site, address=address, language=statements[0].language
    )
    contact = Contact.objects.select_for_update().get(pk=contact.pk)
    if contact.restricted:
        return
    _take_name(contact, name)
    asked = [
        subscription
        for statement in statements
        if (subscription := _ask(contact, statement, origin=origin))
    ]
    if asked:
        transaction.on_commit(partial(_ring, contact.pk))
        for subscription in asked:
            signals.subscription_requested.send(Subscription, subscription=subscription)


def _take_name(contact: Contact, name: str) -> None:
    """Believe a name only as long as nobody has confirmed: a form must not rename strangers."""
    confirmed = contact.subscriptions.filter(confirmed_at__isnull=False)
    if name and name != contact.name and not confirmed.exists():
        contact.name = name
        contact.save(update_fields=["name"])


def _ask(contact: Contact, statement: ConsentStatement, *, origin: Origin) -> Subscription | None:
    """Make one subscription pending, or keep it so; `None` where the person is in the book already."""
    subscription, created = Subscription.objects.get_or_create(
        contact=contact,
        book=statement.version.book,
        defaults={
            "status": SubscriptionStatus.PENDING,
            "requested_at": now(),
            "statement": statement,
        },
    )
    if not created:
        if Subscription.objects.mailable().filter(pk=subscription.pk).exists():
            return None  # Silently: a form must not tell strangers who is subscribed.
        if subscription.status != SubscriptionStatus.PENDING:
            subscription.status = SubscriptionStatus.PENDING
            subscription.requested_at = now()
        subscription.statement = statement
        subscription.save(update_fields=["status", "requested_at", "statement"])
    ConsentRecord.objects.append(
        RecordedEvent.REQUESTED, subscription, origin=origin, occurred_at=now()
    )
    return subscription


def _ring(contact_pk: int) -> None:
    async_task(send_confirmation, contact_pk, q_options={"save": False, "ack_failure": True})


def send_confirmation(contact_pk: int) -> None:
    """Mail one link for everything the contact is still to confirm, if the limits allow it (A1).

    Runs on a worker. The claim comes first, the mail second, the record third: a worker that dies
    between them leaves a claim without a record, which `ring_for_confirmations` finds again.
    """
    contact = Contact.objects.filter(pk=contact_pk, restricted=False).first()
    if contact is None or not _claim_confirmation(contact) or _is_limited(contact):
        return
    pending = list(contact.subscriptions.pending().select_related("book", "statement", "contact"))
    final = Suppression.objects.of(contact.canonical_address, site=contact.site).final()
    if not pending or final.exists():
        return
    try:
        outcome = confirmation.send(contact, pending, token=_confirmation_token(contact, pending))
    except MailerRefuses:
        outcome = Outcome(DeliveryStatus.PENDING)
    if outcome.status == DeliveryStatus.PENDING:
        _try_later(contact, pending)
        return
    with transaction.atomic():
        for subscription in pending:
            ConsentRecord.objects.append(
                EVENT_AFTER[outcome.status],
                subscription,
                origin=Origin(source="mail"),
                occurred_at=now(),
                message_id=outcome.message_id,
            )


def _is_limited(contact: Contact) -> bool:
    return any(
        ConsentRecord.objects.confirmations_sent(contact, since=now() - period) >= limit
        for period, limit in CONFIRMATION_LIMITS
    )


def _claim_confirmation(contact: Contact) -> bool:
    """True for one caller in ten minutes."""
    free = Q(confirmation_rests_until__isnull=True) | Q(confirmation_rests_until__lte=now())
    claimed = Contact.objects.filter(free, pk=contact.pk).update(
        confirmation_rests_until=now() + CONFIRMATION_INTERVAL
    )
    return claimed == 1


def _try_later(contact: Contact, pending: Sequence[Subscription]) -> None:
    """Nothing was sent: again after a minute, and then after ever longer waits, until the request lapses."""
    waited = now() - min(subscription.requested_at or now() for subscription in pending)
    Contact.objects.filter(pk=contact.pk).update(
        confirmation_rests_until=now() + max(timedelta(minutes=1), waited)
    )


def ring_for_confirmations() -> None:
    """Find requests whose mail got lost with the queue or had to wait, and ring for them again."""
    mailed = ConsentRecord.objects.filter(
        contact=OuterRef("contact"),
        book_uuid=OuterRef("book__uuid"),
        event__in=RecordedEvent.of_confirmation_mails(),
        occurred_at__gte=OuterRef("requested_at"),
    )
    free = Q(contact__confirmation_rests_until__isnull=True) | Q(
        contact__confirmation_rests_until__lte=now()
    )
    # A minute's grace: their own task may just be on its way.
    waiting = Subscription.objects.pending().filter(
        free, ~Exists(mailed), requested_at__lt=now() - timedelta(minutes=1)
    )
    for contact_pk in waiting.order_by().values_list("contact", flat=True).distinct()[:1000]:
        _ring(contact_pk)


def _confirmation_token(contact: Contact, pending: Sequence[Subscription]) -> str:
    """Void once the address changes, once confirmed, and for requests made after this mail (A3)."""
    return tokens.sign(
        tokens.Purpose.CONFIRM,
        {
            "contact": contact.pk,
            "address": contact.address_digest[:16],
            "subscriptions": [subscription.pk for subscription in pending],
            "issued": now().timestamp(),
        },
    )


def awaiting_confirmation(token: str) -> list[Subscription]:
    """The subscriptions that pressing the button would confirm; none where that has been done.

    Raise `InvalidToken` or `ExpiredToken` from `tokens`.
    """
    told = tokens.read(tokens.Purpose.CONFIRM, token, max_age=conf.confirmation_expiry())
    issued = datetime.fromtimestamp(told["issued"], tz=now().tzinfo)
    subscriptions = (
        Subscription.objects.pending()
        .standing_on_a_valid_statement()
        .filter(
            pk__in=told["subscriptions"],
            contact=told["contact"],
            contact__address_digest__startswith=told["address"],
            requested_at__lte=issued,
        )
    )
    return list(subscriptions.select_related("contact__site", "book", "statement"))


@transaction.atomic
def confirm(*, token: str, origin: Origin) -> list[Subscription]:
    """Confirm what the token names, and lift what an earlier leaving had put in the way.

    Only a double opt-in does that (S5). Raise `InvalidToken` or `ExpiredToken` from `tokens`.
    """
    confirmed = []
    for subscription in awaiting_confirmation(token):
        moved = Subscription.objects.pending().filter(pk=subscription.pk)
        if not moved.update(status=SubscriptionStatus.CONFIRMED, confirmed_at=now()):
            continue  # The same link in two tabs: the other one was quicker.
        subscription.refresh_from_db()
        _lift_suppressions(subscription)
        ConsentRecord.objects.append(
            RecordedEvent.CONFIRMED, subscription, origin=origin, occurred_at=now()
        )
        signals.subscription_confirmed.send(Subscription, subscription=subscription)
        confirmed.append(subscription)
    return confirmed


def _lift_suppressions(subscription: Subscription) -> None:
    contact = subscription.contact
    Suppression.objects.of(contact.canonical_address, site=contact.site).filter(
        scope__in=[SITE_SCOPE, subscription.book.uuid]
    ).exclude(reason__in=SuppressionReason.final()).delete()
