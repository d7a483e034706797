"""Conditions on what readers have answered, in the editor of a campaign: a row each, field, comparison and answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from wagtail.admin.compare import FieldComparison
from wagtail.admin.panels import FieldPanel

from ..forms import as_typed
from ..models import BookField, Campaign, Comparison
from ..models.answers import value_in
from ..models.book_fields import CHOSEN
from ..sending import conditions

#: What a row consists of; of a field that is gone, what it was called stands in the row too.
PARTS = ("field", "comparison", "value", "label", "book")
#: More would be no audience, but somebody's script.
MOST = 20
#: How an answer is typed; as a text where nothing is said.
CONTROLS = {"number": "number", "date": "date", "datetime": "datetime-local"}

Row = Mapping[str, Any]


class ConditionsWidget(forms.Widget):
    """Rows that a script adds to, takes from, and suits to the field that is chosen."""

    class Media:
        js = ("wagtail_gdpr_newsletter/conditions.js",)

    use_fieldset = True

    def __init__(self) -> None:
        super().__init__()
        #: {UUID: field}, book by book.
        self.offered: dict[str, BookField] = {}

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        context = {
            "name": name,
            "id": (attrs or {}).get("id", ""),
            "described_by": (attrs or {}).get("aria-describedby", ""),
            "rows": [self._as_shown(row) for row in value or ()],
            "empty": dict.fromkeys(PARTS, ""),
            "books": [
                (book, list(fields))
                for book, fields in groupby(self.offered.values(), key=lambda field: field.book)
            ],
            "comparisons": Comparison,
            "fields": json.dumps({field.uuid: _told(field) for field in self.offered.values()}),
            "without_value": json.dumps(Comparison.without_value()),
        }
        return render_to_string("wagtail_gdpr_newsletter/admin/conditions.html", context)

    def _as_shown(self, row: Row) -> dict[str, Any]:
        field = self.offered.get(row["field"])
        value = row["value"]
        if field and value is not None:
            control = field.as_question().field
            if isinstance(control, forms.DateTimeField):
                value = control.widget.format_value(control.prepare_value(as_typed(control, value)))
        return {**row, "value": value, "is_gone": bool(row["field"]) and field is None}

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[Row]:
        """Those rows in which there is anything."""
        pattern = re.compile(rf"{re.escape(name)}-(\d{{1,6}})-field")
        numbers = sorted(int(found[1]) for key in data if (found := pattern.fullmatch(key)))
        rows = [
            {part: str(data.get(f"{name}-{number}-{part}", "")) for part in PARTS}
            for number in numbers
        ]
        return [row for row in rows if row["field"] or row["value"].strip()]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        """Else whoever posts a form without the rows would make an audience wider."""
        return f"{name}-shown" not in data


def _told(field: BookField) -> dict[str, Any]:
    return {
        "control": CONTROLS.get(field.field_type, "text"),
        "comparisons": [(each, each.said_of(field.field_type)) for each in Comparison.of(field)],
        "choices": field.choice_list if field.field_type in CHOSEN else [],
    }


class ConditionsField(forms.Field):
    """Cleans to what `Campaign.only_answers` keeps. What is half filled in is kept so; what is wrong is refused."""

    widget = ConditionsWidget

    def offer(self, fields: Sequence[BookField]) -> None:
        cast(ConditionsWidget, self.widget).offered = {field.uuid: field for field in fields}

    @property
    def offered(self) -> dict[str, BookField]:
        return cast(ConditionsWidget, self.widget).offered

    def to_python(self, rows: Sequence[Row] | None) -> list[dict[str, Any]]:
        kept, wrong = [], []
        for row in rows or ():
            try:
                kept.append(self._kept(row))
            except ValidationError as error:
                label = self.offered[row["field"]].label
                wrong += [f"“{label}”: {message}" for message in error.messages]
        if len(kept) > MOST:
            wrong.append(_("Write at most %(number)s conditions.") % {"number": MOST})
        if wrong:
            raise ValidationError(wrong)
        return kept

    def _kept(self, row: Row) -> dict[str, Any]:
        field = self.offered.get(row["field"])
        told = {part: "".join(filter(str.isprintable, row[part]))[:255] for part in PARTS}
        if field is None:  # Gone, or not chosen yet: what was typed is kept as it stands.
            return {**told, "value": told["value"] or None}
        told |= {"label": field.label, "book": field.book.name}
        if not row["comparison"]:
            return {**told, "value": None}
        if row["comparison"] not in Comparison.of(field):
            labels = [f"“{each.said_of(field.field_type)}”" for each in Comparison.of(field)]
            raise ValidationError(
                _("Answers to this field can be compared by %(comparisons)s.")
                % {"comparisons": ", ".join(labels)}
            )
        value = value_in(row["value"], field=field, comparison=row["comparison"])
        return {**told, "value": value}

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except ValidationError:
            return True


def fields_to_ask() -> list[BookField]:
    """Of all books, those of one beside each other: which of them are chosen changes while an editor types."""
    fields = BookField.objects.select_related("book")
    return list(fields.order_by("book__name", "book_id", "sort_order", "pk"))


class ConditionsComparison(FieldComparison):
    """Between two revisions, in words."""

    def __init__(self, field: Any, obj_a: Campaign, obj_b: Campaign) -> None:
        super().__init__(field, obj_a, obj_b)
        self.val_a, self.val_b = (
            conditions.in_words(conditions.told(each)) for each in (obj_a, obj_b)
        )


class ConditionsPanel(FieldPanel):
    def get_comparison_class(self) -> type[FieldComparison]:
        return ConditionsComparison
