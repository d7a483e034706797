"""The proof of somebody's consent as a file, for whoever may take their data away (P3, P4)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View
from wagtail.admin import messages

from .. import actions
from ..actions.evidence_sheet import CONTENT_TYPES, File
from . import StaffRequest
from .contacts import FIND, SHOW, ContactPage, ContactsPage, first_error
from .forms import FindForm


class PrintForm(forms.Form):
    """A button for each kind of file."""

    file_format = forms.ChoiceField(choices=[(each, each) for each in CONTENT_TYPES])
    book = forms.CharField(required=False)

    def clean_file_format(self) -> str:
        file_format: str = self.cleaned_data["file_format"]
        if file_format == "pdf" and not actions.can_print():
            raise forms.ValidationError(_("What sets a PDF is not installed on this site."))
        return file_format


class TracesForm(PrintForm, FindForm):
    """For an address that somebody supplies: it must not stand in the address of a page."""


class EvidenceView(ContactPage, View):
    """Of a contact and one address book, or all of them."""

    also_required = "export"
    http_method_names = ["post"]

    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = PrintForm(request.POST)
        if not form.is_valid():
            messages.error(request, first_error(form))
            return redirect(SHOW, self.contact.pk)
        file = actions.print_evidence(contact=self.contact, user=request.user, **form.cleaned_data)
        if file is None:
            raise Http404
        return _download(file)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TracesView(ContactsPage, View):
    """Of an address that no contact has any more, by its keyed hash (S6)."""

    also_required = "export"
    http_method_names = ["post"]

    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = TracesForm(request.POST)
        if not form.is_valid():
            messages.error(request, first_error(form))
            return redirect(FIND)
        file = actions.print_traces(
            address=form.cleaned_data["address"],
            site=form.chosen_site,
            file_format=form.cleaned_data["file_format"],
            user=request.user,
        )
        if file is None:
            messages.error(request, _("Nothing is kept of this address without a contact."))
            return redirect(FIND)
        return _download(file)


def _download(file: File) -> HttpResponse:
    return HttpResponse(
        file.content,
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'},
    )
