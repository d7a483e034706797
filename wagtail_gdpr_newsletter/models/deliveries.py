"""The ledger: one row for one campaign to one contact. The queue is only its doorbell."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import models
from django.db.models import Count, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .campaigns import Campaign
from .contacts import Contact


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", _("waiting")
    CLAIMED = "claimed", _("being sent")
    SENT = "sent", _("sent")
    SKIPPED = "skipped", _("not sent: left before")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    BOUNCED = "bounced", _("bounced")
    COMPLAINED = "complained", _("complained")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self) -> DeliveryQuerySet:
        """What can be claimed now."""
        return self.filter(
            Q(retry_at__isnull=True) | Q(retry_at__lte=now()), status=DeliveryStatus.PENDING
        )

    def unsettled(self) -> DeliveryQuerySet:
        return self.filter(status__in=[DeliveryStatus.PENDING, DeliveryStatus.CLAIMED])

    def claim(self, *, lane: UUID, size: int) -> list[Delivery]:
        """Take up to `size` due deliveries for one lane; two lanes never get the same."""
        candidates = list(self.due().order_by("pk").values_list("pk", flat=True)[:size])
        self.due().filter(pk__in=candidates).update(
            status=DeliveryStatus.CLAIMED, lane=lane, claimed_at=now(), attempted_at=None
        )
        mine = self.filter(lane=lane, status=DeliveryStatus.CLAIMED, attempted_at__isnull=True)
        return list(mine.select_related("contact").order_by("pk"))

    def abandoned(self, *, after: timedelta) -> DeliveryQuerySet:
        """Claimed by a lane that must be dead by now."""
        return self.filter(status=DeliveryStatus.CLAIMED, claimed_at__lt=now() - after)

    def counted(self) -> dict[str, int]:
        """How many there are of each status: one query, whatever the size."""
        rows = self.order_by().values_list("status").annotate(number=Count("pk"))
        return dict(rows)


class Delivery(models.Model):
    """One campaign to one contact; the contact is gone after an erasure, the line stays."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="deliveries")
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="deliveries"
    )
    #: Whose second copy it was, where two contacts turned out to be one person.
    second_copy_of = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="second_copies"
    )
    #: The UUIDs of the books through which the contact gets this campaign.
    books = models.JSONField(default=list)
    status = models.CharField(
        max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    lane = models.UUIDField(null=True)
    claimed_at = models.DateTimeField(null=True)
    #: Set just before the message leaves: what stays claimed with it is in doubt.
    attempted_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=255, blank=True)
    #: Why it failed, in words without an address.
    error = models.CharField(max_length=255, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["campaign", "status", "id"], name="gdpr_newsletter_delivery_due"),
            models.Index(fields=["message_id"], name="gdpr_newsletter_delivery_msgid"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "contact"], name="%(app_label)s_delivery_once_a_campaign"
            ),
            models.CheckConstraint(
                condition=Q(status__in=DeliveryStatus.values),
                name="%(app_label)s_delivery_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.pk}"

    @property
    def opaque_id(self) -> str:
        """What a provider gets to know of this delivery: nothing about the person (M5)."""
        return f"{self.campaign.uuid.hex}.{self.pk}"


class DeliveryEvent(models.Model):
    """What a provider told us of a delivery, once."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="events")
    #: The provider's id of the event, or a digest of it where it gives none.
    event_id = models.CharField(max_length=128)
    type = models.CharField(max_length=16)
    reason = models.CharField(max_length=32, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["occurred_at", "pk"]
        verbose_name = _("delivery event")
        verbose_name_plural = _("delivery events")
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "event_id"], name="%(app_label)s_deliveryevent_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type}, {self.delivery}"
