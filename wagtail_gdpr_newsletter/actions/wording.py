"""What happens when an editor changes what visitors are asked to agree to.

The wording of a book in all its languages becomes a numbered version with one immutable statement
a language; a material change means that whoever agreed before has to be asked again (C9).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from wagtail.models import Site

from .. import conf
from ..models import AddressBook, BookField, ConsentStatement, SenderSettings, WordingVersion
from ..rendering import notice

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


@transaction.atomic
def version_wording(
    *, book: AddressBook, material: bool = False, user: User | None = None
) -> WordingVersion | None:
    """Make a version of the wording if it differs from the newest; `None` when nothing changed."""
    AddressBook.objects.select_for_update().get(pk=book.pk)  # Two editors, one number each.
    drafted = _draft(book)
    newest = WordingVersion.objects.filter(book_uuid=book.uuid).order_by("-number").first()
    if not drafted or (newest and _digests(newest.statements.all()) == _digests(drafted)):
        return None
    version = WordingVersion.objects.create(
        book=book,
        book_uuid=book.uuid,
        book_name=book.name,
        number=newest.number + 1 if newest else 1,
        material=material,
        created_by=user,
    )
    for statement in drafted:
        statement.version = version
    ConsentStatement.objects.bulk_create(drafted)
    return version


def version_wordings_of_site(
    *, site: Site, material: bool = False, user: User | None = None
) -> None:
    """The sender's details stand in every notice of the site: a change makes new versions."""
    for book in AddressBook.objects.filter(site=site):
        version_wording(book=book, material=material, user=user)


def _draft(book: AddressBook) -> list[ConsentStatement]:
    """The statements that the book's wordings would make now."""
    sender = SenderSettings.for_site(book.site)
    if not sender.is_written:
        return []
    # Not in the order of the form: another order is no other text.
    asked = [
        notice.Asked(each.label, each.purpose, each.required)
        for each in BookField.objects.filter(book=book).order_by("pk")
    ]
    return [
        _with_digest(
            ConsentStatement(
                language=wording.language,
                book_name=book.name,
                description=book.description,
                label=wording.label,
                notice=notice.compose(
                    sender=sender.as_sender(),
                    purpose=wording.notice,
                    language=wording.language,
                    confirmation_expiry=conf.confirmation_expiry(),
                    asked=asked,
                ),
            )
        )
        for wording in book.wordings.all()
    ]


def _with_digest(statement: ConsentStatement) -> ConsentStatement:
    statement.digest = statement.digest_now()
    return statement


def _digests(statements: Iterable[ConsentStatement]) -> set[str]:
    return {statement.digest for statement in statements}
