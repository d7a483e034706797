"""What a lane has to send: batch after batch is claimed, and looked at once more before it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from .. import conf
from ..models import Campaign
from . import audience
from .claims import Claim, Claimed
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


class Supply:
    """Iterated, it hands out what it has claimed, as long as that is fresh.

    `begin` claims a batch when nothing is under way; `more` another one while answers are awaited, and step by
    step, so that none of them waits for us.
    """

    def __init__(self, campaign: Campaign, turn: Turn, *, deadline: float) -> None:
        self._campaign = campaign
        #: Put together once: that takes as long as to ask.
        self._mailable = audience.still_for(campaign).mailable()
        self._with_answers = bool(campaign.frozen_message.fields)
        self._turn = turn
        self._deadline = deadline
        self._size = FIRST_BATCH
        self._patience = LATEST
        #: What is claimed, and not looked at yet.
        self._claims: list[Claim] = []
        self._batch: Iterator[Claimed] = iter(())
        self._began = self._fresh_until = 0.0
        #: How many of the batch are left, and how many handed out, or nobody's any more.
        self._left = self._done_with = 0
        self._is_exhausted = False
        #: The deliveries that have been handed out since the beginning.
        self.handed_out: set[int] = set()

    @property
    def is_over(self) -> bool:
        return monotonic() >= self._deadline

    def begin(self) -> bool:
        """What was handed out and has no outcome is due again. As to the answer see `more`."""
        self.handed_out = set()
        self._claims, self._left, self._is_exhausted = [], 0, False
        return self.more()

    @property
    def _is_some_left(self) -> bool:
        return self._left > 0 and monotonic() < self._fresh_until

    def more(self, *, at_once: bool = True) -> bool:
        """False while something is left, where the time is up, and where nothing is due, or not now (`Turn.wait`).

        What a sender with limits was granted has all left before more is asked for. Not `at_once` it is a step
        of two, and false after the first; it is not made for letters that nobody has wanted in time.
        """
        if not at_once and self._left:
            return False
        waits_for_answers = bool(self.handed_out) and self._turn.is_limited
        if self._is_exhausted or waits_for_answers or self._is_some_left or self.is_over:
            return False
        if not self._claims:
            self._claim()
            if not at_once:
                return False
        return self._look()

    def _claim(self) -> None:
        """What is left of the last batch is given back, and so nobody's here."""
        self._batch, self._left = iter(()), 0
        if self._began:
            self._size = _size_after(self._done_with, monotonic() - self._began)
        self._claims = self._turn.claim(min(self._size, conf.batch_size()), keep=self.handed_out)
        self._is_exhausted = not self._claims
        self._began = monotonic() if self._claims else 0.0
        self._fresh_until = min(self._deadline, self._began + FRESH)

    def _look(self) -> bool:
        claims, self._claims = self._claims, []
        reached = self._look_at(claims)
        self._left, self._done_with = len(reached), len(claims) - len(reached)
        self._batch = iter(reached)
        return bool(claims)

    def _look_at(self, claims: list[Claim]) -> list[Claimed]:
        if not claims:
            return []
        latest = self._began + self._patience
        reached = self._turn.look(
            lambda: audience.recipients(
                self._campaign,
                self._mailable,
                claims,
                latest=latest,
                with_answers=self._with_answers,
            )
        )
        self._turn.skip(set(claims) - {each.claim for each in reached})
        return reached

    def __iter__(self) -> Iterator[Claimed]:
        return self

    def __next__(self) -> Claimed:
        if monotonic() >= self._fresh_until:
            raise StopIteration
        claimed = next(self._batch)
        self._left -= 1
        self._done_with += 1
        self.handed_out.add(claimed.delivery)
        return claimed

    def wait_longer(self) -> None:
        """The server was slower than all of a batch was good for. Raise `MailerRefuses` where it always is."""
        if self._patience > PATIENCE:
            raise MailerRefuses("TimeoutError")
        self._patience *= 4
        self._deadline = max(self._deadline, monotonic() + FRESH)


def _size_after(number: int, seconds: float) -> int:
    """What takes about `BATCH_SECONDS` at that pace, growing step by step."""
    return max(1, min(number * 4, int(number * BATCH_SECONDS / max(seconds, 0.001))))
