"""How a growth is drawn, and said: a line for those confirmed, bars up for joins and down for leaves.

Drawn here and not by a library: those that there are bake their colours in, so that a dark admin stays light,
and most fetch a script. Lengths are percent of the drawing, which stretches to the width that there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ..actions import Growth, Period, Step


@dataclass(frozen=True)
class Bar:
    """Joins stand on the axis, from `y` down to it; leaves hang from it."""

    x: float
    y: float
    width: float
    joined: float
    left: float


@dataclass(frozen=True)
class Row:
    label: str
    period: Period


class Plot:
    def __init__(self, growth: Growth) -> None:
        self.step = growth.step
        self.periods = growth.periods
        self.top = _round_up(max(period.confirmed for period in self.periods))
        self.most_joined = max(period.joined for period in self.periods)
        self.most_left = max(period.left for period in self.periods)
        self._scale = 100 / ((self.most_joined + self.most_left) or 1)
        #: How far from the top it is.
        self.axis = round(self.most_joined * self._scale, 2)

    @property
    def line(self) -> str:
        """The points of it, from the left."""
        width = 100 / len(self.periods)
        return " ".join(
            f"{(index + 0.5) * width:.2f},{100 - 100 * period.confirmed / self.top:.2f}"
            for index, period in enumerate(self.periods)
        )

    @property
    def area(self) -> str:
        half = 50 / len(self.periods)
        return f"{half:.2f},100 {self.line} {100 - half:.2f},100"

    @property
    def bars(self) -> list[Bar]:
        width = 100 / len(self.periods)
        bars = []
        for index, period in enumerate(self.periods):
            up, down = period.joined * self._scale, period.left * self._scale
            lengths = ((index + 0.15) * width, self.axis - up, 0.7 * width, up, down)
            bars.append(Bar(*(round(length, 2) for length in lengths)))
        return bars

    @property
    def first(self) -> str:
        return self._label(self.periods[0].begins)

    @property
    def last(self) -> str:
        return self._label(self.periods[-1].begins)

    @property
    def heading(self) -> str:
        """Of the first column of the table."""
        return {Step.DAY: _("Day"), Step.WEEK: _("Week from"), Step.MONTH: _("Month")}[self.step]

    @property
    def rows(self) -> list[Row]:
        """The latest first."""
        rows = [Row(self._label(period.begins), period) for period in reversed(self.periods)]
        rows[0] = Row(_("%(period)s, so far") % {"period": rows[0].label}, rows[0].period)
        return rows

    @property
    def in_a_sentence(self) -> str:
        first, last = self.periods[0], self.periods[-1]
        return _(
            "%(before)s confirmed readers at the beginning (%(first)s), %(now)s now. In between %(joined)s "
            "joined and %(left)s left."
        ) % {
            "before": max(first.confirmed - first.joined + first.left, 0),
            "first": self.first,
            "now": last.confirmed,
            "joined": sum(period.joined for period in self.periods),
            "left": sum(period.left for period in self.periods),
        }

    def _label(self, begins: date) -> str:
        return date_format(
            begins, "YEAR_MONTH_FORMAT" if self.step is Step.MONTH else "DATE_FORMAT"
        )


def _round_up(number: int) -> int:
    """A round number at or above it, for the end of an axis."""
    step = max(10 ** len(str(number)) // 20, 1)
    return max(-(-number // step) * step, 1)
