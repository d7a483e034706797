"""Campaigns in the admin: compose, approve, send."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from wagtail.admin.panels import FieldPanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.components import MediaContainer
from wagtail.admin.ui.side_panels import StatusSidePanel
from wagtail.admin.ui.tables import DateColumn
from wagtail.admin.widgets import Button, HeaderButton
from wagtail.snippets.action_menu import ActionMenuItem, PublishMenuItem
from wagtail.snippets.views.snippets import (
    CopyView,
    CreateView,
    EditView,
    IndexView,
    SnippetViewSet,
    UnpublishView,
)

from .. import actions, conf
from ..models import AddressBook, Campaign, SendStatus
from . import ViewMixin
from .address_books import confirmed_readers
from .audience import WHO_GETS_IT, AudienceForm, CampaignReachView
from .sending import (
    CampaignProgressView,
    CampaignSendView,
    CampaignStatusColumn,
    CampaignSteerView,
    CampaignTestView,
)


class CampaignForm(AudienceForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(conf.languages()) == 1:
            self.fields.pop("language", None)
        books = self.fields["books"]
        books.queryset = AddressBook.objects.annotate(readers=confirmed_readers())
        books.label_from_instance = _name_and_readers


def _name_and_readers(book: AddressBook) -> str:
    readers = ngettext("%(number)s reader", "%(number)s readers", book.readers)
    return f"{book.name} ({readers % {'number': book.readers}})"


class InOurWords(ViewMixin):
    """A mail is approved and sent; nothing of it goes live, and there is no schedule of Wagtail's."""

    def get_side_panels(self) -> MediaContainer:
        panels = super().get_side_panels()
        for panel in panels:
            if isinstance(panel, StatusSidePanel):
                panel.template_name = "wagtail_gdpr_newsletter/admin/status_panel.html"
        return panels

    def get_success_message(self, instance: Campaign | None = None) -> str:
        if self.action == "publish":
            return str(_("“%(campaign)s” is approved.") % {"campaign": instance or self.object})
        return super().get_success_message(instance)


class GoesOn(InOurWords):
    """“Send test…” and “Send…” save what is in the editor first, and then lead on."""

    NEXT = {"action-send": "send", "action-test": "test"}

    def get_success_url(self) -> str:
        for button, view in self.NEXT.items():
            if button in self.request.POST:
                return reverse(self.model.snippet_viewset.get_url_name(view), args=[self._pk])
        return super().get_success_url()

    @property
    def _pk(self) -> str:
        return quote(self.object.pk)


class CampaignCreateView(GoesOn, CreateView):
    pass


class CampaignCopyView(GoesOn, CopyView):
    def get_initial_form_instance(self) -> Campaign:
        return actions.newest(self.get_object()).copy_to_edit()


class CampaignEditView(GoesOn, EditView):
    @cached_property
    def header_buttons(self) -> list[Button]:
        if self.object.send_status == SendStatus.DRAFT:
            return []
        viewset = self.model.snippet_viewset
        return [
            HeaderButton(
                label, url=reverse(viewset.get_url_name(name), args=[self._pk]), icon_name=icon
            )
            for label, name, icon in (
                (_("How it went"), "progress", "mail"),
                (_("Write another from a copy"), "copy", "copy"),
            )
        ]


class CampaignUnpublishView(UnpublishView):
    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponse:
        raise PermissionDenied  # What it would mean for a mail nobody could say.


class CampaignIndexView(IndexView):
    def get_delete_url(self, instance: Campaign) -> str | None:
        if instance.send_status != SendStatus.DRAFT:
            return None
        return super().get_delete_url(instance)

    def get_list_more_buttons(self, instance: Campaign) -> list[Button]:
        name = "send" if instance.send_status == SendStatus.DRAFT else "progress"
        label = _("Send…") if name == "send" else _("How it went")
        if name == "send" and not self.request.user.has_perm(
            "wagtail_gdpr_newsletter.send_campaign"
        ):
            return super().get_list_more_buttons(instance)
        url = reverse(self.model.snippet_viewset.get_url_name(name), args=[quote(instance.pk)])
        return [
            *super().get_list_more_buttons(instance),
            Button(label, url=url, icon_name="mail", priority=15),
        ]


class ApproveMenuItem(PublishMenuItem):
    label = _("Approve")
    icon_name = "check"
    template_name = "wagtail_gdpr_newsletter/admin/menu_item.html"


class LeadOnMenuItem(ActionMenuItem):
    """A button that saves the draft and leads to the page it is named for."""

    template_name = "wagtail_gdpr_newsletter/admin/menu_item.html"
    permission = "wagtail_gdpr_newsletter.send_campaign"

    def is_shown(self, context: dict[str, Any]) -> bool:
        return super().is_shown(context) and context["request"].user.has_perm(self.permission)


class SendMenuItem(LeadOnMenuItem):
    name = "action-send"
    label = _("Send…")
    icon_name = "mail"


class TestMenuItem(LeadOnMenuItem):
    name = "action-test"
    label = _("Send test…")
    icon_name = "view"
    permission = "wagtail_gdpr_newsletter.change_campaign"


def arrange_action_menu(menu_items: list[ActionMenuItem], context: dict[str, Any]) -> None:
    """Publish reads “Approve”; unpublishing means nothing for a mail."""
    kept = [item for item in menu_items if item.name not in ("action-publish", "action-unpublish")]
    ours: list[ActionMenuItem] = [
        SendMenuItem(order=1),
        TestMenuItem(order=2),
        ApproveMenuItem(order=30),
    ]
    menu_items[:] = sorted(
        [*kept, *(item for item in ours if item.is_shown(context))], key=lambda item: item.order
    )


class CampaignViewSet(SnippetViewSet):
    model = Campaign
    icon = "mail"
    menu_label = _("Campaigns")
    menu_order = 100
    copy_view_enabled = True
    copy_view_class = CampaignCopyView
    add_view_class = CampaignCreateView
    edit_view_class = CampaignEditView
    index_view_class = CampaignIndexView
    unpublish_view_class = CampaignUnpublishView
    list_filter = ["site", "send_status", "books"]
    list_display = [
        "__str__",
        "site",
        CampaignStatusColumn("send_status", label=_("Sending"), sort_key="send_status"),
        DateColumn("sending_started_at", label=_("Sent on"), sort_key="sending_started_at"),
    ]
    edit_handler = ObjectList(
        [
            MultiFieldPanel(
                [
                    FieldPanel("subject"),
                    FieldPanel("preheader"),
                    FieldPanel(
                        "language",
                        help_text=_(
                            "Of the footer, and for screen readers. It does not choose readers."
                        ),
                    ),
                ],
                heading=_("In the inbox"),
            ),
            FieldPanel("body"),
            WHO_GETS_IT,
        ],
        base_form_class=CampaignForm,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        return Campaign.objects.select_related("site", "latest_revision")

    def get_urlpatterns(self) -> list[URLPattern]:
        pk = f"<{self.pk_path_converter}:pk>"
        views = {
            "send": CampaignSendView,
            "test": CampaignTestView,
            "progress": CampaignProgressView,
            "steer": CampaignSteerView,
        }
        ours = [
            path(f"{name}/{pk}/", self.construct_view(view), name=name)
            for name, view in views.items()
        ]
        live = self.construct_view(CampaignProgressView, fragment=True)
        return [
            *super().get_urlpatterns(),
            *ours,
            path(f"progress/{pk}/live/", live, name="progress_live"),
            path("reach/", CampaignReachView.as_view(), name="reach"),
        ]
