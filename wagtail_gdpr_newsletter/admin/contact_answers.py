"""What somebody has answered for one newsletter, corrected by staff on their behalf (GDPR 16)."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from wagtail.admin import messages

from .. import actions
from ..forms import AnswersForm
from ..models import Subscription
from . import StaffRequest
from .contacts import SHOW, ContactPage

ANSWERS = "gdpr_newsletter_contact_answers"


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ContactAnswersView(ContactPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    also_required = "change"
    page_title = _("Correct answers")
    template_name = "wagtail_gdpr_newsletter/admin/contact_answers.html"

    request: StaffRequest

    @cached_property
    def subscription(self) -> Subscription:
        theirs = self.contact.subscriptions.active().select_related("book")
        subscription = get_object_or_404(theirs, book__uuid=str(self.kwargs["book"]))
        if not subscription.book.fields.exists():
            raise Http404
        return subscription

    def get_form(self, form_class: Any = None) -> AnswersForm:
        posted = self.request.POST if self.request.method == "POST" else None
        looks = None if posted else self.request.user
        return actions.answers_form(self.subscription, posted, user=looks)

    def form_valid(self, form: AnswersForm) -> HttpResponse:
        actions.correct_answers(
            subscription=self.subscription,
            answers=form.answers(),
            source="staff",
            user=self.request.user,
        )
        messages.success(self.request, _("The answers are corrected."))
        return redirect(SHOW, self.contact.pk)

    def own_breadcrumbs(self) -> list[dict[str, Any]]:
        return [*super().own_breadcrumbs(), {"url": "", "label": self.page_title}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "contact": self.contact,
            "book": self.subscription.book,
        }
