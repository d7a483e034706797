"""What do we hold about somebody?

Everything that `models/declarations.py` names, table by table, read from the rows as they are: for the page
in the reader's own words, and for the download as it is stored. A field that nobody declared cannot be
forgotten here, because a test does not let it exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.utils import formats
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import conf
from ..models import (
    SITE_SCOPE,
    AskedMailbox,
    BookField,
    ConsentStatement,
    Contact,
    ContactImport,
    Delivery,
    ImportPart,
    LeftOutRow,
    SenderSettings,
    Suppression,
)
from ..models.declarations import DECLARATIONS
from ..models.declaring import Declaration, Kept, Personal
from ..models.statements import names_of_books
from ..rendering import answers as answers_words
from ..rendering import notice
from .staff_log import note
from .stored import as_stored

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: `Origin.source`, for the person whom it is about.
WAYS = {
    "form": gettext_lazy("sign-up form"),
    "mail": gettext_lazy("our mail server"),
    "confirmation page": gettext_lazy("link in the confirmation mail"),
    "unsubscribe page": gettext_lazy("link at the foot of a newsletter"),
    "one-click": gettext_lazy("button of a mail program"),
    "provider": gettext_lazy("our mail provider"),
    "complaint": gettext_lazy("complaint of spam"),
    "my data": gettext_lazy("“My data”"),
    "import": gettext_lazy("a file imported by our staff"),
    "staff": gettext_lazy("a member of our staff"),
    "command": gettext_lazy("a member of our staff"),
    "replay": gettext_lazy("repeated after a backup was restored"),
}


#: Sections that the page lays out by itself, because readers change something there.
BY_HAND = ("Contact", "Subscription")

#: Sections in which one entry is many words.
WORDY = ("ConsentRecord",)


@dataclass(frozen=True)
class Fact:
    """One value: as JSON has it, and in words."""

    name: str
    label: str
    shown: bool
    value: Any
    text: str
    #: Where the value is a text that somebody agreed to.
    statement: ConsentStatement | None = None


@dataclass(frozen=True)
class Entry:
    """One row, and what is said of it."""

    instance: models.Model
    facts: list[Fact]

    @property
    def shown(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.shown]


@dataclass(frozen=True)
class Section:
    """One table."""

    name: str
    label: str
    entries: list[Entry]

    @property
    def is_table(self) -> bool:
        return self.name not in WORDY

    @cached_property
    def rows(self) -> list[list[Fact]]:
        """What is shown, without the columns in which nothing stands."""
        columns = list(zip(*(entry.shown for entry in self.entries), strict=True))
        return [
            list(row)
            for row in zip(
                *(column for column in columns if any(fact.text for fact in column)), strict=True
            )
        ]

    @property
    def headings(self) -> list[str]:
        return [fact.label for fact in self.rows[0]] if self.rows else []


@dataclass(frozen=True)
class Disclosure:
    """Everything; the texts are in the language that was active."""

    contact: Contact
    sections: list[Section]

    @property
    def personal(self) -> list[Section]:
        """Who they are and what they get: each with an entry, or none."""
        return [section for section in self.sections if section.name in BY_HAND]

    @property
    def read_only(self) -> list[Section]:
        """What happened, where there is anything to show."""
        return [
            section for section in self.sections if section.name not in BY_HAND and section.headings
        ]

    @cached_property
    def about(self) -> list[list[str]]:
        """[[heading, text], ...]: who is responsible, who receives it, where to complain."""
        sender = SenderSettings.for_site(self.contact.site).as_sender()
        return notice.about_sender(sender)

    @cached_property
    def fields(self) -> dict[str, dict[str, str]]:
        """{UUID: what was asked, and why}, of the newsletters that they have a place in."""
        return {
            uuid: {"label": field.label, "purpose": field.purpose}
            for uuid, field in _fields_of(self.contact).items()
        }

    @cached_property
    def kept(self) -> list[tuple[str, str]]:
        """(what, how long and why) for everything that there is."""
        return [
            (section.label, "; ".join(map(in_words, _periods(DECLARATIONS[section.name]))))
            for section in self.sections
            if section.entries
        ]


def disclose(contact: Contact, *, user: User | None = None) -> Disclosure:
    """A constant number of queries, whatever there is; `user` is who looks, if not the person."""
    note(contact, "view_contact", user)
    reader = _Reader(contact)
    return Disclosure(
        contact,
        [
            reader.section(apps.get_model("wagtail_gdpr_newsletter", name), declaration)
            for name, declaration in DECLARATIONS.items()
            if declaration.personal
        ],
    )


def _fields_of(contact: Contact) -> dict[str, BookField]:
    theirs = BookField.objects.filter(book__subscriptions__contact=contact)
    return {field.uuid: field for field in theirs.order_by("book_id", "sort_order", "pk")}


def _periods(declaration: Declaration) -> list[Kept]:
    return list(dict.fromkeys(personal.kept for personal in declaration.personal.values()))


def in_words(kept: Kept) -> str:
    """In the active language."""
    return str(kept.value) % {"time": notice.in_words(conf.client_retention())}


class _Reader:
    """Reads one contact's rows and puts their values into words."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact

    def section(self, model: type[models.Model], declaration: Declaration) -> Section:
        exported = {
            name: personal for name, personal in declaration.personal.items() if personal.exported
        }
        entries = [
            Entry(row, [self._fact(row, name, personal) for name, personal in exported.items()])
            for row in self._rows(model, declaration, exported)
        ]
        return Section(model.__name__, str(declaration.label), entries)

    def _rows(
        self, model: type[models.Model], declaration: Declaration, fields: Iterable[str]
    ) -> models.QuerySet[Any]:
        if not declaration.whose:  # Its rows know nobody; only the address leads to them.
            return rows_by_address(model, self.contact).order_by("pk")
        related = [name for name in fields if model._meta.get_field(name).is_relation]
        if "statement" in related:
            related.append("statement__version")
        if "previous_statement" in related:
            related.append("previous_statement__version")
        if "delivery" in related:
            related.append("delivery__campaign")
        rows = model._default_manager.filter(declaration.belonging_to(self.contact.pk))
        return rows.select_related(*related).order_by("pk") if related else rows.order_by("pk")

    def _fact(self, row: models.Model, name: str, personal: Personal) -> Fact:
        value = getattr(row, name)
        if isinstance(row, ImportPart):  # The others are not theirs.
            value = [each[1:] for each in row.rows_of([self.contact.canonical_address])]
        return Fact(
            name=name,
            label=capfirst(str(personal.label)),
            shown=personal.shown,
            value=as_stored(value),
            text=self._in_words(row, name, value),
            statement=value if isinstance(value, ConsentStatement) else None,
        )

    def _in_words(self, row: models.Model, name: str, value: Any) -> str:
        if value in (None, "", [], {}):
            return ""
        if name in self._codes:
            return self._codes[name](value)
        choice = getattr(row, f"get_{name}_display", None)
        return str(choice()) if choice else _in_words(value)

    @cached_property
    def _codes(self) -> dict[str, Callable[[Any], str]]:
        """What is a code in the table, by the name of its field."""
        return {
            "source": lambda way: str(WAYS.get(way, way)),
            "language": lambda code: dict(conf.languages()).get(code, code),
            "cells": _cells_in_words,
            "rows": lambda rows: "\n".join(map(_cells_in_words, rows)),
            "scope": self._name_of_book,
            "book_uuid": self._name_of_book,
            "answers": self._answers,
            "asked_answers": lambda asked: "\n".join(self._answers(each) for _key, each in asked),
            "books": lambda uuids: ", ".join(filter(None, map(self._name_of_book, uuids))),
        }

    def _name_of_book(self, uuid: str) -> str:
        return _("every newsletter") if uuid == SITE_SCOPE else self._book_names.get(uuid, "")

    def _answers(self, answers: dict[str, Any]) -> str:
        """A line each."""
        return "\n".join(
            f"{field.label}: {answers_words.in_words(answers[uuid], field.field_type)}"
            for uuid, field in self._fields.items()
            if uuid in answers
        )

    @cached_property
    def _fields(self) -> dict[str, BookField]:
        return _fields_of(self.contact)

    @cached_property
    def _book_names(self) -> dict[str, str]:
        return names_of_books()


