"""How address books grow: a page for each, and the overview of the newsletter. Numbers, and no addresses."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import TemplateView
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.permission_policies import ModelPermissionPolicy

from .. import actions
from ..models import AddressBook, Campaign, RightsOutcome, RightsRequest, SendStatus
from . import StaffRequest
from .permissions import campaign_policy
from .plot import Plot
from .requests import LIST as REQUESTS
from .requests import requests_policy

OVERVIEW = "gdpr_newsletter_overview"

book_policy = ModelPermissionPolicy(AddressBook)
#: Any of them shows the numbers of address books, or the names of campaigns, in their lists too.
ANY = ["add", "change", "delete", "view"]
#: So many campaigns are named, those under way or the latest.
CAMPAIGNS = 5


class GrowthView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Of one address book."""

    model = AddressBook
    permission_policy = book_policy
    any_permission_required = ANY
    header_icon = "group"
    template_name = "wagtail_gdpr_newsletter/admin/growth.html"
    _show_breadcrumbs = True

    @cached_property
    def object(self) -> AddressBook:
        return get_object_or_404(AddressBook, pk=self.kwargs["pk"])

    def get_page_title(self) -> str:
        return str(_("Growth of “%(book)s”") % {"book": self.object})

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        viewset = AddressBook.snippet_viewset
        edit = reverse(viewset.get_url_name("edit"), args=[quote(self.object.pk)])
        return [
            *self.breadcrumbs_items,
            {"url": reverse(viewset.get_url_name("list")), "label": _("Address books")},
            {"url": edit, "label": str(self.object)},
            {"url": "", "label": _("Growth")},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        plot = Plot(actions.growth_of([self.object]))
        return {**super().get_context_data(**kwargs), "plot": plot}


class Attention(NamedTuple):
    """What waits for a person, and where."""

    said: str
    url: str


class OverviewView(WagtailAdminTemplateMixin, TemplateView):
    """The newsletter at a glance, as far as somebody's permissions go."""

    request: StaffRequest
    page_title = _("Newsletter")
    header_icon = "mail"
    template_name = "wagtail_gdpr_newsletter/admin/overview.html"
    _show_breadcrumbs = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_see_overview(request):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": "", "label": self.get_page_title()}]

    @cached_property
    def may_see_books(self) -> bool:
        return book_policy.user_has_any_permission(self.request.user, ANY)

    @cached_property
    def may_see_campaigns(self) -> bool:
        return campaign_policy.user_has_any_permission(self.request.user, [*ANY, "send"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["attention"] = self._attention()
        if self.may_see_books:
            # As its list counts them.
            viewset = AddressBook.snippet_viewset
            books = list(viewset.get_queryset(self.request).order_by("site", "name"))
            context["books"] = books
            context["several_sites"] = len({book.site_id for book in books}) > 1
            context["growth_url_name"] = viewset.get_url_name("growth")
            context["plot"] = Plot(actions.growth_of(books)) if books else None
        if self.may_see_campaigns:
            context["campaigns"] = _latest_campaigns()
            context["progress_url_name"] = Campaign.snippet_viewset.get_url_name("progress")
        return context

    def _attention(self) -> list[Attention]:
        found = []
        if requests_policy.user_has_permission(self.request.user, "view"):
            outcomes = [RightsOutcome.OPEN, RightsOutcome.UNFINISHED]
            number = RightsRequest.objects.filter(outcome__in=outcomes).count()
            said = ngettext(
                "%(number)s request of a reader waits for you.",
                "%(number)s requests of readers wait for you.",
                number,
            )
            if number:
                found.append(Attention(said % {"number": number}, reverse(REQUESTS)))
        if self.may_see_campaigns:
            found += _troubled_campaigns()
        return found


def _latest_campaigns() -> QuerySet[Campaign]:
    begun = Campaign.objects.exclude(send_status__in=[SendStatus.DRAFT, SendStatus.SCHEDULED])
    return begun.defer("body").order_by("-sending_started_at", "-pk")[:CAMPAIGNS]


def _troubled_campaigns() -> list[Attention]:
    """Those that say what keeps them; and whether a worker is there for those under way."""
    name = Campaign.snippet_viewset.get_url_name("progress")
    found = []
    for campaign in Campaign.objects.not_over().exclude(trouble="").defer("body")[:CAMPAIGNS]:
        said = f"“{campaign}”: {campaign.trouble}"
        found.append(Attention(said, reverse(name, args=[quote(campaign.pk)])))
    if Campaign.objects.under_way().exists() and (
        actions.worker_is_missing() or actions.campaigns_are_left_alone()
    ):
        alone = _(
            "No worker has been seen for some minutes, so nothing is sent. Ask whoever runs the site to "
            "start one."
        )
        found.append(Attention(str(alone), reverse(Campaign.snippet_viewset.get_url_name("list"))))
    return found


def may_see_overview(request: HttpRequest) -> bool:
    return (
        book_policy.user_has_any_permission(request.user, ANY)
        or campaign_policy.user_has_any_permission(request.user, [*ANY, "send"])
        or requests_policy.user_has_permission(request.user, "view")
    )


class OverviewMenuItem(MenuItem):
    def __init__(self) -> None:
        super().__init__(
            _("Overview"), reverse(OVERVIEW), icon_name="view", order=10, name="newsletter-overview"
        )

    def is_shown(self, request: HttpRequest) -> bool:
        return may_see_overview(request)


def overview_urls() -> list[URLPattern]:
    return [path("newsletter/", OverviewView.as_view(), name=OVERVIEW)]
