"""Campaigns as editors compose them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.html import escape
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalManyToManyField
from modelcluster.models import (
    ClusterableModel,
    get_all_child_m2m_relations,
    get_all_child_relations,
)
from wagtail.blocks import StreamBlock
from wagtail.fields import StreamField
from wagtail.locks import BaseLock
from wagtail.models import (
    DraftStateMixin,
    LockableMixin,
    PreviewableMixin,
    Revision,
    RevisionMixin,
    WorkflowMixin,
)
from wagtail.search import index

from .. import conf, links
from ..rendering import merge
from ..rendering.newsletter import Newsletter, Rendered, RenderingFailed, render
from ..tokens import SAMPLE_LINK_TOKEN
from .address_books import AddressBook
from .book_fields import fields_by_token
from .narrowing import Narrowed
from .sender import SenderSettings


class CampaignBodyField(StreamField):
    """A StreamField whose blocks the site chooses, so that they never write a migration into this app."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__([], **kwargs)

    @cached_property
    def stream_block(self) -> StreamBlock:
        block = import_string(conf.campaign_body())()
        block.set_meta_options(self.block_opts)
        return block

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, _args, kwargs = models.Field.deconstruct(self)
        return name, path, [], kwargs


class SendStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    SCHEDULED = "scheduled", _("scheduled")
    PREPARING = "preparing", _("preparing")
    SENDING = "sending", _("sending")
    PAUSED = "paused", _("paused")
    SENT = "sent", _("sent")
    CANCELLED = "cancelled", _("cancelled")

    @classmethod
    def of_the_past(cls) -> list[SendStatus]:
        """Nobody else gets it."""
        return [cls.SENT, cls.CANCELLED]


class CampaignLock(BaseLock):
    """What has been sent stays as it was; a copy can be edited."""

    def for_user(self, user: AbstractBaseUser) -> bool:
        return True

    def get_message(self, user: AbstractBaseUser) -> str:
        if self.object.send_status == SendStatus.SCHEDULED:
            return str(_("This campaign is scheduled. Take it off the schedule to change it."))
        return str(
            _("This campaign has been sent and cannot be changed. Copy it to write another.")
        )

    def get_description(self, user: AbstractBaseUser) -> str:
        return str(_("Nobody can edit a campaign that is scheduled or has been sent."))


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def under_way(self) -> CampaignQuerySet:
        return self.filter(send_status__in=[SendStatus.PREPARING, SendStatus.SENDING])

    def not_over(self) -> CampaignQuerySet:
        """Those that go out, or will by themselves or when somebody resumes them."""
        begun = [SendStatus.PREPARING, SendStatus.SENDING, SendStatus.PAUSED]
        return self.filter(send_status__in=[SendStatus.SCHEDULED, *begun])


