"""On what do people stand who agreed elsewhere: on paper, at another provider, as customers?

On what staff state: the text that they agreed to, where, and when, with a document if there is one. It becomes a statement of
the book's newest version, kept beside those that visitors saw here, so that a later material change asks these people
again like everybody else (C9). It proves what was stated, by whom and when; not that it is true.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from .. import pseudonyms
from ..models import (
    AddressBook,
    ConsentStatement,
    ContactImport,
    ImportBasis,
    ProofDocument,
    WordingVersion,
)

#: Characters.
MOST_WHERE, MOST_WHEN = 500, 200


@dataclass(frozen=True)
class Told:
    """By which right they may be written to, and what they were told."""

    basis: str = ""
    text: str = ""
    where: str = ""
    when: str = ""
    document: ProofDocument | None = None

    @classmethod
    def of(cls, contact_import: ContactImport) -> Told:
        return cls(
            basis=contact_import.basis,
            text=contact_import.told,
            where=contact_import.told_where,
            when=contact_import.told_when,
            document=contact_import.document,
        )

    def as_fields(self) -> dict[str, object]:
        return {
            "basis": self.basis,
            "told": self.text,
            "told_where": self.where,
            "told_when": self.when,
        }

    @property
    def is_stated(self) -> bool:
        return self.basis not in ("", ImportBasis.NONE)

    def missing(self) -> list[str]:
        """For editors; empty where all is said."""
        if not self.basis:
            return [_("Say by which right these people may be written to.")]
        if not self.is_stated:
            return []
        needed = [
            (self.text, _("Say what they agreed to, in the words that they saw.")),
            (self.where, _("Say where they did.")),
            # The columns say when each did.
            (self.when or self.basis == ImportBasis.COLUMNS, _("Say when they did.")),
        ]
        long = len(self.where) > MOST_WHERE or len(self.when) > MOST_WHEN
        too_long = [_("Say in fewer words where and when.")] if long else []
        return [reason for value, reason in needed if not value] + too_long


def statement_of(
    told: Told, *, book: AddressBook, language: str, stated_in: str
) -> ConsentStatement:
    """What they were told, as a statement of the book's newest version; `stated_in` tells it from all others.

    Raise `WordingVersion.DoesNotExist` for a book that no visitor sees a form of.
    """
    version = WordingVersion.objects.filter(book_uuid=book.uuid).order_by("number").last()
    if version is None:
        raise WordingVersion.DoesNotExist(book.uuid)
    with translation.override(language):
        facts = [
            [_("What they agreed to, as we state it"), told.text],
            [_("Where"), told.where],
            [_("When"), told.when],
        ]
        if told.document:
            facts.append([_("Document"), f"{told.document.name} (SHA-256 {told.document.digest})"])
    statement = ConsentStatement(
        version=version,
        language=language,
        book_name=book.name,
        label=Truncator(" ".join(told.text.split())).chars(500),
        notice=[fact for fact in facts if fact[1]],
        stated_in=stated_in,
    )
    statement.digest = statement.digest_now()
    statement.save()
    return statement


def keep_document(*, name: str, content_type: str, content: bytes) -> ProofDocument:
    """Not saved yet: it is kept with the file that it belongs to."""
    return ProofDocument(
        name=name[:255],
        content_type=content_type[:100],
        content=content,
        digest=pseudonyms.digest_of_bytes(content),
    )
