"""The sender's settings in the admin."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin import messages
from wagtail.admin.panels import FieldPanel, FieldRowPanel, HelpPanel, MultiFieldPanel, ObjectList

from .. import actions
from ..models import SenderSettings, WordingVersion
from . import StaffRequest
from .forms import MaterialChangeForm


class SenderForm(MaterialChangeForm):
    #: What stands in every notice that visitors agree to.
    SHOWN = {
        "name",
        "postal_address",
        "email",
        "phone",
        "data_protection_officer",
        "supervisory_authority",
        "mail_provider",
    }

    def has_been_shown(self) -> bool:
        return WordingVersion.objects.filter(book__site=self.instance.site_id).exists()

    def changes_what_was_shown(self) -> bool:
        return bool(self.SHOWN & set(self.changed_data))


SENDER_PANELS = ObjectList(
    [
        HelpPanel(
            content=_(
                "Without name, postal address, e-mail, From address and privacy page no sign-up "
                "form is shown and no campaign can be sent."
            )
        ),
        MultiFieldPanel(
            [
                FieldPanel("name"),
                FieldPanel("postal_address"),
                FieldPanel("email"),
                FieldPanel("phone"),
                FieldPanel("data_protection_officer"),
                FieldPanel("supervisory_authority"),
                FieldPanel("mail_provider"),
                FieldPanel("wording_change"),
            ],
            heading=_("Who is responsible"),
        ),
        MultiFieldPanel(
            [FieldPanel("privacy_page"), FieldPanel("imprint_page")], heading=_("Pages")
        ),
        MultiFieldPanel(
            [
                FieldPanel("from_name"),
                FieldPanel("from_address"),
                FieldPanel("logo"),
                FieldPanel("accent_color", widget=forms.TextInput(attrs={"type": "color"})),
            ],
            heading=_("How your mail looks"),
        ),
        MultiFieldPanel(
            [
                HelpPanel(
                    content=_(
                        "What your mail server or provider allows, for campaigns. Empty is as fast as "
                        "it goes. It holds from the next second on, also for what is on its way."
                    )
                ),
                FieldRowPanel(
                    [FieldPanel("per_second"), FieldPanel("per_hour"), FieldPanel("per_day")]
                ),
                FieldPanel("connections"),
            ],
            heading=_("How fast it may go"),
        ),
    ],
    base_form_class=SenderForm,
)


def after_saving_sender(request: StaffRequest, sender: SenderSettings) -> None:
    """Visitors are told who the sender is: a change of it is a new version of every wording."""
    actions.version_wordings_of_site(
        site=sender.site,
        material=request.POST.get("wording_change") == "material",
        user=request.user,
    )
    if missing := sender.missing():
        messages.warning(
            request,
            _("No sign-up form is shown and no campaign can be sent. Missing: %(fields)s.")
            % {"fields": ", ".join(missing)},
        )
