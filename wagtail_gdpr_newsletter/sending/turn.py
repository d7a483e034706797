"""A lane at work: it claims deliveries, records what becomes of them, and gives the rest back."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from time import monotonic, sleep
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.timezone import now

from ..models import Campaign, Delivery, DeliveryStatus, Lane, Ledger, Pace, SendStatus
from ..models.deliveries import DeliveryQuerySet
from ..models.ledgers import LANE_LEASE
from . import lanes
from .claims import Batch, Claim, Claimed
from .settling import Settled, grouped, suppress_dead_mailbox
from .transport import MailerRefuses, Outcome

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: What is read of a delivery that is claimed.
CLAIM = ("pk", "attempts", "contact")
#: Seconds between two signs of life.
BEAT = 5
#: Lines of a cancelled campaign that one statement settles.
CANCEL_STEP = 10_000
#: Seconds before the database is asked again that was away.
PAUSES = (0, 0.5, 2)
#: So many answers of one kind in a row, and not one message taken, are not about the messages.
STREAK = 20


class LaneLost(Exception):
    """Somebody took this lane for dead: it must not send anything more."""


def take_turn() -> Turn | None:
    """A turn of this worker, or `None` where its cluster has as many at work as it may."""
    lane = lanes.open_lane()
    return Turn(lane) if lane else None


class Turn:
    """A lane at work. Nobody else touches what it has claimed."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.campaign = Campaign()  # Until it has turned to one.
        self._in_flight: set[int] = set()
        #: What is claimed and has no outcome yet.
        self._batches: list[Batch] = []
        #: What the transaction under way writes into the lane's row.
        self._changes: dict[str, Any] = {}
        #: Whether its sender may send only so many, and seconds until it may again, where the last claim was empty
        #: for that reason.
        self.is_limited = False
        self.wait = 0.0
        self._tally: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._streak: Counter[str] = Counter()
        self._began = self._renewed = monotonic()
        self._commits = 0
        #: How many have got an outcome, and whether a message was taken.
        self.settled = 0
        self.has_sent = False

    def turn_to_next(self) -> Campaign | None:
        """The campaign whose turn it is; `None` where there is nothing to do."""
        ledger = Ledger.objects.with_work().select_related("campaign__site").first()
        if ledger is None:
            return None
        self.campaign = ledger.campaign
        self._renew(campaign=self.campaign)
        Ledger.objects.filter(pk=ledger.pk).update(served_at=now())
        return self.campaign

    def reserve_connections(self, wanted: int) -> int:
        """How many of them it may open: all lanes of a sender share what the sender may have at once."""
        with transaction.atomic():
            return Pace.objects.reserve_connections(self.lane, self.campaign.site, wanted)

    def claim(self, size: int, *, keep: Collection[int]) -> list[Claim]:
        """Up to `size` deliveries that are this lane's from now on; nobody else gets them.

        What needs another attempt goes first. What it had claimed and has no outcome is due again, but for
        `keep`. Empty where nothing is due, or the campaign is not to be sent any more or for now.
        """
        self.wait = 0.0
        answer = self._commit(lambda: self._claim(size, keep, looked_at=now()))
        if answer is None:  # It was written, and the answer got lost: the next claim gives it back.
            self._batches = [Batch.from_json(each) for each in self.lane.batches]
            return []
        self._batches, claims = answer
        return claims

    def _claim(
        self, size: int, keep: Collection[int], *, looked_at: datetime
    ) -> tuple[list[Batch], list[Claim]]:
        self._renew()  # A write first: so SQLite never finds out too late that others write.
        ledger = Ledger.objects.select_for_update().get(campaign=self.campaign)
        batches, claims = self._keep_only(self._in_flight.union(keep)), []
        if self._may_go_on(ledger):
            again = list(_due_again(ledger).order_by("retry_at", "pk").values_list(*CLAIM)[:size])
            line = _due_first(ledger).order_by("pk").values_list(*CLAIM)
            first = list(line[: size - len(again)])
            grant = Pace.objects.grant(self.campaign.site, len(again) + len(first))
            self.is_limited, self.wait = grant.at is not None, grant.wait
            rows = (again + first)[: grant.number]
            claims = [Claim(pk, attempts, contact, looked_at) for pk, attempts, contact in rows]
            numbers = [claim.delivery for claim in claims]
            if again:
                Delivery.objects.still_pending(numbers[: len(again)]).update(retry_at=None)
            if len(claims) > len(again):
                Ledger.objects.filter(pk=ledger.pk).update(claimed_to=numbers[-1])
            if claims:
                batches.append(Batch(looked_at, grant.at, set(numbers)))
        self._changes["batches"] = [batch.as_json() for batch in batches]
        return batches, claims

    def _keep_only(self, kept: Set[int]) -> list[Batch]:
        """What is left of the batches then; the rest is given back."""
        for batch in self._batches:
            lanes.give_back(self.lane, batch, batch.deliveries - kept)
        left = [replace(batch, deliveries=batch.deliveries & kept) for batch in self._batches]
        return [batch for batch in left if batch.deliveries]

    def _may_go_on(self, ledger: Ledger) -> bool:
        if not Campaign.objects.filter(pk=ledger.pk, send_status=SendStatus.SENDING).exists():
            return False
        if ledger.quiet_until and ledger.quiet_until > now():
            self.wait = (ledger.quiet_until - now()).total_seconds()
            return False
        return True

    def look(self, query: Callable[[], T]) -> T:
        """What it answers; where the database was away, it is asked once more."""
        for pause in PAUSES:
            try:
                return query()
            except (OperationalError, InterfaceError):
                if connection.in_atomic_block:
                    raise
                connection.close()
                sleep(pause)
        raise LaneLost

    def skip(self, claims: Collection[Claim]) -> None:
        """Of people who have left since; who has become one with somebody else is looked for once more."""
        if claims:
            self._commit(lambda: self._skip(claims))

    def _skip(self, claims: Collection[Claim]) -> None:
        pending = Delivery.objects.still_pending([claim.delivery for claim in claims])
        whose = dict(pending.values_list("pk", "contact"))
        skipped = {
            claim.delivery
            for claim in claims
            if claim.delivery in whose and whose[claim.delivery] in (None, claim.contact)
        }
        changed = Delivery.objects.still_pending(skipped).update(status=DeliveryStatus.SKIPPED)
        self._close(skipped)
        self._count(DeliveryStatus.SKIPPED, changed)

    def cancel(self, *, deadline: float) -> None:
        """Settle, step by step, what nobody gets any more."""
        while monotonic() < deadline and self._commit(self._cancel_some, unless_known=True):
            continue

    def _cancel_some(self) -> bool:
        ledger = Ledger.objects.select_for_update().get(campaign=self.campaign)
        line = _due_first(ledger)
        numbers = list(line.order_by("pk").values_list("pk", flat=True)[:CANCEL_STEP])
        again = Delivery.objects.to_try_again().filter(campaign=self.campaign)
        changes = {"status": DeliveryStatus.CANCELLED, "retry_at": None}
        changed = again.update(**changes)
        if numbers:
            changed += line.filter(pk__lte=numbers[-1]).update(**changes)
            Ledger.objects.filter(pk=ledger.pk).update(claimed_to=numbers[-1])
        self._count(DeliveryStatus.CANCELLED, changed)
        return changed > 0

    def record(
        self,
        settled: Sequence[Settled],
        leaving: Sequence[Claimed] = (),
        untouched: Sequence[Claimed] = (),
    ) -> None:
        """Commit these outcomes, and that the messages of `leaving` may be accepted from now on.

        `untouched` are those that were to leave and have not, to nobody's blame. Raise `MailerRefuses` after
        so many refusals in a row that the messages cannot be to blame.
        """
        for each in settled:
            if each.outcome.mailbox_is_dead:
                suppress_dead_mailbox(each.claimed)
        done = {each.claimed.delivery for each in settled}
        self._close(done)
        self.settled += len(done)
        self._in_flight -= done
        self._in_flight -= {each.delivery for each in untouched}
        self._in_flight |= {each.delivery for each in leaving}
        self._commit(lambda: self._write(settled))
        outcomes = [each.outcome for each in settled]
        self.has_sent |= any(outcome.status == DeliveryStatus.SENT for outcome in outcomes)
        for _id, same in groupby(outcomes, key=id):  # One answer may be for many.
            self._watch(next(same))

    def _close(self, deliveries: Collection[int]) -> None:
        for batch in self._batches:
            batch.deliveries -= set(deliveries)

    def _write(self, settled: Sequence[Settled]) -> None:
        if any(each.outcome.is_later for each in settled):
            # Another lane may claim it before this one ends.
            self._changes["batches"] = [batch.as_json() for batch in self._batches]
        for changes, deliveries in grouped(settled):
            changed = Delivery.objects.still_pending(deliveries).update(**changes)
            self._count(changes["status"], changed, reason=changes["error"])

    def _commit(self, change: Callable[[], T], unless_known: T | None = None) -> T | None:
        """Make the change and renew the lease, both or neither; where the database was away, once more.

        Whether a change was made whose answer got lost is known by the number of commits in the lane's row:
        then the row is right, and `unless_known` stands for the result.
        """
        for pause in PAUSES:
            before = self._tally.copy(), self._reasons.copy()
            try:
                with transaction.atomic():
                    self._changes = {"commits": self._commits + 1}
                    result = change()
                    self._renew(**self._changes)
                self._commits += 1
                return result
            except (OperationalError, InterfaceError):
                if connection.in_atomic_block:
                    raise
                self._tally, self._reasons = before
                connection.close()
                sleep(pause)
                if self._was_committed():
                    return unless_known
        raise LaneLost

    def _was_committed(self) -> bool:
        try:
            lane = Lane.objects.filter(pk=self.lane.pk).first()
        except (OperationalError, InterfaceError):
            return False  # Still away; the next attempt finds out.
        if lane is None:
            raise LaneLost
        if lane.commits == self._commits:
            return False
        self._commits, self.lane = lane.commits, lane
        self._tally, self._reasons = Counter(lane.tally), Counter(lane.reasons)
        return True

    @property
    def outcomes(self) -> dict[str, int]:
        """How many deliveries of this turn have got which status."""
        return {str(status): number for status, number in self._tally.items()}

    @property
    def seconds(self) -> float:
        """For how long it has been going on."""
        return round(monotonic() - self._began, 1)

    def beat(self) -> None:
        """Say that this lane lives, where it has not for some seconds."""
        if monotonic() - self._renewed > BEAT:
            self._commit(lambda: None)

    def end(self) -> None:
        """What was claimed and has not begun is due again at once; the turn is somebody else's.

        A lane that stays behind while its worker lives keeps others from working until its lease is over:
        so the database is asked again where it was away.
        """
        for pause in PAUSES:
            try:
                lanes.close(self.lane.pk)
                return
            except (OperationalError, InterfaceError):
                if connection.in_atomic_block:
                    raise
                connection.close()
                sleep(pause)
        lanes.close(self.lane.pk)

    def _renew(self, **changes: Any) -> None:
        mine = Lane.objects.filter(pk=self.lane.pk)
        renewed = mine.update(
            leased_until=now() + LANE_LEASE,
            in_flight=sorted(self._in_flight),
            tally=dict(self._tally),
            reasons=dict(+self._reasons),
            **changes,
        )
        if not renewed:
            raise LaneLost
        self._renewed = monotonic()
        for name, value in changes.items():
            setattr(self.lane, name, value)

    def _count(self, status: str, number: int, reason: str = "") -> None:
        if status != DeliveryStatus.PENDING:
            self._tally[status] += number
            self._reasons[reason] += number if reason else 0

    def _watch(self, outcome: Outcome) -> None:
        """Many refusals in a row are not the messages' fault: do not burn through the ledger."""
        if outcome.status == DeliveryStatus.SENT:
            self._streak.clear()
            return
        self._streak[outcome.status] += 1
        if self._streak[outcome.status] >= STREAK:
            raise MailerRefuses(outcome.error, for_good=outcome.status == DeliveryStatus.FAILED)


def _due_first(ledger: Ledger) -> DeliveryQuerySet:
    """What has not had its first turn; by the lock on the ledger nobody else looks there now."""
    return Delivery.objects.pending().filter(campaign=ledger.pk, pk__gt=ledger.claimed_to)


def _due_again(ledger: Ledger) -> DeliveryQuerySet:
    due = Delivery.objects.to_try_again().filter(campaign=ledger.pk, retry_at__lte=now())
    if connection.features.has_select_for_update_skip_locked:
        return due.select_for_update(skip_locked=True)  # A provider's event may hold one.
    return due
