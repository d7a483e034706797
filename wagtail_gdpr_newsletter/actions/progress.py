"""How far is a campaign?

A few rows are read, whatever its size: the ledger's tally and those of the lanes at work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils.timezone import now

from ..models import Campaign, DeliveryStatus, Lane, Ledger, SenderSettings, SendStatus
from ..sending import dispatch, messages


@dataclass(frozen=True)
class Progress:
    """Where the sending of a campaign stands."""

    total: int
    #: How many deliveries have which status, in the order in which they are shown.
    counted: dict[str, int]
    #: What servers and providers said of those that have not gone, the most frequent first.
    reasons: dict[str, int]
    #: Deliveries a second, by the lanes at work; 0 where there is none.
    rate: float
    #: Of whom nobody knows whether they have their copy, and nobody has decided what to do about it.
    in_doubt: int

    @property
    def done(self) -> int:
        return self.total - self.counted.get(DeliveryStatus.PENDING, 0)

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0

    @property
    def time_left(self) -> timedelta | None:
        """At that rate; `None` where nobody can say."""
        if not self.rate:
            return None
        return timedelta(seconds=round((self.total - self.done) / self.rate))


def progress_of(campaign: Campaign) -> Progress:
    """Of one that has been started; all zero for one that has not."""
    ledger = Ledger.objects.filter(campaign=campaign).first()
    if ledger is None:
        return Progress(total=0, counted={}, reasons={}, rate=0, in_doubt=0)
    counted = ledger.counted()
    undecided = ledger.doubts_left_at is None
    return Progress(
        total=ledger.size,
        counted=counted,
        reasons=ledger.counted_reasons(),
        rate=_rate(campaign),
        in_doubt=counted.get(DeliveryStatus.UNKNOWN, 0) if undecided else 0,
    )


def describe_transport() -> str:
    """By which way campaigns leave, and how many at once; for people who run the site, in English."""
    return dispatch.describe(messages.open_mailer())


def describe_limits() -> list[str]:
    """What senders allow beyond that, a line for each that allows less than everything; in English, too."""
    lines = []
    for sender in SenderSettings.objects.select_related("site"):
        limits = {
            "a second": sender.per_second,
            "an hour": sender.per_hour,
            "a day": sender.per_day,
            "connections at once": sender.connections,
        }
        told = [f"{most:,} {what}" for what, most in limits.items() if most]
        if told:
            lines.append(f"{sender.site.hostname} sends at most {', '.join(told)}.")
    return lines


def _rate(campaign: Campaign) -> float:
    if campaign.send_status != SendStatus.SENDING:
        return 0
    rates = []
    for lane in Lane.objects.filter(campaign=campaign):
        seconds = (now() - lane.started_at).total_seconds()
        rates.append(sum(lane.tally.values()) / max(seconds, 1))
    return sum(rates)
