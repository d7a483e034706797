"""A member of staff who imports files, by the pages of the admin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import AddressBook, ContactImport, ImportKind

#: What staff say where the file has no proof of its own.
STATED = {
    "basis": "stated",
    "told": "Yes, I want the seed letter.",
    "told_where": "Paper list at the stall",
    "told_when": "May 2024",
}
IN_COLUMNS = {**STATED, "basis": "columns"}

MAILCHIMP = """\
"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LEID,EUID,NOTES
ada@example.org,Ada,Byron,2,"2020-01-02 03:04:05",203.0.113.9,"2020-01-02 03:05:06",203.0.113.9,,1,a,
bob@example.org,Bob,,2,,,"2021-01-02 03:05:05",,,2,b,"added by hand,
at the stall"
"""


def uploaded(book: AddressBook, addresses: Iterable[str], *, kind: str = "people") -> ContactImport:
    """Not by the pages: a file of these, of which is said all that has to be; a worker may check it."""
    contact_import = actions.read_import(
        file=BytesIO("\n".join(["email", *addresses]).encode()),
        name="people.csv",
        kind=ImportKind(kind),
        site=book.site,
        book=book,
    )
    told = actions.Told("stated", "Yes", "At the stall", "May 2024")
    actions.check_import(contact_import=contact_import, told=told, reason="withdrawal")
    return contact_import


@dataclass
class Importer:
    """Uploads, says what the columns hold, starts; `browser` is somebody who may."""

    browser: Any

    def upload(
        self,
        content: str | bytes,
        book: AddressBook | None,
        *,
        name: str = "people.csv",
        **answers: Any,
    ) -> Importer:
        data = content.encode() if isinstance(content, str) else content
        self.browser.open("/admin/newsletter/imports/upload/")
        self.browser.press(
            "Upload",
            **{
                "file": SimpleUploadedFile(name, data),
                "book": str(book.pk) if book else "",
                "kind": "people",
                **answers,
            },
        )
        return self

    def check(self, **answers: Any) -> Importer:
        """Press the button that has the file checked; the worker has done so then."""
        if self.imported.brings_people:
            answers = {**IN_COLUMNS, **answers}
        self.browser.press("Check the file", **answers)
        if self.browser.response.redirect_chain:  # Else there is something to mend.
            self.look()
        return self

    def start(self) -> Importer:
        self.browser.press("Import" if self.imported.brings_people else "Remember")
        return self.look()

    def look(self) -> Importer:
        self.browser.open(f"/admin/newsletter/imports/{self.imported.pk}/")
        return self

    def take(self, content: str | bytes, book: AddressBook | None, **answers: Any) -> Importer:
        """The whole way, with the same answers all along."""
        of_upload = {
            name: answers.pop(name) for name in ("name", "kind", "encoding") if name in answers
        }
        return self.upload(content, book, **of_upload).check(**answers).start()

    @property
    def imported(self) -> ContactImport:
        return ContactImport.objects.latest("pk")

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.imported.counts
        return counts
