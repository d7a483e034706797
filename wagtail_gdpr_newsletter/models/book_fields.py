"""What an address book asks beside the address, with Wagtail's own form builder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from modelcluster.fields import ParentalKey
from wagtail.contrib.forms.forms import FormBuilder
from wagtail.contrib.forms.models import FORM_FIELD_CHOICES, AbstractFormField
from wagtail.models import Orderable

from ..forms import Question, are_printable_lines, as_kept, has_a_usual_year, is_printable
from ..rendering import merge
from .address_books import AddressBook, new_uuid

#: Types whose answer is one or several of the editor's choices.
CHOSEN = ("dropdown", "radio", "checkboxes", "multiselect")
#: Those whose answer is a list.
SEVERAL = ("checkboxes", "multiselect")

#: What a token may be called at most.
LONGEST_NAME = 40

#: How people write a ticked box, and an empty one, in a file.
TICKED = {"1", "true", "yes", "y", "on", "x"}
NOT_TICKED = {"0", "false", "no", "n", "off"}


def field_types() -> list[tuple[str, Any]]:
    """Wagtail's, as they are: but for the hidden one, by which nobody would be asked anything."""
    return [(name, label) for name, label in FORM_FIELD_CHOICES if name != "hidden"]


class QuestionBuilder(FormBuilder):
    """Wagtail's, with limits: what is typed here is kept, and stands in mails."""

    def get_field_options(self, field: BookField) -> dict[str, Any]:
        why = _("Why we ask: %(purpose)s") % {"purpose": field.purpose}
        return {
            "label": field.label,
            "required": field.required,
            "help_text": "\n".join(filter(None, [field.help_text, why])),
        }

    def create_singleline_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        return forms.CharField(max_length=255, validators=[is_printable], **options)

    def create_multiline_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        widget = forms.Textarea(attrs={"rows": 4})
        return forms.CharField(
            max_length=2000, validators=[are_printable_lines], widget=widget, **options
        )

    def create_number_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        # As many digits as JSON has exactly.
        return forms.DecimalField(max_digits=15, **options)

    def create_date_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        return forms.DateField(widget=widget, validators=[has_a_usual_year], **options)

    def create_datetime_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
        return forms.DateTimeField(widget=widget, validators=[has_a_usual_year], **options)

    def create_url_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        return super().create_url_field(field, {**options, "validators": [is_printable]})

    def create_email_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        return super().create_email_field(field, {**options, "validators": [is_printable]})

    def create_checkboxes_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        choices = self.get_formatted_field_choices(field)
        return forms.MultipleChoiceField(
            choices=choices, widget=forms.CheckboxSelectMultiple, **options
        )

    def create_dropdown_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        # Else the first one would be chosen, by nobody.
        choices = [("", "---------"), *self.get_formatted_field_choices(field)]
        return forms.ChoiceField(choices=choices, **options)

    def create_radio_field(self, field: BookField, options: dict[str, Any]) -> forms.Field:
        choices = self.get_formatted_field_choices(field)
        if not field.required:  # There has to be a way back.
            choices.append(("", _("No answer")))
        return forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **options)


