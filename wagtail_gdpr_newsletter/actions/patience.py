"""What happens when two people, or two tabs, get in each other's way?

Where two transactions wait for each other the database ends one of them, and where both come to one address
the second finds it taken. Each begins again, from what is true by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, OperationalError, connection

T = TypeVar("T")

#: How often others may be quicker.
ATTEMPTS = 5


def patiently(act: Callable[[], T]) -> T:
    """`act` is one transaction. Within another nothing can begin again: what was done before is lost."""
    for _attempt in range(ATTEMPTS):
        try:
            return act()
        except IntegrityError:
            continue
        except OperationalError:
            if connection.in_atomic_block:
                raise
    return act()
