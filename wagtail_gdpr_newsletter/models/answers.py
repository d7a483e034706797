"""How answers are asked for in the database: how one compares, and how one is taken out.

An answer is a text, a number, `true`, or a list of texts; dates are texts that sort as dates do (ISO 8601).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import BooleanField, F, Func, JSONField, Q, Value
from django.utils.translation import gettext_lazy as _

from .book_fields import SEVERAL, BookField


class Comparison(models.TextChoices):
    ANSWERED = "answered", _("has been answered")
    NOT_ANSWERED = "not_answered", _("has not been answered")
    IS = "is", _("is")
    IS_NOT = "is_not", _("is not")
    CONTAINS = "contains", _("contains")
    AT_LEAST = "at_least", _("is at least")
    AT_MOST = "at_most", _("is at most")

    @classmethod
    def of(cls, field: BookField) -> list[Comparison]:
        """Those that make sense of its answers."""
        whether = [cls.ANSWERED, cls.NOT_ANSWERED]
        if field.field_type == "checkbox":
            return whether
        if field.field_type in SEVERAL:
            return [*whether, cls.CONTAINS]
        if field.field_type in ("number", "date", "datetime"):
            return [*whether, cls.IS, cls.IS_NOT, cls.AT_LEAST, cls.AT_MOST]
        if field.field_type in ("singleline", "multiline", "email", "url"):
            return [*whether, cls.IS, cls.IS_NOT, cls.CONTAINS]
        return [*whether, cls.IS, cls.IS_NOT]


def answering(field: BookField, comparison: str, value: Any = None) -> Q:
    """Of subscriptions: those to the field's book in which its answer compares so.

    `value` is an answer as it is kept (`BookField.answer_in` makes one of a text). Whoever has not answered is
    in none but `NOT_ANSWERED`.
    """
    here, key = Q(book=field.book_id), f"answers__{field.uuid}"
    answered = here & Q(answers__has_key=field.uuid)
    if comparison == Comparison.ANSWERED:
        return answered
    if comparison == Comparison.NOT_ANSWERED:
        return here & ~Q(answers__has_key=field.uuid)
    if comparison == Comparison.CONTAINS and field.field_type in SEVERAL:
        return answered & Q(Includes(field.uuid, value))
    lookup = {
        Comparison.IS: key,
        Comparison.IS_NOT: key,
        Comparison.CONTAINS: f"{key}__icontains",
        Comparison.AT_LEAST: f"{key}__gte",
        Comparison.AT_MOST: f"{key}__lte",
    }[Comparison(comparison)]
    holds = Q((lookup, value))
    return answered & (~holds if comparison == Comparison.IS_NOT else holds)


class Includes(Func):
    """Whether the list under a key of the answers has a text."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, key: str, text: str) -> None:
        self.key, self.text = key, text
        super().__init__(F("answers"))

    def _and(self, *others: Any) -> list[Any]:
        return [*self.source_expressions, *others]

    def as_mysql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return compiler.compile(Func(*self._and(self._sought), function="JSON_CONTAINS"))

    def as_postgresql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        contains = Func(*self._and(self._sought), template="(%(expressions)s)", arg_joiner=" @> ")
        return compiler.compile(contains)

    def as_sqlite(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        """It knows no containment, but lists as tables."""
        path = Value(f'$."{self.key}"')
        rows, values = compiler.compile(Func(*self._and(path), function="json_each"))
        sql = f"EXISTS (SELECT 1 FROM {rows} WHERE json_each.value = %s)"  # noqa: S608
        return sql, (*values, self.text)

    @property
    def _sought(self) -> Value:
        return Value({self.key: [self.text]}, JSONField())


class WithoutKey(Func):
    """An object without one of its keys: each database has a way of its own for it."""

    output_field = JSONField()

    def __init__(self, name: str, key: str) -> None:
        self.key = key
        super().__init__(F(name))

    def as_sqlite(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        (column,) = self.source_expressions
        removed = Func(column, Value(f'$."{self.key}"'), function="JSON_REMOVE")
        return compiler.compile(removed)

    as_mysql = as_sqlite

    def as_postgresql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        (column,) = self.source_expressions
        template = "(%(expressions)s::text)"
        return compiler.compile(Func(column, Value(self.key), template=template, arg_joiner=" - "))
