"""Where Wagtail finds us."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.contrib.settings.models import BaseSiteSetting
from wagtail.log_actions import LogActionRegistry, LogFormatter
from wagtail.models import BaseLogEntry
from wagtail.snippets.action_menu import ActionMenuItem
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSetGroup

from .admin import StaffRequest
from .admin.address_books import AddressBookViewSet, delete_one_at_a_time
from .admin.campaigns import CampaignViewSet, arrange_action_menu
from .admin.contact_list import ContactsMenuItem, contact_urls
from .admin.growth import OverviewMenuItem, overview_urls
from .admin.import_list import ImportsMenuItem, import_urls
from .admin.permissions import campaign_policy, refuse_to_delete_sent_campaigns
from .admin.requests import RequestsMenuItem, request_urls
from .admin.sender import SENDER_PANELS, after_saving_sender
from .admin.suppressions import SuppressionsMenuItem, suppression_urls
from .links import default_site
from .models import Campaign, SenderSettings

try:
    from wagtail.permissions import register_permission_policy
except ImportError:  # Wagtail 7.4
    CampaignViewSet.permission_policy = campaign_policy
else:
    register_permission_policy(Campaign, campaign_policy)


SenderSettings.edit_handler = SENDER_PANELS  # Where Wagtail looks for it.


class SenderMenuItem(MenuItem):
    """The sender of the default site; the page itself switches between sites."""

    def __init__(self) -> None:
        super().__init__(_("Sender"), "", icon_name="user", order=300, name="newsletter-sender")

    @property
    def url(self) -> str:
        site = default_site()
        meta = SenderSettings._meta
        args = [meta.app_label, meta.model_name, *([site.pk] if site else [])]
        return reverse("wagtailsettings:edit", args=args)

    @url.setter
    def url(self, value: str) -> None:
        """`MenuItem` sets one; ours depends on the sites that there are."""

    def is_shown(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{SenderSettings._meta.app_label}.change_sendersettings")


class NewsletterGroup(SnippetViewSetGroup):
    items = (CampaignViewSet, AddressBookViewSet)
    menu_label = _("Newsletter")
    menu_icon = "mail"
    menu_name = "newsletter"
    menu_order = 300

    def get_submenu_items(self) -> list[MenuItem]:
        ours = [
            OverviewMenuItem(),
            ContactsMenuItem(),
            ImportsMenuItem(),
            RequestsMenuItem(),
            SuppressionsMenuItem(),
            SenderMenuItem(),
        ]
        return [*super().get_submenu_items(), *ours]


register_snippet(NewsletterGroup)


@hooks.register("register_admin_urls")
def register_admin_urls() -> list[URLPattern]:
    return [
        *overview_urls(),
        *contact_urls(),
        *import_urls(),
        *request_urls(),
        *suppression_urls(),
    ]


@hooks.register("construct_snippet_action_menu")
def lead_from_the_editor_to_sending(
    menu_items: list[ActionMenuItem], request: HttpRequest, context: dict[str, Any]
) -> None:
    if context["model"] is Campaign:
        arrange_action_menu(menu_items, context)


@hooks.register("before_delete_snippet")
def keep_what_was_sent(request: HttpRequest, instances: list[object]) -> None:
    refuse_to_delete_sent_campaigns(instances)


@hooks.register("before_delete_snippet")
def say_what_goes_with_a_book(request: HttpRequest, instances: list[object]) -> HttpResponse | None:
    return delete_one_at_a_time(request, instances)


@hooks.register("after_edit_setting")
def version_the_notices(request: StaffRequest, setting: BaseSiteSetting) -> None:
    if isinstance(setting, SenderSettings):
        after_saving_sender(request, setting)


#: What staff do, as the audit log has it: name, label, message.
LOG_ACTIONS = [
    ("send", _("Send campaign"), _("Campaign sent")),
    ("schedule", _("Schedule campaign"), _("Campaign scheduled")),
    ("unschedule", _("Take campaign off the schedule"), _("Campaign taken off the schedule")),
    ("pause", _("Pause campaign"), _("Sending paused")),
    ("resume", _("Resume campaign"), _("Sending resumed")),
    ("cancel", _("Cancel campaign"), _("Sending cancelled")),
    ("send_again", _("Send again what is in doubt"), _("What was in doubt sent again")),
    ("leave_in_doubt", _("Leave what is in doubt"), _("What is in doubt left as it is")),
    ("send_test", _("Send test"), _("Test of the campaign sent")),
    ("list_contacts", _("Look through the contacts"), _("List of contacts seen")),
    ("look_up", _("Look for a contact"), _("A contact was looked for")),
    ("export_requests", _("Export the requests"), _("Register of requests exported")),
    ("export_contacts", _("Export contacts"), _("List of contacts exported")),
    ("view_contact", _("See a contact"), _("Data of the contact seen")),
    ("export_contact", _("Download a contact"), _("Data of the contact downloaded")),
    ("print_evidence", _("Print proof of consent"), _("Proof of consent printed")),
    ("correct_contact", _("Correct a contact"), _("Name or language corrected")),
    ("correct_answers", _("Correct answers of a contact"), _("Answers corrected")),
    ("remove_field", _("Remove a field"), _("Field removed, and the answers to it deleted")),
    ("ask_for_new_address", _("Ask at a new address"), _("New address asked to confirm")),
    ("send_access_link", _("Send the My data link"), _("Link to the data sent")),
    ("unsubscribe_contact", _("Unsubscribe a contact"), _("Unsubscribed")),
    ("restrict_contact", _("Restrict a contact"), _("Use of the data restricted")),
    ("lift_restriction", _("Lift a restriction"), _("Restriction lifted")),
    ("record_objection", _("Record an objection"), _("Objection recorded")),
    ("answer_request", _("Answer a request"), _("Request marked as answered")),
    ("done_at_provider", _("Erase at the provider"), _("Erasure at the provider reported")),
    ("erase_contact", _("Erase a contact"), _("Data erased")),
    ("read_import", _("Upload a file to import"), _("File uploaded")),
    ("import_contacts", _("Import contacts"), _("Import started")),
    ("discard_import", _("Discard an import"), _("Import discarded before it began")),
    ("cancel_import", _("Cancel an import"), _("Import cancelled")),
    ("undo_import", _("Take an import back"), _("Import taken back")),
    ("export_left_out", _("Download what was not imported"), _("Rows that were not imported seen")),
    ("invite_imported", _("Ask imported people to confirm"), _("Imported people asked to confirm")),
    ("add_contact", _("Add a contact"), _("Added by hand")),
    ("check_suppressions", _("Check an address"), _("Suppressions of an address seen")),
    ("add_suppression", _("Add a suppression"), _("Suppression added")),
    ("lift_bounce", _("Lift a suppression"), _("Suppression after a bounce lifted")),
]


class ReasonedAction(LogFormatter):
    """Wagtail shows the reason beside it, where one was given, or the reference of what was printed."""

    def format_comment(self, log_entry: BaseLogEntry) -> str:
        return log_entry.data.get("why") or log_entry.data.get("reference", "")


@hooks.register("register_log_actions")
def register_log_actions(log_actions: LogActionRegistry) -> None:
    for name, label, message in LOG_ACTIONS:
        formatter = type(name, (ReasonedAction,), {"label": label, "message": message})
        log_actions.register_action(f"wagtail_gdpr_newsletter.{name}")(formatter)


PERMISSIONS = [
    "send_campaign",
    "view_contact",
    "change_contact",
    "delete_contact",
    "export_contact",
    "export_list_contact",
    "import_contactimport",
    "add_contact",
    "view_rightsrequest",
    "change_rightsrequest",
    "view_suppression",
    "add_suppression",
    "delete_suppression",
]


@hooks.register("register_permissions")
def register_permissions() -> QuerySet[Permission]:
    """P4: whoever composes need not be the one who sends, or who sees addresses."""
    return Permission.objects.filter(
        content_type__app_label="wagtail_gdpr_newsletter", codename__in=PERMISSIONS
    )
