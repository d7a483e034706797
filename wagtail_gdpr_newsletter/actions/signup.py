"""What happens when a visitor signs up?

The form is posted: the subscription becomes pending, a consent record keeps the statement shown,
and a confirmation mail is queued. Its link opens a page (GET changes nothing); the button on it
confirms and writes the second record. Whoever posts, known or unknown, gets the same answer (A2):
everything that depends on the address happens here, behind the view.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables
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
    SenderSettings,
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
#: How many contacts one minute's look at what is unmailed rings for.
RING_AT_ONCE = 1000

#: What a mail's outcome says about the confirmation; one that is in doubt counts as sent.
EVENT_AFTER = {
    DeliveryStatus.SENT: RecordedEvent.CONFIRMATION_SENT,
    DeliveryStatus.UNKNOWN: RecordedEvent.CONFIRMATION_SENT,
    DeliveryStatus.FAILED: RecordedEvent.CONFIRMATION_REFUSED,
}


@sensitive_variables("address", "name", "contact")
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
    contact = Contact.objects.lock_or_add(
        site=site, address=address, language=statements[0].language
    )
    if contact.restricted:
        return
    _take_name(contact, name)
    asked = [
        subscription
        for statement in statements
        if (subscription := _ask(contact, statement, origin=origin))
    ]
    if asked:
        # Robust: a queue that is down must not tell strangers who was asked (A2); it is rung again.
        transaction.on_commit(lambda: _ring(contact.pk), robust=True)
        for subscription in asked:
            signals.announce(
                signals.subscription_requested, Subscription, subscription=subscription
            )


def _take_name(contact: Contact, name: str) -> None:
    """Believe a name only as long as nobody has confirmed: a form must not rename strangers.

    The confirmation takes the one that its mail was sent for, whatever came in between.
    """
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
    if contact is None or SenderSettings.for_site(contact.site).missing():
        return
    if not _claim_confirmation(contact) or _is_limited(contact):
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
                mail_version=confirmation.version(),
            )


def _is_limited(contact: Contact) -> bool:
    return any(
        ConsentRecord.objects.confirmations_sent(contact, since=now() - period) >= limit
        for period, limit in CONFIRMATION_LIMITS
    )


def _claim_confirmation(contact: Contact) -> bool:
    """True for one caller in ten minutes."""
    claimed = Contact.objects.filter(_rested(), pk=contact.pk).update(
        confirmation_rests_until=now() + CONFIRMATION_INTERVAL
    )
    return claimed == 1


def _rested() -> Q:
    return Q(confirmation_rests_until__isnull=True) | Q(confirmation_rests_until__lte=now())


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
    # A minute's grace: their own task may just be on its way.
    waiting = Subscription.objects.pending().filter(
        ~Exists(mailed), contact=OuterRef("pk"), requested_at__lt=now() - timedelta(minutes=1)
    )
    longest_waiting = F("confirmation_rests_until").asc(nulls_first=True)
    contacts = Contact.objects.filter(_rested(), Exists(waiting)).order_by(longest_waiting)
    for contact_pk in contacts.values_list("pk", flat=True)[:RING_AT_ONCE]:
        _ring(contact_pk)


def _confirmation_token(contact: Contact, pending: Sequence[Subscription]) -> str:
    """Void once the address changes, once confirmed, and for requests made after this mail (A3)."""
    return tokens.sign(
        tokens.Purpose.CONFIRM,
        {
            "contact": contact.pk,
            "address": _mark(contact),
            "name": contact.name,
            # A later request may be for a newer wording: this mail is about the one that it names.
            "statements": {subscription.pk: subscription.statement_id for subscription in pending},
            "issued": now().timestamp(),
        },
    )


def _mark(contact: Contact) -> str:
    """Tells one address of a contact from another, to nobody who does not know both."""
    return salted_hmac("wagtail_gdpr_newsletter.address", contact.address_digest).hexdigest()[:16]


def awaiting_confirmation(token: str) -> list[Subscription]:
    """The subscriptions that pressing the button would confirm; none where that has been done.

    Raise `InvalidToken` or `ExpiredToken` from `tokens`.
    """
    told = _read(token)
    issued = datetime.fromtimestamp(told["issued"], tz=UTC)
    asked_for = ConsentStatement.objects.still_valid().in_bulk(told["statements"].values())
    awaiting = []
    for subscription in _named_by(told):
        statement = asked_for.get(told["statements"][str(subscription.pk)])
        requested_at = subscription.requested_at
        is_pending = subscription.status == SubscriptionStatus.PENDING
        if is_pending and statement and requested_at and requested_at <= issued:
            subscription.statement = statement
            subscription.contact.name = told["name"]  # To show; the confirmation takes it.
            awaiting.append(subscription)
    return awaiting


def confirmed_before(token: str) -> bool:
    """Whether somebody has pressed the button already, so that all is well."""
    return any(each.status == SubscriptionStatus.CONFIRMED for each in _named_by(_read(token)))


def _read(token: str) -> dict[str, Any]:
    return tokens.read(tokens.Purpose.CONFIRM, token, max_age=conf.confirmation_expiry())


def _named_by(told: dict[str, Any]) -> list[Subscription]:
    """None once the address has changed."""
    subscriptions = Subscription.objects.filter(
        pk__in=told["statements"], contact=told["contact"]
    ).select_related("contact__site", "book", "statement")
    return [each for each in subscriptions if _mark(each.contact) == told["address"]]


@transaction.atomic
def confirm(*, token: str, origin: Origin) -> list[Subscription]:
    """Confirm what the token names, and lift what an earlier leaving had put in the way.

    Only a double opt-in does that (S5). Raise `InvalidToken` or `ExpiredToken` from `tokens`.
    """
    told = _read(token)
    # Whoever changes what a person has joined locks the person first.
    contact = Contact.objects.select_for_update().filter(pk=told["contact"]).first()
    confirmed: list[Subscription] = []
    if contact is None:
        return confirmed
    awaiting = awaiting_confirmation(token)
    if awaiting:
        _take_name(contact, told["name"])
    for subscription in awaiting:
        subscription.status = SubscriptionStatus.CONFIRMED
        subscription.confirmed_at = now()
        subscription.unsubscribed_at = None
        subscription.save(update_fields=["status", "statement", "confirmed_at", "unsubscribed_at"])
        _lift_suppressions(subscription)
        ConsentRecord.objects.append(
            RecordedEvent.CONFIRMED, subscription, origin=origin, occurred_at=now()
        )
        signals.announce(signals.subscription_confirmed, Subscription, subscription=subscription)
        confirmed.append(subscription)
    return confirmed


def _lift_suppressions(subscription: Subscription) -> None:
    contact = subscription.contact
    Suppression.objects.of(contact.canonical_address, site=contact.site).filter(
        scope__in=[SITE_SCOPE, subscription.book.uuid]
    ).exclude(reason__in=SuppressionReason.final()).delete()
