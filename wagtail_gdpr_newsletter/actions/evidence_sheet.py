"""What happens when staff print the proof of one person's consent?

Everything that is recorded about them is read at one moment, by a constant number of queries: who is responsible,
for each address book the chain of records, every text that was shown, and what keeps the address from being written
to (C5, C6). That it was printed leaves a line in the audit log, with the reference that stands on every page (P3).
The sheet is set as a PDF, in the language of the book, or written as JSON (C15). After an erasure whoever supplies
the address gets what the keyed hash still leads to (S6).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log
from wagtail.models import Site

from .. import conf, pseudonyms
from ..addresses import Address
from ..models import (
    SITE_SCOPE,
    AddressBook,
    BookField,
    ConsentRecord,
    Contact,
    ContactImport,
    SenderSettings,
    Subscription,
    WordingVersion,
)
from ..models.consent import ConsentRecordQuerySet
from ..models.statements import names_of_books
from ..rendering import typesetting
from . import evidence_document, evidence_json
from .erasure import Traces, traces
from .evidence_chain import Book, Chain, Sheet
from .evidence_seals import forge, texts_of

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

CONTENT_TYPES = {"pdf": "application/pdf", "json": "application/json"}


@dataclass(frozen=True)
class File:
    name: str
    content_type: str
    content: bytes


def can_print() -> bool:
    """Whether what sets a PDF is installed; JSON needs nothing."""
    return typesetting.is_installed()


def books_with_evidence(contact: Contact) -> list[Book]:
    """Those that they are in, or that their records tell of, by name."""
    theirs = _records_of(contact).order_by().values_list("book_uuid", flat=True).distinct()
    return _books({*theirs, *contact.subscriptions.values_list("book__uuid", flat=True)})


def print_evidence(*, contact: Contact, book: str, file_format: str, user: User) -> File | None:
    """About the book with this UUID, or about all where it is empty; `file_format`: "pdf" or "json".

    `None` where there is no such contact any more, or nothing about that book.
    """
    with transaction.atomic():
        here = Contact.objects.lock(contact.pk)
        sheet = here and _sheet_about(here.as_address(), here.site, contact=here, only=book)
        if not sheet:
            return None
        _note(here, sheet, file_format, user)
    return _file(sheet, file_format, about=f"contact-{contact.pk}")


@sensitive_variables("address", "sheet")
def print_traces(*, address: Address, site: Site, file_format: str, user: User) -> File | None:
    """Of an address that no contact has any more; `None`, and a look-up in the log, where nothing leads to it."""
    with transaction.atomic():
        known = Contact.objects.known_as(address, site=site)
        sheet = None if known.exists() else _sheet_about(address, site)
        if sheet is None:
            log(instance=site, action="wagtail_gdpr_newsletter.look_up", user=user)
            return None
        _note(site, sheet, file_format, user)
        moved = {record.contact for record in sheet.records if record.contact}
        for contact in moved:  # Their proof was taken as well, which they may see.
            _note(contact, sheet, file_format, user)
    return _file(sheet, file_format, about="address")


def _note(about: Contact | Site, sheet: Sheet, file_format: str, user: User) -> None:
    """The books are named by what no person chose, and the address not at all."""
    data = {
        "reference": sheet.reference,
        "format": file_format,
        "books": [chain.book.uuid for chain in sheet.chains],
        "records": len(sheet.records),
    }
    log(instance=about, action="wagtail_gdpr_newsletter.print_evidence", user=user, data=data)


def _file(sheet: Sheet, file_format: str, *, about: str) -> File:
    with translation.override(sheet.language):
        written = evidence_json.write(sheet)
        if file_format == "pdf":
            written = typesetting.as_pdf(
                evidence_document.compose(sheet), made_at=sheet.made_at, attached=written
            )
    name = f"evidence-{about}-{sheet.made_at:%Y-%m-%d}-{sheet.reference}.{file_format}"
    return File(name, CONTENT_TYPES[file_format], written)


def _records_of(contact: Contact) -> ConsentRecordQuerySet:
    """Theirs, and those from before an erasure after which somebody came back to the same address."""
    hashes = [each.value for each in pseudonyms.keyed_hashes(contact.canonical_address)]
    earlier = Q(contact=None, site=contact.site_id, subject__in=hashes)
    return ConsentRecord.objects.filter(Q(contact=contact) | earlier)


def _sheet_about(
    address: Address, site: Site, *, contact: Contact | None = None, only: str = ""
) -> Sheet | None:
    """By a constant number of queries; `only`: the UUID of a book. `None` where there is nothing."""
    if contact:
        found = Traces(contact.every_suppression, _records_of(contact))
        places = {each.book.uuid: each for each in contact.subscriptions.select_related("book")}
    else:
        found, places = traces(address=address, site=site), {}
    related = found.records.select_related("statement__version", "contact")
    records = list(related.order_by("occurred_at", "pk"))
    remembered = list(found.suppressions.order_by("month", "pk"))
    books = _books({record.book_uuid for record in records} | places.keys())
    if only:
        books = [book for book in books if book.uuid == only]
        remembered = [each for each in remembered if each.scope in (SITE_SCOPE, only)]
    if not books and (only or not remembered):
        return None
    hashes = pseudonyms.keyed_hashes(address.canonical)
    chains = _chains(books, records, places, hashes, has_moved=contact is None)
    here = {each.value for each in hashes}
    return Sheet(
        reference=secrets.token_hex(5).upper(),
        made_at=now().replace(microsecond=0),
        language=conf.served_language(_language_of(chains, contact)),
        sender=SenderSettings.for_site(site).as_sender(),
        address=address.typed,
        contact=contact,
        hashes=hashes,
        chains=chains,
        suppressions=[each for each in remembered if each.hash in here],
        former_suppressions=[each for each in remembered if each.hash not in here],
        names_of_books=names_of_books(),
    )


def _books(uuids: set[str]) -> list[Book]:
    """By name; a book that is gone has the name that visitors saw last."""
    names = names_of_books()
    there_are = set(AddressBook.objects.values_list("uuid", flat=True))
    books = [Book(uuid, names.get(uuid, uuid), uuid not in there_are) for uuid in uuids if uuid]
    return sorted(books, key=lambda book: (book.name, book.uuid))


def _chains(
    books: Sequence[Book],
    records: Sequence[ConsentRecord],
    places: Mapping[str, Subscription],
    hashes: Sequence[pseudonyms.KeyedHash],
    *,
    has_moved: bool,
) -> list[Chain]:
    """What is about the person, and no book, stands in each; `has_moved`: whoever has a contact is elsewhere now."""
    uuids = [book.uuid for book in books]
    material = WordingVersion.objects.filter(book_uuid__in=uuids, material=True).order_by("number")
    fields = list(BookField.objects.filter(book__uuid__in=uuids).select_related("book"))
    imports = ContactImport.objects.filter(uuid__in={each.import_uuid for each in records} - {""})
    imports_by_uuid = {each.uuid: each for each in imports}
    # Whoever moved has earlier records under another address, also of books that did not come along.
    moved_at = max((each.occurred_at for each in records if each.tells_of_a_move), default=None)
    chains = []
    for book in books:
        theirs = [each for each in records if each.book_uuid in ("", book.uuid)]
        texts = texts_of(theirs)
        chains.append(
            Chain(
                book=book,
                links=forge(theirs, texts, hashes=hashes, moved_at=moved_at),
                texts=texts,
                subscription=places.get(book.uuid),
                material_versions=[each for each in material if each.book_uuid == book.uuid],
                fields=[each for each in fields if each.book.uuid == book.uuid],
                imports=imports_by_uuid,
                has_moved=has_moved and any(each.contact_id for each in theirs),
            )
        )
    return chains


def _language_of(chains: Sequence[Chain], contact: Contact | None) -> str:
    """That of the text they agreed to; about several books, the person's own."""
    own = contact.language if contact else conf.default_language()
    if contact and len(chains) != 1:
        return own
    agreed = [
        link.record.statement.language
        for chain in chains
        for link in (chain.given, chain.agreed_elsewhere, chain.request)
        if link and link.record.statement
    ]
    return agreed[0] if agreed else own
