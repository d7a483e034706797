"""People and their places in address books."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .. import conf, pseudonyms
from ..addresses import Address
from ..tokens import is_link_token, new_link_token
from .address_books import AddressBook
from .statements import ConsentStatement, overtaken
from .suppressions import SITE_SCOPE, Suppression, SuppressionQuerySet, SuppressionReason


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
        indexes = [models.Index(fields=["keyed_hash"], name="gdpr_newsletter_contact_hash")]
        permissions = [("export_contact", _("Can download a contact's data"))]

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
        former = self.consent_records.exclude(subject="").order_by().values("subject")
        elsewhere = Contact.objects.filter(site=self.site).exclude(pk=self.pk).values("keyed_hash")
        theirs = Suppression.objects.filter(site=self.site, hash__in=former)
        return self.suppressions | theirs.exclude(hash__in=elsewhere)

    @property
    def served_language(self) -> str:
        """Theirs, or the nearest that the site still speaks."""
        return conf.served_language(self.language)

    def lift_suppressions(self, *, books: Sequence[str]) -> None:
        """After a double opt-in for the books with these UUIDs; nothing else comes back with them (S5)."""
        liftable = self.suppressions.exclude(reason__in=SuppressionReason.final())
        others = list(
            self.subscriptions.exclude(book__uuid__in=books).values_list("book__uuid", flat=True)
        )
        for left_everything in liftable.filter(scope=SITE_SCOPE).exclude(
            reason__in=SuppressionReason.about_the_mailbox()
        ):
            for scope in others:
                self.suppress(scope=scope, reason=left_everything.reason)
        liftable.filter(scope__in=[SITE_SCOPE, *books]).delete()

    def take_address(self, address: Address) -> None:
        """Be somebody at another address from now on; not saved yet."""
        hashed = pseudonyms.keyed_hash(address.canonical)
        self.address, self.canonical_address = address.typed, address.canonical
        self.address_digest = pseudonyms.digest(address.canonical)
        self.keyed_hash, self.key_id = hashed.value, hashed.key_id
        self.address_since = now()

    def renew_links(self) -> None:
        """Whoever has old newsletters can leave by them, and do nothing else; not saved yet."""
        self.former_links.create(link_token=self.link_token, number=self.pk)
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


class SubscriptionStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    CONFIRMED = "confirmed", _("confirmed")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    UNPROVEN = "unproven", _("unproven")


class LegalBasis(models.TextChoices):
    CONSENT = "consent", _("consent")
    SOFT_OPT_IN = "soft_opt_in", _("existing customer (soft opt-in)")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def mailable(self) -> SubscriptionQuerySet:
        """The one definition of whom a campaign may reach (GDPR 7(1), 18, 21(3))."""
        return (
            self.filter(status=SubscriptionStatus.CONFIRMED, contact__restricted=False)
            .standing_on_a_valid_basis()
            .not_suppressed()
        )

    def standing_on_a_valid_basis(self) -> SubscriptionQuerySet:
        """A consent whose statement no material change has overtaken (C9), or a soft opt-in (C13)."""
        consent = Q(statement__isnull=False) & ~overtaken("statement__version")
        return self.filter(Q(basis=LegalBasis.SOFT_OPT_IN) | consent)

    def not_suppressed(self) -> SubscriptionQuerySet:
        """Those that no suppression of their book, or of the whole site, holds back."""
        return self.filter(~Exists(_suppressions()))

    def standing(self) -> SubscriptionQuerySet:
        """Those that a person has, but for a mailbox that bounced or was left: what goes to a new address."""
        confirmed = self.filter(status=SubscriptionStatus.CONFIRMED).standing_on_a_valid_basis()
        left = _suppressions().exclude(reason__in=SuppressionReason.about_the_mailbox())
        return confirmed.filter(~Exists(left))

    def pending(self) -> SubscriptionQuerySet:
        return self.filter(status=SubscriptionStatus.PENDING)

    def active(self) -> SubscriptionQuerySet:
        """Those that are to be left by somebody who leaves everything."""
        return self.filter(
            status__in=[
                SubscriptionStatus.PENDING,
                SubscriptionStatus.CONFIRMED,
                SubscriptionStatus.UNPROVEN,
            ]
        )


def _suppressions() -> models.QuerySet[Suppression]:
    return Suppression.objects.filter(
        site=OuterRef("contact__site"),
        hash=OuterRef("contact__keyed_hash"),
        scope__in=[SITE_SCOPE, OuterRef("book__uuid")],
    )


class Subscription(models.Model):
    """One contact's place in one address book."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="subscriptions")
    book = models.ForeignKey(AddressBook, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=16, choices=SubscriptionStatus.choices)
    basis = models.CharField(max_length=16, choices=LegalBasis.choices, default=LegalBasis.CONSENT)
    #: The statement that the last request was made under.
    statement = models.ForeignKey(
        ConsentStatement, on_delete=models.PROTECT, null=True, related_name="+"
    )
    #: When it last became pending; asking again while pending does not move it.
    requested_at = models.DateTimeField(null=True)
    #: Since when a confirmation mail is owed for it.
    mail_wanted_at = models.DateTimeField(null=True)
    #: What a request that nobody confirms gives way to: anybody may have sent it.
    previous_status = models.CharField(
        max_length=16, choices=SubscriptionStatus.choices, blank=True, default=""
    )
    previous_statement = models.ForeignKey(
        ConsentStatement, on_delete=models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [
            # Who is in a book, and what is waiting to be confirmed or to lapse.
            models.Index(fields=["book", "status"], name="gdpr_newsletter_sub_status"),
            models.Index(fields=["status", "requested_at"], name="gdpr_newsletter_sub_waiting"),
            models.Index(fields=["mail_wanted_at"], name="gdpr_newsletter_sub_mail"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "book"], name="%(app_label)s_subscription_once_a_book"
            ),
            models.CheckConstraint(
                condition=Q(status__in=SubscriptionStatus.values),
                name="%(app_label)s_subscription_status",
            ),
            models.CheckConstraint(
                condition=Q(basis__in=LegalBasis.values), name="%(app_label)s_subscription_basis"
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.PENDING) | Q(requested_at__isnull=False),
                name="%(app_label)s_subscription_requested_at",
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.CONFIRMED) | Q(confirmed_at__isnull=False),
                name="%(app_label)s_subscription_confirmed_at",
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.CONFIRMED)
                | Q(basis=LegalBasis.SOFT_OPT_IN)
                | Q(statement__isnull=False),
                name="%(app_label)s_subscription_statement",
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.UNSUBSCRIBED)
                | Q(unsubscribed_at__isnull=False),
                name="%(app_label)s_subscription_unsubscribed_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact}, {self.book}"

    def begin_request(self) -> None:
        """Make it pending and remember what it was; not saved yet."""
        self.previous_status, self.previous_statement = self.status, self.statement
        self.status, self.requested_at = SubscriptionStatus.PENDING, now()

    def settle(self, status: str) -> None:
        """Make it what was decided, with nothing to go back to; not saved yet."""
        self.status, self.mail_wanted_at = status, None
        self.previous_status, self.previous_statement = "", None

    def take_request_back(self) -> None:
        """Make it what it was before the request; not saved yet."""
        self.statement = self.previous_statement
        self.settle(self.previous_status)
