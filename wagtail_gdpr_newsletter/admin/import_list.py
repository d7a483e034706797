"""The imports in the admin: the list, and the way of a file as far as it is known what it holds."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView
from wagtail.admin.menu import MenuItem
from wagtail.admin.ui.tables import Column, DateColumn, NumberColumn, TitleColumn, UserColumn
from wagtail.admin.views.generic.base import BaseListingView
from wagtail.admin.widgets.button import HeaderButton

from .. import actions
from ..importing.columns import PROFILES
from ..importing.files import Unreadable
from ..models import ContactImport, ImportStatus
from . import StaffRequest
from .import_forms import NAMES_OF_DELIMITERS, ColumnsForm, UploadForm
from .imports import (
    COLUMNS,
    DO,
    DOCUMENT,
    LEFT_OUT,
    LIST,
    LIVE,
    RESULTS,
    SHOW,
    UPLOAD,
    ImportDocumentView,
    ImportLeftOutView,
    ImportPage,
    ImportsPage,
    ImportVerbView,
    ImportView,
    imports_policy,
)


class ImportListView(ImportsPage, BaseListingView):
    page_title = _("Imports")
    model = ContactImport
    template_name = "wagtailadmin/generic/listing.html"
    index_url_name = LIST
    index_results_url_name = RESULTS
    verbose_name_plural = ContactImport._meta.verbose_name_plural
    paginate_by = 50
    default_ordering = "-pk"
    columns = [
        TitleColumn("file_name", label=_("File"), url_name=SHOW),
        Column(
            "book",
            label=_("Address book"),
            accessor=lambda each: each.book or _("all address books"),
        ),
        Column("status", label=_("Status"), accessor="get_status_display"),
        NumberColumn("size", label=_("Rows")),
        DateColumn("created_at", label=_("Uploaded")),
        UserColumn("created_by"),
    ]
    queryset = ContactImport.objects.select_related("book", "created_by")

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return []

    @cached_property
    def header_buttons(self) -> list[HeaderButton]:
        return [HeaderButton(_("Import a file…"), url=reverse(UPLOAD), icon_name="upload")]


class ImportUploadView(ImportsPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    page_title = _("Import a file")
    template_name = "wagtail_gdpr_newsletter/admin/import_upload.html"
    form_class = UploadForm

    request: StaffRequest

    def form_valid(self, form: UploadForm) -> HttpResponse:
        said = form.cleaned_data
        try:
            contact_import = actions.read_import(
                file=said["file"].file,
                name=said["file"].name,
                kind=said["kind"],
                site=form.chosen_site,
                book=said["book"],
                encoding=said["encoding"],
                delimiter=said["delimiter"],
                user=self.request.user,
            )
        except Unreadable as error:
            form.add_error("file", str(error))
            return self.form_invalid(form)
        return redirect(COLUMNS, contact_import.pk)


class ImportColumnsView(ImportPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    page_title = _("What the file holds")
    template_name = "wagtail_gdpr_newsletter/admin/import_columns.html"
    form_class = ColumnsForm

    request: StaffRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.user_has_permission("import") and self.object.status not in (
            ImportStatus.READ,
            ImportStatus.CHECKED,
        ):
            return redirect(SHOW, self.object.pk)
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "contact_import": self.object}

    def get_initial(self) -> dict[str, Any]:
        here = self.object
        names = ("basis", "told", "told_where", "told_when", "language", "time_zone", "reason")
        initial = {name: getattr(here, name) for name in names}
        return {**initial, "month_first": "1" if here.month_first else ""}

    def form_valid(self, form: ColumnsForm) -> HttpResponse:
        try:
            actions.check_import(
                contact_import=self.object,
                told=form.told_by(self._document(form)),
                user=self.request.user,
                **form.changes,
            )
        except actions.CannotImport as error:
            for reason in error.reasons:
                form.add_error(None, reason)
            return self.form_invalid(form)
        return redirect(SHOW, self.object.pk)

    def _document(self, form: ColumnsForm) -> Any:
        file = form.cleaned_data.get("document")
        if not file:
            return self.object.document
        return actions.keep_document(
            name=file.name, content_type=file.content_type or "", content=file.read()
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        here = self.object
        return {
            **super().get_context_data(**kwargs),
            "import": here,
            "profile": PROFILES[here.profile].label if here.profile else "",
            "delimiter": NAMES_OF_DELIMITERS.get(here.delimiter, ""),
        }


class ImportsMenuItem(MenuItem):
    def __init__(self) -> None:
        super().__init__(
            _("Imports"), reverse(LIST), icon_name="upload", order=255, name="newsletter-imports"
        )

    def is_shown(self, request: HttpRequest) -> bool:
        return imports_policy.user_has_permission(request.user, "import")


def import_urls() -> list[URLPattern]:
    here = "newsletter/imports/"
    one = f"{here}<int:pk>/"
    return [
        path(here, ImportListView.as_view(), name=LIST),
        path(f"{here}results/", ImportListView.as_view(results_only=True), name=RESULTS),
        path(f"{here}upload/", ImportUploadView.as_view(), name=UPLOAD),
        path(one, ImportView.as_view(), name=SHOW),
        path(f"{one}live/", ImportView.as_view(fragment=True), name=LIVE),
        path(f"{one}columns/", ImportColumnsView.as_view(), name=COLUMNS),
        path(f"{one}left-out/", ImportLeftOutView.as_view(), name=LEFT_OUT),
        path(f"{one}document/", ImportDocumentView.as_view(), name=DOCUMENT),
        path(f"{one}<slug:verb>/", ImportVerbView.as_view(), name=DO),
    ]
