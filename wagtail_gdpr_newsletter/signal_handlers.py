"""What reaches us through other packages' signals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from anymail.signals import AnymailTrackingEvent, RejectReason
from django.db import connections
from django.utils.timezone import now
from django_q.models import Schedule

from . import actions

#: Name, function, minutes between two runs. Each can be repeated, lost or run twice without harm.
JOBS = [
    ("newsletter: tend campaigns", "wagtail_gdpr_newsletter.actions.tend_campaigns", 1),
    ("newsletter: tend confirmations", "wagtail_gdpr_newsletter.actions.ring_for_confirmations", 1),
    ("newsletter: tend service mails", "wagtail_gdpr_newsletter.actions.ring_for_service_mails", 1),
    ("newsletter: tend imports", "wagtail_gdpr_newsletter.actions.tend_imports", 1),
    ("newsletter: finish erasures", "wagtail_gdpr_newsletter.actions.ring_for_erasures", 60),
    ("newsletter: retention", "wagtail_gdpr_newsletter.actions.purge", 24 * 60),
]

#: Where providers write what kind of bounce it was: Postmark; Amazon SES; Brevo and Mandrill;
#: MailerSend and Resend; Mailjet; SparkPost.
KIND_KEYS = {
    "Type",
    "bounceType",
    "bounceSubType",
    "event",
    "type",
    "hard_bounce",
    "bounce_class",
}
SOFT_WORDS = re.compile(
    r"=(\w+[._])?(soft|transient|temporary|blocked)|^hard_bounce=false"
    r"|^bounce_class=(2[0-4]|40|60|70|100)$",
    re.IGNORECASE,
)
SOFT_CODES = re.compile(r"(?<![\d.])(4\.\d{1,3}\.\d{1,3}|5\.2\.2|5\.7\.\d{1,3})(?!\.?\d)")
#: Bounces that say nothing of the mailbox: the mail or its sender is not wanted there, or its owner is away
#: (which Amazon SES calls general).
OTHER_WORDS = re.compile(
    r"=(\w+[._])?blocked|^bounceSubType=(General|ContentRejected|MessageTooLarge|AttachmentRejected)$"
    r"|^bounce_class=5[0-9]$",
    re.IGNORECASE,
)
#: RFC 3463: the message is too large, its content or its sender is refused.
OTHER_CODES = re.compile(r"(?<![\d.])[45]\.(2\.3|3\.4|[67]\.\d{1,3})(?!\.?\d)")


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
            reason=RejectReason.OTHER if _is_about_the_mail(event) else event.reject_reason or "",
            is_permanent=_is_permanent(event),
            occurred_at=event.timestamp or now(),
        )
    )


def _is_permanent(event: AnymailTrackingEvent) -> bool:
    """Whether a bounce is a hard one (M7). Anymail gives soft ones of some providers the same type.

    What tells them apart is the provider's own word for it, or the code of the receiving server
    (RFC 3463): 4.x.x and a mailbox that is full, 5.2.2, may take mail again, and 5.7.x is about us.
    """
    if event.reject_reason not in (RejectReason.BOUNCED, RejectReason.INVALID, None):
        return False  # Blocked, spam, timed out: the mail was unwelcome, the mailbox exists.
    return not (
        _is_about_the_mail(event)
        or any(SOFT_WORDS.search(word) for word in _words_of(event.esp_event))
        or SOFT_CODES.search(event.mta_response or "")
    )


def _is_about_the_mail(event: AnymailTrackingEvent) -> bool:
    """Whether a bounce says nothing of the mailbox: another mail might be taken there, now as ever."""
    words = list(_words_of(event.esp_event))
    return event.event_type == "bounced" and (
        OTHER_CODES.search(event.mta_response or "") is not None
        or (any(map(OTHER_WORDS.search, words)) and "bounceType=Permanent" not in words)
    )


def _words_of(raw: Any, key: str = "") -> Iterator[str]:
    """What a provider's raw event says of its kind, however deep it says it."""
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            yield from _words_of(value, str(name))
    elif isinstance(raw, list):
        for value in raw:
            yield from _words_of(value, key)
    elif key in KIND_KEYS:
        yield f"{key}={raw}"


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
