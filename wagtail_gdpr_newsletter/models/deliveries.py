"""The ledger: one row for one campaign to one contact. The queue is only its doorbell."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import Count, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .campaigns import Campaign
from .contacts import Contact


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", _("waiting")
    SENT = "sent", _("sent")
    SKIPPED = "skipped", _("not sent: left before")
    CANCELLED = "cancelled", _("not sent: cancelled")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    BOUNCED = "bounced", _("bounced")
    COMPLAINED = "complained", _("complained")

    @classmethod
    def of_arrival(cls) -> list[DeliveryStatus]:
        """Of copies that their reader has, as far as anybody knows."""
        return [cls.SENT, cls.COMPLAINED]

    @classmethod
    def of_possible_arrival(cls) -> list[DeliveryStatus]:
        """Of copies that their reader has, may have or is still to get."""
        return [*cls.of_arrival(), cls.UNKNOWN, cls.PENDING]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> DeliveryQuerySet:
        return self.filter(status=DeliveryStatus.PENDING)

    def still_pending(self, numbers: Collection[int]) -> DeliveryQuerySet:
        """Those of which nobody has learnt anything since: a provider's event may have been quicker."""
        return self.pending().filter(pk__in=numbers)

    def give_back(self, numbers: Collection[int]) -> int:
        """Due again at once, but for those that wait for another attempt; how many."""
        return self.still_pending(numbers).filter(retry_at__isnull=True).update(retry_at=now())

    def to_try_again(self) -> DeliveryQuerySet:
        """What had a turn and needs another one, now or later."""
        return self.pending().filter(retry_at__isnull=False)

    def counted(self) -> dict[str, int]:
        """How many there are of each status, counted one by one: `Ledger.tally` knows it at once."""
        rows = self.order_by().values_list("status").annotate(number=Count("pk"))
        return dict(rows)

    def reasons(self) -> dict[str, int]:
        """Why what has not gone has not gone, counted one by one."""
        rows = self.exclude(error="").order_by().values_list("error").annotate(number=Count("pk"))
        return dict(rows)


class Delivery(models.Model):
    """One campaign to one contact; the contact is gone after an erasure, the line stays."""

    # The constraint below has an index that begins with it.
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="deliveries"
    )
    #: Whose second copy it was, where two contacts turned out to be one person.
    second_copy_of = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="second_copies"
    )
    #: The UUIDs of the books through which the contact gets this campaign; known once it is their turn.
    books = models.JSONField(default=list)
    status = models.CharField(
        max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Of what had its turn and waits for another one; nothing else has it.
    retry_at = models.DateTimeField(null=True)
    #: When it left, or, where nobody knows whether it arrived, when it began to.
    sent_at = models.DateTimeField(null=True)
    #: What a provider calls it. Where it is empty the message has the name that we gave it.
    message_id = models.CharField(max_length=255, blank=True)
    #: Why it failed, in words without an address.
    error = models.CharField(max_length=255, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            # None of them has the status: PostgreSQL then writes an outcome without touching them.
            models.Index(fields=["campaign", "id"], name="gdpr_newsletter_delivery_next"),
            models.Index(fields=["campaign", "retry_at"], name="gdpr_newsletter_delivery_again"),
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
        return opaque_id(self.campaign, self.pk)


def opaque_id(campaign: Campaign, delivery_pk: int) -> str:
    return f"{campaign.uuid.hex}.{delivery_pk}"


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
