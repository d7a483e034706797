from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ... import actions
from ...models import Campaign, RightsRequest


class Command(BaseCommand):
    help = (
        "Show each campaign: its number, its state, and how many deliveries have which outcome; and "
        "what readers asked for that is not done."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if actions.worker_is_missing():
            self.stderr.write("No worker has been seen for some minutes: start manage.py qcluster.")
        for request in RightsRequest.objects.filter(settled_at__isnull=True):
            self.stderr.write(
                f"Request {request.pk} ({request.kind}) is {request.outcome}, due {request.due_on}."
            )
        for campaign in Campaign.objects.select_related("ledger").order_by("pk"):
            counted = campaign.ledger.counted() if hasattr(campaign, "ledger") else {}
            outcomes = ", ".join(f"{number} {status}" for status, number in sorted(counted.items()))
            line = f"{campaign.pk:>6}  {campaign.send_status:<10} {outcomes or '-'}  {campaign}"
            self.stdout.write(f"{line}  ({campaign.trouble})" if campaign.trouble else line)
