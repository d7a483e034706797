"""What happens when somebody corrects what is kept of them?

Name and language change at once. A new address has to confirm: a mail with a link goes there, and the
button behind it moves the contact; the old address is told (R3). Whether the new address is known here
makes no difference to any answer; if it is, its mailbox has just shown that both are one person, and the
two contacts become one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables

from .. import pseudonyms, tokens
from ..addresses import Address
from ..models import (
    SITE_SCOPE,
    AddressBook,
    AskedMailbox,
    ConsentRecord,
    Contact,
    MailKind,
    Origin,
    RecordedEvent,
    RightsKind,
    RightsRequest,
    ServiceMail,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from ..sending import letters
from ..sending.service import NEW_ADDRESS_EXPIRY
from . import merging, service_mail
from .patience import patiently
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: How many mailboxes one contact may have asked; somebody who mistyped may try again at once.
FOR_ONE_CONTACT = service_mail.LIMITS[1:]


@sensitive_variables("name")
@transaction.atomic
def correct(
    *, contact: Contact, name: str, language: str, source: str, user: User | None = None
) -> bool:
    """Change name and language; False where nothing is different."""
    here = Contact.objects.lock(contact.pk)
    if here is None or (here.name, here.language) == (name, language):
        return False
    here.name, here.language = name, language
    here.save(update_fields=["name", "language"])
    RightsRequest.objects.register(here, RightsKind.CORRECTION, source=source)
    note(here, "correct_contact", user)
    return True


@sensitive_variables("address")
@transaction.atomic
def ask_for_new_address(*, contact: Contact, address: Address, user: User | None = None) -> bool:
    """Ask the mailbox at the new address; False where this contact has asked too often.

    Silently not where that mailbox wants no mail of ours or got too many: nobody learns anything of it.
    """
    here = Contact.objects.lock(contact.pk)
    asked = ServiceMail.objects.filter(kind=MailKind.NEW_ADDRESS)
    if here is None or service_mail.too_many(asked.filter(contact=here), limits=FOR_ONE_CONTACT):
        return False
    details = {"address": address.typed, "address_digest": pseudonyms.digest(address.canonical)}
    unwelcome = Suppression.objects.of(address.canonical, site=here.site).final().exists()
    welcome = AskedMailbox.objects.may_be_asked(
        address.canonical, site=here.site, limits=service_mail.LIMITS
    )
    if welcome and not unwelcome:
        service_mail.owe(here, MailKind.NEW_ADDRESS, **details)
    else:  # It looks the same to whoever asks.
        here.service_mails.create(kind=MailKind.NEW_ADDRESS, attempted_at=now(), **details)
    note(here, "ask_for_new_address", user)
    return True


@dataclass(frozen=True)
class Move:
    """What the button behind the link would do."""

    mail: ServiceMail
    address: Address
    #: What will go to the new address: the subscriptions of both contacts, where there are two.
    subscriptions: list[Subscription]

    #: What holds for both from then on.
    restricted: bool
    objected: bool

    @property
    def shown(self) -> str:
        """Tells whether what is confirmed is what was read."""
        told = [sorted(each.pk for each in self.subscriptions), self.restricted, self.objected]
        return pseudonyms.digest_of(told)

    @property
    def books(self) -> list[AddressBook]:
        """Each once; the mailbox is told of them by name."""
        return list({each.book_id: each.book for each in self.subscriptions}.values())


def awaiting_move(token: str) -> Move:
    """Raise `InvalidToken`, `ExpiredToken` or `SpentToken` from `tokens`."""
    mail = service_mail.behind(token, tokens.Purpose.NEW_ADDRESS, max_age=NEW_ADDRESS_EXPIRY)
    address = Address.parse(mail.address)
    at_new = Contact.objects.known_as(address, site=mail.contact.site)
    theirs = Subscription.objects.filter(Q(contact=mail.contact_id) | Q(contact__in=at_new))
    # A request that lapses gives way to what was there before, which is named as well.
    standing = theirs.standing() | theirs.falling_back()
    named = standing.select_related("book", "contact", "statement", "previous_statement")
    unwelcome = Suppression.objects.of(address.canonical, site=mail.contact.site).final()
    return Move(
        mail,
        address,
        list(named.order_by("book__name", "pk")),
        restricted=mail.contact.restricted or at_new.filter(restricted=True).exists(),
        objected=mail.contact.suppressions.final().exists() or unwelcome.exists(),
    )


class SomethingElse(Exception):
    """What the button would do is no longer what its page said."""


@sensitive_variables("address")
def move(*, token: str, shown: str, origin: Origin) -> tuple[Contact, Move]:
    """The mailbox at the new address has confirmed what its page showed.

    Raise as `awaiting_move` does, or `SomethingElse`.
    """
    return patiently(lambda: _move(token, shown, origin))


@transaction.atomic
def _move(token: str, shown: str, origin: Origin) -> tuple[Contact, Move]:
    contact, other = _lock_both(awaiting_move(token))
    move = awaiting_move(token)  # Read again: from here on nobody can change it.
    if move.shown != shown:
        raise SomethingElse
    if contact is None or not move.mail.spend():
        raise tokens.SpentToken
    before = contact.as_address()
    merging.carry_suppressions(contact, move.address)
    if other:
        merging.merge(contact, other)
    contact.renew_links()
    contact.take_address(move.address)
    contact.save()
    Suppression.objects.rekey(contact.canonical_address, site=contact.site)
    _opt_in(contact, move, origin=origin)
    _leave_old_address(contact, before)
    RightsRequest.objects.register(contact, RightsKind.ADDRESS_CHANGE, source="my data")
    return contact, move


def _opt_in(contact: Contact, move: Move, *, origin: Origin) -> None:
    """What was named is confirmed at the new mailbox, and each has its line of proof (C5)."""
    append = partial(
        ConsentRecord.objects.append,
        RecordedEvent.ADDRESS_CHANGED,
        origin=origin,
        occurred_at=now(),
        mail_version=letters.version("my_data_new_address"),
    )
    named = contact.subscriptions.filter(book__in=move.books).select_related(
        "book", "contact", "statement", "previous_statement"
    )
    named = named.exclude(status=SubscriptionStatus.UNSUBSCRIBED)
    contact.lift_suppressions(books=[subscription.book.uuid for subscription in named])
    named.update(opted_in=True)
    for subscription in named:
        if subscription.status == SubscriptionStatus.PENDING:
            subscription.statement = subscription.previous_statement  # Not what is only asked for.
        append(contact, subscription)
    if not named:
        append(contact)


def _lock_both(move: Move) -> tuple[Contact | None, Contact | None]:
    """The one that moves, and whoever is at the new address.

    In one order, so that two who move onto each other do not wait for ever.
    """
    at_new = Q(
        site=move.mail.contact.site_id, address_digest=pseudonyms.digest(move.address.canonical)
    )
    concerned = Contact.objects.select_for_update().filter(Q(pk=move.mail.contact_id) | at_new)
    locked = {contact.pk: contact for contact in concerned.order_by("pk")}
    contact = locked.pop(move.mail.contact_id, None)
    return contact, next(iter(locked.values()), None)


def _leave_old_address(contact: Contact, before: Address) -> None:
    """No mail goes there any more, but one that says so; an old list must not bring it back (S5)."""
    contact.access_sessions.all().delete()
    # The link in a confirmation mail that is under way has just died (A3).
    contact.subscriptions.pending().update(mail_wanted_at=now())
    if before.canonical == contact.canonical_address:
        return  # Another spelling of the same.
    Suppression.objects.remember(
        before.canonical, site=contact.site, scope=SITE_SCOPE, reason=SuppressionReason.MOVED
    )
    service_mail.owe(
        contact,
        MailKind.ADDRESS_CHANGED,
        address=before.typed,
        address_digest=pseudonyms.digest(before.canonical),
    )
