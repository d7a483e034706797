"""What is dangerous in `Q_CLUSTER`, and in the database that web and workers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections

from .complaints import warning

#: What names the queue in Q_CLUSTER.
BROKERS = {"orm", "redis", "django_redis", "sqs", "iron_mq", "mongo", "broker_class"}


def _may_run_longer_than_retry(cluster: dict[str, Any]) -> bool:
    timeout = cluster.get("timeout")  # None, django-q2's default: for ever.
    return timeout is None or timeout >= cluster.get("retry", 60)


def _worker() -> Iterator[checks.CheckMessage]:
    cluster = getattr(settings, "Q_CLUSTER", None)
    if not cluster or not BROKERS & set(cluster):
        yield warning(
            4,
            "Q_CLUSTER names no queue: django-q2 would look for Redis on this machine.",
            'Set Q_CLUSTER = {"name": "…", "orm": "default", "timeout": 300, "retry": 900, …}.',
        )
        return
    if cluster.get("sync"):
        yield warning(
            7,
            "Tasks run inside the visitor's request, which then tells who gets a mail.",
            'Take "sync" out of Q_CLUSTER and run a worker.',
        )
    elif _may_run_longer_than_retry(cluster):
        yield warning(
            5,
            "Q_CLUSTER retries a task while it may still be running.",
            'Let "timeout" be set, and smaller than "retry".',
        )
    if not cluster.get("max_attempts"):
        yield warning(
            8,
            "A task that kills its worker would be tried again for ever.",
            'Set "max_attempts" in Q_CLUSTER, for example to 5.',
        )
    if "sqlite" in connections["default"].vendor and cluster.get("workers", 1) > 4:
        yield warning(
            6,
            "SQLite has one writer, and the workers are many.",
            "Use PostgreSQL or MariaDB, or lower Q_CLUSTER['workers'].",
        )


CHECKS = [_worker]
