"""How do we remember an erasure when the database is restored from before it?

In a file outside the database: one line of JSON for each erasure, with the number and a digest of the
random token of each contact that the person had been, and the suppressions that stayed of them. No address:
against a restored backup these lead to the very rows, and against anything else to nothing but a keyed hash.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db.models import Q
from django.utils.timezone import now
from wagtail.models import Site

from .. import conf, pseudonyms
from ..models import ConsentRecord, Contact, RecordedEvent, Suppression, SuppressionReason

#: What a suppression is, beside its site.
REMEMBERED = ("hash", "key_id", "scope", "reason")

#: Keyed hashes are personal data (S2).
OURS_ALONE = stat.S_IRUSR | stat.S_IWUSR

logger = logging.getLogger(__name__)


class BrokenJournal(ValueError):
    """A line is none of ours; the message says which."""


@dataclass(frozen=True)
class Line:
    """One erasure."""

    at: datetime
    site: int
    #: (number, SHA-256 of a link token) of whatever the person had been.
    were: frozenset[tuple[int, str]]
    keeps_hash: bool
    #: The keyed hash of the address at that moment; empty where nothing is remembered.
    hash: str
    #: [{"hash": …, "key_id": …, "scope": …, "reason": …, "month": …}, ...]
    suppressions: list[dict[str, str]]

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "site": self.site,
            "were": sorted(map(list, self.were)),
            "keeps_hash": self.keeps_hash,
            "hash": self.hash,
            "suppressions": self.suppressions,
        }

    @classmethod
    def from_json(cls, told: Any) -> Line:
        """Raise `BrokenJournal` for what `as_json` did not write."""
        try:
            suppressions = [
                {name: str(each[name]) for name in (*REMEMBERED, "month")}
                for each in told["suppressions"]
            ]
            for each in suppressions:
                date.fromisoformat(each["month"])
            at = datetime.fromisoformat(told["at"])
            were = frozenset((int(number), str(token)) for number, token in told["were"])
            keeps_hash, its_hash = bool(told["keeps_hash"]), str(told["hash"])
            line = cls(at, int(told["site"]), were, keeps_hash, its_hash, suppressions)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BrokenJournal from error
        if at.tzinfo is None:
            raise BrokenJournal
        return line

    def contacts(self) -> list[Contact]:
        """Those in the database who are this person, from before the erasure."""
        numbers = [number for number, _token in self.were]
        there = Q(keyed_hash=self.hash) if self.hash else Q()
        candidates = Contact.objects.filter(
            Q(pk__in=numbers) | there, site=self.site, created_at__lt=self.at
        )
        return [contact for contact in candidates.order_by("pk") if self._is_about(contact)]

    def _is_about(self, contact: Contact) -> bool:
        """By its token; or by its address, if it was there already when that was erased."""
        at_address = contact.keyed_hash == self.hash and contact.address_since < self.at
        return at_address or (contact.pk, pseudonyms.digest(contact.link_token)) in self.were

    def remember(self) -> None:
        """What stayed of them stays again, but for a book that they have opted in to since."""
        if not Site.objects.filter(pk=self.site).exists():
            return
        for told in self.suppressions:
            if told["reason"] in SuppressionReason.final() or not self._came_back(told):
                Suppression.objects.get_or_create(
                    site_id=self.site,
                    **{name: told[name] for name in REMEMBERED},
                    defaults={"month": date.fromisoformat(told["month"])},
                )

    def _came_back(self, told: dict[str, str]) -> bool:
        return ConsentRecord.objects.filter(
            site=self.site,
            subject=told["hash"],
            book_uuid=told["scope"],
            event__in=[RecordedEvent.CONFIRMED, RecordedEvent.ADDRESS_CHANGED],
            occurred_at__gt=self.at,
        ).exists()


def line_about(contact: Contact, *, keeps_hash: bool) -> Line:
    """Just before the contact is gone."""
    were = [(contact.pk, contact.link_token)]
    were += contact.former_links.values_list("number", "link_token")
    suppressions = [
        {**{name: getattr(each, name) for name in REMEMBERED}, "month": each.month.isoformat()}
        for each in (contact.every_suppression if keeps_hash else [])
    ]
    return Line(
        at=now(),
        site=contact.site_id,
        were=frozenset((number, pseudonyms.digest(token)) for number, token in were),
        keeps_hash=keeps_hash,
        hash=contact.keyed_hash if keeps_hash else "",
        suppressions=suppressions,
    )


def write(line: Line) -> bool:
    """Append a line, and wait until it is on the disk; False, and a word in the log, where that fails."""
    try:
        with _locked():
            _append(json.dumps(line.as_json()).encode())
    except OSError:
        logger.exception("An erasure could not be written into the journal.")
        return False
    return True


def _append(line: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    descriptor = os.open(conf.erasure_journal(), flags, OURS_ALONE)
    with os.fdopen(descriptor, "ab+") as journal:
        # A line that a full disk cut off must not swallow this one.
        end = journal.tell()
        cut_off = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        journal.write((b"\n" if cut_off else b"") + line + b"\n")
        journal.flush()
        os.fsync(descriptor)


def forget(hashes: Collection[str]) -> None:
    """Take these out of earlier lines: who is forgotten altogether must not come back by a replay.

    Raise `OSError` where the journal cannot be written.
    """
    if not conf.erasure_journal() or not Path(conf.erasure_journal()).exists():
        return
    journal = Path(conf.erasure_journal())
    with _locked():
        kept = [_without(line, hashes) for line in journal.read_bytes().splitlines()]
        rewritten = journal.with_name(f"{journal.name}.new")
        descriptor = os.open(rewritten, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OURS_ALONE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"".join(line + b"\n" for line in kept))
            file.flush()
            os.fsync(descriptor)
        rewritten.replace(journal)  # Whole, or not at all.


def _without(text: bytes, hashes: Collection[str]) -> bytes:
    try:
        line = Line.from_json(json.loads(text))
    except ValueError:
        return text  # Not ours to mend.
    kept = [each for each in line.suppressions if each["hash"] not in hashes]
    its_hash = "" if line.hash in hashes else line.hash
    return json.dumps(replace(line, suppressions=kept, hash=its_hash).as_json()).encode()


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time, or a line written while another rewrites would be lost."""
    lock = os.open(f"{conf.erasure_journal()}.lock", os.O_RDWR | os.O_CREAT, OURS_ALONE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read(file: Path) -> tuple[list[Line], list[int]]:
    """The lines, and the numbers of those that are none of ours. Raise `OSError` for what is no file."""
    lines, broken = [], []
    text = file.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            lines.append(Line.from_json(json.loads(line)))
        except ValueError:  # `BrokenJournal` is one, too.
            broken.append(number)
    return lines, broken
