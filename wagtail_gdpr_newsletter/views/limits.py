"""How much one visitor, and all together, may sign up in an hour (A1). Counted in the site's cache."""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.cache import cache

from .. import conf, pseudonyms

HOUR = 3600


def too_many_signups(ip: str) -> bool:
    """Count this one, and say whether it is one too many."""
    mine = _count(f"ip:{pseudonyms.digest(ip)}") > conf.signups_per_hour_and_ip() if ip else False
    return _count("all") > conf.signups_per_hour() or mine


def _count(what: str) -> int:
    key = f"wagtail_gdpr_newsletter:signups:{what}:{datetime.now(UTC):%Y%m%d%H}"
    cache.add(key, 0, timeout=HOUR)
    try:
        return cache.incr(key)
    except ValueError:  # It expired between the two lines.
        return 1
