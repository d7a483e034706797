"""What happens when rows of an imported file are taken?

New people are brought with their proof, or without, and get no mail then; whoever has left elsewhere, as the file says,
is remembered here. Some rows are taken by one transaction, with everybody whom they are about locked, in a number of
statements that does not depend on theirs; but whoever is here and leaves does so one by one, by the verb for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables

from .. import pseudonyms
from ..models import (
    SITE_SCOPE,
    AddressBook,
    ConsentRecord,
    Contact,
    ContactImport,
    ImportBasis,
    LegalBasis,
    Origin,
    RecordedEvent,
    RowOutcome,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from .import_rows import Known, Seen, fields_of, reason_of, scope_of
from .restriction import object_to_mail
from .unsubscription import unsubscribe


@sensitive_variables()
def take(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """Write what was decided, within the transaction that decided it with everybody locked."""
    known = Known(contact_import, rows, lock=True)
    known.rekey()
    known.decide()
    if contact_import.book:
        _bring(contact_import, contact_import.book, rows, known)
    _remember(contact_import, rows)


@sensitive_variables()
def _bring(
    contact_import: ContactImport, book: AddressBook, rows: Sequence[Seen], known: Known
) -> None:
    coming = [
        row
        for row in rows
        if row.person and row.outcome in (RowOutcome.PROVEN, RowOutcome.UNPROVEN)
    ]
    _add_contacts(contact_import, coming)
    # Held, so that none of them is removed meanwhile.
    asked = set(fields_of(contact_import).select_for_update().values_list("uuid", flat=True))
    for row in coming:
        given = row.person.answers if row.person else {}
        row.place = Subscription(
            contact=row.contact,
            book=book,
            brought_by=contact_import,
            answers={uuid: answer for uuid, answer in given.items() if uuid in asked},
        )
    changed = [row for row in rows if row.place and row.outcome == RowOutcome.CHANGED]
    for row in (*coming, *changed):
        _place(contact_import, row, known)
    Subscription.objects.bulk_create([row.place for row in coming if row.place])
    Subscription.objects.bulk_update(
        [row.place for row in changed if row.place], fields=PROVEN_FIELDS, batch_size=200
    )
    named_again = [row for row in rows if row.outcome == RowOutcome.THERE and _came_by_import(row)]
    for row in named_again:
        row.is_proven = False  # What they stand on is another import's.
    records = [
        record
        for row in (*coming, *changed, *named_again)
        for record in _records(contact_import, book, row)
    ]
    ConsentRecord.objects.bulk_create(records)


PROVEN_FIELDS = (*("status", "basis", "statement", "requested_at", "confirmed_at", "proven_by"),)


def _came_by_import(row: Seen) -> bool:
    """Then taking that one back does not take away whom this one names, too."""
    here = row.place
    if here is None or here.opted_in or here.status == SubscriptionStatus.PENDING:
        return False
    return here.brought_by_id is not None


@sensitive_variables()
def _add_contacts(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    for row in rows:
        if row.contact is None and row.person:
            hashed = pseudonyms.keyed_hash(row.person.address.canonical)
            row.contact = Contact(
                site=contact_import.site,
                address=row.person.address.typed,
                canonical_address=row.person.address.canonical,
                address_digest=row.digest,
                keyed_hash=hashed.value,
                key_id=hashed.key_id,
                name=row.person.name,
                language=row.person.language,
            )
    contacts = [row.contact for row in rows if row.contact]
    Contact.objects.bulk_create([each for each in contacts if each.pk is None])


@sensitive_variables()
def _place(contact_import: ContactImport, row: Seen, known: Known) -> None:
    """Where they stand from now on; not saved yet."""
    if row.place is None or row.person is None:
        return
    if not row.is_proven:
        row.place.status = SubscriptionStatus.UNPROVEN
        return
    person = row.person
    row.place.status = SubscriptionStatus.CONFIRMED
    row.place.basis = (
        LegalBasis.SOFT_OPT_IN
        if contact_import.basis == ImportBasis.CUSTOMERS
        else LegalBasis.CONSENT
    )
    row.place.statement = known.statement_for(person)
    row.place.requested_at = person.proof.asked_at
    # Where nobody has stated a time: since now.
    row.place.confirmed_at = person.proof.confirmed_at or person.proof.asked_at or now()
    row.place.proven_by = contact_import


@sensitive_variables()
def _records(
    contact_import: ContactImport, book: AddressBook, row: Seen
) -> Iterable[ConsentRecord]:
    """That it was imported, by us and now; and what the file says of then, where that is proof."""
    if row.contact is None or row.place is None or row.person is None:
        return
    row.place.book = book  # Known, so that nothing is read for it.
    person = row.person
    told: list[tuple[RecordedEvent, datetime, str, str]] = []
    if row.is_proven and person.proof.asked_at:
        told.append(
            (
                RecordedEvent.STATED_REQUEST,
                person.proof.asked_at,
                person.proof.asked_ip,
                person.proof.page,
            )
        )
    if row.is_proven and person.proof.confirmed_at:
        told.append(
            (
                RecordedEvent.STATED_CONFIRMATION,
                person.proof.confirmed_at,
                person.proof.confirmed_ip,
                "",
            )
        )
    told.append((RecordedEvent.IMPORTED, now(), "", ""))
    for event, at, ip, page in told:
        origin = Origin(source="import", page_url=page, ip=ip, import_uuid=contact_import.uuid)
        yield ConsentRecord.objects.draft(
            event, row.contact, row.place, origin=origin, occurred_at=at
        )


@sensitive_variables()
def _remember(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """Those who are here leave as if they had said so; of all others only the hash is kept."""
    leaving = [row for row in rows if row.person and row.outcome == RowOutcome.REMEMBERED]
    unknown: dict[tuple[str, SuppressionReason], list[str]] = {}
    origin = Origin(source="import", import_uuid=contact_import.uuid)
    for row in leaving:
        if row.person is None:
            continue
        reason, scope = reason_of(contact_import, row.person), scope_of(contact_import, row.person)
        if row.contact is None:
            unknown.setdefault((scope, reason), []).append(row.person.address.canonical)
        elif reason == SuppressionReason.BOUNCE:
            row.contact.suppress(scope=SITE_SCOPE, reason=reason)
        elif reason == SuppressionReason.OBJECTION:
            object_to_mail(contact=row.contact, origin=origin)
        else:
            books = None if scope == SITE_SCOPE else [scope]
            unsubscribe(contact=row.contact, books=books, origin=origin, reason=reason)
    for (scope, reason), canonicals in unknown.items():
        Suppression.objects.remember_all(
            canonicals, site=contact_import.site, scope=scope, reason=reason
        )
