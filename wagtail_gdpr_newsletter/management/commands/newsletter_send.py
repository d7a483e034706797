from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import actions
from ...models import Campaign


class Command(BaseCommand):
    help = "Send a campaign, as the Send button does: a running worker does the work."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", type=int, help="its number, as newsletter_status shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(pk=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['campaign']}.")
        try:
            actions.send_campaign(campaign=campaign)
        except actions.CannotSend as error:
            raise CommandError(" ".join(error.reasons)) from error
        self.stdout.write(f"Campaign {campaign.pk} is on its way.")
