"""Imports: files of people, or of people who have left, on their way into an address book."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .. import pseudonyms
from ..addresses import Address, InvalidAddress
from .address_books import AddressBook, new_uuid
from .evidence import Evidence, EvidenceQuerySet
from .statements import ConsentStatement


class ImportKind(models.TextChoices):
    PEOPLE = "people", _("people for an address book")
    LEAVERS = "leavers", _("people who must not be written to")


class ImportStatus(models.TextChoices):
    READ = "read", _("waiting for you to say what its columns are")
    CHECKING = "checking", _("being checked")
    CHECKED = "checked", _("checked, nothing imported yet")
    RUNNING = "running", _("under way")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    UNDOING = "undoing", _("being taken back")
    UNDONE = "undone", _("taken back")


class ImportBasis(models.TextChoices):
    """By which right people may be written to, as whoever imports them says."""

    COLUMNS = "columns", _("The file says for each person when they asked and confirmed.")
    STATED = "stated", _("All of them agreed at one place, and I can say where and to what.")
    CUSTOMERS = (
        "customers",
        _("All of them are customers who could refuse when they gave the address."),
    )
    NONE = "none", _("I have no proof of their consent.")


class RowOutcome(models.TextChoices):
    """What becomes of a row."""

    PROVEN = "proven", _("new, with proof")
    UNPROVEN = "unproven", _("new, without proof: gets no mail")
    CHANGED = "changed", _("there already, completed by the file")
    THERE = "there", _("there already")
    REMEMBERED = "remembered", _("has left, as the file says: remembered")
    KNOWN = "known", _("remembered before as having left")
    LEFT = "left", _("left before, or takes no mail: not brought back")
    RESTRICTED = "restricted", _("has restricted the use of their data: left alone")
    TWICE = "twice", _("stands further up in the file")
    INVALID = "invalid", _("cannot be read")

    @classmethod
    def not_taken(cls) -> list[str]:
        """Those that stand in the file of what was not taken."""
        return [cls.LEFT, cls.RESTRICTED, cls.TWICE, cls.INVALID]


class ProofDocumentQuerySet(EvidenceQuerySet["ProofDocument"]):
    def forget_unused(self) -> None:
        """Those of files that nobody has imported in the end."""
        models.QuerySet.delete(self.filter(imports=None))


class ProofDocument(Evidence):
    """A document that shows what people agreed to; its digest stands in the statement."""

    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()
    digest = models.CharField(max_length=64)
    added_at = models.DateTimeField(default=now)

    objects: ClassVar = ProofDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document of proof")
        verbose_name_plural = _("documents of proof")

    def __str__(self) -> str:
        return self.name


class ContactImportQuerySet(models.QuerySet["ContactImport"]):
    def at_work(self) -> ContactImportQuerySet:
        """Those that a worker has something to do for."""
        by_status = Q(
            status__in=[ImportStatus.CHECKING, ImportStatus.RUNNING, ImportStatus.UNDOING]
        )
        return self.filter(by_status | Q(is_inviting=True))


class ContactImport(models.Model):
    """One file, and what became of it. It stays, as proof of where an address came from."""

    uuid = models.CharField(max_length=36, unique=True, default=new_uuid, editable=False)
    site = models.ForeignKey("wagtailcore.Site", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=ImportKind.choices)
    #: Empty where people have left every book.
    book = models.ForeignKey(
        AddressBook, on_delete=models.SET_NULL, null=True, related_name="imports"
    )
    book_uuid = models.CharField(max_length=36, blank=True)
    status = models.CharField(
        max_length=16, choices=ImportStatus.choices, default=ImportStatus.READ
    )
    created_at = models.DateTimeField(default=now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    file_name = models.CharField(max_length=255)
    #: SHA-256 of the file's bytes.
    file_digest = models.CharField(max_length=64)
    encoding = models.CharField(max_length=32, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    #: The names of its columns, in their order.
    headers = models.JSONField(default=list)
    #: Rows beneath them.
    size = models.PositiveIntegerField(default=0)

    #: {number of the column: what it holds}, see `importing.columns`.
    columns = models.JSONField(default=dict)
    profile = models.CharField(max_length=16, blank=True)
    language = models.CharField(max_length=16, blank=True)
    month_first = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    #: A value of `SuppressionReason`, for those who have left.
    reason = models.CharField(max_length=16, blank=True)

    basis = models.CharField(max_length=16, choices=ImportBasis.choices, blank=True)
    told = models.TextField(blank=True)
    told_where = models.CharField(max_length=500, blank=True)
    told_when = models.CharField(max_length=200, blank=True)
    document = models.ForeignKey(
        ProofDocument, on_delete=models.PROTECT, null=True, related_name="imports"
    )
    statement = models.ForeignKey(
        ConsentStatement, on_delete=models.PROTECT, null=True, related_name="imports"
    )
    #: Why those without proof may be asked, and where their address is from, as they read it (GDPR 14(2)(f)).
    ground = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=300, blank=True)
    is_inviting = models.BooleanField(default=False)
    #: {outcome: number of rows}
    counts = models.JSONField(default=dict)

    objects: ClassVar = ContactImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        default_permissions = ()
        permissions = [("import_contactimport", _("Can import contacts"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ImportStatus.values), name="%(app_label)s_import_status"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ImportKind.values), name="%(app_label)s_import_kind"
            ),
        ]

    def __str__(self) -> str:
        return str(_("Import #%(number)s") % {"number": self.pk})

    @property
    def brings_people(self) -> bool:
        return self.kind == ImportKind.PEOPLE

    @property
    def agreed_where(self) -> str:
        """As it is stated; nobody has agreed anywhere where there is no proof."""
        return "" if self.basis in ("", ImportBasis.NONE) else self.told_where

    @property
    def is_at_work(self) -> bool:
        return ContactImport.objects.at_work().filter(pk=self.pk).exists()

    def count_on(self, counted: Counter[str]) -> None:
        """Not saved yet; some may turn out to be something else than they were counted as."""
        counts = Counter(self.counts)
        counts.update(counted)
        self.counts = dict(+counts)


class ImportPartQuerySet(models.QuerySet["ImportPart"]):
    def naming(self, canonicals: Collection[str]) -> ImportPartQuerySet:
        """Those with a row of one of these addresses, in whichever column and spelling."""
        sought = {local_mark(canonical) for canonical in canonicals}
        maybe = [
            pk for pk, marks in self.values_list("pk", "local_marks") if sought & unpacked(marks)
        ]
        found = [part.pk for part in self.filter(pk__in=maybe) if part.rows_of(canonicals)]
        return self.filter(pk__in=found)

    def forget(self, canonicals: Collection[str]) -> None:
        """Take out the rows of these addresses."""
        for part in self.naming(canonicals).select_for_update():
            theirs = part.rows_of(canonicals)
            kept = [row for row in part.rows if row not in theirs]
            self.filter(pk=part.pk).update(rows=kept)


#: Bytes of a digest that tell what it is of from the others of a file.
MARK = 8


def unpacked(marks: bytes | memoryview) -> set[bytes]:
    marks = bytes(marks)
    return {marks[start : start + MARK] for start in range(0, len(marks), MARK)}


#: What exports put before a cell that a spreadsheet would take for a formula (A5), ours among them.
DEFUSED = re.compile(r"^'(?=[=+\-@\t\r])")


def local_mark(address: str) -> bytes:
    """Of what stands before the @, in whichever case: quickly made of any cell that might be an address."""
    local_part = DEFUSED.sub("", address).removeprefix("mailto:").partition("@")[0]
    return hashlib.sha256(local_part.strip().casefold().encode()).digest()[:MARK]


class ImportPart(models.Model):
    """Some rows of the file, taken by one transaction; they go once they are taken."""

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="parts"
    )
    #: [[line in the file, cell, cell, ...], ...]
    rows = models.JSONField()
    #: Of every cell that might be an address, see `local_mark`: so that an erasure need not read all files.
    local_marks = models.BinaryField(default=b"")
    is_checked = models.BooleanField(default=False)
    #: Whoever has left is taken first: it counts for whatever else the file says of them.
    has_leavers = models.BooleanField(default=False)
    #: Lines of people who stand further up.
    twice = models.JSONField(default=list)
    #: Nine bytes an address, to find those: of its digest, and what becomes of it.
    marks = models.BinaryField(default=b"")
    #: {outcome: number of rows} of the check.
    counts = models.JSONField(default=dict)

    objects: ClassVar = ImportPartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.contact_import}, {self.pk}"

    def rows_of(self, canonicals: Collection[str]) -> list[list[str]]:
        return [row for row in self.rows if any(_is_of(cell, canonicals) for cell in row[1:])]


def _is_of(cell: str, canonicals: Collection[str]) -> bool:
    if "@" not in cell:
        return False
    try:
        return Address.parse(DEFUSED.sub("", cell).removeprefix("mailto:")).canonical in canonicals
    except InvalidAddress:
        return False


class LeftOutRow(models.Model):
    """A row that was not taken, and why, for the file of those; it goes after a month."""

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="left_out"
    )
    line = models.PositiveIntegerField()
    outcome = models.CharField(max_length=16, choices=RowOutcome.choices)
    #: What cannot be read in it, see `importing.rows.Fault`.
    fault = models.CharField(max_length=16, blank=True)
    cells = models.JSONField()
    #: SHA-256 of the canonical address; empty where there is none.
    address_digest = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        ordering = ["line"]

    def __str__(self) -> str:
        return f"{self.contact_import}, {self.line}"


def in_files(
    canonicals: Collection[str], *, site: Site
) -> tuple[models.QuerySet[LeftOutRow], ImportPartQuerySet]:
    """Where these addresses stand in files: rows that were not taken, and parts that wait to be imported."""
    digests = [pseudonyms.digest(canonical) for canonical in canonicals]
    left_out = LeftOutRow.objects.filter(contact_import__site=site, address_digest__in=digests)
    return left_out, ImportPart.objects.filter(contact_import__site=site).naming(canonicals)


def forget_in_files(canonicals: Collection[str], *, site: Site) -> None:
    left_out, waiting = in_files(canonicals, site=site)
    left_out.delete()
    waiting.forget(canonicals)