class Campaign(
    PreviewableMixin,
    WorkflowMixin,
    DraftStateMixin,
    LockableMixin,
    RevisionMixin,
    index.Indexed,
    Narrowed,
    ClusterableModel,
):
    """One newsletter to one or more address books. Publishing approves it; sending is a step of its own."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(
        "wagtailcore.Site",
        verbose_name=_("site"),
        on_delete=models.PROTECT,
        related_name="newsletter_campaigns",
    )
    subject = models.CharField(
        _("subject"),
        max_length=200,
        help_text=_(
            "“Hello {name|reader}” greets readers by their name, and as “reader” where you do not "
            "know it. The body can do the same."
        ),
    )
    preheader = models.CharField(
        _("preheader"),
        max_length=200,
        blank=True,
        help_text=_("What inboxes show behind the subject, in a line or less."),
    )
    language = models.CharField(
        _("language"), max_length=16, choices=conf.languages, default=conf.default_language
    )
    body = CampaignBodyField(verbose_name=_("body"))
    books = ParentalManyToManyField(
        AddressBook,
        verbose_name=_("address books"),
        related_name="campaigns",
        blank=True,  # In a draft; sending asks for one.
        help_text=_("Whoever is in several of them gets the campaign once."),
    )
    send_status = models.CharField(
        _("sending"),
        max_length=16,
        choices=SendStatus.choices,
        default=SendStatus.DRAFT,
        editable=False,
    )
    #: When it is to be sent by itself, and who said so.
    send_at = models.DateTimeField(null=True, editable=False)
    scheduled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    sending_started_at = models.DateTimeField(null=True, editable=False)
    sending_finished_at = models.DateTimeField(null=True, editable=False)
    #: Why nothing goes out at the moment; empty while all is well.
    trouble = models.CharField(max_length=200, blank=True, default="", editable=False)

    _revisions = GenericRelation("wagtailcore.Revision", related_query_name="newsletter_campaign")
    workflow_states = GenericRelation(
        "wagtailcore.WorkflowState",
        content_type_field="base_content_type",
        object_id_field="object_id",
        related_query_name="newsletter_campaign",
        for_concrete_model=False,
    )

    objects = CampaignQuerySet.as_manager()

    search_fields = [
        index.SearchField("subject"),
        index.AutocompleteField("subject"),
        index.SearchField("preheader"),
        index.SearchField("body"),
        index.FilterField("site"),
        index.FilterField("send_status"),
    ]

    CONTENT_FIELDS = ("site", "subject", "preheader", "language", "body", *Narrowed.NARROWED_BY)
    #: Belong to the sending, not to the text: only `update()` writes them, no form and no revision.
    OPERATIONAL_FIELDS = (
        "uuid",
        "send_status",
        "send_at",
        "scheduled_by",
        "sending_started_at",
        "sending_finished_at",
        "trouble",
    )

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        permissions = [("send_campaign", _("Can send campaign"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(send_status__in=SendStatus.values),
                name="%(app_label)s_campaign_send_status",
            )
        ]

    def __str__(self) -> str:
        return merge.by_fallbacks(self.subject) or str(_("Campaign without a subject"))

    @property
    def revisions(self) -> models.Manager[Revision]:
        return self._revisions

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Leaves the operational fields alone: whoever saves a text may have read them long ago."""
        if kwargs.get("update_fields") is None and self._is_stored():
            fields = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            related = [relation.get_accessor_name() for relation in get_all_child_relations(self)]
            related += [field.name for field in get_all_child_m2m_relations(self)]
            kwargs["update_fields"] = [*(fields - set(self.OPERATIONAL_FIELDS)), *related]
        super().save(*args, **kwargs)

    def _is_stored(self) -> bool:
        """Asked of the database: what a revision holds thinks that it is new."""
        return self.pk is not None and Campaign.objects.filter(pk=self.pk).exists()

    def get_lock(self) -> BaseLock | None:
        if self.send_status != SendStatus.DRAFT:
            return CampaignLock(self)
        return super().get_lock()

    def with_content_json(self, content: dict[str, Any]) -> Campaign:
        restored = super().with_content_json(content)
        for field in self.OPERATIONAL_FIELDS:
            setattr(restored, field, getattr(self, field))
        return restored

    def copy_to_edit(self) -> Campaign:
        """A new draft with the same content, not saved yet, and nothing of this one's sending."""
        copied = Campaign(**{field: getattr(self, field) for field in self.CONTENT_FIELDS})
        copied.books.set(self.books.all())
        return copied

    @property
    def sender(self) -> SenderSettings:
        return SenderSettings.for_site(self.site)

    def render(self) -> Rendered:
        """The message with its merge slots still open; `RenderingFailed` says what is wrong."""
        with translation.override(self.language):
            return render(
                Newsletter(
                    subject=self.subject,
                    preheader=self.preheader,
                    body=self.body,
                    sender=self.sender.as_sender(),
                )
            )

    @cached_property
    def fields(self) -> dict[str, list[list[str]]]:
        """What its books ask, as a token names it: see `fields_by_token`."""
        return fields_by_token(self.books.all())

    def fields_in(self, rendered: Rendered) -> dict[str, list[list[str]]]:
        """Those that the message has a place for."""
        texts = [rendered.subject, rendered.html, rendered.text]
        used = merge.names_in(texts, fields=self.fields)
        return {name: fields for name, fields in self.fields.items() if name in used}

    def unknown_tokens(self) -> list[str]:
        rendered = self.render()
        texts = [rendered.subject, self.preheader, rendered.text]
        return sorted(
            {
                *merge.unknown_tokens(texts, fields=self.fields),
                *merge.torn_tokens(rendered.html, fields=self.fields),
            }
        )

    @property
    def preview_modes(self) -> list[tuple[str, str]]:
        return [("html", str(_("HTML"))), ("text", str(_("Plain text")))]

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        """The message as a reader called by the fallbacks would get it."""
        try:
            rendered = self.render()
        except RenderingFailed as error:
            return HttpResponse(escape(str(error)))
        names = ", ".join(book.name for book in self.books.all()) or str(_("our newsletter"))
        values = {
            "email": "reader@example.org",
            "books": names,
            "unsubscribe_url": links.absolute(self.site, "unsubscribe", SAMPLE_LINK_TOKEN),
            "my_data_url": links.absolute(self.site, "my_data", SAMPLE_LINK_TOKEN),
        }
        if mode_name == "text":
            text = merge.MergeTemplate.read(rendered.text, fields=self.fields).fill(values)
            return HttpResponse(text, content_type="text/plain; charset=utf-8")
        html = merge.MergeTemplate.read(rendered.html, fields=self.fields)
        return HttpResponse(html.fill(values, escape=escape))

    def unknown_token_message(self, tokens: list[str]) -> str:
        known = [*merge.PERSONAL, *self.fields]
        said = _("Unknown placeholders: %(tokens)s. There are %(known)s.")
        named = ", ".join(f"{{{name}|…}}" for name in known)
        return str(said % {"tokens": ", ".join(tokens), "known": named})
