"""The message class, and the differences between Django's versions and Anymail's providers."""

from __future__ import annotations

import email.policy
import uuid
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import EmailPolicy
from io import BytesIO
from typing import Any

import django
from anymail.message import AnymailMessage
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from ..links import in_ascii
from .mime import ONE_WORD

#: Providers at which tracking cannot be switched off per message: a check asks to do it there (T1).
NO_TRACKING_SWITCH = frozenset(
    {"Amazon SES", "Brevo", "SendinBlue", "Mailtrap", "Postal", "Resend", "Scaleway"}
)
#: Providers that take no metadata: their events are matched by message id.
NO_METADATA = frozenset({"MailerSend", "Postal"})

TAG = "newsletter"


class WholeWords(EmailPolicy):
    """Folds as the standard library does, but for headers that are one word."""

    def fold(self, name: str, value: Any) -> str:
        if name.lower() in ONE_WORD:
            return f"{name}: {value}{self.linesep}"
        return super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in ONE_WORD:
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


class NewsletterMessage(AnymailMessage):
    """An Anymail message whose List-Unsubscribe stays whole on every version of Django."""

    def message(self, **kwargs: Any) -> Any:
        if django.VERSION < (6,):
            # Django 5 breaks lines before a long word; a longer limit leaves it alone. Its own
            # encoding of Subject and From is done by then.
            message = super().message(**kwargs)
            message.policy = message.policy.clone(max_line_length=900)
            return message
        policy = kwargs.get("policy", email.policy.default)
        return super().message(policy=WholeWords(**vars(policy)))


class FinishedMessage(EmailMessage):
    """Read from bytes and written as the same bytes, but for what a mail backend adds to it."""

    def as_bytes(
        self, unixfrom: bool = False, policy: Any = None, linesep: str | None = None
    ) -> bytes:
        """`linesep`: as Django 5 asks for it; later ones say it by the policy."""
        policy = policy or self.policy
        octets = BytesIO()
        as_it_is = policy.clone(linesep=linesep or policy.linesep, refold_source="none")
        BytesGenerator(octets, mangle_from_=False, policy=as_it_is).flatten(self, unixfrom=unixfrom)
        return octets.getvalue()


class BatchMessage(NewsletterMessage):
    """One for many, each of whom gets it with their own words; by those whom it is to, as we wrote them."""

    def recipients(self) -> list[str]:
        """None at all where the site's own code has changed whom it is to: they would get nobody's words.

        Anymail asks after its `pre_send`, and sends nothing to nobody.
        """
        theirs = set(self.to) <= set(self.merge_data) and not (self.cc or self.bcc)
        return super().recipients() if theirs else []


class ComposedMessage(NewsletterMessage):
    """One copy of a campaign: what Anymail asks for in fields, and for all others the finished bytes."""

    def __init__(self, *args: Any, octets: bytes, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.octets = octets

    def message(self, **kwargs: Any) -> Any:
        policy = kwargs.get("policy", email.policy.default)
        return BytesParser(FinishedMessage, policy=policy).parsebytes(self.octets)


def open_mailer() -> BaseEmailBackend:
    """The site's own mail backend, whichever way its version of Django names it.

    It never hides an error: what it would not say is recorded as sent.
    """
    mailer = mail.mailers.default if hasattr(mail, "mailers") else mail.get_connection()
    mailer.fail_silently = False
    return mailer


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
    domain = in_ascii(from_address.rpartition("@")[2])
    return f"<{local_part}@{domain}>"
