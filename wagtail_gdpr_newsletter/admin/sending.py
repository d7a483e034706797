"""The pages on which a campaign is tested, sent and watched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import FormView, TemplateView, View
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from .. import actions, conf
from ..addresses import Address, InvalidAddress
from ..models import Campaign, DeliveryStatus, SendStatus
from ..sending import audience, narrowing
from . import StaffRequest
from .permissions import campaign_policy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


class CampaignStatusColumn(Column):
    cell_template_name = "wagtail_gdpr_newsletter/admin/campaign_status.html"

    def get_value(self, instance: Campaign) -> Campaign:
        return instance


class CampaignPage(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """What these pages share: the campaign, its breadcrumbs, and how they find each other."""

    model = Campaign
    permission_policy = campaign_policy
    header_icon = "mail"
    _show_breadcrumbs = True

    @cached_property
    def object(self) -> Campaign:
        return get_object_or_404(Campaign, pk=self.kwargs["pk"])

    @cached_property
    def draft(self) -> Campaign:
        """As last saved: what a test shows and what sending would send."""
        return actions.newest(self.object)

    def url(self, name: str) -> str:
        return reverse(Campaign.snippet_viewset.get_url_name(name), args=[quote(self.object.pk)])

    def get_page_subtitle(self) -> str:
        return str(self.draft)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        index = reverse(Campaign.snippet_viewset.get_url_name("list"))
        return [
            *self.breadcrumbs_items,
            {"url": index, "label": _("Campaigns")},
            {"url": self.url("edit"), "label": str(self.draft)},
            {"url": "", "label": self.get_page_title()},
        ]

    @property
    def audience_facts(self) -> list[tuple[str, str]]:
        """Whom it is for, in words: as it was sent, or as it would be."""
        frozen = getattr(self.object, "frozen_message", None)
        return narrowing.in_words(
            (frozen and frozen.audience) or narrowing.definition_of(self.draft)
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **context,
            "campaign": self.object,
            "draft": self.draft,
            "edit_url": self.url("edit"),
        }


class CampaignSendView(CampaignPage, TemplateView):
    """Who will get it, who will not and why; then one button, which works once."""

    request: StaffRequest
    permission_required = "send"
    page_title = _("Send")
    template_name = "wagtail_gdpr_newsletter/admin/send.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.object.send_status != SendStatus.DRAFT:
            return redirect(self.url("progress"))
        return super().get(request, *args, **kwargs)

    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        schedule = ScheduleForm(request.POST) if "schedule" in request.POST else None
        if schedule and not schedule.is_valid():
            return self.render_to_response(self.get_context_data(schedule=schedule))
        try:
            actions.send_campaign(
                campaign=self.object,
                user=request.user,
                seen=request.POST.get("seen", ""),
                at=schedule.cleaned_data["send_at"] if schedule else None,
            )
        except actions.AlreadySent as error:
            messages.warning(request, " ".join(error.reasons))
        except actions.CannotSend as error:
            messages.error(request, " ".join(error.reasons))
            return redirect(self.url("send"))
        return redirect(self.url("progress"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "seen": actions.digest_of_newest(self.object),
            "audience": audience.count(self.draft),
            "reasons": actions.reasons_against_sending(self.draft, user=self.request.user),
            "test_url": self.url("test"),
            "schedule": kwargs.get("schedule") or ScheduleForm(),
        }


class SiteTimeField(forms.DateTimeField):
    """In the site's own time zone, whichever one the editor has chosen for the admin."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> Any:
        with timezone.override(timezone.get_default_timezone()):
            return super().to_python(value)


