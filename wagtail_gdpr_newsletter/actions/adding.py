"""What happens when staff add somebody by hand?

Either the person is asked to confirm, as at any form, and nobody else can do that for them. Or staff record the proof that
they hold: what the person agreed to, where, when, and where the proof lies. Whoever has left, whichever book it was, is not
brought back by that; only their own confirmation does (S5).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log

from ..addresses import Address
from ..models import (
    AddressBook,
    ConsentRecord,
    Contact,
    ImportBasis,
    LegalBasis,
    Origin,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from .elsewhere import Told, statement_of
from .offering import current_statement
from .patience import patiently
from .signup import sign_up
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

STAFF = Origin(source="staff")


@dataclass(frozen=True)
class Newcomer:
    address: Address
    name: str
    language: str
    book: AddressBook


class CannotAdd(Exception):
    """Something is against it; `reasons` tells staff what."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@sensitive_variables("newcomer")
@transaction.atomic
def ask_to_confirm(*, newcomer: Newcomer, why: str, user: User) -> None:
    """The person gets the mail that asks for a confirmation, unless they want no mail at all.

    Raise `CannotAdd` for a book that no visitor sees a form of.
    """
    book, address = newcomer.book, newcomer.address
    statement = current_statement(book, newcomer.language)
    if statement is None or book.reasons_against_a_form():
        raise CannotAdd(book.reasons_against_a_form())
    asked = {"site": book.site, "address": address, "name": newcomer.name}
    sign_up(**asked, statements=[statement], origin=STAFF)
    # Whoever is there already, or wants no mail: staff see it as a stranger would.
    if contact := Contact.objects.known_as(address, site=book.site).first():
        note(contact, "add_contact", user, why=why)


@sensitive_variables("newcomer")
def add_with_proof(
    *, newcomer: Newcomer, told: Told, agreed_at: datetime, why: str, user: User
) -> Contact:
    """They are in the book from now on, on what staff state. Raise `CannotAdd` with the reasons."""
    if reasons := newcomer.book.reasons_against_a_form() + told.missing():
        raise CannotAdd(reasons)
    try:
        return patiently(lambda: _add(newcomer, told, agreed_at, why, user))
    except CannotAdd:  # Then it was a look at what is known of the address (P3).
        log(instance=newcomer.book.site, action="wagtail_gdpr_newsletter.look_up", user=user)
        raise


@sensitive_variables("newcomer")
@transaction.atomic
def _add(newcomer: Newcomer, told: Told, agreed_at: datetime, why: str, user: User) -> Contact:
    book = newcomer.book
    contact = Contact.objects.lock_or_add(
        site=book.site, address=newcomer.address, language=newcomer.language
    )
    place = contact.subscriptions.filter(book=book).first()
    if reasons := _reasons_against(contact, place):
        raise CannotAdd(reasons)
    if not contact.name:
        contact.name = newcomer.name
        contact.save(update_fields=["name"])
    place = place or Subscription(contact=contact, book=book)
    place.settle(SubscriptionStatus.CONFIRMED)
    is_customer = told.basis == ImportBasis.CUSTOMERS
    place.basis = LegalBasis.SOFT_OPT_IN if is_customer else LegalBasis.CONSENT
    place.statement = statement_of(
        told, book=book, language=contact.language, stated_in=str(uuid.uuid4())
    )
    place.confirmed_at = agreed_at
    place.brought_by = place.proven_by = None  # Taking an import back does not take them away.
    place.save()
    told_of = [] if is_customer else [(RecordedEvent.STATED_CONFIRMATION, agreed_at)]
    for event, at in (*told_of, (RecordedEvent.ADDED, now())):
        ConsentRecord.objects.append(event, contact, place, origin=STAFF, occurred_at=at)
    note(contact, "add_contact", user, why=why)
    return contact


def _reasons_against(contact: Contact, place: Subscription | None) -> list[str]:
    if contact.restricted:
        return [_("They have restricted the use of their data.")]
    if place and place.status == SubscriptionStatus.CONFIRMED:
        return [_("They are in this address book already.")]
    if place and place.status == SubscriptionStatus.PENDING:
        return [_("They have been asked to confirm, and have not yet.")]
    has_left = place and place.status == SubscriptionStatus.UNSUBSCRIBED
    if has_left or Suppression.objects.of(contact.canonical_address, site=contact.site).exists():
        return [_("They have left, or take no mail: only their own confirmation brings them back.")]
    return []
