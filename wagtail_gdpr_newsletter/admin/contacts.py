"""One contact in the admin: the same page as their own, and the same verbs, for those permitted (P3, P4).

Looking and doing leave a line in Wagtail's audit log. Nobody here can confirm for somebody.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView, View
from wagtail.admin import messages
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.permission_policies import ModelPermissionPolicy

from .. import actions
from ..forms import DetailsForm, EraseForm, NewAddressForm
from ..models import Contact, Origin
from . import StaffRequest
from .forms import WhyForm

contact_policy = ModelPermissionPolicy(Contact)

STAFF = Origin(source="staff")

FIND = "gdpr_newsletter_contacts"
SHOW = "gdpr_newsletter_contact"
DO = "gdpr_newsletter_contact_do"
CORRECT = "gdpr_newsletter_contact_correct"
NEW_ADDRESS = "gdpr_newsletter_contact_new_address"
ERASE = "gdpr_newsletter_contact_erase"
DOWNLOAD = "gdpr_newsletter_contact_download"
ADD = "gdpr_newsletter_contacts_add"
EXPORT = "gdpr_newsletter_contacts_export"
EVIDENCE = "gdpr_newsletter_contact_evidence"
TRACES = "gdpr_newsletter_contacts_traces"


class ContactsPage(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    permission_policy = contact_policy
    permission_required = "view"
    #: Beside the permission to see somebody at all.
    also_required = "view"
    header_icon = "user"
    _show_breadcrumbs = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.user_has_permission(self.also_required):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *self.breadcrumbs_items,
            {"url": reverse(FIND), "label": _("Contacts")},
            *self.own_breadcrumbs(),
        ]

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return []


class ContactPage(ContactsPage):
    @cached_property
    def contact(self) -> Contact:
        return get_object_or_404(Contact.objects.select_related("site"), pk=self.kwargs["pk"])

    def get_page_subtitle(self) -> str:
        return str(self.contact)

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [{"url": reverse(SHOW, args=[self.contact.pk]), "label": str(self.contact)}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "contact": self.contact,
            "back": reverse(SHOW, args=[self.contact.pk]),
        }


class ContactView(ContactPage, TemplateView):
    """What the person sees in “My data”, read-only, and the verbs that this member of staff has."""

    request: StaffRequest
    page_title = _("Contact")
    template_name = "wagtail_gdpr_newsletter/admin/contact.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        contact = self.contact
        may = {
            action: self.user_has_permission(action) for action in ("change", "delete", "export")
        }
        return {
            **super().get_context_data(**kwargs),
            "may": may,
            "objected": actions.has_objected(contact),
            "restricted_by_reader": actions.restricted_by_reader(contact),
            "disclosure": actions.disclose(contact, user=self.request.user),
            "timeline": actions.timeline_of(contact),
            "books_with_evidence": actions.books_with_evidence(contact) if may["export"] else [],
            "can_print": actions.can_print(),
            "asking": actions.books_that_ask(contact),
            "details_form": kwargs.get("details_form")
            or DetailsForm(initial={"name": contact.name, "language": contact.language}),
            "address_form": kwargs.get("address_form") or NewAddressForm(),
        }


class ContactCorrectView(ContactPage, View):
    """Name and language, from the form at the foot of the page."""

    also_required = "change"
    http_method_names = ["post"]

    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = DetailsForm(request.POST)
        if form.is_valid():
            actions.correct(
                contact=self.contact, source="staff", user=request.user, **form.cleaned_data
            )
            messages.success(request, _("Name and language are corrected."))
        else:
            messages.error(request, first_error(form))
        return redirect(SHOW, self.contact.pk)


class ContactNewAddressView(ContactPage, View):
    """Everything moves once the mailbox there has confirmed it, and never by staff."""

    also_required = "change"
    http_method_names = ["post"]

    @method_decorator(sensitive_post_parameters())
    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = NewAddressForm(request.POST)
        if not form.is_valid():
            messages.error(request, first_error(form))
        elif actions.ask_for_new_address(
            contact=self.contact, address=form.cleaned_data["new_address"], user=request.user
        ):
            messages.success(request, _("A mail to the new address asks for a confirmation."))
        else:
            messages.error(request, _("It was asked for too often. Please try again tomorrow."))
        return redirect(SHOW, self.contact.pk)


def first_error(form: forms.Form) -> str:
    return str(next(iter(form.errors.values()))[0])


class ContactDownloadView(ContactPage, View):
    """What the person would get who downloads their data, to be handed to them."""

    also_required = "export"
    http_method_names = ["post"]

    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        file = actions.as_zip(
            contact=self.contact, language=get_language() or "", source="staff", user=request.user
        )
        if file is None:
            raise Http404
        name = f"contact-{self.contact.pk}-{localdate():%Y-%m-%d}.zip"
        return HttpResponse(
            file,
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class EraseContactForm(WhyForm, EraseForm):
    """The same choice, in the words of whoever does it for somebody."""

    remember = forms.ChoiceField(
        label=_("What may be remembered"),
        initial="hash",
        widget=forms.RadioSelect,
        choices=[
            ("hash", _("Remember that this person wants no mail, without the address")),
            ("nothing", _("Remember nothing at all")),
        ],
    )

    field_order = ("remember", "why")


class ContactEraseView(ContactPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    request: StaffRequest
    also_required = "delete"
    page_title = _("Erase")
    template_name = "wagtail_gdpr_newsletter/admin/erase_contact.html"
    form_class = EraseContactForm

    def form_valid(self, form: EraseForm) -> HttpResponse:
        label = str(self.contact)
        request = actions.erase(
            contact=self.contact,
            origin=STAFF,
            keep_hash=form.cleaned_data["remember"] == "hash",
            user=self.request.user,
            why=form.cleaned_data["why"],
        )
        messages.success(self.request, _("%(contact)s is erased.") % {"contact": label})
        if request and "by hand" in request.places.values():
            messages.warning(
                self.request,
                _("The mail provider may still list the address: see “Requests”."),
            )
        return redirect(FIND)
