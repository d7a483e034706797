"""What happens when a file of people is imported?

The file is read into parts (some hundred rows each) that lie in the database, so that whichever worker on whichever machine
finds them. Staff say what its columns are and by which right these people may be written to; a worker checks every row and
changes nothing; staff see what would come of it, and start. Then a worker takes part after part (`import_work`). What was not taken is kept with its reason for a month. Taking an import back is
another file, `import_undoing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO
from zoneinfo import available_timezones

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log
from wagtail.models import Site

from .. import conf
from ..importing.columns import Holds, recognise
from ..importing.files import Line, Unreadable, read_table
from ..models import (
    AddressBook,
    BookField,
    ContactImport,
    ImportKind,
    ImportStatus,
    LeftOutRow,
    ProofDocument,
)
from ..models.imports import local_mark
from . import inviting
from .elsewhere import Told, statement_of
from .exporting import column_of
from .import_rows import Seen, look, read_rows
from .import_work import finish, ring_when_committed

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: Rows of a part, and characters.
PART = 500
LARGEST_PART = 1_000_000
#: How long a file lies here that nobody imports, and what was not taken.
KEPT_UNUSED = timedelta(days=7)
KEPT_LEFT_OUT = timedelta(days=30)


class CannotImport(Exception):
    """Something is missing; `reasons` tells an editor what."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@sensitive_variables()
@transaction.atomic
def read_import(
    *,
    file: BinaryIO,
    name: str,
    kind: ImportKind,
    site: Site,
    book: AddressBook | None,
    encoding: str = "",
    delimiter: str = "",
    user: User | None = None,
) -> ContactImport:
    """Keep the file's rows, and what its columns seem to be. Raise `Unreadable`; nothing is kept then.

    `book`: whom they join, or which one they have left; `None` where they have left every one.
    """
    with read_table(file, encoding=encoding, delimiter=delimiter) as table:
        seems = recognise(table.headers, fields=_names_of_fields(book))
        contact_import = ContactImport.objects.create(
            site=site,
            kind=ImportKind.LEAVERS if seems.reason else kind,
            book=book,
            book_uuid=book.uuid if book else "",
            created_by=user,
            file_name=name[:255],
            file_digest=table.digest,
            encoding=table.encoding,
            delimiter=table.delimiter,
            headers=table.headers,
            columns=seems.columns,
            profile=seems.profile,
            reason=seems.reason,
            language=conf.default_language(),
        )
        size, books = 0, set[str]()
        for rows in _parts(table.rows):
            marks = {local_mark(cell) for row in rows for cell in map(str, row) if "@" in cell}
            contact_import.parts.create(rows=rows, local_marks=b"".join(sorted(marks)))
            books |= _books_in(rows, seems.columns)
            size += len(rows)
        if len(books) > 1:
            raise Unreadable(_("The file is about several address books. Export them one by one."))
    if not size:
        raise Unreadable(_("There is no row beneath the names of the columns."))
    contact_import.size = size
    contact_import.save(update_fields=["size"])
    _note(contact_import, "read_import", user, rows=size)
    return contact_import


def _names_of_fields(book: AddressBook | None) -> dict[str, str]:
    """By what their columns may be called: their label, their placeholder, or as in our own exports."""
    names: dict[str, str] = {}
    for field in BookField.objects.filter(book=book):
        column = column_of(field)
        names |= dict.fromkeys([field.label, field.token_name, column], field.uuid)
    return names


def _books_in(rows: Sequence[Sequence[int | str]], columns: Mapping[int, str]) -> set[str]:
    """Which ones our own exports are about; a row says it of each place that somebody has."""
    named = [number + 1 for number, holds in columns.items() if holds == Holds.BOOK]
    return {str(row[each]) for each in named for row in rows if len(row) > each and row[each]}


def _parts(lines: Iterable[Line]) -> Iterator[list[list[int | str]]]:
    part: list[list[int | str]] = []
    length = 0
    for line, cells in lines:
        part.append([line, *cells])
        length += sum(map(len, cells))
        if len(part) == PART or length > LARGEST_PART:
            yield part
            part, length = [], 0
    if part:
        yield part


def check_import(
    *, contact_import: ContactImport, told: Told, user: User | None = None, **changes: Any
) -> None:
    """Have a worker find out what would come of it; `changes` are of the fields that say how it is read.

    Raise `CannotImport` with the reasons.
    """
    with transaction.atomic():
        here = _lock(contact_import, ImportStatus.READ, ImportStatus.CHECKED)
        for name, value in {**changes, **told.as_fields()}.items():
            setattr(here, name, value)
        if reasons := reasons_against_checking(here, told):
            raise CannotImport(reasons)
        if told.document and told.document.pk is None:
            told.document.save()
        here.document = told.document
        here.status, here.counts = ImportStatus.CHECKING, {}
        here.save()
        here.parts.update(is_checked=False, has_leavers=False, twice=[], marks=b"", counts={})
        ring_when_committed(here)


def reasons_against_checking(contact_import: ContactImport, told: Told) -> list[str]:
    """For editors; empty where nothing is against it."""
    reasons = _reasons_against_reading(contact_import)
    if not contact_import.brings_people:
        if not contact_import.reason:
            reasons.append(_("Say why these people must not be written to."))
        return reasons
    if contact_import.book is None:
        return [*reasons, _("The address book has been deleted.")]
    reasons += contact_import.book.reasons_against_a_form()
    return reasons + told.missing()


