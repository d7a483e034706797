"""The mails that we owe one reader, or send for them: kept until they have left, and a week longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .. import pseudonyms
from .contacts import Contact

#: How long a mail is tried for.
TRIED_FOR = timedelta(days=2)

#: As long as the limits on these mails look back (A1).
KEPT_FOR = timedelta(days=7)


#: (period, number): so many in that time, and no more.
Limits = Sequence[tuple[timedelta, int]]


class MailKind(models.TextChoices):
    ACCESS = "access", _("link to your data")
    NEW_ADDRESS = "new_address", _("request to confirm a new address")
    ADDRESS_CHANGED = "address_changed", _("note to the old address")
    MESSAGE = "message", _("your message to us")
    MESSAGE_COPY = "message_copy", _("copy of your message")

    @classmethod
    def of_readers(cls) -> list[str]:
        """Those in which a reader says something."""
        return [cls.MESSAGE, cls.MESSAGE_COPY]


class ServiceMailQuerySet(models.QuerySet["ServiceMail"]):
    def owed(self) -> ServiceMailQuerySet:
        """What has not left yet, and is not too late; a reader's own message never is."""
        in_time = Q(wanted_at__gt=now() - TRIED_FOR) | Q(kind__in=MailKind.of_readers())
        rested = Q(rests_until__isnull=True) | Q(rests_until__lte=now())
        return self.filter(in_time, rested, attempted_at__isnull=True)

    def over(self) -> ServiceMailQuerySet:
        """What the limits no longer look back at, and nobody waits for."""
        unsent = Q(kind__in=MailKind.of_readers(), attempted_at__isnull=True)
        return self.filter(~unsent, wanted_at__lt=now() - KEPT_FOR)

    def claim(self, pk: int) -> ServiceMail | None:
        """The mail, for one worker alone; what is claimed and not sent is in doubt and not sent again."""
        if not self.owed().filter(pk=pk).update(attempted_at=now()):
            return None
        return self.select_related("contact__site").filter(pk=pk).first()


class AskedMailboxQuerySet(models.QuerySet["AskedMailbox"]):
    def of(self, canonical: str, *, site: Site) -> AskedMailboxQuerySet:
        """That of an address, made under whichever key."""
        hashes = [hashed.value for hashed in pseudonyms.keyed_hashes(canonical)]
        return self.filter(site=site, hash__in=hashes)

    def _lock_or_add(self, hashed: pseudonyms.KeyedHash, *, site: Site) -> AskedMailbox:
        while True:
            mailbox, _created = self.get_or_create(
                site=site, hash=hashed.value, defaults={"key_id": hashed.key_id}
            )
            # Its owner may have been erased between the two lines: then it is added again.
            if locked := self.select_for_update().filter(pk=mailbox.pk).first():
                return locked

    def may_be_asked(self, canonical: str, *, site: Site, limits: Limits) -> bool:
        """Count one more question to that mailbox, whoever wants it, and say whether it may go out."""
        mailbox = self._lock_or_add(pseudonyms.keyed_hash(canonical), site=site)
        asked = [datetime.fromisoformat(time) for time in mailbox.asked_at]
        if any(sum(time > now() - period for time in asked) >= limit for period, limit in limits):
            return False
        recent = [time for time in asked if time > now() - KEPT_FOR]
        mailbox.asked_at = [time.isoformat() for time in [*recent, now()]]
        mailbox.last_asked_at = now()
        mailbox.save(update_fields=["asked_at", "last_asked_at"])
        return True


class AskedMailbox(models.Model):
    """How often a mailbox was asked whether it is somebody's new address (A1); for a week, by its keyed hash."""

    site = models.ForeignKey("wagtailcore.Site", on_delete=models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    asked_at = models.JSONField(default=list)
    last_asked_at = models.DateTimeField(default=now)

    objects = AskedMailboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("asked mailbox")
        verbose_name_plural = _("asked mailboxes")
        constraints = [
            models.UniqueConstraint(fields=["site", "hash"], name="%(app_label)s_askedmailbox_once")
        ]

    def __str__(self) -> str:
        return f"{self.hash[:8]}, {self.last_asked_at:%Y-%m-%d}"


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
    #: The mail server was not there: not again before.
    rests_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=255, blank=True, db_index=True)
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
