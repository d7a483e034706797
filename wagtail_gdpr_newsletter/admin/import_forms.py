"""The forms of the guided path by which a file is imported."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .. import actions, conf
from ..importing.columns import LABELS, of_field
from ..importing.files import DELIMITERS, ENCODINGS
from ..links import default_site
from ..models import AddressBook, ContactImport, ImportBasis, ImportKind, ProofDocument

MEGABYTE = 1024 * 1024
#: A document of proof is kept in the database.
LARGEST_DOCUMENT = 5 * MEGABYTE

FOUND_OUT = _("find out")
NAMES_OF_DELIMITERS = {
    ",": _("comma"),
    ";": _("semicolon"),
    "\t": _("tab"),
    "|": _("vertical line"),
}


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV in any encoding, or an Excel workbook (XLSX). The first row may name the columns."
        ),
    )
    kind = forms.ChoiceField(
        label=_("Who is in it"),
        choices=ImportKind.choices,
        initial=ImportKind.PEOPLE,
        widget=forms.RadioSelect,
    )
    book = forms.ModelChoiceField(
        AddressBook.objects.all(),
        label=_("Address book"),
        required=False,
        empty_label=_("all address books"),
        help_text=_("Which one they join, or have left."),
    )
    site = forms.ModelChoiceField(Site.objects.all(), label=_("Site"), empty_label=None)
    encoding = forms.ChoiceField(
        label=_("Encoding"),
        required=False,
        choices=[("", FOUND_OUT), ("utf-8", "UTF-8"), ("utf-16", "UTF-16")]
        + [(each, each.replace("_", "-").upper()) for each in ENCODINGS],
    )
    delimiter = forms.ChoiceField(
        label=_("What stands between two columns"),
        required=False,
        choices=[("", FOUND_OUT), *((each, NAMES_OF_DELIMITERS[each]) for each in DELIMITERS)],
    )

    #: What hardly anybody has to say.
    seldom = ("encoding", "delimiter")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["site"] = default_site()
        if Site.objects.count() == 1:
            del self.fields["site"]

    def often_asked(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in self.seldom]

    def seldom_asked(self) -> list[forms.BoundField]:
        return [self[name] for name in self.seldom]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("kind") == ImportKind.PEOPLE and not cleaned.get("book"):
            self.add_error("book", _("Choose the address book that they join."))
        return cleaned

    @property
    def chosen_site(self) -> Site:
        book = self.cleaned_data["book"]
        site: Site = book.site if book else self.cleaned_data.get("site") or default_site()
        return site


class DocumentField(forms.FileField):
    def clean(self, data: Any, initial: Any = None) -> Any:
        file = super().clean(data, initial)
        if file and file.size > LARGEST_DOCUMENT:
            raise forms.ValidationError(
                _("The document is larger than %(size)s MB."),
                params={"size": LARGEST_DOCUMENT // MEGABYTE},
            )
        return file


class ToldForm(forms.Form):
    """By which right people may be written to who agreed elsewhere."""

    basis = forms.ChoiceField(
        label=_("By which right may these people be written to?"),
        widget=forms.RadioSelect,
        choices=ImportBasis.choices,
        required=False,  # That it is missing is said with everything else that is.
    )
    told = forms.CharField(
        label=_("What they agreed to"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("In the words that they saw. It is kept as proof and cannot be changed later."),
    )
    told_where = forms.CharField(
        label=_("Where"),
        required=False,
        max_length=500,
        help_text=_(
            "For example: “Sign-up form on www.example.org, at Mailchimp” or “Paper list at the stall”."
        ),
    )
    told_when = forms.CharField(
        label=_("When"),
        required=False,
        max_length=200,
        help_text=_(
            "A day or a time: “May 2019 to March 2024”. Not needed where the file says it for each."
        ),
    )

    def told_by(self, document: ProofDocument | None = None, when: str = "") -> actions.Told:
        said = self.cleaned_data
        return actions.Told(
            basis=said.get("basis", ""),
            text=said.get("told", ""),
            where=said.get("told_where", ""),
            when=when or said.get("told_when", ""),
            document=document,
        )


class ColumnsForm(ToldForm):
    """What the columns hold, and how the file is to be read."""

    document = DocumentField(
        label=_("A document that shows it"),
        required=False,
        help_text=_(
            "The form's text, a contract, a scan: nothing about a single person. 5 MB at most."
        ),
    )
    language = forms.ChoiceField(
        label=_("Language of those for whom the file names none"), choices=conf.languages
    )
    month_first = forms.ChoiceField(
        label=_("Dates such as 03/04/2024"),
        choices=[("", _("day first: 3 April")), ("1", _("month first: 4 March"))],
        required=False,
    )
    reason = forms.ChoiceField(
        label=_("Why they must not be written to"),
        required=False,
        choices=[(each.value, each.label) for each in actions.ADDED_BY_STAFF],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, contact_import: ContactImport, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._import = contact_import
        zones = dict.fromkeys(["UTC", settings.TIME_ZONE, contact_import.time_zone])
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Times without a zone are in"), choices=[(zone, zone) for zone in zones]
        )
        if contact_import.brings_people:
            del self.fields["reason"]
        else:
            for name in ("basis", "told", "told_where", "told_when", "document", "language"):
                del self.fields[name]
        choices = [("", _("nothing that is needed")), *LABELS.items()]
        choices += [
            (of_field(field.uuid), _("answer: %(field)s") % {"field": field.label})
            for field in (contact_import.book.fields.all() if contact_import.book else ())
        ]
        for number, header in enumerate(contact_import.headers):
            self.fields[f"column-{number}"] = forms.ChoiceField(
                label=header or _("Column %(number)s") % {"number": number + 1},
                choices=choices,
                required=False,
                initial=contact_import.columns.get(str(number), ""),
            )

    @cached_property
    def samples(self) -> list[tuple[forms.BoundField, list[str]]]:
        """[(which column, what stands in it first)]"""
        part = self._import.parts.first()
        rows = part.rows[:200] if part else []
        return [
            (
                self[f"column-{number}"],
                [row[number + 1] for row in rows if len(row) > number + 1 and row[number + 1]][:3],
            )
            for number in range(len(self._import.headers))
        ]

    def other_fields(self) -> list[forms.BoundField]:
        return [field for field in self if not field.name.startswith("column-")]

    @property
    def columns(self) -> dict[str, str]:
        numbers = range(len(self._import.headers))
        said = {str(number): self.cleaned_data.get(f"column-{number}", "") for number in numbers}
        return {number: holds for number, holds in said.items() if holds}

    @property
    def changes(self) -> dict[str, Any]:
        """Of the import's own fields."""
        said = self.cleaned_data
        changes = {
            "columns": self.columns,
            "month_first": bool(said["month_first"]),
            "time_zone": said["time_zone"],
        }
        return changes | {name: said[name] for name in ("language", "reason") if name in said}


class InviteForm(forms.Form):
    source = forms.CharField(
        label=_("Where you have their addresses from"),
        max_length=300,
        help_text=_("They read it in the mail: “You were a guest of our hotel in 2023.”"),
    )
    ground = forms.CharField(
        label=_("Why you may ask them"),
        max_length=300,
        help_text=_(
            "The ground in law, for the log. Where you are not sure that there is one, do not ask: "
            "in many countries such a mail is advertising itself."
        ),
    )
