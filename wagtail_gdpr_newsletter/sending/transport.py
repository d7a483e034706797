"""One message goes out through the site's mail backend, and what became of it gets a name."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3.exceptions
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailError,
    AnymailRecipientsRefused,
)
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext as _

from ..models import DeliveryStatus
from .messages import NewsletterMessage


@dataclass(frozen=True)
class Outcome:
    """What is written into the ledger; `PENDING` means: try again later."""

    status: DeliveryStatus
    message_id: str = ""
    #: For people, without addresses.
    error: str = ""


NEVER_CONNECTED = (
    requests.ConnectTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    urllib3.exceptions.NewConnectionError,
)


#: Wrong key, no credit left, wrong address of the API or of the sender.
NOBODYS_FAULT = {401, 402, 403, 404, 405}


class MailerRefuses(Exception):
    """The server or provider takes nothing at all now: no delivery is to blame."""


def open_connection(mailer: BaseEmailBackend) -> None:
    """Raise `MailerRefuses` where no conversation can be begun."""
    try:
        mailer.open()
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        raise MailerRefuses(_describe(error)) from error


def send(mailer: BaseEmailBackend, message: NewsletterMessage) -> Outcome:
    """Send one message and sort what happened; never raises for a fault of this one message."""
    try:
        mailer.send_messages([message])
    except smtplib.SMTPException as error:
        _drop_connection(mailer)
        return _of_smtp(error)
    except AnymailRecipientsRefused:
        return Outcome(DeliveryStatus.FAILED, error=_("The provider refused the recipient."))
    except AnymailConfigurationError as error:
        raise MailerRefuses(_describe(error)) from error
    except AnymailAPIError as error:
        return _of_api(error)
    except (AnymailError, ValueError, UnicodeError) as error:
        # Refused before anything left this machine: a header or an address that cannot be written.
        return Outcome(DeliveryStatus.FAILED, error=_describe(error))
    except OSError as error:
        _drop_connection(mailer)
        return Outcome(DeliveryStatus.UNKNOWN, error=_describe(error))
    return Outcome(DeliveryStatus.SENT, message_id=_message_id(message))


def _drop_connection(mailer: BaseEmailBackend) -> None:
    """After an error smtplib may have closed it without Django's knowing; the next message gets a new one."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        mailer.close()


def _of_smtp(error: smtplib.SMTPException) -> Outcome:
    if isinstance(error, smtplib.SMTPSenderRefused):
        raise MailerRefuses(_describe(error)) from error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _reply in error.recipients.values()]
        return _by_code(
            min(codes), _("The server refused the recipient (%(code)s).") % {"code": codes[0]}
        )
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return _by_code(
            error.smtp_code, _("The server answered %(code)s.") % {"code": error.smtp_code}
        )
    # The connection broke: the server may or may not have taken the message.
    return Outcome(DeliveryStatus.UNKNOWN, error=_describe(error))


def _by_code(code: int, reason: str) -> Outcome:
    permanent = code >= 500
    return Outcome(DeliveryStatus.FAILED if permanent else DeliveryStatus.PENDING, error=reason)


def _of_api(error: AnymailAPIError) -> Outcome:
    code = _code_of(error)
    if code is None:
        if _never_connected(error):
            raise MailerRefuses(_describe(error)) from error
        return Outcome(DeliveryStatus.UNKNOWN, error=_describe(error))
    if code in NOBODYS_FAULT:
        raise MailerRefuses(f"{_describe(error)} {code}") from error
    reason = _("The provider answered %(code)s.") % {"code": code}
    return Outcome(_status_after(code), error=reason)


def _code_of(error: AnymailAPIError) -> int | None:
    """The HTTP status; boto3, for Amazon SES, has it in a place of its own."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return getattr(error, "status_code", None)


def _status_after(code: int) -> DeliveryStatus:
    """What an HTTP status says of the message. Where it may have been taken, nobody sends it again."""
    if code in (429, 503):
        return DeliveryStatus.PENDING
    if 400 <= code < 500 and code != 408:
        return DeliveryStatus.FAILED
    return DeliveryStatus.UNKNOWN


def _never_connected(error: BaseException | None) -> bool:
    """No conversation was begun, so nothing can have been taken: refused, no such host, no certificate."""
    while error is not None:
        reason = getattr(error, "reason", None)  # What made urllib3 give up.
        if isinstance(error, NEVER_CONNECTED) or isinstance(reason, NEVER_CONNECTED):
            return True
        error = error.__cause__ or error.__context__ or _argument(error)
    return False


def _argument(error: BaseException) -> BaseException | None:
    """requests wraps urllib3's errors as their argument."""
    return next((each for each in error.args if isinstance(each, BaseException)), None)


def _message_id(message: NewsletterMessage) -> str:
    return message.anymail_status.message_id or message.extra_headers["Message-ID"]


def _describe(error: Exception) -> str:
    """The kind of error alone: its text may hold the address."""
    return type(error).__name__
