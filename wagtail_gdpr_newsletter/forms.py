"""The forms that visitors and readers fill in. They know no table: what they offer is handed to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.utils import to_current_timezone
from django.utils.translation import gettext_lazy as _

from . import conf
from .addresses import Address, InvalidAddress


@dataclass(frozen=True)
class Question:
    """A field of an address book, on a form."""

    uuid: str
    field: forms.Field

    @property
    def name(self) -> str:
        return f"field-{self.uuid}"


@dataclass(frozen=True)
class Offer:
    """One address book on a form, with the statement that stands beside its box."""

    statement: int
    book_uuid: str
    book_name: str
    description: str
    label: str
    notice: Sequence[tuple[str, str]]
    #: What the book asks of whoever ticks its box.
    questions: Sequence[Question] = ()

    @property
    def field_name(self) -> str:
        return f"book-{self.book_uuid}"


class AddressField(forms.CharField):
    """Cleans to an `Address`. Not Django's EmailField, which refuses international domains."""

    widget = forms.EmailInput

    def clean(self, value: Any) -> Address:
        try:
            return Address.parse(super().clean(value))
        except InvalidAddress as error:
            raise forms.ValidationError(str(error), code="invalid") from error


def is_printable(value: str) -> None:
    """One line: whatever else there is was not typed by a person (A6)."""
    if not value.isprintable():
        raise forms.ValidationError(_("This contains characters that cannot be typed."))


def are_printable_lines(value: str) -> None:
    """Those that a browser sends: other characters that begin a line are not typed either."""
    for line in value.replace("\r\n", "\n").split("\n"):
        is_printable(line.replace("\t", " "))


def has_a_usual_year(value: date) -> None:
    """What lies further off was mistyped, and no database can reckon with it."""
    if not 1000 <= value.year <= 9000:
        raise forms.ValidationError(_("Write the year with four digits."))


def as_kept(answer: Any) -> Any:
    """What a form has checked, as JSON has it; `None` for no answer, a box that is not ticked among them."""
    if isinstance(answer, Decimal):
        return int(answer) if answer == answer.to_integral_value() else float(answer)
    if isinstance(answer, datetime):
        return answer.astimezone(UTC).isoformat()
    if isinstance(answer, date):
        return answer.isoformat()
    if isinstance(answer, list):
        answer = list(dict.fromkeys(answer))
    return answer or None


def address_field(label: Any) -> AddressField:
    """Where a visitor types the address that is theirs (W1)."""
    return AddressField(
        label=label,
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "maxlength": 320}),
        error_messages={"required": _("Enter your e-mail address.")},
    )


def name_field() -> forms.CharField:
    return forms.CharField(
        label=_("Name"),
        max_length=200,
        required=False,
        validators=[is_printable],
        widget=forms.TextInput(attrs={"autocomplete": "name", "maxlength": 200}),
    )


