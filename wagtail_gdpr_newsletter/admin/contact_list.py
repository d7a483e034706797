"""The contacts in the admin: a list to look through, and one of them by their whole address (P3, P4).

What narrows the list is no personal data and may stand in an address; the address of somebody is posted, so that
it stands in no log of a web server. Looking leaves a line in Wagtail's audit log.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.paginator import Page
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.forms import RadioSelect
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet
from wagtail.admin.menu import MenuItem
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views.generic.base import BaseListingView
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.models import Site

from .. import actions, conf
from ..models import AddressBook, Contact, LegalBasis, Subscription, SubscriptionStatus
from . import StaffRequest
from .contacts import (
    DO,
    DOWNLOAD,
    ERASE,
    FIND,
    SHOW,
    ContactDownloadView,
    ContactEraseView,
    ContactVerbView,
    ContactView,
    contact_policy,
)
from .forms import FindForm

RESULTS = "gdpr_newsletter_contacts_results"
#: Beyond that nobody turns pages, and counting them all would take longer than showing them.
MOST = 10_000

OF_A_SUBSCRIPTION = ("book", "status", "basis")


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

    def filter_queryset(self, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        asked = {name: value for name, value in self.form.cleaned_data.items() if value}
        theirs = {name: asked.pop(name) for name in OF_A_SUBSCRIPTION if name in asked}
        for name, value in asked.items():
            queryset = self.filters[name].filter(queryset, value)
        if theirs:
            queryset = queryset.filter(
                Exists(Subscription.objects.filter(contact=OuterRef("pk"), **theirs))
            )
        return queryset


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
            user=self.request.user, narrowed_by=self._narrowed_by(), shown=len(page.object_list)
        )
        return answer

    def _narrowed_by(self) -> dict[str, str]:
        if not self.is_filtering:
            return {}
        return {
            name: str(self.filters.form.cleaned_data[name])
            for name in self.filters.form.changed_data
        }

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
        return {"form": FindForm(), **super().get_context_data(**kwargs)}


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
        path(f"{here}results/", ContactListView.as_view(results_only=True), name=RESULTS),
        path(one, ContactView.as_view(), name=SHOW),
        path(f"{one}erase/", ContactEraseView.as_view(), name=ERASE),
        path(f"{one}download/", ContactDownloadView.as_view(), name=DOWNLOAD),
        path(f"{one}<slug:verb>/", ContactVerbView.as_view(), name=DO),
    ]
