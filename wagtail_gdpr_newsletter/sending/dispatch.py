"""A lane's work: it claims a batch, asks once more who may be written to, sends, and claims the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import takewhile
from time import monotonic, sleep
from typing import Protocol, TypeGuard

from anymail.backends.base_requests import AnymailRequestsBackend
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils.timezone import now

from .. import conf
from ..models import Campaign, Ledger
from . import audience, messages
from .backends import BackendTransport, copies_in_a_call
from .compose import Composer
from .settling import Claimed
from .smtp import SmtpTransport
from .transport import PATIENCE, MailerRefuses
from .turn import Turn

#: The first batch of a turn, before anybody knows how fast the server is.
FIRST_BATCH = 64
#: Seconds of work in a batch, and for how many it is good whatever the server does: then it is asked again
#: who has left, and whether to go on.
BATCH_SECONDS = 2
FRESH = 3
#: Seconds after which nothing of it leaves any more, however slow the server was to say "go ahead"; more
#: for a server that is always slower.
LATEST = 5
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

    def close(self) -> None: ...

    def deliver(self, claimed: Iterator[Claimed], turn: Turn, *, latest: float) -> None:
        """Send to all of them, and have the turn record each outcome, and beforehand what leaves.

        None leaves later than `latest`, by the monotonic clock: by then somebody may have left.

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
        _send_batches(campaign, turn, transport, max(deadline, monotonic() + FRESH))
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


def _send_batches(campaign: Campaign, turn: Turn, transport: Transport, deadline: float) -> None:
    size, patience, refusals = FIRST_BATCH, LATEST, 0
    while monotonic() < deadline:
        batch = turn.claim(min(size, conf.batch_size()))
        if not batch and not turn.wait:
            return
        if not batch:
            _wait(turn)
            continue
        began = monotonic()
        reached = audience.recipients(campaign, batch)
        turn.skip(set(batch) - {each.claim for each in reached})
        fresh = _until(min(deadline, began + FRESH), reached)
        try:
            transport.deliver(fresh, turn, latest=began + patience)
            refusals = 0
        except MailerRefuses as refusal:
            refusals = (
                refusals + 1 if turn.left == len(batch) else 1
            )  # In a row, with nothing taken.
            _rest(refusal, at_least=2 ** (refusals - 1))
            continue
        if turn.left == len(batch):  # The server was slower than that.
            if patience > PATIENCE:
                raise MailerRefuses("TimeoutError")
            patience *= 4
            deadline = max(deadline, monotonic() + FRESH)
        size = _size_after(len(batch) - turn.left, monotonic() - began)


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


def _until(deadline: float, claimed: Iterable[Claimed]) -> Iterator[Claimed]:
    return takewhile(lambda _each: monotonic() < deadline, claimed)


def _size_after(number: int, seconds: float) -> int:
    """What takes about `BATCH_SECONDS` at that pace, growing step by step."""
    return max(1, min(number * 4, int(number * BATCH_SECONDS / max(seconds, 0.001))))


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
