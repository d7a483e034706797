"""Through any Django mail backend, a message a call; where it is Anymail's, several calls at once.

Where the provider takes batches, a call is for many readers (see `batches`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from math import ceil
from time import monotonic
from typing import NamedTuple

from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections

from .. import conf
from ..models import DeliveryStatus
from . import batches, messages
from .claims import Claimed
from .compose import Composer
from .settling import Settled
from .supply import Supply
from .transport import (
    MailerRefuses,
    Outcome,
    cannot_be_written,
    open_connection,
    send,
    send_batch,
)
from .turn import BEAT, Turn

#: Calls in doubt one after the other are no accident: the server is in trouble.
DOUBTS_IN_A_ROW = 2


class Call(NamedTuple):
    """Whom it is for, what they get, and through which backend it goes."""

    claimed: Sequence[Claimed]
    message: messages.NewsletterMessage
    mailer: BaseEmailBackend


class BackendTransport:
    """`calls`: how many at once; more than one only where each is a call of its own, as to an API."""

    def __init__(self, mailer: BaseEmailBackend, composer: Composer, *, calls: int) -> None:
        self._composer = composer
        self._provider = messages.provider_of(mailer)
        self._batches = batches.BatchComposer(composer, self._provider)
        self._in_a_call = copies_in_a_call(mailer, calls=calls)
        self._mailers = [mailer, *(messages.open_mailer() for _number in range(calls - 1))]
        self._pool = ThreadPoolExecutor(calls) if calls > 1 else None
        #: Parts of calls that were refused as a whole: whose fault it is shows itself.
        self._parts: deque[Sequence[Claimed]] = deque()
        self._groups: Iterator[Sequence[Claimed]] = iter(())
        #: What is not recorded yet: outcomes, and who was to be in a call and got nothing by it.
        self._settled: list[Settled] = []
        self._untouched: list[Claimed] = []
        self._refusal: MailerRefuses | None = None
        self._doubts = 0

    def open(self, turn: Turn) -> None:
        for mailer in self._mailers:
            open_connection(mailer)

    def keep_open(self) -> None:
        """Nothing: each of the next turn's calls opens what it needs."""

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown()
        for mailer in self._mailers:
            mailer.close()

    def deliver(self, supply: Supply, turn: Turn) -> None:
        """As `SmtpTransport.deliver`."""
        self._refusal, self._doubts = None, 0
        self._parts.clear()
        self._groups = batches.grouped(supply, self._in_a_call)
        idle = list(self._mailers)
        under_way: dict[Future[list[Outcome]], Call] = {}
        while True:
            leaving = [] if self._refusal else self._calls(supply, idle)
            if not (leaving or under_way or self._settled or self._untouched):
                break
            self._record(turn, leaving)
            for call in leaving:
                if any(map(_is_refusal, under_way)) or _is_late(call.claimed):  # Since.
                    self._untouched += call.claimed
                    idle.append(call.mailer)
                else:
                    under_way[self._begin(call)] = call
            is_more = bool(idle) and not self._refusal and supply.more()
            pause = 0 if is_more else BEAT
            done, _waiting = wait(under_way, timeout=pause, return_when=FIRST_COMPLETED)
            turn.beat()
            for future in done:
                call = under_way.pop(future)
                idle.append(call.mailer)
                self._hear(call, future)
        if self._refusal:
            raise self._refusal

    def _calls(self, supply: Supply, idle: list[BaseEmailBackend]) -> list[Call]:
        """For each that is idle, as long as there is somebody to write to."""
        calls = []
        for _number in range(len(idle)):
            group = self._next_group(supply)
            if group is None:
                break
            try:
                calls.append(Call(group, self._message_for(group), idle.pop()))
            except ValueError as error:  # Of what it is made of.
                outcome = replace(cannot_be_written(error), nothing_taken=True)
                self._learn(group, [outcome] * len(group))
        return calls

    def _record(self, turn: Turn, leaving: Sequence[Call]) -> None:
        settled, untouched = self._settled, self._untouched
        self._settled, self._untouched = [], []
        try:
            turn.record(settled, [each for call in leaving for each in call.claimed], untouched)
        except MailerRefuses as streak:
            self._refusal = self._refusal or streak

    def _hear(self, call: Call, answer: Future[list[Outcome]]) -> None:
        try:
            self._learn(call.claimed, answer.result())
        except MailerRefuses as refusal:
            self._refusal = self._refusal or refusal
            self._untouched += call.claimed

    def _learn(self, group: Sequence[Claimed], outcomes: Sequence[Outcome]) -> None:
        """What has become of everybody in a call."""
        if len(group) > 1 and outcomes[0].nothing_taken:
            self._untouched += group
            self._take_apart(group)
            return
        self._settled += map(Settled, group, outcomes)
        in_doubt = outcomes[0].status == DeliveryStatus.UNKNOWN
        self._doubts = self._doubts + 1 if in_doubt else 0
        if self._doubts >= DOUBTS_IN_A_ROW:
            self._refusal = MailerRefuses(outcomes[0].error)

    def _next_group(self, supply: Supply) -> Sequence[Claimed] | None:
        while group := self._take_group(supply):
            if not _is_late(group):
                return group
        return None

    def _take_group(self, supply: Supply) -> Sequence[Claimed] | None:
        if self._parts:
            return self._parts.popleft()
        if group := next(self._groups, None):
            return group
        # Of the next batch, if there is one.
        self._groups = batches.grouped(supply, self._in_a_call)
        return next(self._groups, None)

    def _take_apart(self, group: Sequence[Claimed]) -> None:
        """One address that it does not like, and a provider takes none of a call."""
        half = len(group) // 2
        self._parts.extendleft([group[half:], group[:half]])

    def _begin(self, call: Call) -> Future[list[Outcome]]:
        if self._pool:
            return self._pool.submit(_send_apart, call.mailer, call.message)
        done: Future[list[Outcome]] = Future()
        try:
            open_connection(call.mailer)
            done.set_result(_send(call.mailer, call.message))
        except MailerRefuses as refusal:
            done.set_exception(refusal)
        return done

    def _message_for(self, claimed: Sequence[Claimed]) -> messages.NewsletterMessage:
        recipients = [each.recipient for each in claimed]
        if len(recipients) == 1:
            return self._composer.message(recipients[0], provider=self._provider)
        return self._batches.message(recipients)


def _is_late(group: Sequence[Claimed]) -> bool:
    """It was asked too long ago who may get it."""
    return monotonic() > group[0].latest


def _is_refusal(answer: Future[list[Outcome]]) -> bool:
    return answer.done() and isinstance(answer.exception(), MailerRefuses)


def copies_in_a_call(mailer: BaseEmailBackend, *, calls: int) -> int:
    """More than one where the provider takes batches; each of the calls gets its share of what is claimed."""
    if messages.provider_of(mailer) not in batches.PROVIDERS:
        return 1
    return min(batches.MOST, ceil(conf.batch_size() / calls))


def _send(mailer: BaseEmailBackend, message: messages.NewsletterMessage) -> list[Outcome]:
    return send_batch(mailer, message) if len(message.to) > 1 else [send(mailer, message)]


def _send_apart(mailer: BaseEmailBackend, message: messages.NewsletterMessage) -> list[Outcome]:
    try:
        return _send(mailer, message)
    finally:
        connections.close_all()  # A receiver of Anymail's signals may have opened one.
