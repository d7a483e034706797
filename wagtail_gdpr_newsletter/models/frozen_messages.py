"""The frozen message of a campaign: what really goes out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .. import pseudonyms
from .campaigns import Campaign
from .evidence import Evidence


class FrozenMessage(Evidence):
    """Exactly what was sent, but for each reader's own values."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.PROTECT, related_name="frozen_message"
    )
    revision = models.ForeignKey(
        "wagtailcore.Revision", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    subject = models.CharField(max_length=200)
    html = models.TextField()
    text = models.TextField()
    #: What fields its tokens name, as `Campaign.fields` has them: they stay tokens if a field is removed.
    fields = models.JSONField(default=dict)
    from_header = models.CharField(max_length=500)
    reply_to = models.EmailField()
    #: Whom it was for, see `sending.narrowing.definition_of`; not known of what was sent before that was stored.
    audience = models.JSONField(null=True)
    digest = models.CharField(max_length=64)
    frozen_at = models.DateTimeField(default=now)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("frozen message")
        verbose_name_plural = _("frozen messages")

    def __str__(self) -> str:
        return self.subject

    def digest_now(self) -> str:
        """What the digest must be, from the row as it stands."""
        told: list[Any] = [self.subject, self.html, self.text]
        if self.fields:
            told = [*told, self.audience, self.fields]
        elif self.audience is not None:
            told = [*told, self.audience]
        return pseudonyms.digest_of(told)
