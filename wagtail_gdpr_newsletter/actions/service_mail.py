"""What happens to a mail that one reader is owed?

It is written down and rung for; a worker claims it, sends it, and records that it left. Once a minute
`ring_for_service_mails` finds those that got lost with the queue or had to wait for the mail server. A
mail that is in doubt, because a worker died over it, is not sent again: whoever misses it asks again.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now
from django_q.tasks import async_task

from .. import tokens
from ..addresses import Address
from ..models import (
    AskedMailbox,
    Contact,
    DeliveryStatus,
    MailKind,
    SenderSettings,
    ServiceMail,
    Suppression,
)
from ..models.service_mails import KEPT_FOR, Limits, ServiceMailQuerySet
from ..sending import letters, service
from ..sending.transport import MailerRefuses, Outcome

#: How many of one kind may go to one mailbox unasked for, against flooding it (A1).
LIMITS: Limits = [
    (timedelta(minutes=10), 1),
    (timedelta(days=1), 3),
    (timedelta(weeks=1), 5),
]

#: The longest wait between two attempts.
LONGEST_WAIT = timedelta(hours=1)

#: How many mails one minute's look rings for.
RING_AT_ONCE = 1000

logger = logging.getLogger(__name__)


def owe(contact: Contact, kind: MailKind, **details: str) -> ServiceMail:
    """Write down a mail, and ring for it once that is committed."""
    mail = ServiceMail.objects.create(contact=contact, kind=kind, **details)
    transaction.on_commit(lambda: _ring(mail.pk), robust=True)
    return mail


def too_many(mails: ServiceMailQuerySet, *, limits: Limits = LIMITS) -> bool:
    """Whether one more like these would be too many; one whose link was used was welcome."""
    unused = mails.filter(spent_at__isnull=True)
    return any(
        unused.filter(wanted_at__gt=now() - period).count() >= limit for period, limit in limits
    )


def behind(token: str, purpose: tokens.Purpose, *, max_age: timedelta) -> ServiceMail:
    """The mail whose link carries the token.

    Raise `InvalidToken`, `ExpiredToken` or `SpentToken` from `tokens`; it is invalid, too, once the
    contact's address has changed or the contact is gone (A3).
    """
    told = tokens.read(purpose, token, max_age=max_age)
    mail = ServiceMail.objects.select_related("contact__site").filter(pk=told["mail"]).first()
    if mail is None or not mail.contact.has_mark(told["address"]):
        raise tokens.InvalidToken
    if mail.spent_at:
        raise tokens.SpentToken
    return mail


def _ring(mail_pk: int) -> None:
    async_task(send_service_mail, mail_pk, q_options={"save": False, "ack_failure": True})


class _Gone(Exception):
    """Erased, or moved, while the mail server was slow to answer."""


def send_service_mail(mail_pk: int) -> None:
    """Send one mail, once. Runs on a worker."""
    mail = ServiceMail.objects.claim(mail_pk)
    if mail is None:
        return
    try:
        outcome = _send(mail)
    except _Gone:
        # A reader's own message goes all the same, in a minute, from where they are now.
        ServiceMail.objects.filter(pk=mail_pk, kind__in=MailKind.of_readers()).update(
            attempted_at=None
        )
        return
    if outcome.error:
        logger.warning("Service mail %s (%s): %s", mail_pk, mail.kind, outcome.error)
    me = ServiceMail.objects.filter(pk=mail_pk)
    if outcome.status == DeliveryStatus.PENDING:  # Nothing left the house: again, ever later.
        wait = min(LONGEST_WAIT, max(timedelta(minutes=1), now() - mail.wanted_at))
        me.update(attempted_at=None, rests_until=now() + wait)
    elif (
        mail.kind != MailKind.NEW_ADDRESS
    ):  # Of a foreign mailbox nobody learns whether it takes mail.
        sent_at = now() if outcome.status == DeliveryStatus.SENT else None
        me.update(sent_at=sent_at, message_id=outcome.message_id)


def _send(mail: ServiceMail) -> Outcome:
    if not SenderSettings.for_site(mail.contact.site).is_written:
        return Outcome(DeliveryStatus.PENDING, error="the sender is not complete")
    try:
        return letters.send(service.write(mail), before_it_leaves=lambda: _look_again(mail))
    except MailerRefuses as error:
        return Outcome(DeliveryStatus.PENDING, error=str(error))


def _look_again(mail: ServiceMail) -> None:
    here = Contact.objects.filter(pk=mail.contact_id).first()
    if here is None or here.address_digest != mail.contact.address_digest:
        raise _Gone
    if mail.kind == MailKind.NEW_ADDRESS:
        asked = Address.parse(mail.address).canonical
        if Suppression.objects.of(asked, site=here.site).final().exists():
            raise _Gone  # They have said meanwhile that they want no mail at all (S5).


def ring_for_service_mails() -> None:
    """Find mails that were lost with the queue or had to wait, and ring for them again."""
    waiting = ServiceMail.objects.owed().filter(wanted_at__lt=now() - timedelta(minutes=1))
    for mail_pk in waiting.order_by("wanted_at").values_list("pk", flat=True)[:RING_AT_ONCE]:
        _ring(mail_pk)


def purge_service_mails() -> int:
    """Delete what the limits no longer look back at; returns the number of mails."""
    AskedMailbox.objects.filter(last_asked_at__lt=now() - KEPT_FOR).delete()
    return ServiceMail.objects.over().delete()[0]
