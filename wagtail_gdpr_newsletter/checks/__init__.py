"""What `manage.py check` says of a wrong or forgotten step of the installation, and what to do.

Ids are stable: sites silence them by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import DatabaseError, connection
from django_q.models import Schedule

from .. import actions, conf
from ..links import NAMESPACE
from ..models import Ledger
from . import installation, workers


@checks.register("wagtail_gdpr_newsletter")
def check_installation(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    return [message for check in installation.CHECKS + workers.CHECKS for message in check()]


@checks.register("wagtail_gdpr_newsletter", checks.Tags.database)
def check_worker(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[checks.CheckMessage]:
    """Asks the database: `check --database default` and `migrate` do, and from Django 6.1 plain `check`."""
    if not databases:
        return []
    try:
        tables = connection.introspection.table_names()
        if {Schedule._meta.db_table, Ledger._meta.db_table} <= set(tables):
            return list(workers.seen())
    except DatabaseError:  # Of a database that is gone, or not migrated, others complain.
        pass
    return []


@checks.register("wagtail_gdpr_newsletter", deploy=True)
def check_transport(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Says by which way campaigns leave; `check --deploy` alone asks for it."""
    try:
        described = actions.describe_transport()
    except Exception:  # noqa: BLE001 -- said elsewhere, with what to do about it
        return []
    hint = (
        f'The setting {conf.NAME}["CONNECTIONS"] and the limits of the sender say how many at once.'
    )
    return [checks.Info(described, hint=hint, id=f"{NAMESPACE}.I001")]
