"""What staff do for somebody: each verb has a page that says what it brings about, and asks why (P3, P4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView
from wagtail.admin import messages

from .. import actions
from ..models import Contact
from . import StaffRequest
from .contacts import SHOW, STAFF, ContactPage
from .forms import WhyForm


class Refused(Exception):
    """The verb could not be done; the message says why."""


def _send_link(contact: Contact, request: StaffRequest, why: str) -> Promise:
    try:
        actions.ask_for(contact=contact, user=request.user, why=why)
    except actions.NotNow as error:
        raise Refused(str(_("The queue takes nothing at the moment."))) from error
    return _("The link is on its way, unless several were sent already.")


def _unsubscribe(contact: Contact, request: StaffRequest, why: str) -> Promise:
    theirs = contact.subscriptions.values_list("book__uuid", flat=True)
    books = [uuid for uuid in theirs if uuid == request.GET.get("book")]
    if not books:
        raise Refused(str(_("They are not in that address book any more.")))
    actions.unsubscribe(contact=contact, books=books, origin=STAFF, user=request.user, why=why)
    return _("Unsubscribed.")


def _restrict(contact: Contact, request: StaffRequest, why: str) -> Promise:
    actions.restrict(contact=contact, restricted=True, source="staff", user=request.user, why=why)
    return _("The use of the data is restricted.")


def _lift(contact: Contact, request: StaffRequest, why: str) -> Promise:
    try:
        actions.restrict(
            contact=contact, restricted=False, source="staff", user=request.user, why=why
        )
    except actions.CannotBeLifted as error:
        told = _("They have restricted it themselves: only they can lift it.")
        raise Refused(str(told)) from error
    return _("The restriction is lifted.")


def _object(contact: Contact, request: StaffRequest, why: str) -> Promise:
    actions.object_to_mail(contact=contact, origin=STAFF, user=request.user, why=why)
    return _("The objection is recorded.")


@dataclass(frozen=True)
class Verb:
    #: With the reason; returns what to say then, or raises `Refused`.
    run: Callable[[Contact, StaffRequest, str], Promise]
    label: Promise
    #: What it brings about.
    says: Promise
    permission: str = "change"


#: Whoever may see somebody may send them their own link: it goes to the address on file.
VERBS = {
    "send-link": Verb(
        _send_link,
        _("Send them the link to their data"),
        _("A mail to their own address, with a link that opens their data. You do not see it."),
        permission="view",
    ),
    "unsubscribe": Verb(
        _unsubscribe,
        _("Unsubscribe"),
        _("They get no campaign of this address book any more, and only they can join again."),
    ),
    "restrict": Verb(
        _restrict,
        _("Restrict"),
        _("Everything is kept and nothing is sent, until the restriction is lifted (GDPR 18)."),
    ),
    "lift": Verb(
        _lift, _("Lift the restriction"), _("What they are subscribed to is sent to them again.")
    ),
    "object": Verb(
        _object,
        _("Record an objection"),
        _("Every subscription ends, and nobody may write to them. Only they can take it back."),
    ),
}


class ContactVerbView(ContactPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    template_name = "wagtail_gdpr_newsletter/admin/contact_verb.html"
    form_class = WhyForm

    request: StaffRequest

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.also_required = self.verb.permission

    @cached_property
    def verb(self) -> Verb:
        if verb := VERBS.get(self.kwargs["verb"]):
            return verb
        raise Http404

    def get_page_title(self) -> Promise:
        return self.verb.label

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [*super().own_breadcrumbs(), {"url": "", "label": self.verb.label}]

    def form_valid(self, form: WhyForm) -> HttpResponse:
        try:
            messages.success(
                self.request, self.verb.run(self.contact, self.request, form.cleaned_data["why"])
            )
        except Refused as error:
            messages.error(self.request, str(error))
        return redirect(SHOW, self.contact.pk)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        uuid = self.request.GET.get("book")
        theirs = self.contact.subscriptions.select_related("book")
        return {
            **super().get_context_data(**kwargs),
            "verb": self.verb,
            "book": next((each.book for each in theirs if each.book.uuid == uuid), None),
        }
