"""A lane's work: it reserves connections, opens the way out, and sends until its time is up."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic, sleep
from typing import Protocol, TypeGuard

from anymail.backends.base_requests import AnymailRequestsBackend
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils.timezone import now

from .. import conf
from ..models import Campaign, Ledger, SenderSettings
from . import messages
from .backends import BackendTransport, copies_in_a_call
from .compose import Composer
from .smtp import SmtpTransport
from .supply import FRESH, Supply
from .transport import MailerRefuses
from .turn import Turn

#: Seconds until a lane asks again that found all of the sender's connections in use.
CONNECTION_WAIT = 1
#: Seconds for which a lane waits for its sender's next message, or as its provider asks; where it takes longer
#: it lets others work, and asks again after that many at most: a limit may be lifted.
SHORT_WAIT = 5
LONG_WAIT = 60


class SenderWaits(Exception):
    """The sender's own limits let nothing leave for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Transport(Protocol):
    """One way out for the messages of a lane."""

    def open(self, turn: Turn) -> None:
        """Raise `MailerRefuses` where no conversation can be begun."""

    def keep_open(self) -> None:
        """Leave to this worker's next turn what is open and worth it; what was not left is closed."""

    def close(self) -> None: ...

    def deliver(self, supply: Supply, turn: Turn) -> None:
        """Send all of it, and have the turn record each outcome, and beforehand what leaves.

        Raise `MailerRefuses` where nothing is taken any more; what is left then is still claimed.
        """


def run(campaign: Campaign, turn: Turn, *, deadline: float) -> None:
    """Send until nothing is due or the time is up; raise `MailerRefuses` where nothing is taken."""
    connections = _reserve_connections(turn, deadline)
    if not connections:
        return
    composer = Composer(campaign.frozen_message)
    transport = transport_for(messages.open_mailer(), composer, connections=connections)
    try:
        transport.open(turn)
        # Also where that took its time.
        supply = Supply(campaign, turn, deadline=max(deadline, monotonic() + FRESH))
        _send_all(supply, turn, transport)
        if SenderSettings.for_site(campaign.site).connections is None:
            transport.keep_open()
    finally:
        transport.close()


def _reserve_connections(turn: Turn, deadline: float) -> int:
    """None where other lanes have all that the sender may have, all the time."""
    while not (connections := turn.reserve_connections(conf.connections())):
        if monotonic() > deadline:
            break
        sleep(CONNECTION_WAIT)
        turn.beat()
    return connections


def _send_all(supply: Supply, turn: Turn, transport: Transport) -> None:
    refusals = 0
    while not supply.is_over:
        if not supply.begin():
            if not turn.wait:
                return
            _wait(turn)
            continue
        settled = turn.settled
        try:
            transport.deliver(supply, turn)
            refusals = 0
        except MailerRefuses as refusal:
            refusals = refusals + 1 if turn.settled == settled else 1
            _rest(refusal, at_least=2 ** (refusals - 1))
            continue
        if supply.handed_out and turn.settled == settled:
            supply.wait_longer()


def _wait(turn: Turn) -> None:
    """For the sender's next message, where it is a matter of seconds."""
    if turn.wait > SHORT_WAIT:
        raise SenderWaits(min(turn.wait, LONG_WAIT))
    sleep(turn.wait)
    turn.beat()


def _rest(refusal: MailerRefuses, *, at_least: float) -> None:
    """Where the provider says for how long, and that is a matter of seconds: no lane calls it before."""
    if refusal.retry_after is None:
        raise refusal
    seconds = max(refusal.retry_after.total_seconds(), at_least)
    if seconds > SHORT_WAIT:
        raise refusal
    Ledger.objects.keep_quiet(until=now() + timedelta(seconds=seconds))


def transport_for(mailer: BaseEmailBackend, composer: Composer, *, connections: int) -> Transport:
    """By what the configured backend is, and what it can do."""
    if _speaks_smtp(mailer):
        return SmtpTransport(mailer, composer, connections=connections)
    return BackendTransport(mailer, composer, calls=connections if _is_api(mailer) else 1)


def describe(mailer: BaseEmailBackend) -> str:
    """The same in words, with what limits it; for people who run the site, in English."""
    number = conf.connections()
    if _speaks_smtp(mailer):
        return (
            f"Campaigns leave by SMTP, over {number} connections a lane, a round trip a message where "
            "the server offers PIPELINING."
        )
    name = f"{type(mailer).__module__}.{type(mailer).__name__}"
    if _is_api(mailer):
        most = copies_in_a_call(mailer, calls=number)
        each = f"a call for up to {most} messages" if most > 1 else "a call a message"
        return f"Campaigns leave by {name}, {each}, {number} calls at once in a lane."
    return f"Campaigns leave by {name}, one message after the other in a lane."


def _speaks_smtp(mailer: BaseEmailBackend) -> TypeGuard[SmtpBackend]:
    return isinstance(mailer, SmtpBackend) and _sends_as_django_does(type(mailer))


def _is_api(mailer: BaseEmailBackend) -> bool:
    """Each message is a call of its own, so that several may be made at once."""
    return isinstance(mailer, AnymailRequestsBackend)


def _sends_as_django_does(backend: type[SmtpBackend]) -> bool:
    """One that signs messages, say, has to be asked for each."""
    ours = ("send_messages", "_send")
    return all(getattr(backend, name) is getattr(SmtpBackend, name) for name in ours)
