"""One import in the admin: what would come of it, how far it is, how it went, and what can be done about it (P3, P4)."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView, View
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.permission_policies import ModelPermissionPolicy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

from .. import actions
from ..importing.rows import Fault
from ..models import ContactImport, ImportStatus, RowOutcome
from . import StaffRequest
from .contacts import FIND, contact_policy
from .forms import WhyForm
from .import_forms import InviteForm

imports_policy = ModelPermissionPolicy(ContactImport)

LIST = "gdpr_newsletter_imports"
RESULTS = "gdpr_newsletter_imports_results"
UPLOAD = "gdpr_newsletter_imports_upload"
SHOW = "gdpr_newsletter_import"
LIVE = "gdpr_newsletter_import_live"
COLUMNS = "gdpr_newsletter_import_columns"
DO = "gdpr_newsletter_import_do"
LEFT_OUT = "gdpr_newsletter_import_left_out"
DOCUMENT = "gdpr_newsletter_import_document"


class ImportsPage(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    permission_policy = imports_policy
    permission_required = "import"
    header_icon = "upload"
    _show_breadcrumbs = True

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *self.breadcrumbs_items,
            {"url": reverse(LIST), "label": _("Imports")},
            *self.own_breadcrumbs(),
        ]

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [{"url": "", "label": self.get_page_title()}]


class ImportPage(ImportsPage):
    kwargs: dict[str, Any]

    @cached_property
    def object(self) -> ContactImport:
        return get_object_or_404(
            ContactImport.objects.select_related("book", "site", "created_by"), pk=self.kwargs["pk"]
        )

    def get_page_subtitle(self) -> str:
        return self.object.file_name

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [
            {"url": reverse(SHOW, args=[self.object.pk]), "label": str(self.object)},
            *super().own_breadcrumbs(),
        ]


class ImportView(ImportPage, TemplateView):
    """Where it stands: what the check found, how far it is, how it went."""

    fragment = False
    template_name = "wagtail_gdpr_newsletter/admin/import.html"

    request: StaffRequest

    TITLES = {
        ImportStatus.CHECKING: _("The file is being checked"),
        ImportStatus.CHECKED: _("What would come of it"),
        ImportStatus.RUNNING: _("Import under way"),
        ImportStatus.DONE: _("What came of it"),
        ImportStatus.CANCELLED: _("Import cancelled"),
        ImportStatus.UNDOING: _("Import is being taken back"),
        ImportStatus.UNDONE: _("Import taken back"),
    }

    def get_page_title(self) -> Promise:
        return self.TITLES[ImportStatus(self.object.status)]

    @property
    def brought_people(self) -> bool:
        """And is over: so that something can be done about it."""
        is_over = self.object.status in (ImportStatus.DONE, ImportStatus.CANCELLED)
        return is_over and self.object.brings_people

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.object.status == ImportStatus.READ:
            return redirect(COLUMNS, self.object.pk)
        return super().get(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        if self.fragment:
            return ["wagtail_gdpr_newsletter/admin/import_live.html"]
        return super().get_template_names()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        here, status = self.object, self.object.status
        done = sum(here.counts.values())
        may_undo = self.brought_people
        return {
            **super().get_context_data(**kwargs),
            "import": here,
            "status": status,
            "done": done,
            "percent": 100 * done // max(here.size, 1),
            "is_at_work": here.is_at_work,
            "worker_is_missing": here.is_at_work and actions.worker_is_missing(),
            "counted": self._counted(),
            "coming": here.counts.get(RowOutcome.PROVEN, 0)
            + here.counts.get(RowOutcome.UNPROVEN, 0),
            "left_out": here.left_out.count(),
            "invitable": actions.may_be_invited(here).count() if may_undo else 0,
            "people_url": self._people_url() if may_undo else "",
            "may_start": status == ImportStatus.CHECKED,
            "may_undo": may_undo,
            "undo_form": kwargs.get("undo_form") or WhyForm(),
            "invite_form": kwargs.get("invite_form") or InviteForm(initial={"source": here.source}),
        }

    def _people_url(self) -> str:
        """For those who may see contacts."""
        if not contact_policy.user_has_permission(self.request.user, "view"):
            return ""
        return f"{reverse(FIND)}?source={self.object.pk}"

    def _counted(self) -> list[tuple[StrPromise, int, list[tuple[int, str, StrPromise | str]]]]:
        """[(outcome, number of rows, [(line, address, why)] of some)]"""
        here = self.object
        examples = {}
        if here.status == ImportStatus.CHECKED and not self.fragment:
            examples = actions.examples_of(here)
        return [
            (
                outcome.label,
                here.counts[outcome],
                [
                    (
                        row.line,
                        row.person.address.typed if row.person else "",
                        Fault(row.fault).label if row.fault else "",
                    )
                    for row in examples.get(outcome, [])
                ],
            )
            for outcome in RowOutcome
            if here.counts.get(outcome)
        ]


class ImportVerbView(ImportView):
    """The buttons of that page."""

    def post(self, request: StaffRequest, pk: int, verb: str) -> HttpResponse:
        if verb not in ("start", "cancel", "undo", "invite"):
            raise Http404
        try:
            answer: HttpResponse | None = getattr(self, f"_{verb}")()
        except actions.CannotImport as error:
            messages.error(request, str(error))
            answer = None
        return answer or redirect(SHOW, pk)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(SHOW, self.object.pk)

    def _start(self) -> None:
        actions.start_import(contact_import=self.object, user=self.request.user)

    def _cancel(self) -> HttpResponse | None:
        is_unused = self.object.started_at is None
        if not actions.cancel_import(contact_import=self.object, user=self.request.user):
            messages.warning(
                self.request, _("It is too late for that: look at where it stands now.")
            )
            return None
        if is_unused:
            messages.success(self.request, _("The file is discarded."))
            return redirect(LIST)
        messages.success(self.request, _("Nobody else is imported."))
        return None

    def _undo(self) -> HttpResponse | None:
        form = WhyForm(self.request.POST)
        if not form.is_valid() and self.brought_people:
            return self.render_to_response(self.get_context_data(undo_form=form))
        why = form.cleaned_data.get("why", "")
        actions.undo_import(contact_import=self.object, user=self.request.user, why=why)
        return None

    def _invite(self) -> HttpResponse | None:
        form = InviteForm(self.request.POST)
        if not form.is_valid() and self.brought_people:
            return self.render_to_response(self.get_context_data(invite_form=form))
        if form.is_valid() and actions.invite_imported(
            contact_import=self.object, user=self.request.user, **form.cleaned_data
        ):
            messages.success(self.request, _("They are asked, a thousand a minute at most."))
        else:
            messages.warning(self.request, _("There is nobody left to be asked."))
        return None


class ImportLeftOutView(ImportPage, View):
    """The rows that were not taken, and why, to be mended and imported again."""

    http_method_names = ["post"]
    request: StaffRequest

    def post(self, request: StaffRequest, pk: int) -> StreamingHttpResponse:
        export = actions.export_left_out(contact_import=self.object, user=request.user)
        return StreamingHttpResponse(
            export.chunks,
            content_type=export.content_type,
            headers={"Content-Disposition": f'attachment; filename="{export.name}"'},
        )


class ImportDocumentView(ImportPage, View):
    http_method_names = ["get"]

    def get(self, request: HttpRequest, pk: int) -> FileResponse:
        document = self.object.document
        if document is None:
            raise Http404
        # Never shown as a page of this site, whatever it is.
        return FileResponse(
            BytesIO(document.content),
            as_attachment=True,
            filename=document.name,
            content_type="application/octet-stream",
            headers={"X-Content-Type-Options": "nosniff"},
        )
