"""The mails that we owe one reader, or send for them: kept until they have left, and a week longer."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .contacts import Contact

#: How long a mail is tried for.
TRIED_FOR = timedelta(days=2)

#: As long as the limits on these mails look back (A1).
KEPT_FOR = timedelta(days=7)


class MailKind(models.TextChoices):
    ACCESS = "access", _("link to your data")
    NEW_ADDRESS = "new_address", _("question whether a new address is yours")
    ADDRESS_CHANGED = "address_changed", _("note to the old address")
    MESSAGE = "message", _("your message to us")
    MESSAGE_COPY = "message_copy", _("copy of your message")


class ServiceMailQuerySet(models.QuerySet["ServiceMail"]):
    def owed(self) -> ServiceMailQuerySet:
        """What has not left yet, and is not too late."""
        return self.filter(attempted_at__isnull=True, wanted_at__gt=now() - TRIED_FOR)

    def claim(self, pk: int) -> ServiceMail | None:
        """The mail, for one worker alone; what is claimed and not sent is in doubt and not sent again."""
        if not self.owed().filter(pk=pk).update(attempted_at=now()):
            return None
        return self.select_related("contact__site").filter(pk=pk).first()


class ServiceMail(models.Model):
    """One mail. The queue knows its number alone, so that no task holds an address or a word."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="service_mails")
    kind = models.CharField(_("kind"), max_length=16, choices=MailKind.choices)
    #: Where it goes, if not to the contact.
    address = models.CharField(_("address"), max_length=320, blank=True)
    #: Groups what goes to one mailbox, whoever wanted it.
    address_digest = models.CharField(max_length=64, blank=True)
    text = models.TextField(_("text"), blank=True)
    wanted_at = models.DateTimeField(default=now)
    attempted_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    #: When the button behind its link was pressed: it works once (A3).
    spent_at = models.DateTimeField(null=True)

    objects = ServiceMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("service mail")
        verbose_name_plural = _("service mails")
        indexes = [
            models.Index(fields=["attempted_at", "wanted_at"], name="gdpr_newsletter_mail_owed"),
            models.Index(fields=["address_digest"], name="gdpr_newsletter_mail_to"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=MailKind.values), name="%(app_label)s_servicemail_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.contact}"

    def spend(self) -> bool:
        """True for the first who presses the button."""
        unspent = ServiceMail.objects.filter(pk=self.pk, spent_at__isnull=True)
        return unspent.update(spent_at=now()) == 1
