"""The addresses that must not be written to, in the admin: how many and why, and what is remembered of one (S5).

They are kept without the addresses, so there is no list of them. Whoever looks types the whole address, which is
posted and so stands in no log of a web server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.permission_policies import ModelPermissionPolicy

from .. import actions
from ..models import SITE_SCOPE, AddressBook, Suppression, SuppressionReason
from ..models.statements import names_of_books
from . import StaffRequest
from .forms import FindForm, WhyForm

suppressions_policy = ModelPermissionPolicy(Suppression)

SHOW = "gdpr_newsletter_suppressions"


class CheckedForm(WhyForm, FindForm):
    """For an address that was checked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"address", "site"} & self.fields.keys():
            self.fields[name].widget = forms.HiddenInput()

    @property
    def has_address(self) -> bool:
        return "address" in self.cleaned_data


class AddForm(CheckedForm):
    reason = forms.ChoiceField(
        label=_("What happened"),
        choices=[(reason.value, reason.label) for reason in actions.ADDED_BY_STAFF],
    )

    field_order = ("address", "site", "reason", "why")


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SuppressionsView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    permission_policy = suppressions_policy
    permission_required = "view"
    page_title = _("Suppressions")
    header_icon = "no-view"
    template_name = "wagtail_gdpr_newsletter/admin/suppressions.html"
    _show_breadcrumbs = True

    request: StaffRequest

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": reverse(SHOW), "label": _("Suppressions")}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            "form": FindForm(),
            **super().get_context_data(**kwargs),
            "counted": actions.count_suppressions(),
            "may": {action: self.user_has_permission(action) for action in ("add", "delete")},
        }

    def post(self, request: StaffRequest) -> HttpResponse:
        match request.POST.get("verb"):
            case "add":
                return self._add()
            case "lift":
                return self._lift()
        return self._check()

    def _check(self) -> HttpResponse:
        form = FindForm(self.request.POST)
        if form.is_valid():
            return self._answer(form)
        return self.render_to_response(self.get_context_data(form=form))

    def _answer(
        self,
        form: FindForm,
        *,
        add_form: AddForm | None = None,
        lift_form: CheckedForm | None = None,
    ) -> HttpResponse:
        """What is remembered of an address, and what may be done about it; the forms are those with errors."""
        address, site = form.cleaned_data["address"], form.chosen_site
        remembered = list(
            actions.check_suppressions(address=address, site=site, user=self.request.user)
        )
        reasons = [SuppressionReason(each.reason) for each in remembered]
        told = {"address": address.typed, "site": site}
        context = self.get_context_data(
            form=FindForm(self.request.POST),
            checked=address.typed,
            remembered=_with_places(remembered),
            has_bounced=not all(each.is_the_persons for each in reasons),
            has_decided=any(each.is_the_persons for each in reasons),
            add_form=add_form or AddForm(initial=told),
            lift_form=lift_form or CheckedForm(initial=told),
        )
        return self.render_to_response(context)

    def _add(self) -> HttpResponse:
        self._require("add")
        form = AddForm(self.request.POST)
        if not form.is_valid():
            return self._answer(form, add_form=form) if form.has_address else self._check()
        actions.add_suppression(
            address=form.cleaned_data["address"],
            site=form.chosen_site,
            reason=SuppressionReason(form.cleaned_data["reason"]),
            why=form.cleaned_data["why"],
            user=self.request.user,
        )
        messages.success(self.request, _("Nobody writes to this address any more."))
        return redirect(SHOW)

    def _lift(self) -> HttpResponse:
        self._require("delete")
        form = CheckedForm(self.request.POST)
        if not form.is_valid():
            return self._answer(form, lift_form=form) if form.has_address else self._check()
        lifted = actions.lift_bounce(
            address=form.cleaned_data["address"],
            site=form.chosen_site,
            why=form.cleaned_data["why"],
            user=self.request.user,
        )
        if lifted:
            messages.success(self.request, _("What the bounce had left is lifted."))
        else:
            messages.error(
                self.request, _("It is not remembered any more that this address takes no mail.")
            )
        return redirect(SHOW)

    def _require(self, action: str) -> None:
        if not self.user_has_permission(action):
            raise PermissionDenied


def _with_places(remembered: Sequence[Suppression]) -> list[tuple[Suppression, str | Promise]]:
    """For which address book each is, or for all; a deleted one has no name any more."""
    there_are = set(AddressBook.objects.values_list("uuid", flat=True))
    places: dict[str, str | Promise] = {
        uuid: name if uuid in there_are else _("%(book)s (deleted)") % {"book": name}
        for uuid, name in names_of_books().items()
    }
    places[SITE_SCOPE] = _("all address books")
    deleted = _("an address book that was deleted")
    return [(each, places.get(each.scope, deleted)) for each in remembered]


class SuppressionsMenuItem(MenuItem):
    def __init__(self) -> None:
        super().__init__(
            _("Suppressions"),
            reverse(SHOW),
            icon_name="no-view",
            order=270,
            name="newsletter-suppressions",
        )

    def is_shown(self, request: HttpRequest) -> bool:
        return suppressions_policy.user_has_permission(request.user, "view")


def suppression_urls() -> list[URLPattern]:
    return [path("newsletter/suppressions/", SuppressionsView.as_view(), name=SHOW)]