class ScheduleForm(forms.Form):
    send_at = SiteTimeField(label=_("Send it at"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["send_at"].help_text = _("In the time of %(zone)s.") % {
            "zone": timezone.get_default_timezone_name()
        }

    def clean_send_at(self) -> datetime:
        send_at: datetime = self.cleaned_data["send_at"]
        if send_at <= timezone.now():
            raise forms.ValidationError(_("That time has passed."))
        return send_at


class AddressesField(forms.CharField):
    """Addresses on lines of their own, or behind commas."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: Any) -> list[Address]:
        text = super().clean(value).replace(",", "\n").replace(";", "\n")
        typed = [line.strip() for line in text.splitlines() if line.strip()]
        if len(typed) > conf.test_send_limit():
            raise forms.ValidationError(
                _("A test may go to at most %(limit)s addresses."),
                params={"limit": conf.test_send_limit()},
            )
        addresses, problems = [], []
        for address in typed:
            try:
                addresses.append(Address.parse(address))
            except InvalidAddress as error:
                problems.append(f"{address}: {error}")
        if problems:
            raise forms.ValidationError(problems)
        return addresses


class SendTestForm(forms.Form):
    addresses = AddressesField(label=_("Send a test to"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["addresses"].help_text = _(
            "One address a line, at most %(limit)s. They are not stored."
        ) % {"limit": conf.test_send_limit()}


class CampaignTestView(CampaignPage, FormView):  # type: ignore[type-arg]  # Generic in stubs alone.
    request: StaffRequest
    permission_required = "change"
    page_title = _("Send test")
    template_name = "wagtail_gdpr_newsletter/admin/test.html"
    form_class = SendTestForm

    def get_initial(self) -> dict[str, Any]:
        user = self.request.user
        return {"addresses": getattr(user, user.get_email_field_name(), "")}

    def form_valid(self, form: SendTestForm) -> HttpResponse:
        addresses = form.cleaned_data["addresses"]
        try:
            actions.send_test(campaign=self.object, addresses=addresses, user=self.request.user)
        except actions.CannotSend as error:
            for reason in error.reasons:
                form.add_error("addresses", reason)
            return self.form_invalid(form)
        messages.success(
            self.request,
            ngettext(
                "The test is on its way.", "%(number)s tests are on their way.", len(addresses)
            )
            % {"number": len(addresses)},
        )
        return redirect(self.url("edit"))


#: What is in doubt in them can be sent again.
SETTLED = (SendStatus.SENT, SendStatus.PAUSED)


class CampaignProgressView(CampaignPage, TemplateView):
    """How far it is, and how it went; the page asks for the fragment again while it is going."""

    request: StaffRequest
    any_permission_required = ["change", "send", "view"]
    template_name = "wagtail_gdpr_newsletter/admin/progress.html"
    fragment = False

    def get_page_title(self) -> str:
        titles = {
            SendStatus.SCHEDULED: _("Scheduled"),
            SendStatus.PAUSED: _("Paused"),
            SendStatus.CANCELLED: _("Cancelled"),
            SendStatus.SENT: _("How it went"),
        }
        return str(titles.get(self.status, _("On its way")))

    @property
    def status(self) -> SendStatus:
        return SendStatus(self.object.send_status)

    @property
    def is_under_way(self) -> bool:
        return self.status in (SendStatus.PREPARING, SendStatus.SENDING)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.status == SendStatus.DRAFT:
            return redirect(self.url("edit"))
        return super().get(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        if self.fragment:
            return ["wagtail_gdpr_newsletter/admin/progress_live.html"]
        return super().get_template_names()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        progress = actions.progress_of(self.object)
        may_send = campaign_policy.user_has_permission(self.request.user, "send")
        return {
            **super().get_context_data(**kwargs),
            "progress": progress,
            "counted": [
                (DeliveryStatus(status).label, number)
                for status, number in progress.counted.items()
            ],
            "reasons": list(progress.reasons.items())[:10],
            "send_at": self._send_at(),
            "is_under_way": self.is_under_way,
            "worker_is_missing": self.is_under_way
            and (actions.worker_is_missing() or actions.campaigns_are_left_alone()),
            "frozen": getattr(self.object, "frozen_message", None),
            "live_url": self.url("progress_live"),
            "copy_url": self.url("copy"),
            "steer_url": self.url("steer"),
            "may_send": may_send,
            "may_pause": may_send and self.is_under_way,
            "may_resume": may_send and self.status == SendStatus.PAUSED,
            "may_cancel": may_send and (self.is_under_way or self.status == SendStatus.PAUSED),
            "may_unschedule": may_send and self.status == SendStatus.SCHEDULED,
            "may_settle": may_send and progress.in_doubt > 0 and self.status in SETTLED,
        }

    def _send_at(self) -> str:
        """In the site's own time, as it was typed."""
        if not (send_at := self.object.send_at):
            return ""
        there = timezone.localtime(send_at, timezone.get_default_timezone())
        zone = timezone.get_default_timezone_name()
        return f"{date_format(there, 'DATETIME_FORMAT')} ({zone})"


class CampaignSteerView(CampaignPage, View):
    """The buttons of the page above: each is pressed once, and a second press finds nothing to do."""

    request: StaffRequest
    permission_required = "send"
    VERBS: ClassVar[dict[str, tuple[Callable[..., object], StrPromise]]] = {
        "pause": (actions.pause_campaign, _("Sending is paused.")),
        "resume": (actions.resume_campaign, _("Sending goes on.")),
        "cancel": (actions.cancel_campaign, _("Nobody else gets it.")),
        "unschedule": (actions.unschedule_campaign, _("It is a draft again.")),
        "send_again": (actions.send_again_in_doubt, _("They are sent to again.")),
        "leave": (actions.leave_in_doubt, _("They are left as they are.")),
    }

    def post(self, request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        verb = request.POST.get("verb", "")
        if verb not in self.VERBS:
            raise Http404
        act, done = self.VERBS[verb]
        if act(campaign=self.object, user=request.user):
            messages.success(request, str(done))
        else:
            messages.warning(request, _("It is too late for that: look at where it stands now."))
        return redirect(self.url("progress"))
