"""The tables, one file a noun."""

from .address_books import AddressBook, ConsentWording, reasons_against_form
from .answers import Comparison, answering
from .book_fields import BookField
from .campaigns import Campaign, CampaignLock, SendStatus
from .consent import ConsentRecord, Origin, RecordedEvent
from .contacts import Contact
from .deliveries import Delivery, DeliveryEvent, DeliveryStatus
from .evidence import EvidenceIsImmutable
from .frozen_messages import FrozenMessage
from .imports import (
    ContactImport,
    ImportBasis,
    ImportKind,
    ImportPart,
    ImportStatus,
    LeftOutRow,
    ProofDocument,
    RowOutcome,
)
from .ledgers import Lane, Ledger
from .pace import Grant, Pace
from .rights import AccessSession, FormerLink, RightsKind, RightsOutcome, RightsRequest
from .sender import SenderSettings
from .service_mails import AskedMailbox, MailKind, ServiceMail
from .statements import ConsentStatement, WordingVersion
from .subscriptions import LegalBasis, Subscription, SubscriptionStatus
from .suppressions import SITE_SCOPE, Suppression, SuppressionReason

__all__ = [
    "SITE_SCOPE",
    "AccessSession",
    "AddressBook",
    "AskedMailbox",
    "BookField",
    "Campaign",
    "CampaignLock",
    "Comparison",
    "ConsentRecord",
    "ConsentStatement",
    "ConsentWording",
    "Contact",
    "ContactImport",
    "Delivery",
    "DeliveryEvent",
    "DeliveryStatus",
    "EvidenceIsImmutable",
    "FormerLink",
    "FrozenMessage",
    "Grant",
    "ImportBasis",
    "ImportKind",
    "ImportPart",
    "ImportStatus",
    "Lane",
    "Ledger",
    "LeftOutRow",
    "LegalBasis",
    "MailKind",
    "Origin",
    "Pace",
    "ProofDocument",
    "RecordedEvent",
    "RightsKind",
    "RightsOutcome",
    "RightsRequest",
    "RowOutcome",
    "SendStatus",
    "SenderSettings",
    "ServiceMail",
    "Subscription",
    "SubscriptionStatus",
    "Suppression",
    "SuppressionReason",
    "WordingVersion",
    "answering",
    "reasons_against_form",
]