class ConsentForm(forms.Form):
    """An unticked box for each book (C1, C2), and what that book asks of whoever ticks it."""

    def __init__(self, *args: Any, offers: Sequence[Offer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offers = offers
        for offer in offers:
            self.fields[offer.field_name] = forms.BooleanField(required=False, label=offer.label)
            self.fields |= {question.name: question.field for question in offer.questions}

    @property
    def shown(self) -> str:
        """Which statements stand beside the boxes: another text is another form."""
        return " ".join(str(offer.statement) for offer in self.offers)

    def boxes(self) -> list[tuple[Offer, forms.BoundField, list[forms.BoundField]]]:
        """Each with the book's questions."""
        return [
            (offer, self[offer.field_name], [self[each.name] for each in offer.questions])
            for offer in self.offers
        ]

    def own_fields(self) -> list[forms.BoundField]:
        """What is asked whichever box is ticked."""
        of_books = {offer.field_name for offer in self.offers}
        of_books |= {question.name for offer in self.offers for question in offer.questions}
        return [field for field in self.visible_fields() if field.name not in of_books]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if len(self.offers) > 1:
            self._ask_nothing_for(offer for offer in self.offers if offer not in self.ticked())
        if not self.ticked():
            # Tied to a box, not to the form, so that it is read out where it has to be mended.
            message = _("Tick the box if you would like to receive this newsletter.")
            if len(self.offers) > 1:
                message = _("Tick at least one box: what would you like to receive?")
            self.add_error(self.offers[0].field_name, message)
        return cleaned

    def _ask_nothing_for(self, offers: Iterable[Offer]) -> None:
        """What stands at a box that is not ticked is not required, and may be wrong."""
        for offer in offers:
            for question in offer.questions:
                self.errors.pop(question.name, None)

    def ticked(self) -> list[Offer]:
        """What the visitor agreed to."""
        return [offer for offer in self.offers if self.cleaned_data.get(offer.field_name)]

    def answers(self) -> dict[str, Any]:
        """{UUID of the field: answer, as it is kept}, of what was ticked alone."""
        questions = [question for offer in self.ticked() for question in offer.questions]
        return answers_to(questions, self.cleaned_data)

    def typed_answers(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What stands in the fields of all the boxes, right or wrong: for a form that is shown again."""
        return {
            question.name: question.field.widget.value_from_datadict(data, {}, question.name)
            for offer in self.offers
            for question in offer.questions
        }


def answers_to(questions: Sequence[Question], cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """{UUID of the field: answer, as it is kept}, without those that are empty."""
    kept = {question.uuid: as_kept(cleaned.get(question.name)) for question in questions}
    return {uuid: answer for uuid, answer in kept.items() if answer is not None}


class AnswersForm(forms.Form):
    """What a book asks, with what a reader has answered.

    `misfits`: answers that their field does not take any more, in words. They stand in no field, because a field
    would make something else of them; and stay until another one is given, or somebody ticks that they go.
    """

    def __init__(
        self,
        *args: Any,
        questions: Sequence[Question],
        answers: Mapping[str, Any],
        misfits: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        self._misfits = {uuid: answers[uuid] for uuid in misfits}
        for question in questions:
            self.fields[question.name] = question.field
            if question.uuid not in misfits:
                self.initial[question.name] = as_typed(question.field, answers.get(question.uuid))
                continue
            self.fields[_forget(question.uuid)] = forms.BooleanField(
                required=False,
                label=_("Delete the earlier answer: “%(answer)s”")
                % {"answer": misfits[question.uuid]},
                help_text=_(
                    "The field does not take it any more. It stays until another answer is given, or this is ticked."
                ),
            )

    def answers(self) -> dict[str, Any]:
        stay = {
            uuid: answer
            for uuid, answer in self._misfits.items()
            if not self.cleaned_data.get(_forget(uuid))
        }
        return stay | answers_to(self.questions, self.cleaned_data)


def _forget(uuid: str) -> str:
    return f"forget-{uuid}"


def as_typed(field: forms.Field, answer: Any) -> Any:
    """An answer as it stands in its field again; a moment that a time zone has no day for, as it is kept."""
    if isinstance(field, forms.DateTimeField):
        try:
            return to_current_timezone(datetime.fromisoformat(answer))
        except (OverflowError, TypeError, ValueError):
            return answer
    return answer


class SignupForm(ConsentForm):
    """Address, a name where asked for, and the boxes."""

    email = address_field(_("E-mail address"))
    name = name_field()
    #: Empty when a person sends the form: they do not see it. Named so that no browser fills it in.
    leave_this_empty = forms.CharField(
        required=False,
        label=_("Leave this field empty"),
        widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"}),
    )

    def __init__(
        self, *args: Any, offers: Sequence[Offer], ask_name: bool, token: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, offers=offers, **kwargs)
        self.token = token
        if not ask_name:
            del self.fields["name"]

    @property
    def is_from_a_robot(self) -> bool:
        return bool(self.data.get("leave_this_empty"))


class AccessForm(forms.Form):
    """Who wants to see their data."""

    email = address_field(_("E-mail address"))


class DetailsForm(forms.Form):
    """What a reader may correct at once."""

    name = name_field()
    language = forms.ChoiceField(label=_("Language"), choices=conf.languages)


class NewAddressForm(forms.Form):
    """Where newsletters shall go from now on."""

    new_address = address_field(_("New e-mail address"))


class MessageForm(forms.Form):
    """What a reader writes to the sender."""

    text = forms.CharField(
        label=_("Your message"),
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 8, "maxlength": 5000}),
        error_messages={"required": _("Write your message.")},
    )


class EraseForm(forms.Form):
    """How completely a reader wants to be forgotten."""

    remember = forms.ChoiceField(
        label=_("What we may remember"),
        initial="hash",
        widget=forms.RadioSelect,
        choices=[
            ("hash", _("Remember that I want no mail, without my address")),
            ("nothing", _("Remember nothing at all")),
        ],
    )
