"""What happens to the rows of an imported file?

Each is looked at beside what is known of the address: new people are brought with their proof, or without, and get no
mail then; whoever has left, whichever book it was and whether or not it still exists, is not brought back (S5); whoever
has left elsewhere, as the file says, is remembered here. Some rows are taken by one transaction, in a number of
statements that does not depend on theirs, with everybody whom they are about locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.timezone import now

from .. import pseudonyms
from ..importing.rows import CannotBeRead, Fault, Person, Reading, read_row
from ..models import (
    SITE_SCOPE,
    AddressBook,
    ConsentRecord,
    ConsentStatement,
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
from .restriction import object_to_mail
from .unsubscription import unsubscribe

#: A row of a part: its line in the file, and its cells.
Cells = list[object]


@dataclass
class Seen:
    """A row beside what is known of its address."""

    line: int
    cells: Sequence[str]
    outcome: RowOutcome = RowOutcome.INVALID
    fault: Fault | None = None
    person: Person | None = None
    digest: str = ""
    contact: Contact | None = None
    place: Subscription | None = None
    is_proven: bool = False


def read_rows(
    contact_import: ContactImport, rows: Iterable[Cells], twice: Iterable[int]
) -> list[Seen]:
    """What each row says, without a look at the tables."""
    reading = Reading(
        columns={int(number): holds for number, holds in contact_import.columns.items()},
        language=contact_import.language,
        time_zone=ZoneInfo(contact_import.time_zone),
        month_first=contact_import.month_first,
        of_leavers=not contact_import.brings_people,
    )
    repeated = set(twice)
    return [_read(row, reading, repeated) for row in rows]


def _read(row: Cells, reading: Reading, repeated: set[int]) -> Seen:
    line, cells = int(str(row[0])), [str(cell) for cell in row[1:]]
    try:
        person = read_row(line, cells, reading)
    except CannotBeRead as error:
        return Seen(line, cells, fault=error.fault)
    outcome = RowOutcome.TWICE if line in repeated else RowOutcome.THERE
    digest = pseudonyms.digest(person.address.canonical)
    return Seen(line, cells, outcome, person=person, digest=digest)


def look(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """Decide what would become of each, and change nothing."""
    _Known(contact_import, rows, lock=False).decide()


class _Known:
    """What is known of some people, by five queries; with `lock` none of them changes until the transaction ends."""

    def __init__(self, contact_import: ContactImport, rows: Sequence[Seen], *, lock: bool) -> None:
        self._import = contact_import
        self._rows = [row for row in rows if row.person and row.outcome != RowOutcome.TWICE]
        self._hashes = {row.digest: _hashes(row) for row in self._rows}
        contacts = Contact.objects.filter(site=contact_import.site, address_digest__in=self._hashes)
        if lock:
            contacts = contacts.select_for_update()
        self._contacts = {each.address_digest: each for each in contacts.order_by("pk")}
        theirs = Subscription.objects.filter(contact__in=self._contacts.values())
        if contact_import.book:
            theirs = theirs.filter(book=contact_import.book)
        self._places = {each.contact_id: each for each in theirs} if contact_import.book else {}
        self._active = set(theirs.active().values_list("contact", flat=True))
        every_hash = [value for values in self._hashes.values() for value in values]
        remembered = Suppression.objects.filter(site=contact_import.site, hash__in=every_hash)
        self._remembered: dict[str, set[tuple[str, str]]] = {}
        for value, scope, reason in remembered.values_list("hash", "scope", "reason"):
            self._remembered.setdefault(value, set()).add((scope, reason))
        digests = {row.person.statement for row in self._rows if row.person} - {""}
        shown = ConsentStatement.objects.filter(
            digest__in=digests, version__book_uuid=contact_import.book_uuid
        )
        self._statements = {each.digest: each for each in shown}

    def decide(self) -> None:
        for row in self._rows:
            if row.person is None:
                continue
            row.contact = self._contacts.get(row.digest)
            row.place = self._places.get(row.contact.pk) if row.contact else None
            if row.person.left or not self._import.brings_people:
                row.outcome = self._of_a_leaver(row, row.person)
            else:
                row.is_proven = self._is_proven(row.person)
                row.outcome = self._of_somebody(row)

    def statement_for(self, person: Person) -> ConsentStatement | None:
        """What they agreed to here, where they come from here; else what was stated."""
        return self._statements.get(person.statement) or self._import.statement

    def _is_proven(self, person: Person) -> bool:
        match self._import.basis:
            case ImportBasis.COLUMNS:
                return person.has_proof
            case ImportBasis.STATED | ImportBasis.CUSTOMERS:
                return not person.is_waiting
        return False

    def _of_somebody(self, row: Seen) -> RowOutcome:
        standing = row.place.status if row.place else ""
        if standing in (SubscriptionStatus.CONFIRMED, SubscriptionStatus.PENDING):
            return RowOutcome.THERE
        if standing == SubscriptionStatus.UNSUBSCRIBED or self._remembered_of(row):
            return RowOutcome.LEFT
        if row.contact and row.contact.restricted:
            return RowOutcome.RESTRICTED
        if row.place:
            return RowOutcome.CHANGED if row.is_proven else RowOutcome.THERE
        return RowOutcome.PROVEN if row.is_proven else RowOutcome.UNPROVEN

    def _of_a_leaver(self, row: Seen, person: Person) -> RowOutcome:
        is_here = row.contact is not None and row.contact.pk in self._active
        told = (_scope(self._import, person), _reason(self._import, person))
        if told in self._remembered_of(row) and not is_here:
            return RowOutcome.KNOWN
        return RowOutcome.REMEMBERED

    def _remembered_of(self, row: Seen) -> set[tuple[str, str]]:
        """(scope, reason): in whichever book they have left, this import does not bring them back."""
        found: set[tuple[str, str]] = set()
        for value in self._hashes[row.digest]:
            found |= self._remembered.get(value, set())
        return found


def _hashes(row: Seen) -> list[str]:
    canonical = row.person.address.canonical if row.person else ""
    return [hashed.value for hashed in pseudonyms.keyed_hashes(canonical)]


def _reason(contact_import: ContactImport, person: Person) -> SuppressionReason:
    return SuppressionReason(person.left or contact_import.reason)


def _scope(contact_import: ContactImport, person: Person) -> str:
    """Whoever unsubscribed has left that book; what concerns the mailbox concerns them all."""
    reason = _reason(contact_import, person)
    if reason == SuppressionReason.WITHDRAWAL and contact_import.book_uuid:
        return contact_import.book_uuid
    return SITE_SCOPE


def take(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """Write what was decided, within the transaction that decided it with everybody locked."""
    known = _Known(contact_import, rows, lock=True)
    known.decide()
    if contact_import.book:
        _bring(contact_import, contact_import.book, rows, known)
    _remember(contact_import, rows)


def _bring(
    contact_import: ContactImport, book: AddressBook, rows: Sequence[Seen], known: _Known
) -> None:
    coming = [
        row
        for row in rows
        if row.person and row.outcome in (RowOutcome.PROVEN, RowOutcome.UNPROVEN)
    ]
    _add_contacts(contact_import, coming)
    for row in coming:
        row.place = Subscription(contact=row.contact, book=book, brought_by=contact_import)
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


def _place(contact_import: ContactImport, row: Seen, known: _Known) -> None:
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
    row.place.confirmed_at = person.proof.confirmed_at or person.proof.asked_at or now()
    row.place.proven_by = contact_import


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


def _remember(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """Those who are here leave as if they had said so; of all others only the hash is kept."""
    leaving = [row for row in rows if row.person and row.outcome == RowOutcome.REMEMBERED]
    unknown: dict[tuple[str, SuppressionReason], list[str]] = {}
    origin = Origin(source="import", import_uuid=contact_import.uuid)
    for row in leaving:
        if row.person is None:
            continue
        reason, scope = _reason(contact_import, row.person), _scope(contact_import, row.person)
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
