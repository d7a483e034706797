"""A file that somebody uploads, as rows of cells: CSV in any common encoding, or a workbook (XLSX).

It is read from front to back and never held as a whole. What cannot be read rightly is refused with a sentence, before
anything of it is kept.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain, islice
from typing import BinaryIO

from charset_normalizer import from_bytes
from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

Row = list[str]
#: (line in the file, its cells); of a record with line breaks in quotes its last line.
Line = tuple[int, Row]

MEGABYTE = 1024 * 1024
MOST_BYTES = 256 * MEGABYTE
#: What a workbook may come to when it is unpacked; and its texts, which are held while it is read.
MOST_UNPACKED = 512 * MEGABYTE
MOST_TEXTS = 64 * MEGABYTE
MOST_COLUMNS = 200
MOST_IN_A_CELL = 20_000
MOST_IN_A_ROW = 100_000
DELIMITERS = (",", ";", "\t", "|")
#: What is looked at to find out encoding and delimiter.
SAMPLE = 256 * 1024
#: Those that files of addresses really come in, where they are not in Unicode.
ENCODINGS = (
    "cp1252",
    "iso8859_15",
    "cp1250",
    "iso8859_2",
    "cp1251",
    "cp1253",
    "cp1254",
    "mac_roman",
)


#: How they begin: XLSX, which is an archive, and what Excel wrote before 2007.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


#: What reading a damaged or protected workbook may end in.
DAMAGED = (
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError, OSError),
    *(RuntimeError, OverflowError, SyntaxError, zlib.error),
    *(zipfile.BadZipFile, InvalidFileException),
)
#: A sheet has no more rows.
MOST_ROWS_OF_A_SHEET = 1_048_576


class Unreadable(ValueError):
    """The file cannot be taken; the message says why and what to do."""


@dataclass
class Table:
    """A file that is open: what was found out about it, and its rows, once."""

    headers: Row
    rows: Iterator[Line]
    #: Empty for a workbook.
    encoding: str = ""
    delimiter: str = ""
    digest: str = field(default="", init=False)


@contextmanager
def read_table(file: BinaryIO, *, encoding: str = "", delimiter: str = "") -> Iterator[Table]:
    """The rows of a file; encoding and delimiter are found out where they are not given.

    Raise `Unreadable`, also while the rows are read.
    """
    if _size(file) > MOST_BYTES:
        raise Unreadable(
            _("The file is larger than %(size)s MB. Split it.") % {"size": MOST_BYTES // MEGABYTE}
        )
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # Uploads can read into a buffer.
    file.seek(0)
    is_workbook = file.read(4) in WORKBOOKS
    file.seek(0)
    try:
        table = _workbook(file) if is_workbook else _text(file, encoding, delimiter)
        table.digest = digest
        table.rows = _guarded(table.rows)
        yield table
    except UnicodeError as error:
        raise Unreadable(
            _("The file is not in the encoding %(encoding)s. Choose another one.")
            % {"encoding": encoding or getattr(error, "encoding", "")}
        ) from error
    except csv.Error as error:
        raise Unreadable(_too_long()) from error


def _size(file: BinaryIO) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _guarded(rows: Iterator[Line]) -> Iterator[Line]:
    """Nothing that fills the memory, and nothing that no table can keep."""
    for line, cells in rows:
        if len(cells) > MOST_COLUMNS:
            raise Unreadable(
                _("Line %(line)s has more than %(number)s columns.")
                % {"line": line, "number": MOST_COLUMNS}
            )
        if any(len(cell) > MOST_IN_A_CELL for cell in cells) or (
            sum(map(len, cells)) > MOST_IN_A_ROW
        ):
            raise Unreadable(_too_long(line))
        if any(cells):
            yield line, [cell.replace("\x00", "").strip() for cell in cells]


def _too_long(line: int | None = None) -> str:
    if line is None:
        return _(
            "A cell of the file is too long to be about a person. Is a quotation mark missing?"
        )
    return _(
        "Line %(line)s is too long to be about a person. Is a quotation mark missing, or is the delimiter another one?"
    ) % {"line": line}


# Text


def _text(file: BinaryIO, encoding: str, delimiter: str) -> Table:
    encoding = encoding or _encoding_of(file)
    file.seek(0)
    try:
        text = io.TextIOWrapper(_Kept(file), encoding=encoding, newline="")
    except (LookupError, ValueError) as error:
        raise Unreadable(
            _("There is no encoding “%(encoding)s”.") % {"encoding": encoding}
        ) from error
    sample = text.read(SAMPLE)
    text.seek(0)
    delimiter = delimiter or _delimiter_of(sample)
    csv.field_size_limit(max(csv.field_size_limit(), MOST_IN_A_ROW))
    reader = csv.reader(text, delimiter=delimiter)
    headers, rows = _with_headers((reader.line_num, cells) for cells in reader)
    return Table(headers, rows, encoding, delimiter)


class _Kept(io.BufferedReader):
    """The upload stays open when the text is done with."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)  # type: ignore[arg-type]  # Django's uploads have what is asked of a raw file.

    def close(self) -> None:
        if not self.closed:
            self.detach()


