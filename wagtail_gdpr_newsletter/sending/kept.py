"""Connections outlive a lane's turn by some seconds: the worker's next turn goes on with them.

To open one takes up to nine round trips, and a turn is short.
"""

from __future__ import annotations

import selectors
import smtplib
from contextlib import suppress
from threading import Lock, Timer
from time import monotonic
from typing import Any, NamedTuple

from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

#: Seconds until nobody goes on with them any more; the next turn begins at once, if it is this worker's.
KEPT = 3
#: Attributes of a mailer that nobody has configured.
STATE = {"connection", "ssl_context", "_lock", "_partial_connection"}


class Kept(NamedTuple):
    until: float
    configuration: tuple[Any, ...]
    smtp: smtplib.SMTP


_kept: list[Kept] = []
_lock = Lock()


def keep(mailer: SmtpBackend, connections: list[smtplib.SMTP]) -> None:
    """Whoever has a mailer configured alike may go on with them."""
    until = monotonic() + KEPT
    with _lock:
        _kept.extend(Kept(until, _configuration(mailer), smtp) for smtp in connections)
    closing = Timer(KEPT, _close_old)
    closing.daemon = True
    closing.start()


def take(mailer: SmtpBackend, most: int) -> list[smtplib.SMTP]:
    """Up to so many, as far as they are open still; they are the caller's then."""
    configuration = _configuration(mailer)
    with _lock:
        taken = [each for each in _kept if each.configuration == configuration][:most]
        for each in taken:
            _kept.remove(each)
    smtps = [each.smtp for each in taken]
    with selectors.DefaultSelector() as selector:
        for smtp in smtps:
            selector.register(smtp.sock, selectors.EVENT_READ, smtp)  # type: ignore[arg-type]  # It is open.
        for key, _mask in selector.select(0):
            key.data.close()  # Unasked the server says nothing but that it is gone.
    return [smtp for smtp in smtps if smtp.sock]


def _close_old() -> None:
    with _lock:
        old = [each for each in _kept if each.until <= monotonic()]
        for each in old:
            _kept.remove(each)
    for each in old:
        with suppress(OSError, smtplib.SMTPException):  # It had no more to say.
            each.smtp.quit()


def _configuration(mailer: SmtpBackend) -> tuple[Any, ...]:
    settings = {name: value for name, value in vars(mailer).items() if name not in STATE}
    return type(mailer), settings
