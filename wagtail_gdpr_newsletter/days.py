"""Days by the clock of the site, whatever time zone an editor has chosen for the admin."""

from __future__ import annotations

from datetime import date, datetime, time

from django.utils import timezone


def beginning_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def day_of(moment: datetime) -> date:
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def today() -> date:
    return day_of(timezone.now())
