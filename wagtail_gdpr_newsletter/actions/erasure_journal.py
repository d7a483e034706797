"""How do we remember an erasure when the database is restored from before it?

In a file outside the database: one line of JSON for each erasure, with the number and a digest of the
random token of each contact that the person had been, and the suppressions that stayed of them. No address:
against a restored backup these lead to the very rows, and against anything else to nothing but a keyed hash.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from django.db.models import Q
from django.utils.timezone import now

from .. import conf, pseudonyms
from ..models import Contact, Suppression

#: What a suppression is, beside its site.
REMEMBERED = ("hash", "key_id", "scope", "reason")

logger = logging.getLogger(__name__)


class BrokenJournal(ValueError):
    """A line is none of ours; the message says which."""


@dataclass(frozen=True)
class Line:
    """One erasure."""

    at: str
    site: int
    #: [[number, SHA-256 of the link token], ...]
    were: list[tuple[int, str]]
    keeps_hash: bool
    #: [{"hash": …, "key_id": …, "scope": …, "reason": …, "month": …}, ...]
    suppressions: list[dict[str, str]]

    def contacts(self) -> list[Contact]:
        """Those in the database who are this person, from before the erasure."""
        tokens = dict(self.were)
        hashes = {each["hash"] for each in self.suppressions}
        candidates = Contact.objects.filter(
            Q(pk__in=tokens) | Q(keyed_hash__in=hashes),
            site=self.site,
            created_at__lt=datetime.fromisoformat(self.at),
        )
        return [
            contact
            for contact in candidates.order_by("pk")
            if contact.keyed_hash in hashes
            or tokens.get(contact.pk) == pseudonyms.digest(contact.link_token)
        ]

    def remember(self) -> None:
        """What stayed of them stays again, unless they have come back by themselves since."""
        hashes = {each["hash"] for each in self.suppressions}
        if Contact.objects.filter(site=self.site, keyed_hash__in=hashes).exists():
            return
        for told in self.suppressions:
            Suppression.objects.get_or_create(
                site_id=self.site,
                **{name: told[name] for name in REMEMBERED},
                defaults={"month": date.fromisoformat(told["month"])},
            )


def line_about(contact: Contact) -> Line:
    """Just before the contact is gone."""
    were = [(contact.pk, contact.link_token)]
    were += contact.former_links.values_list("number", "link_token")
    suppressions = [
        {**{name: getattr(each, name) for name in REMEMBERED}, "month": each.month.isoformat()}
        for each in contact.suppressions
    ]
    return Line(
        at=now().isoformat(),
        site=contact.site_id,
        were=[(number, pseudonyms.digest(token)) for number, token in were],
        keeps_hash=bool(suppressions),
        suppressions=suppressions,
    )


def write(contact: Contact) -> bool:
    """Append a line, and wait until it is on the disk; False, and a word in the log, where that fails."""
    line = json.dumps(asdict(line_about(contact))) + "\n"
    try:
        with Path(conf.erasure_journal()).open("a", encoding="ascii") as journal:
            journal.write(line)
            journal.flush()
            os.fsync(journal.fileno())
    except OSError:
        logger.exception("The erasure of %s could not be written into the journal.", contact)
        return False
    return True


def read(file: Path) -> list[Line]:
    """Raise `BrokenJournal` for what is no journal, `OSError` for what is no file."""
    lines = []
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            lines.append(Line(**json.loads(text)))
        except (ValueError, TypeError) as error:
            raise BrokenJournal(f"{file}, line {number}") from error
    return lines
