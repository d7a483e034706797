"""Whom a campaign is for, in its editor: what narrows its books, and a number that keeps up with what is chosen."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.views.generic import View
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, Panel
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from .. import conf, days
from ..models import Campaign, SendStatus
from ..sending import audience, conditions
from .conditions import ConditionsField, ConditionsPanel, fields_to_ask
from .forms import DayInput, SiteForm
from .permissions import campaign_policy

#: Beyond these a day may begin in a year that databases, and Python, do not have.
USUAL_DAY = (
    MinValueValidator(date(1900, 1, 1), _("Choose a day after 1900.")),
    MaxValueValidator(date(2999, 12, 31), _("Choose a day before 3000.")),
)


class AudienceForm(SiteForm):
    """What decides whom a campaign is for; the form of the whole campaign stands on it."""

    only_languages = forms.MultipleChoiceField(
        label=_("Only these languages"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "In which readers signed up, unless they have changed it since. Tick none for all of them."
        ),
    )

    only_answers = ConditionsField(
        label=_("Only readers who have answered"),
        required=False,
        help_text=_(
            "Readers of an address book that does not ask the field do not get the campaign through it. Fields "
            "of several books with the same placeholder and type count as one. Whoever has not answered is found "
            "by “has not been answered” alone. Of several conditions all must hold. They are kept with the "
            "campaign: name nobody in them."
        ),
    )

    class Meta:
        model = Campaign
        fields = ("site", "books", *Campaign.NARROWED_BY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer_languages(self.instance.only_languages)
        self._offer_fields()
        chosen = [self.instance.received_id, self.instance.not_received_id]
        for name in ("received", "not_received"):
            self.fields[name].queryset = earlier_campaigns(or_else=chosen)
            self.fields[name].label_from_instance = _subject_and_day
            self.fields[name].empty_label = _("It does not matter")
        for name in ("joined_from", "joined_before"):
            self.fields[name].validators += USUAL_DAY

    def _offer_languages(self, chosen: list[str]) -> None:
        """Also one that the site has given up: saving a draft must not make its audience wider."""
        offered = dict(conf.languages())
        self.fields["only_languages"].choices = {code: code for code in chosen} | offered
        if len(self.fields["only_languages"].choices) == 1:
            del self.fields["only_languages"]

    def _offer_fields(self) -> None:
        """Where no book asks anything, there is nothing to choose; but what was chosen is not lost."""
        field = self.fields["only_answers"]
        field.offer(fields_to_ask())
        posted = field.widget.value_from_datadict(self.data, {}, self.add_prefix("only_answers"))
        if not (field.offered or posted or self.instance.only_answers):
            del self.fields["only_answers"]


def earlier_campaigns(*, or_else: list[int | None]) -> QuerySet[Campaign]:
    """Those that readers may have got, the latest first."""
    begun = ~Q(send_status__in=[SendStatus.DRAFT, SendStatus.SCHEDULED])
    campaigns = Campaign.objects.filter(begun | Q(pk__in=[pk for pk in or_else if pk]))
    return campaigns.only("subject", "sending_started_at").order_by("-sending_started_at", "-pk")


def _subject_and_day(campaign: Campaign) -> str:
    if not campaign.sending_started_at:
        return str(campaign)
    day = days.day_of(campaign.sending_started_at)
    return f"{campaign} ({date_format(day, 'SHORT_DATE_FORMAT')})"


class ReachPanel(Panel):
    """How many readers it reaches: of the draft as it was opened, and by script of what is chosen since."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "wagtail_gdpr_newsletter/admin/reach_panel.html"

        class Media:
            js = ("wagtail_gdpr_newsletter/reach.js",)
            css: ClassVar = {"all": ["wagtail_gdpr_newsletter/admin.css"]}

        def is_shown(self) -> bool:
            return self.instance.send_status == SendStatus.DRAFT

        def get_context_data(self, parent_context: Any = None) -> dict[str, Any]:
            return {
                **super().get_context_data(parent_context),
                **_reach_of(self.instance),
                "count_url": reverse(Campaign.snippet_viewset.get_url_name("reach")),
                "names": json.dumps(AudienceForm.Meta.fields),
            }


def _reach_of(campaign: Campaign) -> dict[str, Any]:
    if not campaign.books.all():
        return {}
    if problems := conditions.problems(campaign):
        return {"problems": problems}
    return {"reach": audience.estimate_reach(campaign)}


class CampaignReachView(PermissionCheckedMixin, View):
    """The number for what is chosen in the editor, whether it is saved or not. It changes nothing."""

    permission_policy = campaign_policy
    any_permission_required = ("add", "change")
    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        data = request.POST.copy()
        # SQLite does not even look for a number beyond its own.
        data.setlist("books", [pk for pk in data.getlist("books") if len(pk) < len(str(2**63))])
        # It only counts: a language that the site has given up may be ticked, where it stands in the draft.
        languages = [code for code in data.getlist("only_languages") if code.isprintable()]
        form = AudienceForm(data, instance=Campaign(only_languages=languages))
        if not form.is_valid():
            context: dict[str, Any] = {"errors": form.errors}
        else:
            form.instance.books.set(form.cleaned_data["books"])
            context = _reach_of(form.instance)
        return render(request, "wagtail_gdpr_newsletter/admin/reach.html", context)


WHO_GETS_IT = MultiFieldPanel(
    [
        FieldPanel("site"),
        FieldPanel("books", widget=forms.CheckboxSelectMultiple),
        FieldPanel("only_languages"),
        FieldRowPanel(
            [
                FieldPanel(
                    "joined_from",
                    widget=DayInput,
                    help_text=_("By the day on which they confirmed, in the time of the site."),
                ),
                FieldPanel(
                    "joined_before",
                    widget=DayInput,
                    help_text=_("Who joined on that day is not among them."),
                ),
            ]
        ),
        FieldPanel(
            "received",
            widget=forms.Select,
            help_text=_("An earlier campaign of which a copy was sent to them."),
        ),
        FieldPanel(
            "not_received",
            widget=forms.Select,
            help_text=_(
                "Because they joined later, or it could not be delivered. Where nobody knows whether a "
                "copy arrived, its reader is not among them, nor among those who received it."
            ),
        ),
        ConditionsPanel("only_answers"),
        ReachPanel(),
    ],
    heading=_("Who gets it"),
    classname="nl-audience",
)
