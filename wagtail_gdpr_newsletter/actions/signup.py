"""What happens when a visitor signs up?

The form is posted: the subscription becomes pending, a consent record keeps the statement shown,
and a confirmation mail is queued. Its link opens a page (GET changes nothing); the button on it
confirms and writes the second record. Whoever posts, known or unknown, gets the same answer (A2):
everything that depends on the address happens here, behind the view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables
from wagtail.models import Site

from .. import conf, signals, tokens
from ..addresses import Address
from ..models import (
    BookField,
    ConsentRecord,
    ConsentStatement,
    Contact,
    LegalBasis,
    Origin,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from . import confirmation_mail
from .patience import patiently

#: {UUID of a field: answer}, as `forms.as_kept` has them.
Answers = Mapping[str, Any]


@sensitive_variables("address", "name", "contact", "answers")
@transaction.atomic
def sign_up(
    *,
    site: Site,
    address: Address,
    name: str,
    statements: Sequence[ConsentStatement],
    origin: Origin,
    answers: Answers | None = None,
) -> None:
    """Take a request for the books of the statements; they must be of that site.

    `answers` are nobody's until a mailbox has confirmed them: whoever has confirmed before keeps theirs.
    """
    if Suppression.objects.of(address.canonical, site=site).final().exists():
        return  # After a complaint or "never write to me" no mail goes there at all (S5).
    contact = Contact.objects.lock_or_add(
        site=site, address=address, language=statements[0].language
    )
    if contact.restricted:
        return
    if name and not _has_confirmed(contact):
        _rename(contact, name)
    _request(contact, statements, origin=origin, answers=answers or {})


@sensitive_variables("answers")
@transaction.atomic
def join(
    *,
    contact: Contact,
    statements: Sequence[ConsentStatement],
    origin: Origin,
    answers: Answers | None = None,
) -> None:
    """Somebody asks from their own data: with the box and the confirmation, as at any form.

    They have just shown that the mailbox is theirs, so its mail need not wait for ten minutes after
    the last (A1). Nothing happens where they were erased or have moved since.
    """
    here = Contact.objects.lock(contact.pk)
    if here is None or here.address_mark != contact.address_mark:
        return
    if here.restricted or here.suppressions.final().exists():
        return
    Contact.objects.filter(pk=here.pk).update(confirmation_rests_until=None)
    _request(here, statements, origin=origin, answers=answers or {})


def _request(
    contact: Contact, statements: Sequence[ConsentStatement], *, origin: Origin, answers: Answers
) -> None:
    whose = dict(BookField.objects.filter(uuid__in=answers).values_list("uuid", "book"))
    asked = []
    for statement in statements:
        theirs = {
            uuid: answers[uuid] for uuid, book in whose.items() if book == statement.version.book_id
        }
        if subscription := _ask(contact, statement, origin=origin, answers=theirs):
            asked.append(subscription)
    if asked:
        # Robust: a queue that is down must not tell strangers who was asked (A2); it is rung again.
        transaction.on_commit(lambda: confirmation_mail.ring(contact.pk), robust=True)
        for subscription in asked:
            signals.announce(
                signals.subscription_requested, Subscription, subscription=subscription
            )


def _has_confirmed(contact: Contact) -> bool:
    """From then on a form renames nobody: anybody may have sent it."""
    return contact.subscriptions.filter(confirmed_at__isnull=False).exists()


def _rename(contact: Contact, name: str) -> None:
    if name != contact.name:
        contact.name = name
        contact.save(update_fields=["name"])


def _ask(
    contact: Contact, statement: ConsentStatement, *, origin: Origin, answers: Answers
) -> Subscription | None:
    """Make one subscription pending, or keep it so; `None` where that changes nothing.

    Silently: a form must not tell strangers who is subscribed, or who has asked already.
    """
    # Held: an editor who removes a field takes its answers out of what is asked.
    subscription, created = Subscription.objects.select_for_update().get_or_create(
        contact=contact,
        book=statement.version.book,
        defaults={
            "status": SubscriptionStatus.PENDING,
            "statement": statement,
            "requested_at": now(),
            "mail_wanted_at": now(),
        },
    )
    instead = confirmation_mail.is_owed(contact, subscription)
    if not created:
        if Subscription.objects.mailable().filter(pk=subscription.pk).exists():
            return None
        asks_again = subscription.status == SubscriptionStatus.PENDING
        if asks_again and _same_words(subscription.statement, statement):
            if not confirmation_mail.may_be_sent_now(contact):
                return None
        elif not asks_again:
            subscription.begin_request()
        subscription.statement = statement
        subscription.mail_wanted_at = now()
    subscription.ask_with(answers, instead=instead)
    subscription.save()
    ConsentRecord.objects.append(
        RecordedEvent.REQUESTED,
        subscription.contact,
        subscription,
        origin=origin,
        occurred_at=now(),
    )
    return subscription


def _same_words(before: ConsentStatement | None, after: ConsentStatement) -> bool:
    """In whichever language."""
    return before is not None and before.version_id == after.version_id


def awaiting_confirmation(token: str) -> list[Subscription]:
    """The subscriptions that pressing the button would confirm; none where that has been done.

    Raise `InvalidToken` or `ExpiredToken` from `tokens`.
    """
    return _awaiting(_read(token), BookField.objects.all())


def _awaiting(told: dict[str, Any], fields: QuerySet[BookField]) -> list[Subscription]:
    issued = datetime.fromtimestamp(told["issued"], tz=UTC)
    asked_for = ConsentStatement.objects.still_valid().in_bulk(told["statements"].values())
    asking = _by_book(fields, told)
    awaiting = []
    for subscription in _named_by(told):
        statement = asked_for.get(told["statements"][str(subscription.pk)])
        requested_at = subscription.requested_at
        is_pending = subscription.status == SubscriptionStatus.PENDING
        if is_pending and statement and requested_at and requested_at <= issued:
            subscription.statement = statement
            # To show; the confirmation takes them. What this mail was sent for, whatever was typed since.
            subscription.contact.name = told["name"]
            asked_key = told.get("answers", {}).get(str(subscription.pk), "")
            subscription.take_answers(asked_key, asking.get(subscription.book_id, ()))
            awaiting.append(subscription)
    return awaiting


def _by_book(fields: QuerySet[BookField], told: dict[str, Any]) -> dict[int, list[str]]:
    """The UUIDs of what the books ask now."""
    books = Subscription.objects.filter(pk__in=told["statements"]).values_list("book", flat=True)
    asking: dict[int, list[str]] = {}
    for field in fields.filter(book__in=sorted(books)).order_by("pk"):
        asking.setdefault(field.book_id, []).append(field.uuid)
    return asking


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
    return [each for each in subscriptions if each.contact.has_mark(told["address"])]


def confirm(*, token: str, origin: Origin) -> list[Subscription]:
    """Confirm what the token names, and lift what an earlier leaving had put in the way.

    Raise `InvalidToken` or `ExpiredToken` from `tokens`.
    """
    return patiently(lambda: _confirm(token, origin))


@transaction.atomic
def _confirm(token: str, origin: Origin) -> list[Subscription]:
    told = _read(token)
    contact = Contact.objects.lock(told["contact"])
    confirmed: list[Subscription] = []
    if contact is None:
        return confirmed
    # Held, so that no field is removed while answers to it are taken.
    awaiting = _awaiting(told, BookField.objects.select_for_update())
    if awaiting and not _has_confirmed(contact):
        _rename(contact, told["name"])  # The one that this mail was sent for, whatever came since.
    for subscription in awaiting:
        subscription.settle(SubscriptionStatus.CONFIRMED)
        subscription.confirmed_at, subscription.opted_in = now(), True
        subscription.unsubscribed_at = None
        subscription.basis = LegalBasis.CONSENT  # Whatever it stood on before.
        subscription.save()
        ConsentRecord.objects.append(
            RecordedEvent.CONFIRMED,
            subscription.contact,
            subscription,
            origin=origin,
            occurred_at=now(),
        )
        signals.announce(signals.subscription_confirmed, Subscription, subscription=subscription)
        confirmed.append(subscription)
    if confirmed:  # Only a double opt-in does that (S5).
        contact.lift_suppressions(books=[subscription.book.uuid for subscription in confirmed])
    return confirmed
