"""What happens when somebody leaves?

From the footer's page, the one-click POST, a provider's event or staff: the subscriptions end, the
leaving is recorded and remembered as a keyed hash, and campaigns under way notice, because they ask
`mailable()` before they send. Repeating it changes nothing. "That was a mistake" takes it back for
ten minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now

from .. import signals, tokens
from ..models import (
    SITE_SCOPE,
    ConsentRecord,
    Contact,
    Origin,
    RecordedEvent,
    RightsKind,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from .patience import patiently
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: How long "that was a mistake" is offered (S5).
UNDO_WINDOW = timedelta(minutes=10)


def unsubscribe(
    *,
    contact: Contact,
    books: Sequence[str] | None,
    origin: Origin,
    reason: SuppressionReason = SuppressionReason.WITHDRAWAL,
    user: User | None = None,
    why: str = "",
) -> str:
    """End the subscriptions to the books with these UUIDs, or to all of the site where `books` is None.

    `why`: a member of staff's reason, for the log. Returns a token for `resubscribe`, empty where there is nothing to take back.
    """
    return patiently(lambda: _unsubscribe(contact, books, origin, reason, user, why))


@transaction.atomic
def _unsubscribe(
    contact: Contact,
    books: Sequence[str] | None,
    origin: Origin,
    reason: SuppressionReason,
    user: User | None,
    why: str,
) -> str:
    here = Contact.objects.lock(contact.pk)
    if here is None:
        return ""  # Erased a moment ago: they have left either way.
    contact = here  # As they are now: they may have moved to another address since.
    leaving = contact.subscriptions.active().select_related("book", "contact", "statement")
    if books is not None:
        leaving = leaving.filter(book__uuid__in=books)
    opted_in = {subscription.pk for subscription in leaving if subscription.opted_in}
    left = [_leave(subscription, origin=origin) for subscription in leaving]
    if books is None:  # What was left a moment ago is left again: nothing takes that back any more.
        just_left = contact.subscriptions.filter(status=SubscriptionStatus.UNSUBSCRIBED)
        just_left.filter(unsubscribed_at__gt=now() - UNDO_WINDOW).exclude(
            pk__in=[subscription.pk for subscription in left]
        ).update(unsubscribed_at=now())
    remembered = _remember(contact, scopes=books, reason=reason)
    note(contact, "unsubscribe_contact", user, why=why)
    # Only what had been confirmed can come back without a new confirmation.
    undoable = {
        subscription.pk: [subscription.unsubscribed_at.timestamp(), subscription.pk in opted_in]
        for subscription in left
        if subscription.unsubscribed_at and subscription.confirmed_at and subscription.statement_id
    }
    if not undoable or reason != SuppressionReason.WITHDRAWAL:
        return ""
    return tokens.sign(
        tokens.Purpose.UNDO,
        {
            "contact": contact.pk,
            "address": contact.address_mark,
            "subscriptions": undoable,
            "scopes": remembered,
        },
    )


def _leave(subscription: Subscription, *, origin: Origin) -> Subscription:
    if (
        subscription.previous_status
    ):  # What they leave is what they had, not what somebody asked for.
        subscription.take_request_back()
    was_confirmed = subscription.status == SubscriptionStatus.CONFIRMED
    subscription.settle(SubscriptionStatus.UNSUBSCRIBED)
    subscription.unsubscribed_at, subscription.opted_in = now(), False
    if not was_confirmed:
        subscription.confirmed_at = None
    subscription.save()
    ConsentRecord.objects.append(
        RecordedEvent.WITHDRAWN,
        subscription.contact,
        subscription,
        origin=origin,
        occurred_at=now(),
    )
    signals.announce(
        signals.subscription_withdrawn,
        Subscription,
        subscription=subscription,
        source=origin.source,
    )
    return subscription


def _remember(
    contact: Contact, *, scopes: Sequence[str] | None, reason: SuppressionReason
) -> list[str]:
    """Leaving everything is remembered for the site and for each book: a later yes to one lifts only that.

    Returns the scopes for which it is new.
    """
    if scopes is None:
        uuids = contact.subscriptions.values_list("book__uuid", flat=True)
        scopes = [SITE_SCOPE, *uuids]
    return [scope for scope in scopes if contact.suppress(scope=scope, reason=reason)]


@transaction.atomic
def resubscribe(*, token: str, origin: Origin) -> list[Subscription]:
    """Take an unsubscription back, within ten minutes of it and never after a complaint (S5).

    Raise `InvalidToken` or `ExpiredToken` from `tokens`. Empty where something else came between.
    """
    told = tokens.read(tokens.Purpose.UNDO, token, max_age=UNDO_WINDOW)
    contact = Contact.objects.lock(told["contact"])
    if contact is None or not contact.has_mark(told.get("address", "")):
        return []
    remembered = Suppression.objects.of(contact.canonical_address, site=contact.site)
    # What this leaving brought about is taken back, and nothing that came before or after it.
    taken_back = remembered.filter(scope__in=told["scopes"], reason=SuppressionReason.WITHDRAWAL)
    objected = contact.rights_requests.filter(
        kind=RightsKind.OBJECTION,
        received_at__gte=datetime.fromtimestamp(
            min(left_at for left_at, _opted_in in told["subscriptions"].values()), tz=UTC
        ),
    )
    if objected.exists() or remembered.final().exists():
        return []
    restored = []
    for pk, (left_at, opted_in) in told["subscriptions"].items():
        subscription = (
            contact.subscriptions.filter(pk=pk, status=SubscriptionStatus.UNSUBSCRIBED)
            .select_related("book", "contact", "statement")
            .first()
        )
        if (
            subscription
            and subscription.unsubscribed_at
            and subscription.unsubscribed_at.timestamp() == left_at
        ):
            subscription.opted_in = opted_in
            restored.append(_return(subscription, origin=origin))
    if restored:
        scopes = [SITE_SCOPE, *(subscription.book.uuid for subscription in restored)]
        taken_back.filter(scope__in=scopes).delete()
    return restored


def _return(subscription: Subscription, *, origin: Origin) -> Subscription:
    subscription.status = SubscriptionStatus.CONFIRMED
    subscription.unsubscribed_at = None
    subscription.save(update_fields=["status", "unsubscribed_at", "opted_in"])
    ConsentRecord.objects.append(
        RecordedEvent.WITHDRAWAL_UNDONE,
        subscription.contact,
        subscription,
        origin=origin,
        occurred_at=now(),
    )
    return subscription
