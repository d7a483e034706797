"""By what a list of contacts is narrowed: nothing of it is personal data."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import RadioSelect
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet
from wagtail.models import Site

from .. import conf
from ..models import (
    AddressBook,
    Contact,
    ContactImport,
    ImportKind,
    LegalBasis,
    Subscription,
    SubscriptionStatus,
)

OF_A_SUBSCRIPTION = ("book", "status", "basis", "source")

#: How many imports one can choose from, the latest.
MOST_IMPORTS = 20


def sources() -> list[tuple[str, Any]]:
    """By which way somebody came into a book."""
    imports = ContactImport.objects.exclude(started_at=None).filter(kind=ImportKind.PEOPLE)
    return [
        ("own", _("by themselves, or added by hand")),
        ("import", _("by an import")),
        *((str(each.pk), f"{each}: {each.file_name}") for each in imports[:MOST_IMPORTS]),
    ]


def _of_source(value: str) -> dict[str, Any]:
    if value in ("own", "import"):
        return {"brought_by__isnull": value == "own"}
    return {"brought_by": value}


class ContactFilterSet(WagtailFilterSet):
    """What is asked of a subscription is asked of one and the same."""

    site = django_filters.ModelChoiceFilter(
        queryset=Site.objects.all(), label=_("Site"), widget=RadioSelect
    )
    book = django_filters.ModelChoiceFilter(
        queryset=AddressBook.objects.all(), label=_("Address book"), widget=RadioSelect
    )
    status = django_filters.ChoiceFilter(
        choices=SubscriptionStatus.choices, label=_("Status"), widget=RadioSelect
    )
    basis = django_filters.ChoiceFilter(
        choices=LegalBasis.choices, label=_("Legal basis"), widget=RadioSelect
    )
    source = django_filters.ChoiceFilter(choices=sources, label=_("Source"), widget=RadioSelect)
    language = django_filters.ChoiceFilter(
        choices=conf.languages, label=_("Language"), widget=RadioSelect
    )
    created_at = django_filters.DateFromToRangeFilter(
        label=_("Known since"), widget=DateRangePickerWidget
    )

    class Meta:
        model = Contact
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if Site.objects.count() == 1:
            del self.filters["site"]
        self._offer_source(str((self.data or {}).get("source", "")))

    def _offer_source(self, asked: str) -> None:
        """Also an import that is not among the latest: its page leads here."""
        offered = sources()
        if asked.isdecimal() and asked not in dict(offered):
            one = ContactImport.objects.filter(pk=asked[:18])
            offered += [(str(each.pk), f"{each}: {each.file_name}") for each in one]
        self.filters["source"].extra["choices"] = offered

    @property
    def _asked(self) -> dict[str, Any]:
        return {name: value for name, value in self.form.cleaned_data.items() if value}

    @property
    def of_subscriptions(self) -> dict[str, Any]:
        """What a subscription has to be like; empty where it does not matter."""
        asked = {name: value for name, value in self._asked.items() if name in OF_A_SUBSCRIPTION}
        return asked | (_of_source(asked.pop("source")) if "source" in asked else {})

    @property
    def narrowed_by(self) -> dict[str, str]:
        """For people, and for the log."""
        return {name: self._in_words(name, value) for name, value in self._asked.items()}

    def _in_words(self, name: str, value: Any) -> str:
        if isinstance(value, slice):  # Of dates, as django-filter has them.
            return "/".join(f"{day:%Y-%m-%d}" if day else ".." for day in (value.start, value.stop))
        if isinstance(value, str):
            return str(dict(self.form.fields[name].choices)[value])
        return str(value)

    def filter_queryset(self, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        for name, value in self._asked.items():
            if name not in OF_A_SUBSCRIPTION:
                queryset = self.filters[name].filter(queryset, value)
        if theirs := self.of_subscriptions:
            queryset = queryset.filter(
                Exists(Subscription.objects.filter(contact=OuterRef("pk"), **theirs))
            )
        return queryset
