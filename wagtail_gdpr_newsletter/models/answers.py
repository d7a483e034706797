"""How answers are asked for in the database: how one compares, and how one is taken out.

An answer is a text, a number, `true`, or a list of texts; dates are texts that sort as dates do (ISO 8601).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import (
    BooleanField,
    F,
    FloatField,
    Func,
    JSONField,
    Q,
    TextField,
    Value,
)
from django.db.models.functions import Lower
from django.db.models.lookups import (
    Contains,
    Exact,
    GreaterThanOrEqual,
    IContains,
    IRegex,
    LessThanOrEqual,
)
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..addresses import Address, InvalidAddress
from ..forms import is_printable
from .book_fields import SEVERAL, BookField

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

    `value` is an answer as it is kept (`BookField.answer_in` makes one of a text). Whoever has not answered is
    in none but `NOT_ANSWERED`; and what was answered before the field became one of another type compares with
    nothing.
    """
    here, answered = Q(book=field.book_id), Q(answers__has_key=field.uuid)
    if field.field_type == "checkbox":
        answered &= Q(Exact(Answer(field.uuid, "ticked"), Value("true")))
    if comparison == Comparison.ANSWERED:
        return here & answered
    if comparison == Comparison.NOT_ANSWERED:
        return here & ~answered
    if field.field_type in SEVERAL:
        return here & answered & Q(Includes(field.uuid, value))
    answer = Answer(field.uuid, "number" if field.field_type == "number" else "text")
    if comparison == Comparison.IS_NOT:
        return here & ~Q(Exact(answer, value))  # Neither is nothing, by SQL.
    return here & Q(LOOKUPS[Comparison(comparison)](answer, value))


class OfDatabase(Func):
    """What each database has a way of its own for."""

    def __init__(self, key: str, **kwargs: Any) -> None:
        self.key = key
        super().__init__(F("answers"), **kwargs)

    def _filled(
        self, compiler: Any, sql: str, *, path: str = "", others: Sequence[str] = ()
    ) -> tuple[str, list[Any]]:
        """`{answers}` and `{key}` in the SQL become the column and where the answer is, in their order."""
        column, params = compiler.compile(self.source_expressions[0])
        places = re.findall(r"{(answers|key)}", sql)
        values = [value for each in places for value in (params if each == "answers" else [path])]
        return sql.format(answers=column, key="%s"), [*values, *others]

    @property
    def _path(self) -> str:
        return f'$."{self.key}"'


class Answer(OfDatabase):
    """Under its key, where it is a text, a number, or a box that is ticked; else nothing."""

    TYPES: ClassVar = {"text": TextField, "number": FloatField, "ticked": TextField}
    SQLITE: ClassVar = {
        "text": "CASE WHEN JSON_TYPE({answers}, {key}) = 'text' THEN JSON_EXTRACT({answers}, {key}) END",
        "number": (
            "CASE WHEN JSON_TYPE({answers}, {key}) IN ('integer', 'real') THEN JSON_EXTRACT({answers}, {key}) END"
        ),
        "ticked": "CASE WHEN JSON_TYPE({answers}, {key}) = 'true' THEN 'true' ELSE 'false' END",
    }
    POSTGRESQL: ClassVar = {
        "text": (
            "CASE WHEN JSONB_TYPEOF({answers} -> {key}::text) = 'string' "
            'THEN ({answers} ->> {key}::text) COLLATE "C" END'
        ),
        "number": (
            "CASE WHEN JSONB_TYPEOF({answers} -> {key}::text) = 'number' "
            "THEN ({answers} ->> {key}::text)::double precision END"
        ),
        "ticked": "CASE WHEN ({answers} -> {key}::text) = 'true'::jsonb THEN 'true' ELSE 'false' END",
    }
    MYSQL: ClassVar = {
        "text": (
            "CASE WHEN JSON_TYPE(JSON_EXTRACT({answers}, {key})) = 'STRING' "
            "THEN JSON_UNQUOTE(JSON_EXTRACT({answers}, {key})) COLLATE utf8mb4_bin END"
        ),
        "number": (
            "CASE WHEN JSON_TYPE(JSON_EXTRACT({answers}, {key})) IN ('INTEGER', 'DOUBLE', 'DECIMAL') "
            "THEN CAST(JSON_EXTRACT({answers}, {key}) AS DOUBLE) END"
        ),
        "ticked": (
            "CASE WHEN JSON_CONTAINS({answers}, 'true', {key}) "
            "AND JSON_TYPE(JSON_EXTRACT({answers}, {key})) = 'BOOLEAN' THEN 'true' ELSE 'false' END"
        ),
    }

    def __init__(self, key: str, kind: str) -> None:
        self.kind = kind
        super().__init__(key, output_field=self.TYPES[kind]())

    def as_sqlite(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return self._filled(compiler, self.SQLITE[self.kind], path=self._path)

    def as_postgresql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return self._filled(compiler, self.POSTGRESQL[self.kind], path=self.key)

    def as_mysql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return self._filled(compiler, self.MYSQL[self.kind], path=self._path)


class HasIn(IContains):
    """In whatever case: SQLite knows that of the letters of English alone, and our collation of none."""

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        return compiler.compile(IRegex(self.lhs, re.escape(self.rhs)))

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """Days sort by their bytes; here the language decides which letters are the same."""
        by_language = Func(self.lhs, template='(%(expressions)s) COLLATE "default"')
        return compiler.compile(IContains(by_language, self.rhs))

    def as_mysql(self, compiler: Any, connection: Any) -> Any:
        return compiler.compile(Contains(Lower(self.lhs), self.rhs.lower()))


LOOKUPS = {
    Comparison.IS: Exact,
    Comparison.CONTAINS: HasIn,
    Comparison.AT_LEAST: GreaterThanOrEqual,
    Comparison.AT_MOST: LessThanOrEqual,
}


class Includes(OfDatabase):
    """Whether the list under a key of the answers has a text."""

    conditional = True

    def __init__(self, key: str, text: str) -> None:
        self.text = text
        super().__init__(key, output_field=BooleanField())

    def as_mysql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return self._filled(compiler, "JSON_CONTAINS({answers}, %s)", others=[self._sought])

    def as_postgresql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        return self._filled(compiler, "({answers} @> %s::jsonb)", others=[self._sought])

    def as_sqlite(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        """It knows no containment, but lists as tables; and takes a text for a list of one."""
        sql = (
            "EXISTS (SELECT 1 FROM JSON_EACH({answers}, {key}) "
            "WHERE JSON_TYPE({answers}, {key}) = 'array' AND json_each.type = 'text' AND json_each.value = %s)"
        )
        return self._filled(compiler, sql, path=self._path, others=[self.text])

    @property
    def _sought(self) -> str:
        return json.dumps({self.key: [self.text]})


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