def _reasons_against_reading(contact_import: ContactImport) -> list[str]:
    columns = contact_import.columns
    held = Counter(columns.values())
    reasons = []
    if Holds.ADDRESS not in held:
        reasons.append(_("Say which column holds the e-mail address."))
    if twice := [contact_import.headers[int(each)] for each in columns if held[columns[each]] > 1]:
        reasons.append(
            _("Two columns cannot hold the same: %(columns)s.") % {"columns": ", ".join(twice)}
        )
    if contact_import.language not in dict(conf.languages()):
        reasons.append(
            _("Nobody writes in the language “%(language)s” here.")
            % {"language": contact_import.language}
        )
    if contact_import.time_zone not in available_timezones():
        reasons.append(_("There is no time zone %(zone)s.") % {"zone": contact_import.time_zone})
    return reasons


def start_import(*, contact_import: ContactImport, user: User | None = None) -> None:
    """Have a worker do what was checked. Raise `CannotImport` where it has begun before."""
    with transaction.atomic():
        here = _lock(contact_import, ImportStatus.CHECKED)
        told = Told.of(here)
        if reasons := reasons_against_checking(here, told):
            raise CannotImport(reasons)
        if here.book and told.is_stated:
            here.statement = statement_of(
                told, book=here.book, language=here.language, stated_in=here.uuid
            )
        here.status, here.started_at, here.counts = ImportStatus.RUNNING, now(), {}
        here.save()
        _note(here, "import_contacts", user, basis=here.basis, rows=here.size)
        ring_when_committed(here)


@transaction.atomic
def cancel_import(*, contact_import: ContactImport, user: User | None = None) -> bool:
    """What is taken stays, and can be taken back; the rest of the file goes. False where it is over."""
    here = ContactImport.objects.select_for_update().filter(pk=contact_import.pk).first()
    if here is None:
        return False
    if here.status in (ImportStatus.CHECKING, ImportStatus.CHECKED, ImportStatus.READ):
        _note(here, "discard_import", user)
        here.delete()  # Nobody has come by it: there is nothing to be proved.
        ProofDocument.objects.forget_unused()
        return True
    if here.status != ImportStatus.RUNNING:
        return False
    finish(here, ImportStatus.CANCELLED)
    _note(here, "cancel_import", user)
    return True


@transaction.atomic
def invite_imported(
    *, contact_import: ContactImport, ground: str, source: str, user: User | None = None
) -> bool:
    """Have a worker ask those without proof, once each; see `inviting`. False where there is nobody to ask."""
    if not inviting.invite(contact_import=contact_import, ground=ground, source=source, user=user):
        return False
    ring_when_committed(contact_import)
    return True


@transaction.atomic
def undo_import(*, contact_import: ContactImport, why: str, user: User | None = None) -> None:
    """Have a worker take back whom only this import has brought. Raise `CannotImport` where that is not possible."""
    here = _lock(contact_import, ImportStatus.DONE, ImportStatus.CANCELLED)
    if not here.brings_people:
        raise CannotImport([_("Whoever has left stays so: only they themselves can come back.")])
    here.status, here.is_inviting = ImportStatus.UNDOING, False
    here.save(update_fields=["status", "is_inviting"])
    _note(here, "undo_import", user, why=why)
    ring_when_committed(here)


def _lock(contact_import: ContactImport, *statuses: ImportStatus) -> ContactImport:
    here = ContactImport.objects.select_for_update().filter(pk=contact_import.pk).first()
    if here is None or here.status not in statuses:
        raise CannotImport(
            [_("Somebody was quicker: this import has moved on. Load the page again.")]
        )
    return here


def _note(contact_import: ContactImport, action: str, user: User | None, **data: Any) -> None:
    log(
        instance=contact_import,
        action=f"wagtail_gdpr_newsletter.{action}",
        user=user,
        data=data or None,
    )


@sensitive_variables()
def examples_of(contact_import: ContactImport, *, of_each: int = 3) -> dict[str, list[Seen]]:
    """Of each outcome that the check has found, some rows; for whoever decides whether to go on."""
    found: dict[str, list[Seen]] = {outcome: [] for outcome in contact_import.counts}
    for outcome in list(found):
        if found[outcome]:
            continue
        parts = contact_import.parts.filter(is_checked=True, counts__has_key=outcome)
        if part := parts.first():
            seen = read_rows(contact_import, part.rows, part.twice)
            look(contact_import, seen)
            for row in seen:
                if len(found.get(row.outcome, [])) < of_each:
                    found.setdefault(row.outcome, []).append(row)
    return found


def purge_imports() -> None:
    """Files that nobody has imported, and after a month what was not taken."""
    waiting = ContactImport.objects.filter(status__in=[ImportStatus.READ, ImportStatus.CHECKED])
    waiting.filter(created_at__lt=now() - KEPT_UNUSED).delete()
    ProofDocument.objects.forget_unused()
    LeftOutRow.objects.filter(contact_import__finished_at__lt=now() - KEPT_LEFT_OUT).delete()