def _encoding_of(file: BinaryIO) -> str:
    """By the byte order mark; UTF-8 where all of it is; else by what the letters look like."""
    start = file.read(4)
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if start.startswith(mark):
            return encoding
    file.seek(0)
    sample = file.read(SAMPLE)
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if sample and zeros.count(0) > len(zeros) * 0.4:
            return encoding
    if _is_utf8(file):
        return "utf-8"
    guess = from_bytes(sample, cp_isolation=list(ENCODINGS)).best()
    return guess.encoding if guess else ENCODINGS[0]


def _is_utf8(file: BinaryIO) -> bool:
    file.seek(0)
    text = io.TextIOWrapper(_Kept(file), encoding="utf-8")
    try:
        while text.read(MEGABYTE):
            continue
    except UnicodeDecodeError:
        return False
    return True


def _delimiter_of(sample: str) -> str:
    """The one that cuts most of the first lines into the same number of cells, the more the better."""
    return max(DELIMITERS, key=lambda delimiter: _regularity(sample, delimiter))


def _regularity(sample: str, delimiter: str) -> tuple[float, int]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths: Counter[int] = Counter()
    with suppress(csv.Error):  # It shows itself to whoever reads on.
        widths.update(len(cells) for cells in islice(reader, 200) if cells)
    if not widths:
        return 0, 0
    width, lines = widths.most_common(1)[0]
    return (lines / widths.total() if width > 1 else 0), width


# Workbooks


def _workbook(file: BinaryIO) -> Table:
    _refuse_bombs(file)
    try:
        book = load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # What other programs write there is not always true.
    except DAMAGED as error:
        raise Unreadable(_not_a_workbook()) from error
    headers, rows = _with_headers(_cells(sheet))
    return Table(headers, rows)


def _not_a_workbook() -> str:
    return _(
        "This is no workbook that can be read. Save it as XLSX or as CSV; take files out of a ZIP archive first."
    )


def _refuse_bombs(file: BinaryIO) -> None:
    """A small file can be made to fill any memory; what it says it unpacks to is what can be read of it."""
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {each.filename: each.file_size for each in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Unreadable(_not_a_workbook()) from error
    texts = sum(size for name, size in sizes.items() if "sharedstrings" in name.lower())
    if sum(sizes.values()) > MOST_UNPACKED or texts > MOST_TEXTS:
        raise Unreadable(_("The workbook unpacks to more than can be read. Save it as CSV."))


def _cells(sheet: object) -> Iterator[Line]:
    try:
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):  # type: ignore[attr-defined]  # openpyxl has no types.
            if line > MOST_ROWS_OF_A_SHEET:
                raise ValueError(line)  # Made up: it would never end.
            yield line, [_as_text(cell) for cell in cells]
    except DAMAGED as error:
        raise Unreadable(_not_a_workbook()) from error


def _as_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


# Both


def _with_headers(rows: Iterator[Line]) -> tuple[Row, Iterator[Line]]:
    """The first row, or names for the columns where it has an address already."""
    first = next((each for each in rows if any(cell.strip() for cell in each[1])), None)
    if first is None:
        raise Unreadable(_("The file is empty."))
    cells = first[1]
    if any("@" in cell for cell in cells):
        names = [_("Column %(number)s") % {"number": number + 1} for number in range(len(cells))]
        return names, chain([first], rows)
    return [cell.replace("\x00", "").strip()[:200] for cell in cells[:MOST_COLUMNS]], rows
