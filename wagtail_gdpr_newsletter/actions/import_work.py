"""What does a worker do for an import?

It checks the rows, takes them, asks people to confirm or takes the import back: part after part, each in one transaction
that also counts it. A worker that dies leaves a part done or not done, and the next goes on there; two that are rung at once
wait for each other at the import's own row. A task is short, and rings for the rest. A row that no database can keep is
found by halves, and keeps none of the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from time import monotonic

from django.db import InterfaceError, OperationalError, transaction
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from .. import signals
from ..importing.columns import Holds
from ..importing.rows import Fault
from ..models import ContactImport, ImportPart, ImportStatus, LeftOutRow, RowOutcome
from . import import_undoing, inviting
from .import_checking import Marks, check_part, next_unchecked
from .import_rows import Seen, read_rows
from .patience import patiently
from .taking import take

#: After so many seconds a task rings for the next one.
TASK_SECONDS = 10

logger = logging.getLogger(__name__)


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
    with closing(Marks()) as marks:
        steps: dict[str, Callable[[], bool]] = {
            ImportStatus.CHECKING: partial(check_part, pk, marks),
            ImportStatus.RUNNING: partial(_take_part, pk),
            ImportStatus.UNDOING: partial(import_undoing.undo_some, pk),
        }
        step = steps.get(contact_import.status, partial(inviting.invite_some, pk))
        while _try(step, contact_import):
            if monotonic() > until:
                ring_for_import(pk)
                return


def _try(step: Callable[[], bool], contact_import: ContactImport) -> bool:
    try:
        return patiently(step)
    except (OperationalError, InterfaceError):
        raise  # The database is away, or too busy: later.
    except Exception as error:
        # Whatever a row may be that nobody has thought of; its words may hold an address, its name does not.
        logger.error("%s: part of it fails: %s", contact_import, type(error).__name__)
        if not _isolate(contact_import):
            raise
        return True


@transaction.atomic
def _isolate(contact_import: ContactImport) -> bool:
    """Halve the part that fails; of one row, leave it out. False where it is no part that fails."""
    here = ContactImport.objects.select_for_update().get(pk=contact_import.pk)
    checks = here.status == ImportStatus.CHECKING
    if not checks and here.status != ImportStatus.RUNNING:
        return False
    part = next_unchecked(here) if checks else _next_to_take(here)
    if part is None:
        return False
    if len(part.rows) > 1:
        _halve(part)
        return True
    counted = Counter({RowOutcome.INVALID.value: 1})
    here.count_on(counted)
    here.save(update_fields=["counts"])
    if checks:
        part.is_checked, part.counts = True, dict(counted)
        part.save()
    else:
        (line, *cells), *_none = part.rows
        _leave_out(here, [Seen(line, cells, fault=Fault.OTHER)])
        part.delete()
    return True


def _halve(part: ImportPart) -> None:
    middle = len(part.rows) // 2
    ImportPart.objects.create(
        contact_import=part.contact_import,
        rows=part.rows[middle:],
        local_marks=part.local_marks,
        is_checked=part.is_checked,
        has_leavers=part.has_leavers,
        twice=part.twice,
    )
    part.rows = part.rows[:middle]
    part.save(update_fields=["rows"])


def _next_to_take(contact_import: ContactImport) -> ImportPart | None:
    """Held, so that an erasure finds the row or the person, and never comes between."""
    parts = contact_import.parts.select_for_update()
    return parts.order_by("-has_leavers", "pk").first()


@sensitive_variables()
@transaction.atomic
def _take_part(pk: int) -> bool:
    """Some rows, once; False where there are no more, or it was cancelled."""
    imports = ContactImport.objects.select_for_update()
    here = imports.filter(pk=pk, status=ImportStatus.RUNNING).first()
    if here is None:
        return False
    part = _next_to_take(here)
    if part is None or (here.brings_people and here.book is None):
        finish(here, ImportStatus.DONE if part is None else ImportStatus.CANCELLED)
        return False
    seen = read_rows(here, part.rows, part.twice)
    if part.has_leavers:  # Those first, of all parts.
        seen = [row for row in seen if row.person and row.person.left]
    take(here, seen)
    _leave_out(here, [row for row in seen if row.outcome in RowOutcome.not_taken()])
    here.count_on(Counter(row.outcome.value for row in seen))
    here.save(update_fields=["counts"])
    _let_go_of(part, {row.line for row in seen})
    return True


def _let_go_of(part: ImportPart, lines: set[int]) -> None:
    part.rows = [row for row in part.rows if row[0] not in lines]
    part.has_leavers = False
    if part.rows:
        part.save(update_fields=["rows", "has_leavers"])
    else:
        part.delete()


def _leave_out(contact_import: ContactImport, rows: Sequence[Seen]) -> None:
    """With their cells, but for whatever else looks like an address: whose it is nobody would find."""
    addresses = {
        number for number, holds in contact_import.columns.items() if holds == Holds.ADDRESS
    }
    LeftOutRow.objects.bulk_create(
        LeftOutRow(
            contact_import=contact_import,
            line=row.line,
            outcome=row.outcome,
            fault=row.fault or "",
            cells=[
                cell if "@" not in cell or str(number) in addresses else ""
                for number, cell in enumerate(row.cells)
            ],
            address_digest=row.digest,
        )
        for row in rows
    )


def finish(contact_import: ContactImport, status: ImportStatus) -> None:
    contact_import.status, contact_import.finished_at = status, now()
    contact_import.save(update_fields=["status", "finished_at"])
    contact_import.parts.all().delete()
    signals.announce(signals.import_finished, ContactImport, contact_import=contact_import)
