"""The contacts in the admin: a list to look through, and one of them by their whole address (P3, P4).

What narrows the list is no personal data and may stand in an address; the address of somebody is posted, so that
it stands in no log of a web server. Looking leaves a line in Wagtail's audit log.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from wagtail.admin.menu import MenuItem
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views.generic.base import BaseListingView
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets.button import HeaderButton

from .. import actions, conf
from ..models import Contact, Subscription
from . import StaffRequest
from .contact_adding import ContactAddView
from .contact_answers import ANSWERS, ContactAnswersView
from .contact_export import ContactExportView
from .contact_filters import ContactFilterSet
from .contact_verbs import ContactVerbView
from .contacts import (
    ADD,
    CORRECT,
    DO,
    DOWNLOAD,
    ERASE,
    EVIDENCE,
    EXPORT,
    FIND,
    NEW_ADDRESS,
    SHOW,
    TRACES,
    ContactCorrectView,
    ContactDownloadView,
    ContactEraseView,
    ContactNewAddressView,
    ContactView,
    contact_policy,
)
from .evidence import EvidenceView, TracesView
from .forms import FindForm

RESULTS = "gdpr_newsletter_contacts_results"
#: Beyond that nobody turns pages, and counting them all would take longer than showing them.
MOST = 2_000


class CappedPaginator(WagtailPaginator):
    """Counts as far as anybody turns pages."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST)

    @property
    def is_capped(self) -> bool:
        return self._counted > MOST

    @cached_property
    def _counted(self) -> int:
        number: int = self.object_list.order_by()[: MOST + 1].count()
        return number


def books_of(contact: Contact) -> str:
    """In a cell of the list."""
    return ", ".join(
        f"{each.book.name} ({each.get_status_display()})" for each in contact.subscriptions.all()
    )


def language_of(contact: Contact) -> str:
    return str(dict(conf.languages()).get(contact.language, contact.language))


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ContactListView(PermissionCheckedMixin, BaseListingView):
    permission_policy = contact_policy
    permission_required = "view"
    page_title = _("Contacts")
    header_icon = "user"
    template_name = "wagtail_gdpr_newsletter/admin/contacts.html"
    results_template_name = "wagtail_gdpr_newsletter/admin/contacts_results.html"
    index_url_name = FIND
    index_results_url_name = RESULTS
    verbose_name_plural = Contact._meta.verbose_name_plural
    paginate_by = 50
    paginator_class = CappedPaginator
    default_ordering = ("-created_at", "-pk")
    filterset_class = ContactFilterSet
    columns = [
        TitleColumn("address", label=_("E-mail address"), url_name=SHOW),
        Column("name", label=_("Name")),
        Column("books", label=_("Address books"), accessor=books_of),
        Column("language", label=_("Language"), accessor=language_of),
        DateColumn("created_at", label=_("Known since")),
    ]
    queryset = Contact.objects.prefetch_related(
        Prefetch("subscriptions", Subscription.objects.select_related("book").order_by("book"))
    )

    request: StaffRequest

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().get(request, *args, **kwargs)
        page: Page[Contact] = answer.context_data["page_obj"]
        actions.note_list(
            user=self.request.user,
            narrowed_by=self.filters.narrowed_by if self.is_filtering else {},
            shown=len(page.object_list),
        )
        return answer

    @cached_property
    def header_buttons(self) -> list[HeaderButton]:
        buttons = []
        if self.user_has_permission("add"):
            buttons.append(HeaderButton(_("Add somebody…"), url=reverse(ADD), icon_name="plus"))
        if self.user_has_permission("export_list") and self.filters.is_valid():
            url = f"{reverse(EXPORT)}?{self.request.GET.urlencode()}"
            buttons.append(HeaderButton(_("Export…"), url=url, icon_name="download"))
        return buttons

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """One of them, by the whole address, in any spelling."""
        form = FindForm(request.POST)
        if not form.is_valid():
            return self._with(form)
        address, site = form.cleaned_data["address"], form.chosen_site
        found = actions.look_up(address=address, site=site, user=self.request.user)
        if found.contact:
            return redirect(SHOW, found.contact.pk)
        if not found.traces:
            form.add_error("address", _("Nothing is kept under this address."))
        return self._with(form, traces=found.traces)

    def _with(self, form: FindForm, **context: Any) -> HttpResponse:
        """The page that somebody was looked for from, without a list of others."""
        self.object_list = Contact.objects.none()
        return self.render_to_response(self.get_context_data(form=form, is_answer=True, **context))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            "form": FindForm(),
            "may_print": self.user_has_permission("export"),
            "can_print": actions.can_print(),
            **super().get_context_data(**kwargs),
        }


class ContactsMenuItem(MenuItem):
    def __init__(self) -> None:
        super().__init__(
            _("Contacts"), reverse(FIND), icon_name="user", order=250, name="newsletter-contacts"
        )

    def is_shown(self, request: HttpRequest) -> bool:
        return contact_policy.user_has_permission(request.user, "view")


def contact_urls() -> list[URLPattern]:
    here = "newsletter/contacts/"
    one = f"{here}<int:pk>/"
    return [
        path(here, ContactListView.as_view(), name=FIND),
        path(f"{here}add/", ContactAddView.as_view(), name=ADD),
        path(f"{here}evidence/", TracesView.as_view(), name=TRACES),
        path(f"{here}export/", ContactExportView.as_view(), name=EXPORT),
        path(f"{here}results/", ContactListView.as_view(results_only=True), name=RESULTS),
        path(one, ContactView.as_view(), name=SHOW),
        path(f"{one}erase/", ContactEraseView.as_view(), name=ERASE),
        path(f"{one}correct/", ContactCorrectView.as_view(), name=CORRECT),
        path(f"{one}new-address/", ContactNewAddressView.as_view(), name=NEW_ADDRESS),
        path(f"{one}download/", ContactDownloadView.as_view(), name=DOWNLOAD),
        path(f"{one}evidence/", EvidenceView.as_view(), name=EVIDENCE),
        path(f"{one}answers/<uuid:book>/", ContactAnswersView.as_view(), name=ANSWERS),
        path(f"{one}<slug:verb>/", ContactVerbView.as_view(), name=DO),
    ]
