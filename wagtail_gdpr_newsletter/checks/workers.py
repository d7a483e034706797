"""What is dangerous in `Q_CLUSTER`, and in the database that web and workers share."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from .. import actions, conf
from ..actions.campaigns import LANE_SECONDS
from .complaints import error, warning

#: What names the queue in Q_CLUSTER.
BROKERS = {"orm", "redis", "django_redis", "sqs", "iron_mq", "mongo", "broker_class"}

#: What is counted in Q_CLUSTER.
NUMBERS = ("workers", "timeout", "retry", "max_attempts", "queue_limit", "bulk")

#: A task that was taken from these never comes back, however long it waits.
FORGETFUL = {"redis", "django_redis"}


def _queue() -> Iterator[checks.CheckMessage]:
    cluster = getattr(settings, "Q_CLUSTER", None)
    if not isinstance(cluster, dict) or not BROKERS & set(cluster):
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
    clusters = {"Q_CLUSTER": cluster}
    if name := conf.campaign_cluster():
        campaigns = _named(name, cluster)
        if campaigns is None:
            yield error(
                13,
                f'{conf.NAME}["CAMPAIGN_CLUSTER"] is {name!r}, which is no other cluster of Q_CLUSTER.',
                f'Add "ALT_CLUSTERS": {{"{name}": {{"workers": 2}}}} to Q_CLUSTER; it must not have the name of '
                "the cluster that does all the rest.",
            )
        else:
            clusters[f'Q_CLUSTER["ALT_CLUSTERS"]["{name}"]'] = campaigns
    wrong = [f"{where}[{key!r}]" for where, each in clusters.items() for key in _no_numbers(each)]
    if wrong:
        yield error(
            14,
            f"No whole number: {', '.join(wrong)}.",
            "Whatever comes from the environment is text until you say int().",
        )
        return
    # What the one has from the other is said of the other alone.
    found = [each for named in reversed(clusters.items()) for each in _repetition(*named)]
    yield from {message.id: message for message in found}.values()
    yield from _schedules(cluster)
    if "sqlite" in connections["default"].vendor and sum(map(_workers, clusters.values())) > 4:
        yield warning(
            6,
            "SQLite has one writer, and the workers are many.",
            "Use PostgreSQL or MariaDB, or lower Q_CLUSTER['workers'].",
        )


def _no_numbers(cluster: dict[str, Any]) -> list[str]:
    return [key for key in NUMBERS if not isinstance(cluster.get(key, 0), int | None)]


def _named(name: str, cluster: dict[str, Any]) -> dict[str, Any] | None:
    """As django-q2 reads it in the workers of that cluster: what it does not say is as in Q_CLUSTER."""
    others = cluster.get("ALT_CLUSTERS")
    itself = (cluster.get("name", "default"), cluster.get("cluster_name"))
    if not isinstance(name, str) or not isinstance(others, dict) or name in itself:
        return None
    return cluster | others[name] if isinstance(others.get(name), dict) else None


def _repetition(where: str, cluster: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    """What makes a task run twice, or for ever."""
    if not cluster.get("sync") and _may_run_longer_than_retry(cluster):
        yield warning(
            5,
            f"{where} retries a task while it may still be running.",
            'Let "timeout" be set, and smaller than "retry".',
        )
    if _may_wait_longer_than_retry(cluster):
        yield warning(
            15,
            f'{where} takes more tasks out of the queue than its workers have done when "retry" is over.',
            'Lower "queue_limit" and "bulk", for example to 2 and 1. What waits on one machine is begun once '
            "more by another, and a worker that is stopped does all of it first.",
        )
    if not cluster.get("max_attempts"):
        yield warning(
            8,
            "A task that kills its worker would be tried again for ever.",
            f'Set "max_attempts" in {where}, for example to 5.',
        )


def _may_run_longer_than_retry(cluster: dict[str, Any]) -> bool:
    timeout = cluster.get("timeout")  # None, django-q2's default: for ever.
    return timeout is None or timeout >= _retry(cluster)


def _may_wait_longer_than_retry(cluster: dict[str, Any]) -> bool:
    """If all were lanes: what lies in a cluster's own queue, and what is on its way there, waits its turn.

    `retry` counts from when a task was taken out, until it is done.
    """
    if FORGETFUL & set(cluster):
        return False
    workers = _workers(cluster)
    limit = cluster.get("queue_limit", workers**2)
    if not limit:  # No limit at all.
        return True
    turns_before = math.ceil((limit + (cluster.get("bulk") or 1)) / workers)
    return (turns_before + 1) * LANE_SECONDS >= _retry(cluster)


def _retry(cluster: dict[str, Any]) -> int:
    return cluster.get("retry") or 60


def _workers(cluster: dict[str, Any]) -> int:
    return cluster.get("workers") or os.cpu_count() or 4


def _schedules(cluster: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    if cluster.get("catch_up", True):
        yield warning(
            19,
            "After a pause django-q2 would make up for every minute missed, and until then monitoring would "
            "say that no worker is there.",
            'Set "catch_up": False in Q_CLUSTER. Each of our schedules does all there is to do when it runs once.',
        )
    if not cluster.get("scheduler", True) or _queue_of(cluster) != cluster.get("name", "default"):
        yield warning(
            20,
            "No worker would run the schedules, which retry and finish what got lost.",
            'Take "scheduler" and "cluster_name" out of Q_CLUSTER: django-q2 runs schedules where the queue has '
            'the "name" of the cluster.',
        )


def _queue_of(cluster: dict[str, Any]) -> str:
    return cluster.get("cluster_name", cluster.get("name", "default"))


def _database() -> Iterator[checks.CheckMessage]:
    """Web and workers ask it at once, and workers are processes that are forked."""
    connection = connections["default"]
    options = connection.settings_dict["OPTIONS"]
    if isinstance(connection, SQLite):
        if not connection.is_in_memory_db() and not _locks_at_once(options):
            yield warning(
                18,
                "Web server and worker would hinder each other: SQLite answers “database is locked” to whoever "
                "reads first and then writes.",
                'Set "transaction_mode": "IMMEDIATE" in the OPTIONS of the database, and "timeout": 20.',
            )
    elif options.get("pool"):
        yield warning(
            17,
            "Workers would hang: they are forked, and share the connections of the database pool.",
            'Take "pool" out of the OPTIONS of the database, at least for the worker, and set CONN_MAX_AGE.',
        )
    elif connection.settings_dict["CONN_MAX_AGE"] == 0 and not settings.DEBUG:
        yield warning(
            16,
            "A worker would connect to the database anew for each task, and each time it looks for one.",
            "Set CONN_MAX_AGE in DATABASES, for example to 60, and CONN_HEALTH_CHECKS to True, at least for the "
            "worker: under ASGI Django wants 0 in the web server.",
        )


def _locks_at_once(options: dict[str, Any]) -> bool:
    return str(options.get("transaction_mode")).upper() in ("IMMEDIATE", "EXCLUSIVE")


def seen() -> Iterator[checks.CheckMessage]:
    """What the database knows of workers, once it is migrated."""
    if actions.worker_is_missing():
        yield warning(
            12,
            "No worker has been seen for some minutes, so no confirmation mail and no campaign goes out.",
            "Run `manage.py qcluster` beside the web server, and `manage.py migrate` once before.",
        )
    elif actions.campaigns_are_left_alone():
        name = conf.campaign_cluster()
        yield warning(
            21,
            "A campaign has waited for some minutes, and no worker has taken any.",
            f"Run `Q_CLUSTER_NAME={name} manage.py qcluster` beside the other worker."
            if name
            else "See whether other tasks keep all workers busy, and what their log says.",
        )


CHECKS = [_queue, _database]
