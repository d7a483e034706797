"""What happens when an imported file is checked?

Every row is looked at and nothing is changed: how many would become what. Whoever stands in the file twice counts once;
and whoever has left, as any of its rows says, has left, whatever the others say.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from ..models import ContactImport, ImportPart, ImportStatus, RowOutcome
from ..models.imports import MARK
from .import_rows import Seen, look, read_rows

OUTCOMES = list(RowOutcome)
#: After which an address has left.
LEAVING = (RowOutcome.REMEMBERED, RowOutcome.KNOWN)


class Marks:
    """What becomes of the addresses further up in the file; on the disk, so that no file is too long for it."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("")  # In a file of its own, which is gone when it is closed.
        self._table.execute(
            "CREATE TABLE mark (value BLOB PRIMARY KEY, outcome INTEGER) WITHOUT ROWID"
        )
        self._read_to = 0

    def catch_up(self, contact_import: ContactImport) -> None:
        """With what another worker has checked since, too."""
        checked = contact_import.parts.filter(is_checked=True, pk__gt=self._read_to)
        for pk, packed in checked.order_by("pk").values_list("pk", "marks").iterator():
            self._table.executemany("INSERT OR REPLACE INTO mark VALUES (?, ?)", _unpacked(packed))
            self._read_to = pk

    def get(self, mark: bytes) -> RowOutcome | None:
        asked = "SELECT outcome FROM mark WHERE value = ?"
        row = self._table.execute(asked, (mark,)).fetchone()
        return OUTCOMES[row[0]] if row else None

    def close(self) -> None:
        self._table.close()


def _packed(outcomes: Mapping[bytes, RowOutcome]) -> bytes:
    return b"".join(mark + bytes([OUTCOMES.index(each)]) for mark, each in outcomes.items())


def _unpacked(packed: bytes | memoryview) -> Iterator[tuple[bytes, int]]:
    packed = bytes(packed)
    for start in range(0, len(packed), MARK + 1):
        yield packed[start : start + MARK], packed[start + MARK]


def next_unchecked(contact_import: ContactImport) -> ImportPart | None:
    return contact_import.parts.select_for_update().filter(is_checked=False).first()


@sensitive_variables()
@transaction.atomic
def check_part(pk: int, marks: Marks) -> bool:
    """Count what would become of some rows; False where that is done."""
    imports = ContactImport.objects.select_for_update()
    here = imports.filter(pk=pk, status=ImportStatus.CHECKING).first()
    if here is None:
        return False
    part = next_unchecked(here)
    if part is None:
        here.status = ImportStatus.CHECKED
        here.save(update_fields=["status"])
        return False
    marks.catch_up(here)
    seen = read_rows(here, part.rows, twice=[])
    file = _File(here, marks)
    file.find_repeated(seen)
    look(here, seen)
    counted = file.count(seen)
    part.twice = [row.line for row in seen if row.outcome == RowOutcome.TWICE]
    part.has_leavers = any(row.person.left for row in seen if row.person)
    part.counts, part.is_checked, part.marks = dict(+counted), True, _packed(file.outcomes)
    part.save()
    here.count_on(counted)
    here.save(update_fields=["counts"])
    return True


class _File:
    """The rows of a part beside those that were checked before."""

    def __init__(self, contact_import: ContactImport, marks: Marks) -> None:
        self._everybody_leaves = not contact_import.brings_people
        self._marks = marks
        #: {mark of an address: what becomes of it}
        self.outcomes: dict[bytes, RowOutcome] = {}
        self._first: dict[bytes, Seen] = {}
        #: Rows of people who leave by another one.
        self._overruled: list[Seen] = []
        #: Of outcomes that were counted with an earlier part, and turn out to be overruled.
        self._taken_back: Counter[str] = Counter()

    def find_repeated(self, seen: list[Seen]) -> None:
        for row in seen:
            if row.person is None:
                continue
            mark = bytes.fromhex(row.digest)[:MARK]
            before, earlier = self._first.get(mark), self._marks.get(mark)
            if before is None and earlier is None:
                self._first[mark] = row
                continue
            has_left = self._leaves(before) if before else earlier in LEAVING
            if self._leaves(row) == has_left:
                row.outcome = RowOutcome.TWICE
            elif has_left:
                self._overruled.append(row)
            else:
                self._overrule(before, earlier)
                self._first[mark] = row

    def _leaves(self, row: Seen) -> bool:
        return self._everybody_leaves or bool(row.person and row.person.left)

    def _overrule(self, before: Seen | None, earlier: RowOutcome | None) -> None:
        if before:
            self._overruled.append(before)
        elif earlier:
            self._taken_back[earlier] += 1

    def count(self, seen: list[Seen]) -> Counter[str]:
        for row in self._overruled:
            row.outcome = RowOutcome.LEFT
        self.outcomes = {mark: row.outcome for mark, row in self._first.items()}
        counted = Counter(row.outcome.value for row in seen)
        counted[RowOutcome.LEFT] += self._taken_back.total()
        counted.subtract(self._taken_back)
        return counted