class BookField(AbstractFormField):
    """One question of a book, and what its answers are for (GDPR 5(1)(b))."""

    book = ParentalKey(AddressBook, on_delete=models.CASCADE, related_name="fields")
    #: Answers are kept under it, whatever the field is called by then.
    uuid = models.CharField(max_length=36, unique=True, default=new_uuid, editable=False)
    field_type = models.CharField(gettext_lazy("field type"), max_length=16, choices=field_types)
    required = models.BooleanField(
        gettext_lazy("required"),
        default=False,
        help_text=gettext_lazy("Only where you cannot do without: nobody can sign up without it."),
    )
    purpose = models.CharField(
        gettext_lazy("purpose"),
        max_length=255,
        help_text=gettext_lazy(
            "What you use the answer for. Visitors read it beside the field, and agree to that alone."
        ),
    )
    #: An answer is what a reader has given, never what stood there already.
    default_value = ""

    class Meta(Orderable.Meta):
        verbose_name = gettext_lazy("field of an address book")
        verbose_name_plural = gettext_lazy("fields of address books")
        constraints = [
            models.UniqueConstraint(
                fields=["book", "clean_name"], name="%(app_label)s_bookfield_name_once_a_book"
            )
        ]

    def __str__(self) -> str:
        return str(self.label)

    def get_field_clean_name(self) -> str:
        return super().get_field_clean_name()[:LONGEST_NAME].strip("_")

    @property
    def token_name(self) -> str:
        """What stands in a token, between brace and bar; the same for good, whatever the label becomes."""
        return self.clean_name or self.get_field_clean_name()

    @property
    def choice_list(self) -> list[str]:
        return [choice for choice, _label in QuestionBuilder([]).get_formatted_field_choices(self)]

    def clean(self) -> None:
        super().clean()
        errors = {}
        if not self.token_name:
            errors["label"] = _("Use letters or digits.")
        elif self.token_name in merge.TAKEN:
            errors["label"] = _(
                "“{%(name)s}” is a placeholder of its own: call the field something else."
            ) % {"name": self.token_name}
        if self.field_type == "checkbox" and self.required:
            errors["required"] = _(
                "A box that has to be ticked would be a condition of signing up: leave it voluntary."
            )
        if self.field_type in CHOSEN and not _are_distinct(self.choice_list):
            errors["choices"] = _("Write the choices, each once, a line each.")
        if errors:
            raise ValidationError(errors)

    def as_question(self) -> Question:
        """For a form, in the active language."""
        return Question(self.uuid, self._build())

    def _build(self) -> forms.Field:
        builder = QuestionBuilder([self])
        return next(iter(builder.formfields.values()))

    @cached_property
    def _checker(self) -> forms.Field:
        """Built once: what is checked by it may be a long list."""
        field = self._build()
        field.required = False  # Old lists have gaps.
        return field

    def answer_in(self, text: str) -> Any:
        """The answer that somebody wrote, in a file say, as it is kept; `None` where it is empty.

        Raise `ValidationError`. No query, so that it may be asked for each of many rows.
        """
        text = text.strip()
        if not text:
            return None
        if self.field_type == "checkbox":
            return self._tick_in(text)
        return as_kept(self._checker.clean(self._several_in(text) or text))

    def _tick_in(self, text: str) -> bool | None:
        if text.lower() in {*TICKED, _("yes").lower()}:
            return True
        if text.lower() in {*NOT_TICKED, _("no").lower()}:
            return None
        raise ValidationError(_("Write “yes” or “no”."), code="invalid")

    def _several_in(self, text: str) -> list[str]:
        """A line each, as in our own exports, or with commas between them."""
        if self.field_type not in SEVERAL:
            return []
        parts = text.splitlines()
        if len(parts) == 1 and text not in self.choice_list:
            parts = text.split(",")
        return [part.strip() for part in parts if part.strip()]

    def fits(self, answer: Any) -> bool:
        """Whether what was answered before is an answer that the field takes now."""
        if self.field_type == "checkbox" or answer is True:
            return self.field_type == "checkbox" and answer is True
        if isinstance(answer, list) != (self.field_type in SEVERAL):
            return False
        try:
            self._checker.clean(answer)
        except ValidationError:
            return False
        return True


def _are_distinct(choices: Sequence[str]) -> bool:
    return all(choices) and len(set(choices)) == len(choices)


def fields_by_token(books: Iterable[AddressBook]) -> dict[str, list[list[str]]]:
    """{name in a token: [[UUID, type], ...]}: several books may ask alike, and the older one comes first."""
    named: dict[str, list[list[str]]] = {}
    asked = BookField.objects.filter(book__in=[book.pk for book in books])
    for field in asked.order_by("book_id", "pk"):
        named.setdefault(field.token_name, []).append([field.uuid, field.field_type])
    return named
