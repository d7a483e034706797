"""What became of a message gets a name: one sent through the site's mail backend, and any server's reply."""

from __future__ import annotations

import contextlib
import copy
import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime

import requests
import urllib3.exceptions
from anymail.backends.base import AnymailBaseBackend
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailError,
    AnymailRecipientsRefused,
)
from anymail.message import AnymailRecipientStatus
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils.timezone import now
from django.utils.translation import gettext as _

from ..models import DeliveryStatus
from .messages import NewsletterMessage


@dataclass(frozen=True)
class Outcome:
    """What is written into the ledger."""

    status: DeliveryStatus
    #: What the provider calls the message.
    message_id: str = ""
    #: For people, without addresses.
    error: str = ""
    #: The server says that there is no such mailbox, now or later.
    mailbox_is_dead: bool = False
    #: A call was refused before anything of it was taken: its parts may be tried.
    nothing_taken: bool = False

    @property
    def is_later(self) -> bool:
        """Nothing was taken, and it is worth another attempt."""
        return self.status == DeliveryStatus.PENDING


SENT = Outcome(DeliveryStatus.SENT)


NEVER_CONNECTED = (
    requests.ConnectTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    urllib3.exceptions.NewConnectionError,
)


#: Enhanced status codes of a mailbox or domain that does not exist (RFC 3463, 3.2; RFC 7505).
NO_SUCH_MAILBOX = re.compile(r"5\.1\.(1|2|3|6|10)\b")
#: Seconds for which a mail server may be silent, at most; less than a lane's lease.
PATIENCE = 60
#: Nobody waits longer for a provider.
LONGEST_WAIT = timedelta(days=1)

#: Wrong key, no credit left, wrong address of the API or of the sender.
NOBODYS_FAULT = {401, 402, 403, 404, 405}
#: Too many requests (RFC 6585, 4), and no service for now (RFC 9110, 15.6.4): of messages they say nothing.
TOO_MUCH = {429, 503}
#: What Anymail calls it where a provider has not taken a message for somebody.
NOT_TAKEN = {"invalid", "rejected", "failed"}


