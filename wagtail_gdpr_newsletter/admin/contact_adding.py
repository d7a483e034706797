"""Somebody is added by hand: asked to confirm, or with the proof that staff hold. Nobody here can confirm for them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from wagtail.admin import messages

from .. import actions, conf
from ..forms import address_field, name_field
from ..models import AddressBook, ImportBasis
from . import StaffRequest
from .contacts import FIND, SHOW, ContactsPage
from .forms import DayInput, WhyForm
from .import_forms import ToldForm

#: Before that nobody agreed to newsletters.
EARLIEST = 1990


class AddContactForm(WhyForm, ToldForm):
    email = address_field(_("E-mail address"))
    name = name_field()
    language = forms.ChoiceField(
        label=_("Language"), choices=conf.languages, initial=conf.default_language
    )
    book = forms.ModelChoiceField(AddressBook.objects.all(), label=_("Address book"))
    how = forms.ChoiceField(
        label=_("How they come into it"),
        initial="ask",
        widget=forms.RadioSelect,
        choices=[
            ("ask", _("They have asked for it: send them the mail by which they confirm")),
            ("proof", _("They have agreed elsewhere, and I have the proof")),
        ],
    )
    agreed_on = forms.DateField(label=_("When"), required=False, widget=DayInput)

    field_order = (
        *("email", "name", "language", "book", "how"),
        *("basis", "told", "told_where", "agreed_on", "why"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["told_when"]  # It is a day.
        self.fields["basis"] = forms.ChoiceField(
            label=_("By which right may they be written to?"),
            required=False,
            widget=forms.RadioSelect,
            choices=[
                (ImportBasis.STATED, _("They agreed to what I write below.")),
                (ImportBasis.CUSTOMERS, _("They are a customer who could refuse.")),
            ],
        )
        self.fields["told_where"].help_text = _(
            "And where the proof lies: “Paper at the stall, folder 2024”. Do not name them."
        )
        self.order_fields(self.field_order)

    #: What only the second way asks.
    of_proof = ("basis", "told", "told_where", "agreed_on")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        agreed_on = said.get("agreed_on")
        if agreed_on and agreed_on > localdate():
            self.add_error("agreed_on", _("That day is still to come."))
        elif agreed_on and agreed_on.year < EARLIEST:
            self.add_error("agreed_on", _("That day is too long ago."))
        if said.get("how") == "proof":
            for name in self.of_proof:
                if not said.get(name) and name not in self.errors:
                    self.add_error(name, _("This belongs to the proof."))
        return said


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ContactAddView(ContactsPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    also_required = "add"
    page_title = _("Add somebody")
    template_name = "wagtail_gdpr_newsletter/admin/add_contact.html"
    form_class = AddContactForm

    request: StaffRequest

    def form_valid(self, form: AddContactForm) -> HttpResponse:
        said = form.cleaned_data
        newcomer = actions.Newcomer(said["email"], said["name"], said["language"], said["book"])
        act = self._add if said["how"] == "proof" else self._ask
        try:
            return act(form, newcomer=newcomer, why=said["why"], user=self.request.user)
        except actions.CannotAdd as error:
            form.add_error(None, " ".join(map(str, error.reasons)))
            return self.form_invalid(form)

    def _ask(self, form: AddContactForm, **asked: Any) -> HttpResponse:
        actions.ask_to_confirm(**asked)
        messages.success(
            self.request,
            _("A mail asks them to confirm, unless they are there already or want no mail."),
        )
        return redirect(FIND)

    def _add(self, form: AddContactForm, **asked: Any) -> HttpResponse:
        # Of the hour nothing is known: so it is that day everywhere.
        agreed_at = datetime.combine(form.cleaned_data["agreed_on"], time(12), tzinfo=UTC)
        contact = actions.add_with_proof(
            **asked, told=form.told_by(when=agreed_at.date().isoformat()), agreed_at=agreed_at
        )
        messages.success(self.request, _("They are in the address book."))
        return redirect(SHOW, contact.pk)

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [{"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "back": reverse(FIND)}
