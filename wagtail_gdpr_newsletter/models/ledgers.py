"""Where the sending of a campaign stands, and who is at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .campaigns import Campaign, SendStatus
from .deliveries import Delivery, DeliveryStatus

#: A lane that has not been heard of for so long is dead; it says so at least every few seconds.
LANE_LEASE = timedelta(minutes=2)


class LedgerQuerySet(models.QuerySet["Ledger"]):
    def lease_to_writer(self, campaign: Campaign, *, until: datetime) -> bool:
        """True for the one worker that writes it until then."""
        free = self.filter(_over("writer_until", now()), campaign=campaign)
        return free.update(writer_until=until) == 1

    def with_work(self, *, at: datetime | None = None) -> LedgerQuerySet:
        """Those of which something can be done now; first who has the fewest lanes, and waits longest.

        `at`: those whose rests were over by then.
        """
        moment = at or now()
        pending = Delivery.objects.pending().filter(campaign=OuterRef("pk"))
        first = Exists(pending.filter(pk__gt=OuterRef("claimed_to")))
        due = first | Exists(pending.filter(retry_at__lte=moment))
        left = first | Exists(pending.filter(retry_at__isnull=False))
        sending = Q(due, _over("rests_until", moment), campaign__send_status=SendStatus.SENDING)
        unwritten = Q(_over("writer_until", moment), campaign__send_status=SendStatus.PREPARING)
        cancelled = Q(left, campaign__send_status=SendStatus.CANCELLED)
        return (
            self.filter(sending | unwritten | cancelled)
            .annotate(at_work=Count("campaign__lanes"))
            .order_by("at_work", F("served_at").asc(nulls_first=True))
        )

    def left_alone(self, *, since: datetime) -> LedgerQuerySet:
        """Those of which something could be done all the time, where no lane has turned to any."""
        if self.filter(served_at__gt=since).exists() or Lane.objects.alive().exists():
            return self.none()
        return self.with_work(at=since).filter(campaign__sending_started_at__lte=since)

    def rest(self, campaign: Campaign, *, until: datetime, **changes: int) -> None:
        """No lane turns to it before; a longer rest stays as it is."""
        shorter = Q(rests_until__isnull=True) | Q(rests_until__lt=until)
        self.filter(shorter, campaign=campaign).update(rests_until=until, **changes)

    def keep_quiet(self, *, until: datetime) -> None:
        """The provider asks for it, and all campaigns go through the same one: lanes at work keep to it, too."""
        under_way = self.filter(
            campaign__send_status__in=[SendStatus.PREPARING, SendStatus.SENDING]
        )
        under_way.filter(_over("quiet_until", until)).update(quiet_until=until)
        under_way.filter(_over("rests_until", until)).update(rests_until=until)

    def is_worked_off(self, campaign: Campaign) -> bool:
        """Whether nothing waits any more and nobody is at work; then everything is counted once more."""
        ledger = self.select_for_update().get(campaign=campaign)
        deliveries = Delivery.objects.filter(campaign=campaign)
        first_turns = deliveries.pending().filter(pk__gt=ledger.claimed_to)
        if campaign.lanes.exists() or first_turns.exists() or deliveries.to_try_again().exists():
            return False
        if deliveries.pending().update(retry_at=now()):  # Whoever had it has let it fall.
            return False
        ledger.tally, ledger.reasons = deliveries.counted(), deliveries.reasons()
        ledger.save(update_fields=["tally", "reasons"])
        return True


def _over(field: str, at: datetime) -> Q:
    """That moment had come by then, or there was none."""
    return Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__lte": at})


def _sum(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    added = Counter(before)
    added.update(more)
    return {name: number for name, number in added.items() if number}


class Ledger(models.Model):
    """All deliveries of a campaign: how far they are. Whoever claims some locks this row for a moment."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="ledger"
    )
    #: Until then one worker has the writing to itself.
    writer_until = models.DateTimeField(null=True)
    #: The contacts up to this number have been looked at, and so many lines were written.
    written_to = models.BigIntegerField(default=0)
    size = models.PositiveIntegerField(default=0)
    #: Nobody is added any more, whoever joins.
    is_complete = models.BooleanField(default=False)
    #: The deliveries up to this number have had their first turn.
    claimed_to = models.BigIntegerField(default=0)
    #: The mail server takes nothing; no lane turns to it before, and each time it waits longer.
    rests_until = models.DateTimeField(null=True)
    refusals = models.PositiveSmallIntegerField(default=0)
    #: Nor does one that is at work claim anything before: the provider asked for that.
    quiet_until = models.DateTimeField(null=True)
    #: When a lane last turned to it: whose turn is longest ago is next.
    served_at = models.DateTimeField(null=True)
    #: How many deliveries have which outcome, and why; what is waiting is not counted. What lanes at
    #: work have done stands in their own rows.
    tally = models.JSONField(default=dict)
    reasons = models.JSONField(default=dict)
    #: When somebody decided that what is in doubt stays as it is.
    doubts_left_at = models.DateTimeField(null=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger")
        verbose_name_plural = _("ledgers")

    def __str__(self) -> str:
        return str(self.campaign)

    def add_to_tally(self, outcomes: Mapping[str, int], reasons: Mapping[str, int]) -> None:
        """Locked, in the transaction that changes the deliveries, so that the two never differ."""
        self.tally, self.reasons = _sum(self.tally, outcomes), _sum(self.reasons, reasons)
        self.save(update_fields=["tally", "reasons"])

    def counted(self) -> dict[str, int]:
        """How many deliveries have which status: a few rows are read, whatever its size."""
        counted = self._with_lanes()
        counted[DeliveryStatus.PENDING] = self.size - counted.total()
        return {status: counted[status] for status in DeliveryStatus if counted[status] > 0}

    def _with_lanes(self) -> Counter[str]:
        """A lane that ends meanwhile moves its tally over here: then it is added up once more."""
        while True:
            before = Counter(self.tally)
            lanes = [lane.tally for lane in self.campaign.lanes.all()]
            self.refresh_from_db(fields=["tally", "size"])
            if before == Counter(self.tally):
                for tally in lanes:
                    before.update(tally)
                return before

    def counted_reasons(self) -> dict[str, int]:
        """What servers and providers said, the most frequent first."""
        counted = Counter(self.reasons)
        for lane in self.campaign.lanes.all():
            counted.update(lane.reasons)
        # What waits for another attempt is counted as it is: refusals in a row end a turn, so it is little.
        counted.update(self.campaign.deliveries.to_try_again().reasons())
        return dict((+counted).most_common())


class LaneQuerySet(models.QuerySet["Lane"]):
    def alive(self) -> LaneQuerySet:
        return self.filter(leased_until__gte=now())

    def dead(self) -> LaneQuerySet:
        return self.filter(leased_until__lt=now())


class Lane(models.Model):
    """One worker's turn at one campaign, while it lasts: what it has claimed, and what is on the wire.

    The row is the lane's lease. Whoever finds it run out takes it away, and its lane, should it still be
    there, notices before it sends anything more.
    """

    #: The machine, its process that leads the workers, and that worker.
    machine = models.CharField(max_length=64)
    leader = models.PositiveIntegerField()
    process = models.PositiveIntegerField()
    #: Which of the turns that this cluster may have at once.
    slot = models.PositiveSmallIntegerField()
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, null=True, related_name="lanes"
    )
    #: How many conversations it keeps.
    connections = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(default=now)
    leased_until = models.DateTimeField()
    #: The deliveries that no other lane may take, as `sending.claims.Batch` writes them, and the numbers of
    #: those among them whose message may have reached the server since. What is left of the latter by a dead
    #: lane is in doubt.
    batches = models.JSONField(default=list)
    in_flight = models.JSONField(default=list)
    #: Counts what the lane has written.
    commits = models.PositiveIntegerField(default=0)
    #: As in `Ledger`, of this turn alone.
    tally = models.JSONField(default=dict)
    reasons = models.JSONField(default=dict)

    objects = LaneQuerySet.as_manager()

    class Meta:
        verbose_name = _("lane")
        verbose_name_plural = _("lanes")
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "leader", "slot"], name="%(app_label)s_lane_slot"
            )
        ]

    def __str__(self) -> str:
        return f"{self.machine}/{self.leader}/{self.slot}"

    @property
    def claimed(self) -> Iterator[int]:
        """The deliveries of its batches."""
        return chain.from_iterable(batch["deliveries"] for batch in self.batches)