class MailerRefuses(Exception):
    """The server or provider takes nothing at all now: no delivery is to blame.

    `for_good`: until a person has changed something, a password say. `retry_after`: no sooner than that,
    where the provider says so.
    """

    def __init__(
        self, reason: str, *, for_good: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(reason)
        self.for_good = for_good
        self.retry_after = retry_after


def open_connection(mailer: BaseEmailBackend) -> None:
    """Raise `MailerRefuses` where no conversation can be begun."""
    try:
        mailer.open()
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        drop_connection(mailer)  # It may be half open, after a wrong password say.
        raise refused_at_the_door(error) from error


def another(mailer: SmtpBackend) -> SmtpBackend:
    """Configured alike, with a connection of its own, and never waiting for ever."""
    twin = copy.copy(mailer)
    twin.connection = None
    twin.timeout = min(mailer.timeout or PATIENCE, PATIENCE)
    return twin


def refused_at_the_door(error: Exception) -> MailerRefuses:
    if isinstance(error, smtplib.SMTPResponseException):
        return MailerRefuses(
            f"{_describe(error)} {error.smtp_code}", for_good=error.smtp_code >= 500
        )
    for_good = isinstance(
        error,
        smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError | AnymailConfigurationError,
    )
    return MailerRefuses(_describe(error), for_good=for_good)


def send(mailer: BaseEmailBackend, message: NewsletterMessage) -> Outcome:
    """Send one message and sort what happened; never raises for a fault of this one message."""
    if failure := _failure(mailer, message):
        return failure
    status = message.anymail_status
    if status.recipients and all(each.status in NOT_TAKEN for each in status.recipients.values()):
        return refused_by_provider()
    known = status.message_id if isinstance(status.message_id, str) else ""
    return Outcome(DeliveryStatus.SENT, message_id=known)


def send_batch(mailer: BaseEmailBackend, message: NewsletterMessage) -> list[Outcome]:
    """The same with one that is for several: an outcome for each whom it is to, in their order.

    What is said of the call as a whole is one object. The provider's ids are left: some give one id to all, and
    its events name the delivery by ours.
    """
    mailboxes = list(message.to)  # The site's own code may take some of them away.
    if failure := _failure(mailer, message):
        return [failure] * len(mailboxes)
    answers = message.anymail_status.recipients
    return [_of_answer(answers.get(mailbox)) for mailbox in mailboxes]


def _of_answer(answer: AnymailRecipientStatus | None) -> Outcome:
    if answer is None:
        return kept_back()
    return refused_by_provider() if answer.status in NOT_TAKEN else SENT


def _failure(mailer: BaseEmailBackend, message: NewsletterMessage) -> Outcome | None:
    """What kept it from being sent, where something did."""
    try:
        if mailer.send_messages([message]) == 0:
            return replace(kept_back(), nothing_taken=True)
    except Exception as error:  # noqa: BLE001 -- backends raise what they like
        return _of_error(error, mailer, message)
    return None


def _of_error(
    error: Exception, mailer: BaseEmailBackend, message: NewsletterMessage
) -> Outcome | None:
    if isinstance(error, smtplib.SMTPException):
        drop_connection(mailer)
        return _of_smtp(error)
    if isinstance(error, AnymailRecipientsRefused):
        return refused_by_provider()
    if isinstance(error, AnymailConfigurationError):
        raise MailerRefuses(_describe(error), for_good=True) from error
    if isinstance(error, AnymailAPIError):
        return _of_api(error)
    if isinstance(mailer, AnymailBaseBackend):
        return _around_the_call(error, message)
    if isinstance(error, ValueError | UnicodeError):
        return cannot_be_written(error)
    if isinstance(error, OSError):
        drop_connection(mailer)
    return in_doubt(error)  # It may have left by then.


def _around_the_call(error: Exception, message: NewsletterMessage) -> Outcome | None:
    """Raised by a message that cannot be told to the provider, or by the site's own receivers of signals."""
    status = message.anymail_status
    if status.esp_response is None:
        return replace(cannot_be_written(error), nothing_taken=True)
    return None if status.recipients else in_doubt(error)


def refused_by_provider() -> Outcome:
    return Outcome(DeliveryStatus.FAILED, error=_("The provider refused the recipient."))


def kept_back() -> Outcome:
    """By the backend itself, or by a receiver of Anymail's `pre_send`."""
    return Outcome(DeliveryStatus.FAILED, error=_("The site's own code kept the message back."))


def cannot_be_written(error: Exception) -> Outcome:
    """Refused before anything left this machine: by a header or an address that makes no message."""
    return Outcome(DeliveryStatus.FAILED, error=_describe(error))


def in_doubt(error: Exception) -> Outcome:
    """The connection broke, or nobody answered: the server may or may not have taken the message."""
    words = (
        _("Nobody answered in time (%(error)s).")
        if isinstance(error, TimeoutError | requests.Timeout)
        else _("The conversation broke off (%(error)s).")
    )
    return Outcome(DeliveryStatus.UNKNOWN, error=words % {"error": _describe(error)})


def of_reply(code: int, text: str = "", *, to_recipient: bool = False) -> Outcome:
    """What a server's reply says of one message (RFC 5321, 4.2); `text`: what follows the code.

    2yz is yes, 4yz and 5yz are no; anything else in their place is no answer.
    """
    if 200 <= code < 300:
        return SENT
    if not 400 <= code < 600:
        return in_doubt(ConnectionError())
    words = (
        _("The server refused the recipient (%(code)s).")
        if to_recipient
        else _("The server answered %(code)s.")
    )
    return Outcome(
        DeliveryStatus.FAILED if code >= 500 else DeliveryStatus.PENDING,
        error=words % {"code": code},
        mailbox_is_dead=to_recipient and code >= 500 and NO_SUCH_MAILBOX.match(text) is not None,
    )


def drop_connection(mailer: BaseEmailBackend) -> None:
    """After an error smtplib may have closed it without Django's knowing; the next message gets a new one."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        mailer.close()


def _of_smtp(error: smtplib.SMTPException) -> Outcome:
    if isinstance(error, smtplib.SMTPSenderRefused):
        raise refused_at_the_door(error) from error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((code, reply),) = error.recipients.values()  # We name one recipient a message.
        return of_reply(code, reply.decode("ascii", "replace"), to_recipient=True)
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return of_reply(error.smtp_code)
    return in_doubt(error)


def _of_api(error: AnymailAPIError) -> Outcome:
    code = _code_of(error)
    if code is None:
        if _never_connected(error):
            raise MailerRefuses(_describe(error)) from error
        return in_doubt(error)
    if code in NOBODYS_FAULT:
        raise MailerRefuses(f"{_describe(error)} {code}", for_good=True) from error
    if code in TOO_MUCH:
        wait = _retry_after(error)
        raise MailerRefuses(f"{_describe(error)} {code}", retry_after=wait) from error
    reason = _("The provider answered %(code)s.") % {"code": code}
    status = _status_after(code)
    return Outcome(status, error=reason, nothing_taken=status == DeliveryStatus.FAILED)


def _retry_after(error: AnymailAPIError) -> timedelta | None:
    """What the provider asks for (RFC 9110, 10.2.3): seconds, or a date."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked = headers.get("Retry-After", "")
    if asked.isdecimal():
        return min(timedelta(seconds=int(asked[:9])), LONGEST_WAIT)
    try:
        return min(max(parsedate_to_datetime(asked) - now(), timedelta(0)), LONGEST_WAIT)
    except (TypeError, ValueError):
        return None


def _code_of(error: AnymailAPIError) -> int | None:
    """The HTTP status; boto3, for Amazon SES, has it in a place of its own."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return getattr(error, "status_code", None)


def _status_after(code: int) -> DeliveryStatus:
    """What an HTTP status says of the message. Where it may have been taken, nobody sends it again."""
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


def _describe(error: Exception) -> str:
    """The kind of error alone: its text may hold the address."""
    return type(error).__name__
