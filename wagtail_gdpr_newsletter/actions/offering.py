"""What does a visitor see in a sign-up form?

For each book the newest statement in the visitor's language. The form carries, signed, which
statements it shows and where it stands; when it is posted it is built again from that alone. So it
holds nothing of the visitor, and a page that a cache kept for weeks still says what it showed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.utils.module_loading import import_string
from wagtail.models import Site

from .. import conf, tokens
from ..forms import ConsentForm, Offer, Question, SignupForm
from ..models import (
    AddressBook,
    BookField,
    ConsentStatement,
    Contact,
    SenderSettings,
    reasons_against_form,
)


@dataclass(frozen=True)
class ShownForm:
    """One form as it stands on a page: what its signed token says."""

    site: int
    language: str
    statements: list[int]
    page_url: str
    block_id: str
    ask_name: bool
    button_label: str
    success_message: str
    thank_you_page: int | None
    #: UUIDs of what the books asked then: nobody is blamed for what they were not asked.
    fields: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        return tokens.sign(tokens.Purpose.FORM, asdict(self))

    @classmethod
    def read(cls, token: str) -> ShownForm:
        """Raise `InvalidToken` from `tokens`. Never expires: pages are cached for as long as they like."""
        told = tokens.read(tokens.Purpose.FORM, token)
        try:
            return cls(**told)
        except TypeError as error:  # Made by another release of this package.
            raise tokens.InvalidToken from error

    def build(self, data: Mapping[str, Any] | None = None) -> SignupForm:
        """The form, bound where there is `data`."""
        form_class = import_string(conf.signup_form())
        return form_class(
            data,
            offers=_offers(self._statements(), BookField.objects.filter(uuid__in=self.fields)),
            ask_name=self.ask_name,
            token=self.token,
            # Two blocks on one page must not share the ids of their fields.
            auto_id=f"newsletter-{self.block_id[:8] or 'form'}-%s",
        )

    def _statements(self) -> list[ConsentStatement]:
        """Those whose book still exists, in the form's order."""
        found = (
            ConsentStatement.objects.filter(
                version__book__site=self.site, version__book__isnull=False
            )
            .select_related("version__book")
            .in_bulk(self.statements)
        )
        return [found[pk] for pk in self.statements if pk in found]

    def agreed(self, form: SignupForm) -> list[ConsentStatement]:
        """The statements whose boxes were ticked."""
        ticked = {offer.statement for offer in form.ticked()}
        return [statement for statement in self._statements() if statement.pk in ticked]

    def is_lawful(self, agreed: Sequence[ConsentStatement]) -> bool:
        """Whether the form may still be taken; its page may have been cached long ago."""
        books = [book for statement in agreed if (book := statement.version.book)]
        return not reasons_against_form(Site.objects.get(pk=self.site), books)

    def is_outdated(self, agreed: Sequence[ConsentStatement]) -> bool:
        """Whether a material change has come since one of these was shown (C9)."""
        pks = [statement.pk for statement in agreed]
        return ConsentStatement.objects.filter(pk__in=pks).still_valid().count() < len(pks)

    def refreshed(self) -> ShownForm:
        """The same form with the newest statements, in the languages that it was in."""
        books = {
            book: statement.language
            for statement in self._statements()
            if (book := statement.version.book)
        }
        newest = [current_statement(book, language) for book, language in books.items()]
        return replace(
            self,
            statements=[statement.pk for statement in newest if statement],
            fields=[each.uuid for each in BookField.objects.filter(book__in=books)],
        )


def show_form(
    *,
    site: Site,
    books: Sequence[AddressBook],
    language: str,
    page_url: str,
    block_id: str,
    button_label: str = "",
    success_message: str = "",
    thank_you_page: int | None = None,
) -> ShownForm | None:
    """The form for a block; `None` while it would not be lawful, see `reasons_against_form`."""
    if reasons_against_form(site, books):
        return None
    return ShownForm(
        site=site.pk,
        language=language,
        statements=[statement.pk for statement in current_statements(books, language)],
        page_url=page_url,
        block_id=block_id,
        ask_name=any(book.ask_name for book in books),
        button_label=button_label,
        success_message=success_message,
        thank_you_page=thank_you_page,
        fields=[each.uuid for each in BookField.objects.filter(book__in=books)],
    )


def joinable(contact: Contact) -> list[ConsentStatement]:
    """What a reader may join from their own data: the books of the site that they do not get yet."""
    theirs = contact.subscriptions
    have = [theirs.mailable(), theirs.pending().standing_on_a_valid_basis()]
    books = AddressBook.objects.filter(site=contact.site)
    for subscriptions in have:
        books = books.exclude(pk__in=subscriptions.values("book"))
    if SenderSettings.for_site(contact.site).missing():
        return []
    return current_statements(list(books), contact.language)


def join_form(
    statements: Sequence[ConsentStatement], data: Mapping[str, Any] | None = None
) -> ConsentForm:
    """A box for each. One that was ticked under a text that has changed since counts for nothing."""
    books = [statement.version.book_id for statement in statements]
    offers = _offers(statements, BookField.objects.filter(book__in=books))
    return ConsentForm(data, offers=offers, auto_id="%s")


def current_statement(book: AddressBook, language: str) -> ConsentStatement | None:
    """The book's newest statement in the language nearest to the wanted one."""
    return next(iter(current_statements([book], language)), None)


def current_statements(books: Sequence[AddressBook], language: str) -> list[ConsentStatement]:
    """The same for several books, in their order, in one query."""
    offered: dict[int, dict[str, ConsentStatement]] = {book.pk: {} for book in books}
    for statement in ConsentStatement.objects.current_for(*books):
        if book_pk := statement.version.book_id:
            offered[book_pk][statement.language] = statement
    return [
        by_language[best]
        for by_language in offered.values()
        if (best := conf.best_language(language, by_language))
    ]


def _offers(statements: Sequence[ConsentStatement], fields: Iterable[BookField]) -> list[Offer]:
    """What is shown is what is kept as proof, and nothing else; and what the books ask."""
    asked: dict[int | None, list[Question]] = {}
    for each in fields if statements else ():
        asked.setdefault(each.book_id, []).append(each.as_question())
    return [
        Offer(
            statement=statement.pk,
            book_uuid=statement.version.book_uuid,
            book_name=statement.book_name,
            description=statement.description,
            label=statement.label,
            notice=[(heading, text) for heading, text in statement.notice],
            questions=asked.get(statement.version.book_id, []),
        )
        for statement in statements
    ]
