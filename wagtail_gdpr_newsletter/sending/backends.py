"""One message a call through any Django mail backend; where the backend is Anymail's, several calls at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from time import monotonic

from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections

from ..models import DeliveryStatus
from . import messages
from .compose import Composer
from .settling import Claimed, Settled
from .transport import MailerRefuses, Outcome, cannot_be_written, open_connection, send
from .turn import BEAT, Turn

#: Messages in doubt one after the other are no accident: the server is in trouble.
DOUBTS_IN_A_ROW = 2

Call = Callable[[], Outcome]


class BackendTransport:
    """`calls`: how many at once; more than one only where each is a call of its own, as to an API."""

    def __init__(self, mailer: BaseEmailBackend, composer: Composer, *, calls: int) -> None:
        self._composer = composer
        self._provider = messages.provider_of(mailer)
        self._mailers = [mailer, *(messages.open_mailer() for _number in range(calls - 1))]
        self._pool = ThreadPoolExecutor(calls) if calls > 1 else None

    def open(self, turn: Turn) -> None:
        for mailer in self._mailers:
            open_connection(mailer)

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown()
        for mailer in self._mailers:
            mailer.close()

    def deliver(self, claimed: Iterator[Claimed], turn: Turn, *, latest: float) -> None:
        """As `SmtpTransport.deliver`."""
        idle, doubts = list(self._mailers), 0
        calls: dict[Future[Outcome], tuple[Claimed, BaseEmailBackend]] = {}
        settled: list[Settled] = []
        untouched: list[Claimed] = []
        refusal: MailerRefuses | None = None
        while True:
            late = refusal or monotonic() > latest
            leaving = [] if late else list(islice(claimed, len(idle)))
            if not (settled or leaving or untouched or calls):
                break
            try:
                turn.record(settled, leaving, untouched)
            except MailerRefuses as streak:
                refusal = refusal or streak
            settled, untouched = [], []
            for each in leaving:
                mailer = idle.pop()
                calls[self._call(each, mailer)] = (each, mailer)
            done, _waiting = wait(calls, timeout=BEAT, return_when=FIRST_COMPLETED)
            turn.beat()
            for call in done:
                each, mailer = calls.pop(call)
                idle.append(mailer)
                try:
                    outcome = call.result()
                except MailerRefuses as error:
                    refusal = error
                    untouched.append(each)
                    continue
                settled.append(Settled(each, outcome))
                doubts = doubts + 1 if outcome.status == DeliveryStatus.UNKNOWN else 0
                if doubts >= DOUBTS_IN_A_ROW:
                    refusal = MailerRefuses(outcome.error)
        if refusal:
            raise refusal

    def _call(self, claimed: Claimed, mailer: BaseEmailBackend) -> Future[Outcome]:
        done: Future[Outcome] = Future()
        try:
            message = self._composer.message(claimed.recipient, provider=self._provider)
            if self._pool:
                return self._pool.submit(_send_apart, mailer, message)
            open_connection(mailer)
            done.set_result(send(mailer, message))
        except MailerRefuses as refusal:
            done.set_exception(refusal)
        except ValueError as error:  # Of what it is made of.
            done.set_result(cannot_be_written(error))
        return done


def _send_apart(mailer: BaseEmailBackend, message: messages.ComposedMessage) -> Outcome:
    try:
        return send(mailer, message)
    finally:
        connections.close_all()  # A receiver of Anymail's signals may have opened one.
