"""The evidence: what was done with what was shown, and by which way (C5). Nothing here is edited."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import conf, pseudonyms
from .evidence import Evidence, EvidenceQuerySet
from .statements import ConsentStatement

if TYPE_CHECKING:
    from .contacts import Contact
    from .subscriptions import Subscription


class RecordedEvent(models.TextChoices):
    REQUESTED = "requested", _("asked for the newsletter")
    CONFIRMATION_SENT = "confirmation_sent", _("confirmation mail sent")
    CONFIRMATION_REFUSED = "confirmation_refused", _("confirmation mail refused by the mail server")
    CONFIRMED = "confirmed", _("confirmed")
    WITHDRAWN = "withdrawn", _("withdrew")
    WITHDRAWAL_UNDONE = "withdrawal_undone", _("took the withdrawal back")
    ADDRESS_CHANGED = "address_changed", _("moved to another address")
    # What staff say of people who came from elsewhere.
    STATED_REQUEST = "stated_request", _("asked for the newsletter elsewhere, as stated")
    STATED_CONFIRMATION = "stated_confirmation", _("confirmed elsewhere, as stated")
    IMPORTED = "imported", _("brought by an import")
    ADDED = "added", _("added by hand")
    INVITED = "invited", _("asked by us whether they want the newsletter")
    IMPORT_UNDONE = "import_undone", _("import taken back")

    @classmethod
    def of_confirmation_mails(cls) -> list[str]:
        """What can become of a confirmation mail."""
        return [cls.CONFIRMATION_SENT, cls.CONFIRMATION_REFUSED]

    @classmethod
    def of_imports(cls) -> list[str]:
        """What the person themselves had no part in."""
        told = [cls.STATED_REQUEST, cls.STATED_CONFIRMATION]
        return [*told, cls.IMPORTED, cls.IMPORT_UNDONE, cls.INVITED]

    @classmethod
    def of_being_in(cls) -> list[str]:
        """After which somebody is in an address book."""
        return [cls.CONFIRMED, cls.WITHDRAWAL_UNDONE, cls.ADDRESS_CHANGED, cls.ADDED]

    @classmethod
    def of_membership(cls) -> list[str]:
        """After which it is known whether somebody is in an address book."""
        return [*cls.of_being_in(), cls.WITHDRAWN, cls.IMPORTED, cls.IMPORT_UNDONE]

    @classmethod
    def before_confirmation(cls) -> list[str]:
        """What proves nothing where no confirmation follows."""
        return [cls.REQUESTED, *cls.of_confirmation_mails()]


@dataclass(frozen=True)
class Origin:
    """Where a request came from; `page_url` and `block_id` name the form, `source` the way in.

    `import_uuid`: of the `ContactImport` that says so.
    """

    source: str
    page_url: str = ""
    block_id: str = ""
    ip: str = ""
    user_agent: str = ""
    import_uuid: str = ""

    def as_recorded(self) -> tuple[str, str]:
        """IP address and user agent as far as the site keeps them (C7)."""
        if conf.record_client() == "off" or not self.ip:
            return "", ""
        if conf.record_client() == "full":
            return self.ip, self.user_agent[:512]
        prefix = 24 if ip_address(self.ip).version == 4 else 48
        return str(ip_network(f"{self.ip}/{prefix}", strict=False)), ""


class ConsentRecordQuerySet(EvidenceQuerySet["ConsentRecord"]):
    def append(
        self,
        event: RecordedEvent,
        contact: Contact,
        subscription: Subscription | None = None,
        *,
        origin: Origin,
        occurred_at: datetime,
        message_id: str = "",
        mail_version: str = "",
    ) -> ConsentRecord:
        """Write one line of evidence about one subscription, as it stands, or about the person."""
        record = self.draft(
            event,
            contact,
            subscription,
            origin=origin,
            occurred_at=occurred_at,
            message_id=message_id,
            mail_version=mail_version,
        )
        record.save()
        return record

    def draft(
        self,
        event: RecordedEvent,
        contact: Contact,
        subscription: Subscription | None = None,
        *,
        origin: Origin,
        occurred_at: datetime,
        message_id: str = "",
        mail_version: str = "",
    ) -> ConsentRecord:
        """The same line, sealed and not written yet: many are written at once."""
        ip, user_agent = origin.as_recorded()
        address_salt, client_salt = pseudonyms.new_salt(), pseudonyms.new_salt() if ip else ""
        record = self.model(
            site_id=contact.site_id,
            contact=contact,
            subject=contact.keyed_hash,
            subject_key_id=contact.key_id,
            event=event,
            occurred_at=occurred_at,
            page_url=origin.page_url,
            block_id=origin.block_id,
            source=origin.source,
            address=contact.address,
            address_salt=address_salt,
            address_commitment=pseudonyms.commitment(address_salt, contact.address),
            ip=ip,
            user_agent=user_agent,
            client_salt=client_salt,
            client_commitment=pseudonyms.commitment(client_salt, ip, user_agent) if ip else "",
            message_id=message_id,
            mail_version=mail_version,
            book_uuid=subscription.book.uuid if subscription else "",
            statement=subscription.statement if subscription else None,
            import_uuid=origin.import_uuid,
        )
        record.digest = record.digest_now()
        return record

    def confirmations_sent(self, contact: Contact, *, since: datetime) -> int:
        """How many confirmation mails went to a contact; one mail may name several books."""
        return (
            self.filter(
                contact=contact,
                event=RecordedEvent.CONFIRMATION_SENT,
                occurred_at__gt=since,
            )
            .order_by()
            .values("message_id")
            .distinct()
            .count()
        )

    def strip_client(self, *, before: datetime) -> int:
        """Remove IP address and user agent from older records; their commitment stays (C7)."""
        return models.QuerySet.update(
            self.filter(occurred_at__lt=before).exclude(client_salt=""),
            ip="",
            user_agent="",
            client_salt="",
        )

    def strip_person(self, **emptied: Any) -> int:
        """At an erasure: what the declarations say goes, the commitments stay (S6)."""
        return models.QuerySet.update(self, **emptied)

    def rekey(self, hashed: pseudonyms.KeyedHash) -> int:
        """To the current key (S3); of whom no contact is left."""
        return models.QuerySet.update(self, subject=hashed.value, subject_key_id=hashed.key_id)

    def hand_over(self, *, to: Contact) -> int:
        """Two contacts turned out to be one person; what was recorded stays as it is."""
        return models.QuerySet.update(self, contact=to)

    def forget(self) -> int:
        """Delete what proves nothing: sign-ups that lapsed (C12), people who leave no trace at all (S2)."""
        return models.QuerySet.delete(self)[0]


class ConsentRecord(Evidence):
    """One line of evidence (C5). Its personal values can be stripped, its commitments stay."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey("wagtailcore.Site", on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(
        "wagtail_gdpr_newsletter.Contact",
        on_delete=models.SET_NULL,
        null=True,
        related_name="consent_records",
    )
    #: The keyed hash of the subject, by which proof is found for whoever supplies the address.
    subject = models.CharField(max_length=64, db_index=True)
    subject_key_id = models.CharField(max_length=16)
    book_uuid = models.CharField(max_length=36, blank=True)
    event = models.CharField(max_length=32, choices=RecordedEvent.choices)
    occurred_at = models.DateTimeField()
    statement = models.ForeignKey(
        ConsentStatement, on_delete=models.PROTECT, null=True, related_name="records"
    )
    page_url = models.CharField(max_length=2048, blank=True)
    block_id = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=64)
    message_id = models.CharField(max_length=255, blank=True, db_index=True)
    #: Which wording of the confirmation mail, see `sending.confirmation.version`.
    mail_version = models.CharField(max_length=64, blank=True)
    import_uuid = models.CharField(max_length=36, blank=True, default="")

    address = models.CharField(max_length=320, blank=True)
    address_salt = models.CharField(max_length=32, blank=True)
    address_commitment = models.CharField(max_length=64)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    client_salt = models.CharField(max_length=32, blank=True)
    client_commitment = models.CharField(max_length=64, blank=True)

    #: SHA-256 over everything above that no law ever makes us remove.
    digest = models.CharField(max_length=64)

    objects: ClassVar = ConsentRecordQuerySet.as_manager()

    class Meta:
        ordering = ["occurred_at", "pk"]
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(event__in=RecordedEvent.values),
                name="%(app_label)s_consentrecord_event",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()}, {self.occurred_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def tells_of_a_move(self) -> bool:
        return self.event == RecordedEvent.ADDRESS_CHANGED

    def sealed(self) -> dict[str, Any]:
        """What the digest is over, from the row as it stands, stripped or not."""
        of_import = {"import": self.import_uuid} if self.import_uuid else {}
        return {
            "uuid": str(self.uuid),
            "site": self.site_id,
            "book": self.book_uuid,
            "event": self.event,
            "occurred_at": self.occurred_at.astimezone(UTC).isoformat(),
            "statement": self.statement.digest if self.statement else None,
            "page_url": self.page_url,
            "block_id": self.block_id,
            "source": self.source,
            "message_id": self.message_id,
            "mail_version": self.mail_version,
            "address": self.address_commitment,
            "client": self.client_commitment,
            **of_import,
        }

    def digest_now(self) -> str:
        """What the digest must be."""
        return pseudonyms.digest_of(self.sealed())
