"""A campaign is for readers by what they have answered: what a condition asks, and what keeps it from being asked.

A condition names a field of one book. Another of the campaign's books asks alike where it has a field of the same
type under the same placeholder, as in the campaign's text; readers of books that do not ask are taken away. A
condition that cannot be asked, half filled in or of a field that is gone, lets nobody through and is never skipped,
so that no audience becomes wider than its editor wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from ..models import BookField, Campaign, Comparison, answering
from ..models.answers import can_be_compared
from ..rendering import answers

#: Not an empty list: of that Django makes no SQL, and the ledger is written by it.
NOBODY = Q(pk=0)


@dataclass(frozen=True)
class Condition:
    """A line of `Campaign.only_answers`, beside the fields that it is about."""

    kept: Mapping[str, Any]
    #: `None` where it is gone, or none has been chosen.
    field: BookField | None
    #: Those of the campaign's books that ask alike.
    asking: Sequence[BookField]

    @property
    def label(self) -> str:
        return str(self.field or self.kept["label"] or _("a field"))

    @property
    def book(self) -> str:
        return self.field.book.name if self.field else self.kept["book"]

    def is_about(self, field: BookField) -> bool:
        return field.uuid in (self.kept["field"], *(each.uuid for each in self.asking))

    @property
    def problem(self) -> str:
        """What keeps it from being asked, for an editor; empty where nothing does."""
        named = {"field": self.label, "book": self.book}
        if not self.kept["field"]:
            return _("A condition on answers names no field: choose one, or remove the condition.")
        if self.field is None:
            return (
                _(
                    "The field “%(field)s” has been removed from its address book, and what readers had "
                    "answered with it. Remove the condition, or choose another field."
                )
                % named
            )
        if not is_complete(self.kept):
            return (
                _("The condition on “%(field)s” is not complete: fill it in, or remove it.") % named
            )
        if not can_be_compared(self.field, self.kept["comparison"], self.kept["value"]):
            return (
                _(
                    "The field “%(field)s” has changed, and its condition does not fit any more: "
                    "choose again how it is compared and with what."
                )
                % named
            )
        if not self.asking:
            return (
                _(
                    "“%(field)s” is asked by “%(book)s”, which is not among the chosen address books: "
                    "choose it, or remove the condition."
                )
                % named
            )
        return ""

    def lets_through(self) -> Q:
        if self.problem:
            return NOBODY
        asked = (
            answering(field, self.kept["comparison"], self.kept["value"]) for field in self.asking
        )
        return reduce(or_, asked)

    def told(self) -> dict[str, Any]:
        """As it is stored with what was sent: to be read when fields and books are gone."""
        return {
            "label": self.label,
            "placeholder": self.field.token_name if self.field else "",
            "type": self.field.field_type if self.field else "",
            "comparison": self.kept["comparison"],
            "value": self.kept["value"],
            "asked_by": [
                {"field": field.uuid, "book": field.book.uuid, "name": field.book.name}
                for field in self.asking
            ]
            or [{"field": self.kept["field"], "book": "", "name": self.book}],
        }


def is_complete(kept: Mapping[str, Any]) -> bool:
    if not kept["field"] or not kept["comparison"]:
        return False
    return kept["comparison"] in Comparison.without_value() or kept["value"] is not None


def conditions_of(campaign: Campaign) -> list[Condition]:
    """One query for all of them. Asked each time: a field may be removed while a ledger is written."""
    kept = campaign.only_answers
    if not kept:
        return []
    books = {book.pk for book in campaign.books.all()}
    named = Q(uuid__in=[line["field"] for line in kept])
    fields = BookField.objects.filter(named | Q(book__in=books)).select_related("book")
    by_uuid = {field.uuid: field for field in fields.order_by("book__name", "pk")}
    conditions = []
    for line in kept:
        field = by_uuid.get(line["field"])
        alike = [
            each
            for each in by_uuid.values()
            if field and each.book_id in books and _kind_of(each) == _kind_of(field)
        ]
        conditions.append(Condition(line, field, alike))
    return conditions


def _kind_of(field: BookField) -> tuple[str, str]:
    return field.token_name, field.field_type


def problems(campaign: Campaign) -> list[str]:
    said = [condition.problem for condition in conditions_of(campaign)]
    return list(dict.fromkeys(filter(None, said)))


def told(campaign: Campaign) -> list[dict[str, Any]]:
    return [condition.told() for condition in conditions_of(campaign)]


def lets_through(campaign: Campaign) -> Q:
    asked = Q()
    for condition in conditions_of(campaign):
        asked &= condition.lets_through()
    return asked


def in_words(told: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(map(_in_words, told))


def _in_words(told: Mapping[str, Any]) -> str:
    asked = _("“%(field)s” (%(books)s)") % {
        "field": told["label"],
        "books": ", ".join(each["name"] for each in told["asked_by"]),
    }
    compared = [each for each in Comparison if each == told["comparison"]]
    said = [asked, *(each.said_of(told["type"]) for each in compared)]
    if told["value"] is not None:
        said.append(f"“{answers.in_words(told['value'], told['type'])}”")
    return " ".join(said)
