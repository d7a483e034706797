"""The stories, one file each. Each verb takes keywords and models, never a request."""

from .campaigns import (
    AlreadySent,
    CannotSend,
    digest_of_newest,
    send_campaign,
    tend_campaigns,
    work_on_campaign,
)
from .confirmation_mail import ring_for_confirmations, send_confirmation
from .events import ProviderEvent, take_event
from .heartbeat import worker_is_missing
from .readiness import newest, reasons_against_sending
from .retention import purge
from .signup import (
    awaiting_confirmation,
    confirm,
    confirmed_before,
    sign_up,
)
from .trial import send_test
from .unsubscription import resubscribe, unsubscribe
from .wording import version_wording, version_wordings_of_site

__all__ = [
    "AlreadySent",
    "CannotSend",
    "ProviderEvent",
    "awaiting_confirmation",
    "confirm",
    "confirmed_before",
    "digest_of_newest",
    "newest",
    "purge",
    "reasons_against_sending",
    "resubscribe",
    "ring_for_confirmations",
    "send_campaign",
    "send_confirmation",
    "send_test",
    "sign_up",
    "take_event",
    "tend_campaigns",
    "unsubscribe",
    "version_wording",
    "version_wordings_of_site",
    "work_on_campaign",
    "worker_is_missing",
]
