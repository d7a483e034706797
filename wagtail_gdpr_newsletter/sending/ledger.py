"""The ledger of a campaign is written: one delivery for each contact whom it reaches."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Value

from ..models import Campaign, Delivery, DeliveryStatus, Ledger, SendStatus
from .audience import in_books, subscriptions_of

#: So many numbers of contacts one statement looks through.
STEP = 50_000
#: How often others may be quicker.
ATTEMPTS = 5


def is_written(campaign: Campaign) -> bool:
    """Whether there is nobody left to be written down."""
    last = in_books(campaign).aggregate(last=Max("contact"))["last"] or 0
    return Ledger.objects.filter(campaign=campaign, written_to__gte=last).exists()


def write_step(campaign: Campaign, *, lease: datetime) -> bool:
    """Add the next lines; False where the lease is not ours any more.

    How far it is stands in the ledger: whoever goes on after a worker's death adds nobody twice.
    """
    for _attempt in range(ATTEMPTS):
        with suppress(IntegrityError), transaction.atomic():  # Somebody was erased in this moment.
            return _write_step(campaign, lease)
    with transaction.atomic():
        return _write_step(campaign, lease)


def _write_step(campaign: Campaign, lease: datetime) -> bool:
    mine = Ledger.objects.filter(
        campaign=campaign, writer_until=lease, campaign__send_status=SendStatus.PREPARING
    )
    if not mine.update(written_to=F("written_to") + STEP):
        return False
    end = mine.values_list("written_to", flat=True).get()
    # Whoever has become one with somebody in between may stand there already.
    there = Delivery.objects.filter(campaign=campaign, contact=OuterRef("contact"))
    contacts = (
        subscriptions_of(campaign)
        .mailable()
        .filter(~Exists(there), contact__gt=end - STEP, contact__lte=end)
        .order_by("contact")
        .distinct()
    )
    written = _insert(contacts, campaign=campaign.pk, status=DeliveryStatus.PENDING, books=[])
    mine.update(size=F("size") + written)
    return True


def _insert(contacts: QuerySet[Any], **values: Any) -> int:
    """INSERT … SELECT, which Django has no words for; how many lines there were."""
    fields = {field.name: field for field in Delivery._meta.concrete_fields}
    same = {**values, **EMPTY}
    constants = {
        f"line_{name}": Value(value, output_field=fields[name]) for name, value in same.items()
    }
    rows = contacts.annotate(**constants).values_list("contact", *constants)
    select, parameters = rows.query.sql_with_params()
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(fields[name].column)) for name in ("contact", *same))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Delivery._meta.db_table)} ({columns}) {select}",
            parameters,
        )
        return cursor.rowcount


EMPTY = {"attempts": 0, "message_id": "", "error": ""}
