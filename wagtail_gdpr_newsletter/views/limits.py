"""How many forms one visitor, and all together, may post in an hour (A1). Counted in the site's cache."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from django.core.cache import cache

from .. import conf, pseudonyms

HOUR = 3600
#: How many buttons of their own data somebody may press in an hour.
SESSION_POSTS = 200

logger = logging.getLogger(__name__)


def too_many(forms: str, ip: str) -> bool:
    """Count this one, and say whether it is one too many of that kind of forms.

    One visitor's surplus does not count against all the others.
    """
    if ip:
        visitor = f"{forms}:ip:{pseudonyms.digest(_household(ip))}"
        if _count(visitor) > conf.signups_per_hour_and_ip():
            return True
    return _count(f"{forms}:all") > conf.signups_per_hour()


def too_many_by_session(session: int) -> bool:
    """Nobody has so much to change in half an hour."""
    return _count(f"my-data:session:{session}") > SESSION_POSTS


def _household(ip: str) -> str:
    """An IPv6 customer has a whole /64, and with it as many addresses as they like."""
    return str(ip_network(f"{ip}/64", strict=False)) if ip_address(ip).version == 6 else ip


def _count(what: str) -> int:
    key = f"wagtail_gdpr_newsletter:{what}:{datetime.now(UTC):%Y%m%d%H}"
    try:
        cache.add(key, 0, timeout=HOUR)
        return cache.incr(key)
    except ValueError:  # It expired between the two lines.
        return 1
    except Exception:  # Each cache fails with errors of its own.
        # Better no limit here than no sign-up: what one address gets is limited in the database.
        logger.exception("The cache does not answer, so sign-ups are not counted.")
        return 1
