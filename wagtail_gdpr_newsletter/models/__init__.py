"""The tables, one file a noun."""

from .address_books import AddressBook, ConsentWording, reasons_against_form
from .campaigns import Campaign, CampaignLock, FrozenMessage, SendStatus
from .consent import (
    ConsentRecord,
    ConsentStatement,
    EvidenceIsImmutable,
    Origin,
    RecordedEvent,
    WordingVersion,
)
from .contacts import Contact, LegalBasis, Subscription, SubscriptionStatus
from .deliveries import Delivery, DeliveryEvent, DeliveryStatus
from .sender import SenderSettings
from .suppressions import SITE_SCOPE, Suppression, SuppressionReason

__all__ = [
    "SITE_SCOPE",
    "AddressBook",
    "Campaign",
    "CampaignLock",
    "ConsentRecord",
    "ConsentStatement",
    "ConsentWording",
    "Contact",
    "Delivery",
    "DeliveryEvent",
    "DeliveryStatus",
    "EvidenceIsImmutable",
    "FrozenMessage",
    "LegalBasis",
    "Origin",
    "RecordedEvent",
    "SendStatus",
    "SenderSettings",
    "Subscription",
    "SubscriptionStatus",
    "Suppression",
    "SuppressionReason",
    "WordingVersion",
    "reasons_against_form",
]
