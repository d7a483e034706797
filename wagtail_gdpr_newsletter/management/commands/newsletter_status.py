from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ... import actions
from ...models import Campaign, RightsRequest, SendStatus

BAR = 20


class Command(BaseCommand):
    help = (
        "Show by which way campaigns leave; each campaign with its number, its state, how far it is, and "
        "how many deliveries have which outcome; and what readers asked for that is not done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--watch", action="store_true", help="go on showing what is under way, until nothing is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for line in [actions.describe_transport(), *actions.describe_limits()]:
            self.stdout.write(line)
        if actions.worker_is_missing():
            self.stderr.write("No worker has been seen for some minutes: start manage.py qcluster.")
        elif actions.campaigns_are_left_alone():
            self.stderr.write("No worker takes campaigns: see manage.py check --database default.")
        for request in RightsRequest.objects.filter(settled_at__isnull=True):
            self.stderr.write(
                f"Request {request.pk} ({request.kind}) is {request.outcome}, due {request.due_on}."
            )
        for campaign in Campaign.objects.order_by("pk"):
            self.stdout.write(line_about(campaign))
        if options["watch"]:
            self.watch()

    def watch(self) -> None:
        under_way = Campaign.objects.filter(
            send_status__in=[SendStatus.PREPARING, SendStatus.SENDING]
        )
        while shown := [line_about(campaign) for campaign in under_way.order_by("pk")]:
            self.stdout.write("\r" + "  |  ".join(shown), ending="")
            self.stdout.flush()
            time.sleep(1)
        self.stdout.write("\nNothing is under way.")


def line_about(campaign: Campaign) -> str:
    progress = actions.progress_of(campaign)
    outcomes = ", ".join(f"{number} {status}" for status, number in progress.counted.items())
    line = f"{campaign.pk:>6}  {campaign.send_status:<10} "
    if campaign.send_status in (SendStatus.SENDING, SendStatus.PAUSED):
        full = BAR * progress.percent // 100
        line += f"[{'#' * full}{'.' * (BAR - full)}] {progress.percent} %  "
    line += f"{outcomes or '-'}  {campaign}"
    if progress.rate:
        left = f", {progress.time_left} left" if progress.time_left is not None else ""
        line += f"  {progress.rate:.0f} a second{left}"
    return f"{line}  ({campaign.trouble})" if campaign.trouble else line
