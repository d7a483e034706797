"""Who must not be written to, remembered without their address (S1)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.db import IntegrityError, models, transaction
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .. import pseudonyms

#: The scope of a suppression that holds for every book of the site.
SITE_SCOPE = "site"


class SuppressionReason(models.TextChoices):
    WITHDRAWAL = "withdrawal", _("unsubscribed")
    OBJECTION = "objection", _("objected")
    COMPLAINT = "complaint", _("complained of spam")
    BOUNCE = "bounce", _("address takes no mail")
    ERASURE = "erasure", _("had their data erased")
    MOVED = "moved", _("moved to another address")

    @classmethod
    def final(cls) -> list[str]:
        """Those that not even the person's own sign-up form lifts: no mail goes there at all (S5)."""
        return [cls.OBJECTION, cls.COMPLAINT]

    @classmethod
    def giving_way_to_opt_in(cls) -> list[str]:
        """Those of the whole site that hold back all but what is opted in to after them."""
        return [cls.WITHDRAWAL, cls.ERASURE, cls.MOVED]

    @property
    def is_the_persons(self) -> bool:
        """All but a bounce is decided by the person, and nobody else takes it back (S5)."""
        return self != SuppressionReason.BOUNCE


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def of(self, canonical: str, *, site: Site) -> SuppressionQuerySet:
        """Those of an address, made under whichever key."""
        hashes = [hashed.value for hashed in pseudonyms.keyed_hashes(canonical)]
        return self.filter(site=site, hash__in=hashes)

    def final(self) -> SuppressionQuerySet:
        return self.filter(reason__in=SuppressionReason.final())

    def remember(self, canonical: str, *, site: Site, scope: str, reason: str) -> bool:
        """Suppress an address; each reason stands for itself. False where it was known before."""
        hashed = pseudonyms.keyed_hash(canonical)
        _suppression, created = self.get_or_create(
            site=site,
            hash=hashed.value,
            scope=scope,
            reason=reason,
            defaults={"key_id": hashed.key_id, "month": _this_month()},
        )
        return created

    def remember_all(
        self, canonicals: Iterable[str], *, site: Site, scope: str, reason: str
    ) -> None:
        """The same of many addresses, by one statement."""
        hashes = [pseudonyms.keyed_hash(canonical) for canonical in canonicals]
        remembered = [
            Suppression(
                site=site,
                hash=hashed.value,
                key_id=hashed.key_id,
                scope=scope,
                reason=reason,
                month=_this_month(),
            )
            for hashed in hashes
        ]
        self.bulk_create(remembered, ignore_conflicts=True)

    def rekey(self, canonical: str, *, site: Site) -> pseudonyms.KeyedHash:
        """Rewrite the address's suppressions under the current key, and return that hash (S3)."""
        current, *older = pseudonyms.keyed_hashes(canonical)
        for suppression in self.filter(site=site, hash__in=[hashed.value for hashed in older]):
            try:
                with transaction.atomic():
                    self.filter(pk=suppression.pk).update(hash=current.value, key_id=current.key_id)
            except IntegrityError:  # The same is remembered under the current key already.
                suppression.delete()
        return current


def _this_month() -> datetime.date:
    return now().date().replace(day=1)


class Suppression(models.Model):
    """A keyed hash that outlives contact, address book, import and restore."""

    site = models.ForeignKey("wagtailcore.Site", on_delete=models.PROTECT, related_name="+")
    scope = models.CharField(max_length=36)
    hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    reason = models.CharField(max_length=16, choices=SuppressionReason.choices)
    month = models.DateField()
    purge_on = models.DateField(null=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            # In the order in which they are looked for: an address's hash, in whichever scope.
            models.UniqueConstraint(
                fields=["site", "hash", "scope", "reason"], name="%(app_label)s_suppression_once"
            ),
            models.CheckConstraint(
                condition=models.Q(reason__in=SuppressionReason.values),
                name="%(app_label)s_suppression_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}, {self.month:%Y-%m}"
