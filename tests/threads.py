"""Several things at the same moment, each with a database connection of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

at_the_same_time = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(
        "DATABASE_URL" not in os.environ,
        reason="SQLite in memory has one connection: make test DATABASE_URL=postgres://… runs it",
    ),
]


def at_once(*tasks: Callable[[], object], times: int = 1) -> list[object]:
    """Run all of them in threads that start together; what each returned or raised."""
    every = list(tasks) * times
    start = threading.Barrier(len(every))

    def run(task: Callable[[], object]) -> object:
        start.wait()
        try:
            return task()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(every)) as pool:
        return list(pool.map(run, every))


def errors_in(outcomes: list[object]) -> list[Exception]:
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]
