"""What does a worker do for an import?

It checks the rows, takes them, asks people to confirm or takes the import back: part after part, each in one transaction
that also counts it. A worker that dies leaves a part done or not done, and the next goes on there; two that are rung at once
wait for each other at the import's own row. A task is short, and rings for the rest.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from time import monotonic

from django.db import transaction
from django.utils.timezone import now
from django_q.tasks import async_task

from .. import signals
from ..models import ContactImport, ImportStatus, LeftOutRow, RowOutcome
from . import import_undoing, inviting
from .import_rows import Seen, look, read_rows
from .patience import patiently
from .taking import take

#: After so many seconds a task rings for the next one.
TASK_SECONDS = 10


def ring_when_committed(contact_import: ContactImport) -> None:
    ring = partial(ring_for_import, contact_import.pk)
    transaction.on_commit(ring, robust=True)  # Rung again by `tend_imports`.


def ring_for_import(pk: int) -> None:
    async_task(work_on_import, pk, q_options={"save": False, "ack_failure": True})


def tend_imports() -> None:
    """Once a minute: whatever a worker has left, or the queue has lost, goes on."""
    for pk in ContactImport.objects.at_work().values_list("pk", flat=True):
        ring_for_import(pk)


def work_on_import(pk: int) -> None:
    """Some seconds' work on it, and then the bell for the rest. Two who do so at once wait for each other."""
    until = monotonic() + TASK_SECONDS
    contact_import = ContactImport.objects.at_work().filter(pk=pk).first()
    if contact_import is None:
        return
    with closing(_Marks(contact_import)) as marks:
        steps: dict[str, Callable[[], bool]] = {
            ImportStatus.CHECKING: partial(_check_part, pk, marks),
            ImportStatus.RUNNING: partial(_take_part, pk),
            ImportStatus.UNDOING: partial(import_undoing.undo_some, pk),
        }
        step = steps.get(contact_import.status, partial(inviting.invite_some, pk))
        while patiently(step):
            if monotonic() > until:
                ring_for_import(pk)
                return


class _Marks:
    """Which addresses stand further up in the file; on the disk, so that no file is too long for it."""

    def __init__(self, contact_import: ContactImport) -> None:
        self._table = sqlite3.connect("")  # In a file of its own, which is gone when it is closed.
        self._table.execute("CREATE TABLE mark (value BLOB PRIMARY KEY) WITHOUT ROWID")
        checked = contact_import.parts.filter(is_checked=True).values_list("marks", flat=True)
        for packed in checked.iterator():
            self.add(_unpacked(bytes(packed)))

    def add(self, marks: Iterable[bytes]) -> None:
        self._table.executemany(
            "INSERT OR IGNORE INTO mark VALUES (?)", ((mark,) for mark in marks)
        )

    def known(self, mark: bytes) -> bool:
        return (
            self._table.execute("SELECT 1 FROM mark WHERE value = ?", (mark,)).fetchone()
            is not None
        )

    def close(self) -> None:
        self._table.close()


#: Bytes of an address's digest that tell it from the others of a file.
MARK = 8


def _unpacked(marks: bytes) -> list[bytes]:
    return [marks[start : start + MARK] for start in range(0, len(marks), MARK)]


def _check_part(pk: int, marks: _Marks) -> bool:
    """Count what would become of some rows; False where that is done. The marks follow once it is committed."""
    with transaction.atomic():
        here = _locked_at(pk, ImportStatus.CHECKING)
        part = here.parts.filter(is_checked=False).first() if here else None
        if here is None:
            return False
        if part is None:
            here.status = ImportStatus.CHECKED
            here.save(update_fields=["status"])
            return False
        seen = read_rows(here, part.rows, twice=[])
        part.twice, fresh = _repeated(seen, marks)
        look(here, seen)
        counted = Counter(row.outcome.value for row in seen)
        part.counts, part.is_checked, part.marks = dict(counted), True, b"".join(fresh)
        part.save(update_fields=["counts", "is_checked", "marks", "twice"])
        here.count_on(counted)
        here.save(update_fields=["counts"])
    marks.add(fresh)
    return True


def _repeated(seen: Sequence[Seen], marks: _Marks) -> tuple[list[int], list[bytes]]:
    """(lines of who stands further up, the others' marks); the rows are told so."""
    twice: list[int] = []
    fresh: dict[bytes, None] = {}
    for row in seen:
        if row.person is None:
            continue
        mark = bytes.fromhex(row.digest)[:MARK]
        if mark in fresh or marks.known(mark):
            twice.append(row.line)
            row.outcome = RowOutcome.TWICE
        fresh[mark] = None
    return twice, list(fresh)


def _locked_at(pk: int, status: ImportStatus) -> ContactImport | None:
    return ContactImport.objects.select_for_update().filter(pk=pk, status=status).first()


@transaction.atomic
def _take_part(pk: int) -> bool:
    """Some rows, once; False where there are no more, or it was cancelled."""
    here = _locked_at(pk, ImportStatus.RUNNING)
    if here is None:
        return False
    part = here.parts.first()
    if part is None or (here.brings_people and here.book is None):
        finish(here, ImportStatus.DONE if part is None else ImportStatus.CANCELLED)
        return False
    seen = read_rows(here, part.rows, part.twice)
    take(here, seen)
    LeftOutRow.objects.bulk_create(
        LeftOutRow(
            contact_import=here,
            line=row.line,
            outcome=row.outcome,
            fault=row.fault or "",
            cells=row.cells,
            address_digest=row.digest,
        )
        for row in seen
        if row.outcome in RowOutcome.not_taken()
    )
    here.count_on(Counter(row.outcome.value for row in seen))
    here.save(update_fields=["counts"])
    part.delete()
    return True


def finish(contact_import: ContactImport, status: ImportStatus) -> None:
    contact_import.status, contact_import.finished_at = status, now()
    contact_import.save(update_fields=["status", "finished_at"])
    contact_import.parts.all().delete()
    signals.announce(signals.import_finished, ContactImport, contact_import=contact_import)
