"""How fast a sender's mail may leave, counted over all workers and machines."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from wagtail.models import Site

from .ledgers import Lane
from .sender import SenderSettings


class Limit(NamedTuple):
    """So many messages in any period of so many seconds; `cell`: how exactly times are remembered."""

    name: str
    period: float
    cell: float


#: In a cell the earliest message counts as long as the latest, so a long period is held to the letter and
#: used to 98 of 100.
LIMITS = (
    Limit("per_second", 1, 0),
    Limit("per_hour", 60 * 60, 60),
    Limit("per_day", 24 * 60 * 60, 15 * 60),
)
#: A second's share is handed out in so many parts, so that it does not leave at once.
PARTS = 4


class Grant(NamedTuple):
    """So many messages may leave now; where it is none, ask again after so many seconds.

    `at`: when that was, where there are limits at all.
    """

    number: int
    wait: float = 0
    at: float | None = None


class PaceQuerySet(models.QuerySet["Pace"]):
    def grant(self, site: Site, wanted: int) -> Grant:
        """In the transaction that claims them. What has been granted counts, unless it is taken back."""
        limits = _limits_of(site)
        if not limits or not wanted:
            return Grant(wanted)
        granted, at = self._locked(site)
        grant = min(
            (_allowed(granted.get(limit.name, []), limit, number, at) for limit, number in limits),
            key=lambda each: (each.number, -each.wait),
        )
        number = min(wanted, grant.number)
        if number == 0:
            return grant
        for limit, _number in limits:
            granted[limit.name] = _with(granted.get(limit.name, []), limit, number, at)
        self.filter(site=site).update(granted=granted)
        return Grant(number, at=at)

    def take_back(self, site: Site, number: int, *, granted_at: float) -> None:
        """Of what was granted then, and has not left."""
        limits = _limits_of(site)
        if not limits or not number:
            return
        granted, _at = self._locked(site)
        for limit, _most in limits:
            granted[limit.name] = _without(granted.get(limit.name, []), limit, number, granted_at)
        self.filter(site=site).update(granted=granted)

    def reserve_connections(self, lane: Lane, site: Site, wanted: int) -> int:
        """How many of them the lane may open beside those of the sender's other lanes; they are its own then."""
        most = SenderSettings.for_site(site).connections
        if most is not None:
            self._locked(site)
            others = Lane.objects.filter(campaign__site=site).exclude(pk=lane.pk)
            used = others.aggregate(used=Sum("connections"))["used"] or 0
            wanted = max(0, min(wanted, most - used))
        Lane.objects.filter(pk=lane.pk).update(connections=wanted)
        return wanted

    def _locked(self, site: Site) -> tuple[dict[str, Granted], float]:
        """And the time, in seconds, by the database's clock: that of no machine has a say."""
        self.get_or_create(site=site)
        pace = self.select_for_update().annotate(at=Now()).values("granted", "at").get(site=site)
        return pace["granted"], pace["at"].timestamp()


def _limits_of(site: Site) -> list[tuple[Limit, int]]:
    """Read anew each time: they may be changed while a campaign runs."""
    names = [limit.name for limit in LIMITS]
    set_here = SenderSettings.objects.filter(site=site).values(*names).first() or {}
    return [(limit, set_here[limit.name]) for limit in LIMITS if set_here.get(limit.name)]


Granted = list[tuple[float, int]]


def _allowed(granted: Granted, limit: Limit, most: int, at: float) -> Grant:
    """What is left of the limit; each grant counts until a period after the end of its cell."""
    counting = [(start, number) for start, number in granted if _until(start, limit) > at]
    left = most - sum(number for _start, number in counting)
    if left <= 0:
        return Grant(0, wait=min(_until(start, limit) for start, _number in counting) - at)
    if limit.period <= 1:
        left = min(left, max(1, most // PARTS))
    return Grant(left)


def _until(start: float, limit: Limit) -> float:
    return start + limit.cell + limit.period


def _with(granted: Granted, limit: Limit, number: int, at: float) -> Granted:
    start = _cell(limit, at)
    kept = [(each, count) for each, count in granted if _until(each, limit) > at]
    if kept and kept[-1][0] == start:
        return [*kept[:-1], (start, kept[-1][1] + number)]
    return [*kept, (start, number)]


def _without(granted: Granted, limit: Limit, number: int, at: float) -> Granted:
    """Of that very moment: taken from another's grant it would count for too short a time."""
    start = _cell(limit, at)
    fewer = [(each, count - number if each == start else count) for each, count in granted]
    return [(each, count) for each, count in fewer if count > 0]


def _cell(limit: Limit, at: float) -> float:
    return at - at % limit.cell if limit.cell else at


class Pace(models.Model):
    """What was granted to one sender lately, as `{limit: [[seconds, number], ...]}`."""

    site = models.OneToOneField(
        "wagtailcore.Site", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    granted = models.JSONField(default=dict)

    objects = PaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("pace")
        verbose_name_plural = _("paces")

    def __str__(self) -> str:
        return str(self.site)
