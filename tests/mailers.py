"""Mail backends that behave as real servers do on a bad day."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests
from anymail.backends.mailgun import EmailBackend as MailgunBackend
from anymail.backends.test import EmailBackend as AnymailTestBackend
from anymail.exceptions import AnymailRecipientsRefused, AnymailRequestsAPIError
from anymail.message import AnymailRecipientStatus
from django.conf import settings
from django.core.mail.backends.locmem import EmailBackend
from django.dispatch import Signal
from django.test import override_settings

from sandbox.environment import MAIL_SETTINGS


def use_mailer(path: str, **options) -> override_settings:
    """A context in which the site's mail goes through that backend, on every version of Django."""
    if hasattr(settings, "MAILERS"):
        return override_settings(MAILERS={"default": {"BACKEND": path, "OPTIONS": options}})
    return override_settings(EMAIL_BACKEND=path)


def use_server(server, **options) -> override_settings:
    """A context in which the site's mail goes to that SMTP server, through Django's own backend."""
    path = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": "127.0.0.1", "port": server.port, "timeout": 2, **options}
    if hasattr(settings, "MAILERS"):
        return override_settings(MAILERS={"default": {"BACKEND": path, "OPTIONS": options}})
    old = {MAIL_SETTINGS[name]: value for name, value in options.items()}
    return override_settings(EMAIL_BACKEND=path, **old)


# provides args: message_number
message_sent = Signal()


class TellingMailer(EmailBackend):
    """Says after each message that it has gone, so that a test can do something in between."""

    def send_messages(self, messages) -> int:
        number = super().send_messages(messages)
        message_sent.send(type(self), message_number=number)
        return number


@contextmanager
def after_each_message(act: Callable[[], object]) -> Iterator[None]:
    """Something happens as soon as a message has gone."""

    def receive(**kwargs: object) -> None:
        act()

    message_sent.connect(receive)
    try:
        with use_mailer("tests.mailers.TellingMailer"):
            yield
    finally:
        message_sent.disconnect(receive)


class RefusingRecipients(EmailBackend):
    def send_messages(self, messages) -> int:
        refused = {messages[0].to[0]: (550, b"no such user")}
        raise smtplib.SMTPRecipientsRefused(refused)


class Busy(EmailBackend):
    def send_messages(self, messages) -> int:
        raise smtplib.SMTPDataError(452, b"try again later")


class BreakingOff(EmailBackend):
    def send_messages(self, messages) -> int:
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


class Unreachable(EmailBackend):
    def open(self) -> bool:
        raise ConnectionRefusedError(111, "Connection refused")


class Broken(EmailBackend):
    def open(self) -> bool:
        raise RuntimeError


class Dying(EmailBackend):
    def send_messages(self, messages) -> int:
        raise SystemExit


class RejectingProvider(AnymailTestBackend):
    """Answers at once that it will not deliver to this recipient."""

    def _send(self, message) -> bool:
        raise AnymailRecipientsRefused


class AnsweringProvider(AnymailTestBackend):
    """Answers every call with the same status code."""

    status_code = 200

    def _send(self, message) -> bool:
        response = requests.Response()
        response.status_code = self.status_code
        raise AnymailRequestsAPIError("refused", response=response)


class FailingProvider(AnymailTestBackend):
    """Takes the call, and says of each recipient that it failed."""

    def parse_recipient_status(self, response, payload, message):
        failed = AnymailRecipientStatus(message_id=None, status="failed")
        return dict.fromkeys(message.to, failed)


class SilentMailgun(MailgunBackend):
    """As somebody would have it who wants no errors."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.fail_silently = True
