"""Is there a worker at all, and one that takes campaigns?

The job that tends campaigns is due every minute; where it has been overdue for some, no cluster of
django-q2 is there to queue it. It rings for campaigns; where something has been left to do for some minutes
and no lane has turned to anything, nobody hears the bell.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils.timezone import now
from django_q.models import Schedule

from ..models import Ledger
from .campaigns import tend_campaigns

#: As `Schedule.func` has it.
TENDING = f"wagtail_gdpr_newsletter.actions.{tend_campaigns.__name__}"

#: django-q2 looks for what is due every half minute.
PATIENCE = timedelta(minutes=3)


def worker_is_missing() -> bool:
    """True where the minutely job has not been begun for three minutes."""
    in_time = Schedule.objects.filter(func=TENDING, next_run__gt=now() - PATIENCE)
    return not in_time.exists()


def campaigns_are_left_alone() -> bool:
    """True where no worker takes campaigns, though there is one that rings for them."""
    if worker_is_missing():
        return False
    return Ledger.objects.left_alone(since=now() - PATIENCE).exists()
