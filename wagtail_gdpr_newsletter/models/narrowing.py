"""By what a campaign narrows its books. Nothing here adds anybody."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Narrowed(models.Model):
    """What an editor may choose; empty it narrows nothing. What each means, `sending.narrowing` says."""

    only_languages = models.JSONField(_("only these languages"), default=list, blank=True)
    joined_from = models.DateField(_("joined on or after"), null=True, blank=True)
    joined_before = models.DateField(_("joined before"), null=True, blank=True)
    # What was sent is never deleted, so that neither is ever emptied and a narrow audience becomes a wide one.
    received = models.ForeignKey(
        "wagtail_gdpr_newsletter.Campaign",
        verbose_name=_("only readers who received"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    not_received = models.ForeignKey(
        "wagtail_gdpr_newsletter.Campaign",
        verbose_name=_("only readers who did not receive"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    #: [{"field": its UUID, "comparison", "value", "label", "book"}, ...], half filled in while it is a draft. The
    #: field may be gone; what it and its book were called stays, for people. See `sending.conditions`.
    only_answers = models.JSONField(_("only readers who have answered"), default=list, blank=True)

    NARROWED_BY: ClassVar = (
        "only_languages",
        "joined_from",
        "joined_before",
        "received",
        "not_received",
        "only_answers",
    )

    class Meta:
        abstract = True
