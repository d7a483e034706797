"""The register of what readers asked of us, for whoever answers for it (R7)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.generic import View
from wagtail.admin import messages
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.menu import MenuItem
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.views.reports import ReportView
from wagtail.permission_policies import ModelPermissionPolicy

from .. import actions
from ..models import RightsOutcome, RightsRequest
from . import StaffRequest
from .contacts import contact_policy

requests_policy = ModelPermissionPolicy(RightsRequest)

LIST = "gdpr_newsletter_requests"
RESULTS = "gdpr_newsletter_requests_results"
ANSWERED = "gdpr_newsletter_request_answered"
DONE_AT_PROVIDER = "gdpr_newsletter_request_done_at_provider"


#: Where an erasure reaches, and what became of it there; other apps are named by their receiver.
PLACES = {
    "here": _("on this site"),
    "journal": _("journal of erasures"),
    "mail provider": _("mail provider"),
    "other apps": _("other apps of this site"),
    "done": pgettext_lazy("part of an erasure", "done"),
    "failed": pgettext_lazy("part of an erasure", "failed"),
    "lapsed": pgettext_lazy("part of an erasure", "not reported as done"),
    "by hand": pgettext_lazy("part of an erasure", "to be done by hand"),
}


class RequestFilterSet(WagtailFilterSet):
    class Meta:
        model = RightsRequest
        fields = ["site", "kind", "outcome"]


class WhoColumn(Column):
    cell_template_name = "wagtail_gdpr_newsletter/admin/request_contact.html"

    def get_value(self, instance: RightsRequest) -> RightsRequest:
        return instance


class OutcomeColumn(WhoColumn):
    """With the button for those that a person answers."""

    cell_template_name = "wagtail_gdpr_newsletter/admin/request_outcome.html"

    def get_cell_context_data(
        self, instance: RightsRequest, parent_context: dict[str, Any]
    ) -> dict[str, Any]:
        request = parent_context["request"]
        return {
            **super().get_cell_context_data(instance, parent_context),
            "may_answer": requests_policy.user_has_permission(request.user, "change"),
            "may_erase": contact_policy.user_has_permission(request.user, "delete"),
            "csrf_token": get_token(request),
            "by_hand": instance.places.get("mail provider") == "by hand",
            "places": [
                (PLACES.get(place, place), PLACES[outcome])
                for place, outcome in instance.places.items()
            ],
        }


class RequestsView(ReportView):
    model = RightsRequest
    permission_policy = requests_policy
    permission_required = "view"
    page_title = _("Requests of readers")
    header_icon = "list-ul"
    index_url_name = LIST
    index_results_url_name = RESULTS
    filterset_class = RequestFilterSet
    default_ordering = "-received_at"
    columns = [
        Column("kind", label=_("What"), accessor="get_kind_display"),
        WhoColumn("contact", label=_("Who")),
        Column("site", label=_("Site")),
        DateColumn("received_at", label=_("Received on"), sort_key="received_at"),
        Column("due_on", label=_("Due on"), sort_key="due_on"),
        OutcomeColumn("outcome", label=_("Outcome"), sort_key="outcome"),
    ]
    list_export = ["get_kind_display", "contact", "received_at", "due_on", "settled_at", "outcome"]

    export_headings = {
        "get_kind_display": _("What"),
        "contact": _("Who"),
        "received_at": _("Received on"),
        "due_on": _("Due on"),
        "settled_at": _("Settled on"),
        "outcome": _("Outcome"),
    }

    def get(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.is_export:
            actions.note_export(user=request.user)
        return super().get(request, *args, **kwargs)

    def get_filename(self) -> str:
        return "requests"

    def get_base_queryset(self) -> QuerySet[RightsRequest]:
        return RightsRequest.objects.select_related("contact", "site")


class AnsweredView(PermissionCheckedMixin, View):
    """Somebody says that they have answered a message."""

    permission_policy = requests_policy
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request: StaffRequest, pk: int) -> HttpResponse:
        rights_request = get_object_or_404(RightsRequest, pk=pk)
        if rights_request.outcome == RightsOutcome.UNFINISHED:
            raise PermissionDenied
        if actions.mark_as_answered(request=rights_request, user=request.user):
            messages.success(request, _("Marked as answered."))
        return redirect(LIST)


class DoneAtProviderView(PermissionCheckedMixin, View):
    """Somebody says that they have deleted an address at the mail provider."""

    permission_policy = contact_policy
    permission_required = "delete"
    http_method_names = ["post"]

    def post(self, request: StaffRequest, pk: int) -> HttpResponse:
        rights_request = get_object_or_404(RightsRequest, pk=pk)
        if actions.mark_done_at_provider(request=rights_request, user=request.user):
            messages.success(request, _("Marked as deleted at the mail provider."))
        return redirect(LIST)


class RequestsMenuItem(MenuItem):
    def __init__(self) -> None:
        super().__init__(
            _("Requests"), reverse(LIST), icon_name="list-ul", order=260, name="newsletter-requests"
        )

    def is_shown(self, request: HttpRequest) -> bool:
        return requests_policy.user_has_permission(request.user, "view")


def request_urls() -> list[URLPattern]:
    here = "newsletter/requests/"
    return [
        path(here, RequestsView.as_view(), name=LIST),
        path(f"{here}results/", RequestsView.as_view(results_only=True), name=RESULTS),
        path(f"{here}<int:pk>/answered/", AnsweredView.as_view(), name=ANSWERED),
        path(f"{here}<int:pk>/provider/", DoneAtProviderView.as_view(), name=DONE_AT_PROVIDER),
    ]
