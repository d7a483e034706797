"""What happens when staff take a list of readers away?

A row for each place in an address book, with the proof of it (C5) and what was answered, and one for whoever is in
none. Whoever has
restricted the use of their data is left out (GDPR 18). Why it is taken is asked, and written into the audit log with
how many it is about (P3). The file is made while it is read, a thousand people after another, however many there
are; a workbook lies on the disk until then.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from itertools import chain
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from django.utils.timezone import localdate
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from wagtail.log_actions import log

from ..links import default_site
from ..models import (
    AddressBook,
    BookField,
    ConsentRecord,
    Contact,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
)
from ..models.contacts import ContactQuerySet
from .disclosure import WAYS
from .download import as_cell

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

STEP = 1000
#: Bytes of a workbook that leave at once.
CHUNK = 64 * 1024
#: A sheet has no more rows, and one is the heading.
MOST_IN_A_SHEET = 1_048_575

#: Texts, but for answers.
Row = dict[str, Any]


class TooMany(Exception):
    """More rows than a sheet has; the other formats have no end."""


@dataclass(frozen=True)
class Export:
    name: str
    content_type: str
    chunks: Iterator[bytes]


def export_contacts(
    *,
    contacts: ContactQuerySet,
    of_subscriptions: Mapping[str, Any],
    file_format: str,
    narrowed_by: Mapping[str, str],
    why: str,
    user: User,
) -> Export:
    """These people and, of their subscriptions, those with these values; `file_format` is one of `FORMATS`.

    Raise `TooMany` where they do not fit; nothing is logged then.
    """
    content_type, write = FORMATS[file_format]
    people = contacts.filter(restricted=False).order_by("pk")
    number = people.count()
    if file_format == "xlsx":
        places = Subscription.objects.filter(contact__in=people, **of_subscriptions).count()
        in_none = 0 if of_subscriptions else people.filter(subscriptions=None).count()
        if places + in_none > MOST_IN_A_SHEET:
            raise TooMany
    log(
        instance=default_site(),
        action="wagtail_gdpr_newsletter.export_contacts",
        user=user,
        data={
            "narrowed_by": dict(narrowed_by),
            "format": file_format,
            "contacts": number,
            "why": why,
        },
    )
    # The rows are made when the request, and its language, are over.
    ways = {way: str(label) for way, label in WAYS.items()}
    asked = _columns_of_fields(of_subscriptions.get("book"))
    rows = _rows(people, of_subscriptions, ways, asked)
    chunks = write(rows, (*COLUMNS, *dict.fromkeys(asked.values())))
    return Export(f"contacts-{localdate():%Y-%m-%d}.{file_format}", content_type, chunks)


def _columns_of_fields(book: AddressBook | None) -> dict[str, str]:
    """{UUID of a field: its column}, of that book or of all; a row is about one book, so books share columns."""
    fields = BookField.objects.order_by("book_id", "sort_order", "pk")
    return {
        field.uuid: column_of(field) for field in (fields.filter(book=book) if book else fields)
    }


def column_of(field: BookField) -> str:
    return f"answer_{field.token_name}"


def _rows(
    people: ContactQuerySet,
    of_subscriptions: Mapping[str, Any],
    ways: Mapping[str, str],
    asked: Mapping[str, str],
) -> Iterator[Row]:
    nothing = dict.fromkeys(asked.values(), "")
    last = 0
    while step := list(people.filter(pk__gt=last)[:STEP]):
        last = step[-1].pk
        for place, row in _rows_of(step, of_subscriptions, ways):
            answers = place.answers if place else {}
            told = {asked[uuid]: answer for uuid, answer in answers.items() if uuid in asked}
            yield row | nothing | told


def _rows_of(
    people: list[Contact], of_subscriptions: Mapping[str, Any], ways: Mapping[str, str]
) -> Iterator[tuple[Subscription | None, Row]]:
    """By four queries, however many they are."""
    everywhere = Subscription.objects.filter(contact__in=people)
    places: dict[int, list[Subscription]] = {}
    asked_for = everywhere.filter(**of_subscriptions).select_related("book", "statement__version")
    for subscription in asked_for.order_by("book"):
        places.setdefault(subscription.contact_id, []).append(subscription)
    mailable = set(everywhere.mailable().values_list("pk", flat=True))
    proof = ConsentRecord.objects.filter(contact__in=people, event__in=PROOF)
    records: dict[tuple[int | None, str], list[ConsentRecord]] = defaultdict(list)
    for record in proof.order_by("-occurred_at", "-pk"):
        records[record.contact_id, record.book_uuid].append(record)
    for contact in people:
        for place in places.get(contact.pk, []):
            told = records.get((contact.pk, place.book.uuid), [])
            row = _row(
                contact,
                place,
                may_be_written_to=place.pk in mailable,
                proof=_proof_of(place, told),
                ways=ways,
            )
            yield place, row
        if contact.pk not in places and not of_subscriptions:
            yield None, _about(contact) | dict.fromkeys(COLUMNS[4:], "")


def _about(contact: Contact) -> Row:
    return {
        "address": contact.address,
        "name": contact.name,
        "language": contact.language,
        "known_since": _moment(contact.created_at),
    }


def _row(
    contact: Contact,
    place: Subscription,
    *,
    may_be_written_to: bool,
    proof: tuple[ConsentRecord | None, ConsentRecord | None],
    ways: Mapping[str, str],
) -> Row:
    statement = place.statement
    asked, confirmed = proof
    return {
        **_about(contact),
        "address_book": place.book.name,
        "address_book_uuid": place.book.uuid,
        "status": place.status,
        "basis": place.basis,
        "may_be_written_to": "yes" if may_be_written_to else "no",
        "requested_at": _moment(place.requested_at),
        "confirmed_at": _moment(place.confirmed_at),
        "unsubscribed_at": _moment(place.unsubscribed_at),
        "statement_version": str(statement.version.number) if statement else "",
        "statement_language": statement.language if statement else "",
        "statement_text": statement.label if statement else "",
        "statement_digest": statement.digest if statement else "",
        "request_source": asked.source if asked else "",
        "request_page": asked.page_url if asked else "",
        "request_ip": asked.ip if asked else "",
        "request_record": str(asked.uuid) if asked else "",
        "confirmation_ip": confirmed.ip if confirmed else "",
        "confirmation_record": str(confirmed.uuid) if confirmed else "",
        "consent_source": _in_words(asked, ways),
        "consent_confirmation": _in_words(confirmed, ways),
    }


def _proof_of(
    place: Subscription, records: Sequence[ConsentRecord]
) -> tuple[ConsentRecord | None, ConsentRecord | None]:
    """The request and its confirmation, of the records of proof, the latest first; their own, or else what is stated.

    Whoever asks after that, a stranger perhaps, has not brought it about; what waits has none yet.
    """
    waits = place.status == SubscriptionStatus.PENDING
    confirmed = None if waits else _first(records, RecordedEvent.CONFIRMED)
    before = records[records.index(confirmed) :] if confirmed else records
    asked = _first(before, RecordedEvent.REQUESTED, RecordedEvent.INVITED)
    if asked or confirmed or waits or place.status == SubscriptionStatus.UNPROVEN:
        return asked, confirmed
    stated = [each for each in records if each.statement_id]
    asked = _first(stated, RecordedEvent.STATED_REQUEST) or _first(stated, RecordedEvent.IMPORTED)
    return asked, _first(stated, RecordedEvent.STATED_CONFIRMATION, RecordedEvent.ADDED)


def _first(records: Sequence[ConsentRecord], *events: RecordedEvent) -> ConsentRecord | None:
    return next((each for each in records if each.event in events), None)


#: Requests and confirmations: theirs, ours, and those that are stated.
PROOF = (
    *(RecordedEvent.REQUESTED, RecordedEvent.INVITED, RecordedEvent.CONFIRMED),
    *(RecordedEvent.STATED_REQUEST, RecordedEvent.STATED_CONFIRMATION),
    *(RecordedEvent.IMPORTED, RecordedEvent.ADDED),
)

COLUMNS = (
    *("address", "name", "language", "known_since"),
    *("address_book", "address_book_uuid", "status", "basis", "may_be_written_to"),
    *("requested_at", "confirmed_at", "unsubscribed_at"),
    *("statement_version", "statement_language", "statement_text", "statement_digest"),
    *("request_source", "request_page", "request_ip", "request_record"),
    *("confirmation_ip", "confirmation_record"),
    # Where an address came from, and how it was confirmed, in one cell each.
    *("consent_source", "consent_confirmation"),
)


def _moment(at: datetime | None) -> str:
    """ISO 8601, in UTC, to the second."""
    return at.isoformat(timespec="seconds") if at else ""


def _in_words(record: ConsentRecord | None, ways: Mapping[str, str]) -> str:
    if record is None:
        return ""
    way = ways.get(record.source, record.source)
    return ", ".join(filter(None, [way, record.page_url, _moment(record.occurred_at), record.ip]))


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    return [_in_a_cell(row[name]) for name in columns]


def _in_a_cell(value: Any) -> str:
    """What our own import reads again: of several answers a line each."""
    if isinstance(value, list):
        return "\n".join(value)
    return "yes" if value is True else str(value)


def _csv(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[bytes]:
    return as_csv(columns, (_cells(row, columns) for row in rows))


def as_csv(heading: Sequence[str], rows: Iterator[list[str]]) -> Iterator[bytes]:
    """In chunks; with a byte order mark, by which spreadsheets know UTF-8."""
    text = StringIO("\ufeff")
    text.seek(0, 2)
    writer = csv.writer(text)
    writer.writerow([as_cell(cell) for cell in heading])
    for row in rows:
        writer.writerow([as_cell(cell) for cell in row])
        if text.tell() > CHUNK:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _jsonl(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[bytes]:
    """As they are (A5), an object a line."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _xlsx(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[bytes]:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("contacts")
    try:
        for cells in chain([columns], (_cells(row, columns) for row in rows)):
            sheet.append([as_cell(ILLEGAL_CHARACTERS_RE.sub("", cell)) for cell in cells])
    except BaseException:
        sheet.close()
        sheet._writer.cleanup()  # Else the addresses stay in a file until this process ends.
        raise
    with TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


#: With the rows and the names of their columns.
Write = Callable[[Iterator[Row], Sequence[str]], Iterator[bytes]]

FORMATS: dict[str, tuple[str, Write]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
    "jsonl": ("application/jsonl; charset=utf-8", _jsonl),
}
