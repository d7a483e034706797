"""How answers are asked for in the database: how one compares, and how one is taken out.

An answer is a text, a number, `true`, or a list of texts; dates are texts that sort as dates do (ISO 8601).
"""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import BooleanField, CharField, F, Func, JSONField, Q, Value
from django.db.models.fields.json import KeyTransform
from django.db.models.lookups import In
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..addresses import Address, InvalidAddress
from ..forms import is_printable
from .book_fields import SEVERAL, BookField

#: How the databases call what JSON is made of.
TEXTS = ("text", "string", "STRING")
NUMBERS = ("integer", "real", "number", "INTEGER", "DOUBLE", "DECIMAL")
LISTS = ("array", "ARRAY")

#: As many characters as an answer in one line has at most.
LONGEST_VALUE = 255


class Comparison(models.TextChoices):
    IS = "is", gettext_lazy("is")
    IS_NOT = "is_not", gettext_lazy("is not")
    CONTAINS = "contains", gettext_lazy("contains")
    AT_LEAST = "at_least", gettext_lazy("is at least")
    AT_MOST = "at_most", gettext_lazy("is at most")
    ANSWERED = "answered", gettext_lazy("has been answered")
    NOT_ANSWERED = "not_answered", gettext_lazy("has not been answered")

    def said_of(self, field_type: str) -> str:
        """Its label; a single box is not answered, but ticked."""
        if field_type == "checkbox" and self == Comparison.ANSWERED:
            return _("is ticked")
        if field_type == "checkbox" and self == Comparison.NOT_ANSWERED:
            return _("is not ticked")
        return str(self.label)

    @classmethod
    def without_value(cls) -> list[Comparison]:
        return [cls.ANSWERED, cls.NOT_ANSWERED]

    @classmethod
    def of(cls, field: BookField) -> list[Comparison]:
        """Those that make sense of its answers. Which address it is makes none: that would be one reader."""
        return [*cls._with_value(field.field_type), *cls.without_value()]

    @classmethod
    def _with_value(cls, field_type: str) -> list[Comparison]:
        if field_type == "checkbox":
            return []
        if field_type in (*SEVERAL, "email"):
            return [cls.CONTAINS]
        if field_type in ("number", "date", "datetime"):
            return [cls.IS, cls.IS_NOT, cls.AT_LEAST, cls.AT_MOST]
        if field_type in ("singleline", "multiline", "url"):
            return [cls.IS, cls.IS_NOT, cls.CONTAINS]
        return [cls.IS, cls.IS_NOT]


def value_in(text: str, *, field: BookField, comparison: str) -> Any:
    """What somebody typed to compare answers with, as answers are kept; `None` where it is empty.

    Raise `ValidationError`, with a sentence for whoever typed it.
    """
    text = text.strip()
    if comparison in Comparison.without_value() or not text:
        return None
    if _is_address(text):
        raise ValidationError(
            _("Do not write anybody's address here: it would be kept with the campaign for good.")
        )
    if comparison != Comparison.CONTAINS:
        return field.answer_in(text)
    if field.field_type in SEVERAL and text not in field.choice_list:
        raise ValidationError(_("“%(value)s” is none of its choices.") % {"value": text})
    if len(text) > LONGEST_VALUE:
        raise ValidationError(_("Write at most %(number)s characters.") % {"number": LONGEST_VALUE})
    is_printable(text)
    return text


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except InvalidAddress:
        return False
    return True


def can_be_compared(field: BookField, comparison: str, value: Any) -> bool:
    """Whether a value that was compared with before makes sense of what the field is now."""
    if comparison not in Comparison.of(field):
        return False
    if comparison in Comparison.without_value():
        return True
    if comparison != Comparison.CONTAINS:
        return field.fits(value)
    if field.field_type in SEVERAL:
        return value in field.choice_list
    return isinstance(value, str)


def answering(field: BookField, comparison: str, value: Any = None) -> Q:
    """Of subscriptions: those to the field's book in which its answer compares so.

    `value` is an answer as it is kept (`value_in` makes one of a text), or one of the texts of a list. Whoever has
    not answered is in none but `NOT_ANSWERED`, nor is who did when the field was of a type that compares otherwise.
    Texts contain one another in whichever case, and are the same in one alone.
    """
    here, key = Q(book=field.book_id), f"answers__{field.uuid}"
    answered = here & Q(answers__has_key=field.uuid)
    if comparison == Comparison.ANSWERED:
        return answered
    if comparison == Comparison.NOT_ANSWERED:
        return here & ~Q(answers__has_key=field.uuid)
    if comparison == Comparison.CONTAINS and field.field_type in SEVERAL:
        return answered & _are(LISTS, field) & Q(Includes(field.uuid, value))
    alike = answered & _are(NUMBERS if field.field_type == "number" else TEXTS, field)
    if comparison == Comparison.CONTAINS:
        return alike & _contains(key, value)
    lookup = {
        Comparison.IS: key,
        Comparison.IS_NOT: key,
        Comparison.AT_LEAST: f"{key}__gte",
        Comparison.AT_MOST: f"{key}__lte",
    }[Comparison(comparison)]
    holds = Q((lookup, value))
    return alike & (~holds if comparison == Comparison.IS_NOT else holds)


def _are(kinds: tuple[str, ...], field: BookField) -> Q:
    return Q(In(KindOf(field.uuid), kinds))


def _contains(key: str, text: str) -> Q:
    if connection.vendor == "sqlite":  # Its LIKE knows no other letters than ASCII's by both cases.
        return Q((f"{key}__iregex", re.escape(text)))
    return Q((f"{key}__icontains", text))


class KindOf(Func):
    """What an answer is: a text, a number, a list; each database has a word of its own for it."""

    output_field = CharField()

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(F("answers"))

    def as_sqlite(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        path = Value(f'$."{self.key}"')
        return compiler.compile(Func(*self.source_expressions, path, function="JSON_TYPE"))

    def as_mysql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return compiler.compile(Func(self._answer, function="JSON_TYPE"))

    def as_postgresql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return compiler.compile(Func(self._answer, function="JSONB_TYPEOF"))

    @property
    def _answer(self) -> KeyTransform:
        return KeyTransform(self.key, *self.source_expressions)


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
