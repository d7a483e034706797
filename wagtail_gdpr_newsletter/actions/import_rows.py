"""What would become of a row of an imported file?

It is read by what its columns hold, and looked at beside what is known of its address: whoever has left, whichever book it
was and whether or not it still exists, is not brought back (S5); whoever is there stays as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from .. import pseudonyms
from ..importing.columns import of_field
from ..importing.rows import CannotBeRead, Fault, Person, Reading, read_row
from ..models import (
    SITE_SCOPE,
    BookField,
    ConsentRecord,
    ConsentStatement,
    Contact,
    ContactImport,
    ImportBasis,
    RowOutcome,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)

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


@sensitive_variables()
def read_rows(
    contact_import: ContactImport, rows: Iterable[Cells], twice: Iterable[int]
) -> list[Seen]:
    """What each row says, without a look at the tables."""
    columns = {int(number): holds for number, holds in contact_import.columns.items()}
    asked = {of_field(each.uuid): each for each in fields_of(contact_import)}
    reading = Reading(
        columns=columns,
        questions={number: asked[holds] for number, holds in columns.items() if holds in asked},
        language=contact_import.language,
        time_zone=ZoneInfo(contact_import.time_zone),
        month_first=contact_import.month_first,
        of_leavers=not contact_import.brings_people,
    )
    repeated = set(twice)
    return [_read(row, reading, repeated) for row in rows]


def fields_of(contact_import: ContactImport) -> QuerySet[BookField]:
    """To which the file may have answers."""
    asking = BookField.objects.filter(book=contact_import.book)
    return asking if contact_import.brings_people else asking.none()


@sensitive_variables()
def _read(row: Cells, reading: Reading, repeated: set[int]) -> Seen:
    line, cells = int(str(row[0])), [str(cell) for cell in row[1:]]
    try:
        person = read_row(line, cells, reading)
    except CannotBeRead as error:
        digest = pseudonyms.digest(error.address.canonical) if error.address else ""
        return Seen(line, cells, fault=error.fault, digest=digest)
    except Exception:  # noqa: BLE001  # Whatever else a row may be: it must not keep the others.
        return Seen(line, cells, fault=Fault.OTHER)
    outcome = RowOutcome.TWICE if line in repeated else RowOutcome.THERE
    digest = pseudonyms.digest(person.address.canonical)
    return Seen(line, cells, outcome, person=person, digest=digest)


@sensitive_variables()
def look(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """Decide what would become of each, and change nothing."""
    Known(contact_import, rows, lock=False).decide()


class Known:
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

    def rekey(self) -> None:
        """What is remembered of these addresses under an older key is so under the current one from now on (S3)."""
        canonicals = {row.person.address.canonical for row in self._rows if row.person}
        if len(self._hashes) and len(next(iter(self._hashes.values()))) > 1:
            for canonical in canonicals:
                _rekey(canonical, self._import)
            for contact in self._contacts.values():
                contact.rekey()

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
        told = (scope_of(self._import, person), reason_of(self._import, person))
        if told in self._remembered_of(row) and not is_here:
            return RowOutcome.KNOWN
        return RowOutcome.REMEMBERED

    def _remembered_of(self, row: Seen) -> set[tuple[str, str]]:
        """(scope, reason): in whichever book they have left, this import does not bring them back."""
        found: set[tuple[str, str]] = set()
        for value in self._hashes[row.digest]:
            found |= self._remembered.get(value, set())
        return found


def _rekey(canonical: str, contact_import: ContactImport) -> None:
    current, *older = pseudonyms.keyed_hashes(canonical)
    Suppression.objects.rekey(canonical, site=contact_import.site)
    told = ConsentRecord.objects.filter(
        site=contact_import.site, subject__in=[hashed.value for hashed in older], contact=None
    )
    told.rekey(current)


def _hashes(row: Seen) -> list[str]:
    canonical = row.person.address.canonical if row.person else ""
    return [hashed.value for hashed in pseudonyms.keyed_hashes(canonical)]


def reason_of(contact_import: ContactImport, person: Person) -> SuppressionReason:
    return SuppressionReason(person.left or contact_import.reason)


def scope_of(contact_import: ContactImport, person: Person) -> str:
    """Whoever unsubscribed has left that book; what concerns the mailbox concerns them all."""
    reason = reason_of(contact_import, person)
    if reason == SuppressionReason.WITHDRAWAL and contact_import.book_uuid:
        return contact_import.book_uuid
    return SITE_SCOPE
