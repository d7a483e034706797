"""The message class, and the differences between Django's versions and Anymail's providers."""

from __future__ import annotations

import uuid
from typing import Any

from anymail.message import AnymailMessage
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

#: Providers at which tracking cannot be switched off per message: a check asks to do it there (T1).
NO_TRACKING_SWITCH = frozenset(
    {"Amazon SES", "Brevo", "SendinBlue", "Mailtrap", "Postal", "Resend", "Scaleway"}
)
#: Providers that take no metadata: their events are matched by message id.
NO_METADATA = frozenset({"MailerSend", "Postal"})

TAG = "newsletter"


class NewsletterMessage(AnymailMessage):
    """An Anymail message whose long headers stay as written.

    Django 6 turns a header token of more than 77 characters into an encoded word, Django 5 breaks
    the line before it; some mailbox providers then miss List-Unsubscribe.
    """

    def message(self, **kwargs: Any) -> Any:
        message = super().message(**kwargs)
        message.policy = message.policy.clone(max_line_length=900)
        return message


def open_mailer() -> BaseEmailBackend:
    """The site's own mail backend, whichever way its version of Django names it."""
    if hasattr(mail, "mailers"):
        return mail.mailers.default
    return mail.get_connection()


def provider_of(mailer: BaseEmailBackend) -> str:
    """Anymail's name of the provider, empty for plain SMTP and the like."""
    return getattr(mailer, "esp_name", "")


def provider_options(provider: str, *, opaque_id: str = "") -> dict[str, Any]:
    """What to tell a provider of a message; unknown features would raise instead of being ignored."""
    options: dict[str, Any] = {"tags": [TAG]} if opaque_id else {}
    if opaque_id and provider not in NO_METADATA:
        options["metadata"] = {"delivery": opaque_id}
    if provider not in NO_TRACKING_SWITCH:
        options |= {"track_opens": False, "track_clicks": False}
    return options


def new_message_id(from_address: str) -> str:
    """Unique, and made without a DNS look-up (M5)."""
    return message_id(new_delivery_id(), from_address)


def new_delivery_id() -> str:
    """For a message that no ledger knows."""
    return uuid.uuid4().hex


def message_id(local_part: str, from_address: str) -> str:
    domain = from_address.rpartition("@")[2].encode("idna").decode()
    return f"<{local_part}@{domain}>"
