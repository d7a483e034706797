"""What visitors were shown, word by word: numbered versions of the editors' wording."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .. import pseudonyms
from .address_books import AddressBook
from .evidence import Evidence, EvidenceQuerySet


class WordingVersion(Evidence):
    """A book's wording in all its languages, numbered; it outlives the book."""

    book = models.ForeignKey(
        AddressBook, on_delete=models.SET_NULL, null=True, related_name="wording_versions"
    )
    book_uuid = models.CharField(max_length=36)
    book_name = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    material = models.BooleanField(
        help_text=_("Whoever agreed to an earlier version has to be asked again (C9).")
    )
    created_at = models.DateTimeField(default=now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("wording version")
        verbose_name_plural = _("wording versions")
        constraints = [
            models.UniqueConstraint(
                fields=["book_uuid", "number"], name="%(app_label)s_wordingversion_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.book_name} {self.number}"


class ConsentStatementQuerySet(EvidenceQuerySet["ConsentStatement"]):
    def current_for(self, *books: AddressBook) -> ConsentStatementQuerySet:
        """The newest version of each book, one statement a language."""
        newer = WordingVersion.objects.filter(
            book_uuid=models.OuterRef("version__book_uuid"),
            number__gt=models.OuterRef("version__number"),
        )
        here = self.filter(~models.Exists(newer), version__book__in=books, stated_in="")
        return here.select_related("version")

    def still_valid(self) -> ConsentStatementQuerySet:
        """Those that no later material version has overtaken."""
        return self.filter(~overtaken("version"))


def names_of_books() -> dict[str, str]:
    """By their UUIDs; a book that is gone has the name that visitors saw last."""
    seen = WordingVersion.objects.order_by("number").values_list("book_uuid", "book_name")
    return dict(seen) | dict(AddressBook.objects.values_list("uuid", "name"))


def overtaken(version: str) -> models.Exists:
    """Whether a later material version of the same book exists; `version` is the path to the row's own."""
    return models.Exists(
        WordingVersion.objects.filter(
            book_uuid=models.OuterRef(f"{version}__book_uuid"),
            number__gt=models.OuterRef(f"{version}__number"),
            material=True,
        )
    )


class ConsentStatement(Evidence):
    """A wording version in one language, exactly as shown; or what people were told elsewhere, as staff state it."""

    version = models.ForeignKey(WordingVersion, on_delete=models.PROTECT, related_name="statements")
    language = models.CharField(max_length=16)
    #: What stands above the box, the text beside it, and the notice below.
    book_name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    label = models.CharField(max_length=500)
    #: [[heading, text], ...] (I1)
    notice = models.JSONField()
    digest = models.CharField(max_length=64)
    #: The import, or whatever else brought people who were told this elsewhere; empty for what visitors see here.
    stated_in = models.CharField(max_length=36, blank=True, default="")

    objects: ClassVar = ConsentStatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent statement")
        verbose_name_plural = _("consent statements")
        constraints = [
            models.UniqueConstraint(
                fields=["version", "language", "stated_in"],
                name="%(app_label)s_consentstatement_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} ({self.language})"

    def sealed(self) -> dict[str, Any]:
        """What the digest is over: the text that is stored."""
        return {
            "language": self.language,
            "book_name": self.book_name,
            "description": self.description,
            "label": self.label,
            "notice": self.notice,
        }

    def digest_now(self) -> str:
        """What the digest must be."""
        return pseudonyms.digest_of(self.sealed())
