"""The list of contacts as a file, for whoever may take it and says why (P3, P4)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView

from .. import actions
from . import StaffRequest
from .contact_filters import ContactFilterSet
from .contacts import FIND, ContactsPage
from .forms import WhyForm


class ExportForm(WhyForm):
    file_format = forms.ChoiceField(
        label=_("Format"),
        initial="csv",
        widget=forms.RadioSelect,
        choices=[
            ("csv", _("CSV, which every program reads")),
            ("xlsx", _("Excel workbook")),
            ("jsonl", _("JSON lines, for programs")),
        ],
    )

    field_order = ("file_format", "why")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].label = _("Why, and who gets it")


class ContactExportView(ContactsPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    """Of those that the list was narrowed to: the address of this page has the same filters."""

    also_required = "export_list"
    page_title = _("Export contacts")
    header_icon = "download"
    template_name = "wagtail_gdpr_newsletter/admin/export_contacts.html"
    form_class = ExportForm

    request: StaffRequest

    @cached_property
    def filters(self) -> ContactFilterSet:
        filters = ContactFilterSet(self.request.GET, request=self.request)
        if not filters.is_valid():
            raise Http404  # Nobody takes away more than they have seen.
        return filters

    def form_valid(self, form: ExportForm) -> HttpResponseBase:  # type: ignore[override]  # A stream.
        try:
            export = actions.export_contacts(
                contacts=self.filters.qs,
                of_subscriptions=self.filters.of_subscriptions,
                narrowed_by=self.filters.narrowed_by,
                user=self.request.user,
                **form.cleaned_data,
            )
        except actions.TooMany:
            form.add_error("file_format", _("They are more than a workbook can hold."))
            return self.form_invalid(form)
        return StreamingHttpResponse(
            export.chunks,
            content_type=export.content_type,
            headers={"Content-Disposition": f'attachment; filename="{export.name}"'},
        )

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [{"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        labels = self.filters.form.fields
        return {
            **super().get_context_data(**kwargs),
            "narrowed_by": [
                (labels[name].label, value) for name, value in self.filters.narrowed_by.items()
            ],
            "number": self.filters.qs.filter(restricted=False).count(),
            "restricted": self.filters.qs.filter(restricted=True).count(),
            "back": f"{reverse(FIND)}?{self.request.GET.urlencode()}",
        }