def _cells_in_words(cells: list[str]) -> str:
    return "; ".join(filter(None, cells))


def _in_words(value: Any) -> str:
    if isinstance(value, ConsentStatement):
        return value.label
    if isinstance(value, Delivery):
        return value.campaign.subject
    if isinstance(value, ContactImport):
        return _where_from(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return formats.date_format(localtime(value), "DATETIME_FORMAT")
    if isinstance(value, date):
        return formats.date_format(value, "DATE_FORMAT")
    return str(value)


def _where_from(brought_by: ContactImport) -> str:
    """Where their address is from (GDPR 14(2)(f), 15(1)(g))."""
    taken = _("a file that we imported on %(date)s") % {
        "date": formats.date_format(localtime(brought_by.created_at), "DATE_FORMAT")
    }
    return "; ".join(filter(None, [taken, brought_by.agreed_where, brought_by.source]))


def rows_by_address(model: type[models.Model], contact: Contact) -> models.QuerySet[Any]:
    """Of the tables that hold a keyed hash and nobody's number."""
    if model is Suppression:
        return contact.every_suppression
    if model is LeftOutRow:
        rows = LeftOutRow.objects.filter(contact_import__site=contact.site)
        return rows.filter(address_digest=contact.address_digest)
    if model is ImportPart:
        waiting = ImportPart.objects.filter(contact_import__site=contact.site)
        return waiting.naming([contact.canonical_address])
    return AskedMailbox.objects.of(contact.canonical_address, site=contact.site)
