"""People, by their address on one site."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .. import conf, pseudonyms
from ..addresses import Address
from ..tokens import is_link_token, new_link_token
from .suppressions import Suppression, SuppressionQuerySet, SuppressionReason


class ContactQuerySet(models.QuerySet["Contact"]):
    def holding(self, link_token: str) -> ContactQuerySet:
        """Whose links carry this token; what is none finds nobody, whatever characters it is made of."""
        if not is_link_token(link_token):
            return self.none()
        current = self.filter(link_token=link_token)
        return current if current.exists() else self.filter(former_links__link_token=link_token)

    def known_as(self, address: Address, *, site: Site) -> ContactQuerySet:
        """Whom that address belongs to on that site, whatever its spelling: one contact or none."""
        return self.filter(site=site, address_digest=pseudonyms.digest(address.canonical))

    def lock_or_add(self, *, site: Site, address: Address, language: str) -> Contact:
        """The contact of that address on that site, whatever its spelling, locked until the transaction ends."""
        hashed = pseudonyms.keyed_hash(address.canonical)
        while True:
            contact, _created = self.get_or_create(
                site=site,
                address_digest=pseudonyms.digest(address.canonical),
                defaults={
                    "address": address.typed,
                    "canonical_address": address.canonical,
                    "keyed_hash": hashed.value,
                    "key_id": hashed.key_id,
                    "language": language,
                },
            )
            # It may have been deleted between the two lines: then it is added again.
            if locked := self.lock(contact.pk):
                locked.rekey()
                return locked

    def lock(self, pk: int | None) -> Contact | None:
        """Whoever changes what a person has joined, or who they are, holds them until it is done.

        `None` where they were erased a moment ago.
        """
        return self.select_for_update().filter(pk=pk).first() if pk else None


class Contact(models.Model):
    """A person's address on one site; two sites may be two controllers."""

    site = models.ForeignKey(
        "wagtailcore.Site", on_delete=models.PROTECT, related_name="newsletter_contacts"
    )
    address = models.CharField(_("e-mail address"), max_length=320)
    canonical_address = models.CharField(max_length=320)
    #: Decides whether two addresses are one; no database's collation has a say.
    address_digest = models.CharField(max_length=64)
    #: Meets `Suppression.hash` in one set-based query.
    keyed_hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    name = models.CharField(_("name"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=16)
    restricted = models.BooleanField(
        _("restricted"), default=False, help_text=_("Kept, and never written to (GDPR 18).")
    )
    #: Since when they are at this address; what was sent before went to another.
    address_since = models.DateTimeField(default=now)
    link_token = models.CharField(
        max_length=32, unique=True, default=new_link_token, editable=False
    )
    #: No confirmation mail is begun before, so that two workers never send it twice (A1).
    confirmation_rests_until = models.DateTimeField(null=True)
    #: Confirmation mails begun, of which nobody has learnt yet what became of them.
    confirmations_in_doubt = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=now)

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "address_digest"], name="%(app_label)s_contact_once_a_site"
            )
        ]
        indexes = [
            models.Index(fields=["keyed_hash"], name="gdpr_newsletter_contact_hash"),
            # Staff look through them from the newest on, all of them or those of a language that few have.
            models.Index(fields=["created_at"], name="gdpr_newsletter_contact_known"),
            models.Index(fields=["language", "created_at"], name="gdpr_newsletter_contact_lang"),
        ]
        permissions = [
            ("export_contact", _("Can download a contact's data")),
            ("export_list_contact", _("Can export lists of contacts")),
        ]

    def __str__(self) -> str:
        # Wagtail's audit log keeps this label for good: never an address.
        return str(_("Contact #%(number)s") % {"number": self.pk})

    def as_address(self) -> Address:
        return Address(self.address, self.canonical_address)

    @property
    def mailbox(self) -> str:
        """Where mail goes."""
        return self.as_address().mailbox

    @property
    def address_mark(self) -> str:
        """Tells one address of a contact from another, to nobody who does not know both."""
        return self._mark(settings.SECRET_KEY)

    def has_mark(self, mark: str) -> bool:
        """Whether that is their address still; marks outlive a change of the key as tokens do."""
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        return mark in [self._mark(key) for key in keys]

    def _mark(self, key: str) -> str:
        salt = "wagtail_gdpr_newsletter.address"
        since = self.address_since.isoformat()  # Whoever comes back is at another place in time.
        told = self.address_digest + since
        return salted_hmac(salt, told, secret=key, algorithm="sha256").hexdigest()[:16]

    @property
    def suppressions(self) -> SuppressionQuerySet:
        """What is remembered of the address."""
        return Suppression.objects.of(self.canonical_address, site=self.site)

    @property
    def every_suppression(self) -> SuppressionQuerySet:
        """That of former addresses as well, unless somebody else is there now."""
        elsewhere = Contact.objects.filter(site=self.site).exclude(pk=self.pk).values("keyed_hash")
        former = Suppression.objects.filter(site=self.site, hash__in=self.former_hashes)
        return self.suppressions | former.exclude(hash__in=elsewhere)

    @property
    def former_hashes(self) -> list[str]:
        """Of the addresses that they had."""
        records = self.consent_records.exclude(subject="").order_by()
        return [
            *records.values_list("subject", flat=True).distinct(),
            *self.former_links.values_list("subject", flat=True),
        ]

    @property
    def served_language(self) -> str:
        """Theirs, or the nearest that the site still speaks."""
        return conf.served_language(self.language)

    def lift_suppressions(self, *, books: Sequence[str]) -> None:
        """After a double opt-in for the books with these UUIDs.

        That they had left everything stays remembered: it holds back whatever has no double opt-in of
        its own, an import say, into whichever book (S5).
        """
        liftable = self.suppressions.exclude(reason__in=SuppressionReason.final())
        liftable.filter(Q(scope__in=books) | Q(reason=SuppressionReason.BOUNCE)).delete()

    def take_address(self, address: Address) -> None:
        """Be somebody at another address from now on; not saved yet."""
        hashed = pseudonyms.keyed_hash(address.canonical)
        self.address, self.canonical_address = address.typed, address.canonical
        self.address_digest = pseudonyms.digest(address.canonical)
        self.keyed_hash, self.key_id = hashed.value, hashed.key_id
        self.address_since = now()

    def renew_links(self) -> None:
        """Whoever has old newsletters can leave by them, and do nothing else; not saved yet."""
        self.former_links.create(
            link_token=self.link_token,
            number=self.pk,
            subject=self.keyed_hash,
            subject_key_id=self.key_id,
        )
        self.link_token = new_link_token()

    def rekey(self) -> None:
        """Bring the hash, and those of this address's suppressions, under the current key (S3)."""
        hashed = Suppression.objects.rekey(self.canonical_address, site=self.site)
        if self.key_id != hashed.key_id:
            self.keyed_hash, self.key_id = hashed.value, hashed.key_id
            self.save(update_fields=["keyed_hash", "key_id"])

    def suppress(self, *, scope: str, reason: str) -> bool:
        """Remember for good that this address is not to be written to; `scope`: a book's UUID or `SITE_SCOPE`.

        False where it was remembered before.
        """
        self.rekey()  # Else `mailable()` would compare hashes under two keys.
        return Suppression.objects.remember(
            self.canonical_address, site=self.site, scope=scope, reason=reason
        )
