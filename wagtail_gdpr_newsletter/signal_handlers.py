"""What reaches us through other packages' signals."""

from __future__ import annotations

from typing import Any

from anymail.signals import AnymailTrackingEvent
from django.db import connections
from django.utils.timezone import now
from django_q.models import Schedule

from . import actions

#: Name, function, minutes between two runs. Each can be repeated, lost or run twice without harm.
JOBS = [
    ("newsletter: tend campaigns", "wagtail_gdpr_newsletter.actions.tend_campaigns", 1),
    ("newsletter: tend confirmations", "wagtail_gdpr_newsletter.actions.ring_for_confirmations", 1),
    ("newsletter: retention", "wagtail_gdpr_newsletter.actions.purge", 24 * 60),
]


def take_tracking_event(
    sender: object, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any
) -> None:
    """Keep of a provider's event what the ledger needs, and no IP, user agent or address (T1)."""
    actions.take_event(
        actions.ProviderEvent(
            type=event.event_type or "",
            opaque_id=str((event.metadata or {}).get("delivery", "")),
            message_id=event.message_id or "",
            event_id=event.event_id or "",
            reason=event.reject_reason or "",
            occurred_at=event.timestamp or now(),
        )
    )


def schedule_jobs(using: str, **kwargs: Any) -> None:
    """After every `migrate`: the schedules exist, once, whoever deleted them."""
    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return  # `migrate` was asked for this app alone, before django-q2's.
    schedules = Schedule.objects.using(using)
    for name, function, minutes in JOBS:
        if not schedules.filter(name=name).exists():
            schedules.create(
                name=name,
                func=function,
                schedule_type=Schedule.MINUTES,
                minutes=minutes,
                repeats=-1,
            )
