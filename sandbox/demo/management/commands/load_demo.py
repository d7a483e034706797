from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from sandbox.demo import english, italian, letters, pages


class Command(BaseCommand):
    help = (
        "Load the demo content: pages with pictures, sender, address books, campaigns and the user "
        "admin with the password admin. Running it again changes nothing but the site's address."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=settings.SANDBOX_URL, help="Where the site is served.")
        parser.add_argument(
            "--unsent",
            action="store_true",
            help="Prepare another campaign to send where the first has gone out already.",
        )
        parser.add_argument("--json", action="store_true", help="Print what was loaded as JSON.")

    @transaction.atomic
    def handle(self, *args: Any, url: str, unsent: bool, **options: Any) -> None:
        self._add_admin()
        site = pages.plant_site(url)
        home = site.root_page.specific
        planted = pages.plant_english(home)
        letters.plant_sender(site, planted)
        books = letters.plant_books(site)
        pages.add_signup(home, pages.signup_block(books, english.SIGNUP))
        pages.plant_italian(home, planted, pages.signup_block(books, italian.SIGNUP))
        campaign, draft = letters.plant_campaigns(site, books, planted, unsent=unsent)
        if options["json"]:
            facts = {
                "home_page": home.pk,
                "campaign": campaign.pk,
                "subject": campaign.subject,
                "send_status": campaign.send_status,
                "next_campaign": draft.pk,
            }
            self.stdout.write(json.dumps(facts))
        else:
            self.stdout.write(f"The demo site is loaded; its address is {site.root_url}/")

    def _add_admin(self) -> None:
        """Only ever here: a password that everybody knows."""
        users = get_user_model().objects
        if not users.filter(username="admin").exists():
            users.create_superuser("admin", "admin@limonaia.example", "admin")
