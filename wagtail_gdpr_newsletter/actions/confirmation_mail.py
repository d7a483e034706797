"""What happens to the mail that asks for a confirmation?

A worker claims the contact, sends one mail that names everything still to confirm, and records what
became of it; within limits, so that nobody can bomb a mailbox through our forms (A1). Once a minute
`ring_for_confirmations` finds requests whose mail got lost with the queue or had to wait.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.timezone import now
from django_q.tasks import async_task

from .. import tokens
from ..models import (
    ConsentRecord,
    Contact,
    DeliveryStatus,
    Origin,
    RecordedEvent,
    SenderSettings,
    Subscription,
    Suppression,
)
from ..models.contacts import ContactQuerySet
from ..sending import confirmation
from ..sending.transport import MailerRefuses, Outcome

#: How often one address gets a confirmation mail, against list bombing (A1).
INTERVAL = timedelta(minutes=10)
LIMITS = [(timedelta(days=1), 3), (timedelta(weeks=1), 5)]

#: Mails of which nobody knows what became of them, before we stop: a worker died over each.
DOUBTS = 3
#: After which we try again all the same.
FORGET_DOUBTS = timedelta(days=3)

#: The longest wait for a server that asks to come back later.
LONGEST_WAIT = timedelta(hours=1)

#: How many contacts one minute's look at what is unmailed rings for.
RING_AT_ONCE = 1000

#: What a mail's outcome says about the confirmation; one that is in doubt counts as sent.
EVENT_AFTER = {
    DeliveryStatus.SENT: RecordedEvent.CONFIRMATION_SENT,
    DeliveryStatus.UNKNOWN: RecordedEvent.CONFIRMATION_SENT,
    DeliveryStatus.FAILED: RecordedEvent.CONFIRMATION_REFUSED,
}

logger = logging.getLogger(__name__)


def ring(contact_pk: int) -> None:
    async_task(send_confirmation, contact_pk, q_options={"save": False, "ack_failure": True})


def send_confirmation(contact_pk: int) -> None:
    """Mail one link for everything the contact is still to confirm, if the limits allow it.

    Runs on a worker. The claim comes first, the mail second, the record third: a worker that dies
    between them leaves a claim that counts as a mail in doubt.
    """
    contact = Contact.objects.filter(_may_get_mail(), pk=contact_pk).first()
    if contact is None or not _claim(contact) or _is_limited(contact):
        return
    pending = _to_confirm(contact)
    if any(each.mail_wanted_at for each in pending) and _may_be_written_to(contact):
        try:
            outcome = _send(contact, pending)
        except _Gone:
            return
        if outcome.status == DeliveryStatus.PENDING:
            _try_later(contact, pending)
            return
        _record(contact, pending, outcome)


def _to_confirm(contact: Contact) -> list[Subscription]:
    """A request for words that have changed materially since needs no mail: its link would be void.

    What they have asked for and what we ask them are two mails: each says truly who has asked (C4).
    """
    pending = contact.subscriptions.pending().standing_on_a_valid_basis()
    every = list(pending.select_related("book", "statement", "contact", "brought_by"))
    invited = [each for each in every if each.brought_by and was_invited(each)]
    asked = [each for each in every if each not in invited]
    return asked if any(each.mail_wanted_at for each in asked) else invited or asked


def _may_be_written_to(contact: Contact) -> bool:
    if SenderSettings.for_site(contact.site).missing():
        return False
    return not Suppression.objects.of(contact.canonical_address, site=contact.site).final().exists()


def _claim(contact: Contact) -> bool:
    """True for one caller in ten minutes."""
    rested = Contact.objects.filter(_may_get_mail(), pk=contact.pk)
    if rested.filter(confirmations_in_doubt__gte=DOUBTS).update(confirmations_in_doubt=0):
        logger.warning("%s: earlier confirmation mails stay in doubt; trying again.", contact)
    return rested.update(confirmation_rests_until=now() + INTERVAL) == 1


def _may_get_mail() -> Q:
    """Not restricted, at rest long enough, and longer where workers died over it."""
    rested = Q(confirmation_rests_until__isnull=True) | Q(confirmation_rests_until__lte=now())
    doubts_are_old = Q(confirmation_rests_until__lte=now() - FORGET_DOUBTS)
    return rested & (Q(confirmations_in_doubt__lt=DOUBTS) | doubts_are_old) & Q(restricted=False)


def may_be_sent_now(contact: Contact) -> bool:
    """Whether asking again would bring another mail at once."""
    rested = Contact.objects.filter(_may_get_mail(), pk=contact.pk)
    return rested.exists() and not _is_limited(contact)


def is_owed(contact: Contact, subscription: Subscription) -> bool:
    """Whether no mail for its last request has left, or is about to."""
    wanted, rests_until = subscription.mail_wanted_at, contact.confirmation_rests_until
    is_claimed = wanted and rests_until and wanted <= rests_until - INTERVAL <= now()
    return wanted is not None and not is_claimed


def _is_limited(contact: Contact) -> bool:
    return any(
        ConsentRecord.objects.confirmations_sent(contact, since=now() - period) >= limit
        for period, limit in LIMITS
    )


def was_invited(subscription: Subscription) -> bool:
    """Whether it is we who have asked them, and not they us."""
    since = ConsentRecord.objects.filter(
        contact=subscription.contact_id,
        book_uuid=subscription.book.uuid,
        occurred_at__gte=subscription.requested_at,
    )
    told = set(since.values_list("event", flat=True))
    return RecordedEvent.INVITED in told and RecordedEvent.REQUESTED not in told


def _invited_from(pending: Sequence[Subscription]) -> str:
    """Where the address is from, of somebody who has asked for none of these; empty where they have."""
    invited = [each for each in pending if each.brought_by and was_invited(each)]
    return next((each.brought_by.source for each in invited if each.brought_by), "")


def _send(contact: Contact, pending: Sequence[Subscription]) -> Outcome:
    me = Contact.objects.filter(pk=contact.pk, address_digest=contact.address_digest)
    try:
        outcome = confirmation.send(
            contact,
            pending,
            token=_token(contact, pending),
            invited_from=_invited_from(pending),
            # Whoever dies from there on leaves a mail in doubt.
            before_it_leaves=lambda: _begin(me),
        )
    except MailerRefuses as error:
        outcome = Outcome(DeliveryStatus.PENDING, error=str(error))
    if outcome.error:
        logger.warning("The confirmation mail for %s: %s", contact, outcome.error)
    return outcome


class _Gone(Exception):
    """Erased, or moved, while the mail server was slow to answer."""


def _begin(me: ContactQuerySet) -> None:
    if not me.update(confirmations_in_doubt=F("confirmations_in_doubt") + 1):
        raise _Gone


def _try_later(contact: Contact, pending: Sequence[Subscription]) -> None:
    """Nothing was sent: again after a minute, and then after ever longer waits, until the request lapses."""
    wanted = [each.mail_wanted_at for each in pending if each.mail_wanted_at]
    wait = min(LONGEST_WAIT, max(timedelta(minutes=1), now() - min(wanted)))
    Contact.objects.filter(pk=contact.pk).update(
        confirmation_rests_until=now() + wait, confirmations_in_doubt=0
    )


@transaction.atomic
def _record(contact: Contact, pending: Sequence[Subscription], outcome: Outcome) -> None:
    if not Contact.objects.lock(contact.pk):
        return  # Erased while the mail was on its way.
    version = confirmation.version(invited_from=_invited_from(pending))
    for subscription in pending:
        ConsentRecord.objects.append(
            EVENT_AFTER[outcome.status],
            subscription.contact,
            subscription,
            origin=Origin(source="mail"),
            occurred_at=now(),
            message_id=outcome.message_id,
            mail_version=version,
        )
        # But for a request that came while the mail was on its way.
        still = Subscription.objects.filter(
            pk=subscription.pk, mail_wanted_at=subscription.mail_wanted_at
        )
        still.update(mail_wanted_at=None)
    Contact.objects.filter(pk=contact.pk).update(confirmations_in_doubt=0)


def ring_for_confirmations() -> None:
    """Find requests whose mail got lost with the queue or had to wait, and ring for them again."""
    # A minute's grace: their own task may just be on its way.
    to_confirm = Subscription.objects.pending().standing_on_a_valid_basis()
    waiting = to_confirm.filter(
        contact=OuterRef("pk"), mail_wanted_at__lt=now() - timedelta(minutes=1)
    )
    longest_waiting = F("confirmation_rests_until").asc(nulls_first=True)
    contacts = Contact.objects.filter(_may_get_mail(), Exists(waiting)).order_by(longest_waiting)
    for contact_pk in contacts.values_list("pk", flat=True)[:RING_AT_ONCE]:
        ring(contact_pk)


def _token(contact: Contact, pending: Sequence[Subscription]) -> str:
    """Void once the address changes, once confirmed, and for requests made after this mail (A3)."""
    return tokens.sign(
        tokens.Purpose.CONFIRM,
        {
            "contact": contact.pk,
            "address": contact.address_mark,
            "name": contact.name,
            # A later request may be for a newer wording: this mail is about the one that it names.
            "statements": {subscription.pk: subscription.statement_id for subscription in pending},
            "answers": {subscription.pk: subscription.asked_key for subscription in pending},
            "issued": now().timestamp(),
        },
    )
