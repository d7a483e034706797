"""What readers asked of us as the law lets them, and what came of it (R7); and the door to their data."""

from __future__ import annotations

import calendar
import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import localdate, now
from django.utils.translation import gettext_lazy as _

from .contacts import Contact


class RightsKind(models.TextChoices):
    ACCESS = "access", _("saw the data")
    DOWNLOAD = "download", _("downloaded the data")
    CORRECTION = "correction", _("corrected the data")
    ADDRESS_CHANGE = "address_change", _("changed the address")
    RESTRICTION = "restriction", _("restricted the use of the data")
    RESTRICTION_LIFTED = "restriction_lifted", _("lifted the restriction")
    OBJECTION = "objection", _("objected to all mail")
    OBJECTION_WITHDRAWN = "objection_withdrawn", _("withdrew the objection")
    MESSAGE = "message", _("wrote to the sender")
    ERASURE = "erasure", _("had the data erased")


class RightsOutcome(models.TextChoices):
    DONE = "done", _("done")
    #: For a person to answer.
    OPEN = "open", _("to be answered")
    #: Nobody has said in time that it was done there.
    LAPSED = "lapsed", _("not confirmed in time")
    #: Elsewhere on the site, or at the provider, something is still to do.
    UNFINISHED = "unfinished", _("still to be done elsewhere")


def a_month_after(day: datetime.date) -> datetime.date:
    """Within one month (GDPR 12(3)); the last day of a month that is shorter."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return datetime.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


class RightsRequestQuerySet(models.QuerySet["RightsRequest"]):
    def register(
        self,
        contact: Contact,
        kind: RightsKind,
        *,
        source: str,
        outcome: RightsOutcome = RightsOutcome.DONE,
    ) -> RightsRequest:
        """Write down one request; what is done at once is settled at once."""
        return self.create(
            site=contact.site,
            contact=contact,
            subject=contact.keyed_hash,
            subject_key_id=contact.key_id,
            kind=kind,
            source=source,
            due_on=a_month_after(localdate()),
            outcome=outcome,
            settled_at=now() if outcome == RightsOutcome.DONE else None,
        )


class RightsRequest(models.Model):
    """One line of the register; it outlives the contact and then holds the keyed hash, or nothing."""

    site = models.ForeignKey("wagtailcore.Site", on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="rights_requests"
    )
    subject = models.CharField(max_length=64, blank=True, db_index=True)
    subject_key_id = models.CharField(max_length=16, blank=True)
    kind = models.CharField(_("what"), max_length=24, choices=RightsKind.choices)
    #: The way in: "my data", "staff", "command", "replay".
    source = models.CharField(_("by which way"), max_length=64)
    received_at = models.DateTimeField(_("received"), default=now)
    due_on = models.DateField(_("due"))
    settled_at = models.DateTimeField(_("settled"), null=True)
    outcome = models.CharField(_("outcome"), max_length=16, choices=RightsOutcome.choices)
    #: {place: "done" | "failed" | "by hand" | "lapsed"}: where an erasure had to reach, and did (R5).
    places = models.JSONField(default=dict, blank=True)
    #: Only while an erasure is not finished elsewhere: without it nobody could finish it.
    address = models.CharField(max_length=320, blank=True)
    #: What the journal of erasures could not be told yet.
    journal_line = models.JSONField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    objects = RightsRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-pk"]
        verbose_name = _("rights request")
        verbose_name_plural = _("rights requests")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=RightsKind.values), name="%(app_label)s_rightsrequest_kind"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=RightsOutcome.values),
                name="%(app_label)s_rightsrequest_outcome",
            ),
            models.CheckConstraint(
                condition=Q(address="") | Q(outcome="unfinished"),
                name="%(app_label)s_rightsrequest_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.received_at:%Y-%m-%d}"


class AccessSession(models.Model):
    """One browser, let in for a while to one contact's data. The key itself only the browser has."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="access_sessions")
    key_digest = models.CharField(max_length=64, unique=True)
    opened_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("access session")
        verbose_name_plural = _("access sessions")

    def __str__(self) -> str:
        return f"{self.contact}, {self.opened_at:%Y-%m-%d %H:%M}"


class FormerLink(models.Model):
    """A token that a contact had before it moved or was merged: its old newsletters still lead out."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="former_links")
    link_token = models.CharField(max_length=32, unique=True)
    #: The number that the contact had, by which a restored backup still knows it.
    number = models.BigIntegerField()
    #: The keyed hash of the address that it had.
    subject = models.CharField(max_length=64)
    subject_key_id = models.CharField(max_length=16)

    class Meta:
        verbose_name = _("former link")
        verbose_name_plural = _("former links")

    def __str__(self) -> str:
        return f"#{self.number} → {self.contact}"
