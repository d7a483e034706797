"""What happens when somebody corrects what is kept of them?

Name and language change at once. A new address has to confirm: a mail with a link goes there, and the
button behind it moves the contact; the old address is told (R3). Whether the new address is known here
makes no difference to any answer; if it is, its mailbox has just shown that both are one person, and the
two contacts become one.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables

from .. import pseudonyms, tokens
from ..addresses import Address
from ..models import (
    SITE_SCOPE,
    AddressBook,
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
from ..sending.service import NEW_ADDRESS_EXPIRY
from . import merging, service_mail
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: How many mailboxes one contact may have asked; somebody who mistyped may try again at once.
FOR_ONE_CONTACT = service_mail.LIMITS[1:]

#: How often others may be quicker to the same address.
ATTEMPTS = 5


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
    digest = pseudonyms.digest(address.canonical)
    unwelcome = Suppression.objects.of(address.canonical, site=here.site).final().exists()
    if not (unwelcome or service_mail.too_many(asked.filter(address_digest=digest))):
        service_mail.owe(here, MailKind.NEW_ADDRESS, address=address.typed, address_digest=digest)
    note(here, "ask_for_new_address", user)
    return True


@dataclass(frozen=True)
class Move:
    """What the button behind the link would do."""

    mail: ServiceMail
    address: Address
    #: The books whose newsletters will go to the new address.
    books: list[AddressBook]


def awaiting_move(token: str) -> Move:
    """Raise `InvalidToken`, `ExpiredToken` or `SpentToken` from `tokens`."""
    mail = service_mail.behind(token, tokens.Purpose.NEW_ADDRESS, max_age=NEW_ADDRESS_EXPIRY)
    address = Address.parse(mail.address)
    both = Contact.objects.filter(
        Q(pk=mail.contact_id) | Q(pk__in=Contact.objects.known_as(address, site=mail.contact.site))
    )
    joined = Subscription.objects.filter(contact__in=both, status=SubscriptionStatus.CONFIRMED)
    books = AddressBook.objects.filter(pk__in=joined.values("book"))
    return Move(mail, address, list(books))


@sensitive_variables("address")
def move(*, token: str, origin: Origin) -> Contact:
    """The mailbox at the new address has confirmed. Raise as `awaiting_move` does."""
    for _attempt in range(ATTEMPTS):
        with contextlib.suppress(IntegrityError):  # Somebody else came to that address just now.
            return _move(token, origin)
    return _move(token, origin)


@transaction.atomic
def _move(token: str, origin: Origin) -> Contact:
    move = awaiting_move(token)
    address, site = move.address, move.mail.contact.site
    # In one order, so that two who move onto each other do not wait for ever.
    concerned = Q(pk=move.mail.contact_id) | Q(
        site=site, address_digest=pseudonyms.digest(address.canonical)
    )
    locked = list(Contact.objects.select_for_update().filter(concerned).order_by("pk"))
    awaiting_move(token)  # Read again: nobody can change it now.
    contact = next((each for each in locked if each.pk == move.mail.contact_id), None)
    if contact is None or not move.mail.spend():
        raise tokens.SpentToken
    other = next((each for each in locked if each.pk != contact.pk), None)
    before = contact.as_address()
    books = [book.uuid for book in move.books]
    merging.carry_suppressions(contact, address, books=books)
    if other:
        merging.merge(contact, other)
    contact.take_address(address)
    contact.save()
    _leave_old_address(contact, before)
    ConsentRecord.objects.append_about(
        RecordedEvent.ADDRESS_CHANGED, contact, origin=origin, occurred_at=now()
    )
    RightsRequest.objects.register(contact, RightsKind.ADDRESS_CHANGE, source="my data")
    return contact


def _leave_old_address(contact: Contact, before: Address) -> None:
    """No mail goes there any more, but one that says so; an old list must not bring it back (S5)."""
    if before.canonical != contact.canonical_address:
        Suppression.objects.remember(
            before.canonical, site=contact.site, scope=SITE_SCOPE, reason=SuppressionReason.MOVED
        )
    contact.access_sessions.all().delete()
    # The link in a confirmation mail that is under way has just died (A3).
    contact.subscriptions.pending().update(mail_wanted_at=now())
    service_mail.owe(contact, MailKind.ADDRESS_CHANGED, address=before.typed)
