"""What a book asks, in its editor: and what becomes of answers where a question is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, HelpPanel, InlinePanel, MultiFieldPanel

from .. import actions, pseudonyms
from ..models import BookField


class FieldsForm(WagtailAdminModelForm):
    """A book's form: before answers go, or stop to fit, somebody has to have read how many."""

    answers_seen = forms.Field(
        required=False,
        label=gettext_lazy("What becomes of answers"),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:  # There is nothing to be known yet.
            del self.fields["answers_seen"]

    def is_valid(self) -> bool:
        valid = super().is_valid()
        if not self.formsets["fields"].is_valid():
            return False
        return (
            self._names_differ() and self._none_is_needed() and self._answers_are_seen() and valid
        )

    def _names_differ(self) -> bool:
        kept = self._kept_forms
        times = Counter(form.instance.token_name for form in kept)
        times.update(self._named_meanwhile)
        twice = [form for form in kept if times[form.instance.token_name] > 1]
        for form in twice:
            said = _("Two fields would share the placeholder {%(name)s}: change a label.")
            if form.instance.token_name in self._named_meanwhile:
                said = _(
                    "The address book has a field with the placeholder {%(name)s} by now: open its page again to "
                    "see it."
                )
            form.add_error("label", said % {"name": form.instance.token_name})
        return not twice

    def _none_is_needed(self) -> bool:
        reasons = actions.reasons_against_removing(self.removed_fields)
        for reason in reasons:
            self.add_error(None, reason)
        return not reasons

    @cached_property
    def _named_meanwhile(self) -> set[str]:
        """By the fields that the page did not have yet when it was opened: of another tab, or saved before."""
        shown = [form.instance.pk for form in self.formsets["fields"].forms if form.instance.pk]
        others = BookField.objects.filter(book=self.instance.pk).exclude(pk__in=shown)
        return set(others.values_list("clean_name", flat=True))

    def _answers_are_seen(self) -> bool:
        """What was read is what is saved: the box's value names the changes, and none is ticked for others."""
        changes = self._consequences
        if not changes:
            self.fields.pop("answers_seen", None)  # Wagtail asks twice whether all is valid.
            return True
        told = [
            (change.field.uuid, change.removed, change.field.choices, *change.campaigns)
            for change in changes
        ]
        digest = pseudonyms.digest_of(told)[:16]
        self.fields["answers_seen"].widget.choices = [(digest, _("I have read it: save."))]
        if digest in self.cleaned_data["answers_seen"]:
            return True
        for change in changes:
            self.add_error("answers_seen", list(_in_words(change)))
        return False

    @cached_property
    def _consequences(self) -> list[actions.Change]:
        changed = [
            form.instance
            for form in self._kept_forms
            if form.instance.pk and {"field_type", "choices"} & set(form.changed_data)
        ]
        return actions.consequences_for_answers(removed=self.removed_fields, changed=changed)

    @property
    def removed_fields(self) -> list[BookField]:
        deleted = self.formsets["fields"].deleted_forms
        return [form.instance for form in deleted if form.instance.pk]

    @property
    def _kept_forms(self) -> list[Any]:
        formset = self.formsets["fields"]
        return [
            form
            for form in formset.forms
            if form not in formset.deleted_forms and (form.instance.pk or form.has_changed())
        ]

    def changes_what_is_asked(self) -> bool:
        """As the notice has it; who is asked something new has not agreed to anything before."""
        return any(
            {"label", "purpose"} & set(form.changed_data)
            for form in self.formsets["fields"].initial_forms
            if form not in self.formsets["fields"].deleted_forms
        )


def _in_words(change: actions.Change) -> Iterator[str]:
    if change.answers:
        yield _what_becomes_of_answers(change)
    if change.campaigns:
        yield _(
            "“%(field)s” is named by campaigns that are not over: %(campaigns)s. A scheduled one will not be sent, and "
            "whoever gets another one still reads what stands behind the bar."
        ) % {
            "field": change.field.label,
            "campaigns": ", ".join(f"“{campaign}”" for campaign in change.campaigns),
        }


def _what_becomes_of_answers(change: actions.Change) -> str:
    said = ngettext(
        "“%(field)s”: %(number)s answer does not fit any more. It stays as the reader gave it, until they change it.",
        "“%(field)s”: %(number)s answers do not fit any more. They stay as readers gave them, until they change them.",
        change.answers,
    )
    if change.removed:
        said = ngettext(
            "“%(field)s”: %(number)s reader has answered. The answer is deleted with the field.",
            "“%(field)s”: %(number)s readers have answered. Their answers are deleted with the field.",
            change.answers,
        )
    return said % {"field": change.field.label, "number": change.answers}


class TokenPanel(FieldPanel):
    """How campaigns name the field; nothing to be filled in."""

    def format_value_for_display(self, value: str) -> str:
        return f"{{{value}|…}}" if value else _("You read it here once the address book is saved.")


FIELDS_PANEL = MultiFieldPanel(
    [
        HelpPanel(
            content=gettext_lazy(
                "What the form asks beside the address. Ask as little as you can, nothing about health, "
                "opinions or faith, and say of each field what the answer is for. Campaigns name an answer "
                "by the field's placeholder; readers see and correct it in “My data”."
            )
        ),
        InlinePanel(
            "fields",
            panels=[
                FieldPanel("label", help_text=gettext_lazy("What visitors read above the field.")),
                FieldPanel("purpose"),
                FieldPanel("field_type"),
                FieldPanel(
                    "choices",
                    help_text=gettext_lazy(
                        "A line each, for checkboxes, radio buttons, drop down and multiple select."
                    ),
                ),
                FieldPanel("required"),
                FieldPanel("help_text"),
                TokenPanel(
                    "clean_name",
                    read_only=True,
                    heading=gettext_lazy("Placeholder"),
                    help_text=gettext_lazy(
                        "What stands behind the bar is for readers who have not answered."
                    ),
                ),
            ],
            label=gettext_lazy("Field"),
        ),
        FieldPanel("answers_seen"),
    ],
    heading=gettext_lazy("What else you ask"),
)
