"""What happens within the site's own processes: `python -m tests.engine.inside VERB ...`, answers in JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from itertools import islice

import django

VERBS = {}


def verb(function):
    VERBS[function.__name__] = function
    return function


@verb
def prepare(readers: int, size: int) -> dict:
    """Tables, a site, so many readers in one book, and a campaign of about so many bytes."""
    from django.core.management import call_command
    from wagtail.models import Site

    from tests import factories

    call_command("migrate", verbosity=0)
    site = Site.objects.get(is_default_site=True)
    site.hostname, site.port = "www.example.org", 443
    site.save()
    factories.make_sender(site)
    book = factories.make_book(site, "Seed letter")
    add_readers(book, readers)
    return {"campaign": make_campaign(book, size).pk}


def add_readers(book, number: int) -> None:
    from django.utils.timezone import now

    from wagtail_gdpr_newsletter import pseudonyms
    from wagtail_gdpr_newsletter.actions.offering import current_statement
    from wagtail_gdpr_newsletter.models import Contact, Subscription, SubscriptionStatus

    statement = current_statement(book, "en")
    for addresses in batched((f"reader{each}@example.org" for each in range(number)), 5000):
        contacts = Contact.objects.bulk_create(
            Contact(
                site=book.site,
                address=address,
                canonical_address=address,
                address_digest=pseudonyms.digest(address),
                keyed_hash=pseudonyms.keyed_hash(address).value,
                key_id=pseudonyms.keyed_hash(address).key_id,
                name="Grüße",
                language="en",
            )
            for address in addresses
        )
        numbers = [contact.pk for contact in contacts]
        if numbers[0] is None:  # MariaDB below 10.5 does not tell.
            numbers = Contact.objects.filter(address__in=addresses).values_list("pk", flat=True)
        Subscription.objects.bulk_create(
            Subscription(
                contact_id=contact,
                book=book,
                status=SubscriptionStatus.CONFIRMED,
                requested_at=now(),
                confirmed_at=now(),
                statement=statement,
            )
            for contact in numbers
        )


def batched(every, size: int) -> Iterator[list]:
    every = iter(every)
    while batch := list(islice(every, size)):
        yield batch


def make_campaign(book, size: int):
    from tests import factories

    sentence = "Die Zitronen blühen, und wir freuen uns darauf, Euch im Garten zu sehen. "
    text = f"<p>Liebe {{name|Leute}},</p><p>{sentence * max(1, (size - 7000) // 130)}</p>"
    return factories.make_campaign(book, body=[("heading", "Spring"), ("text", text)])


@verb
def send(campaign: int) -> dict:
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import Campaign

    actions.send_campaign(campaign=Campaign.objects.get(pk=campaign))
    return {}


@verb
def sign_up(number: int) -> dict:
    """Somebody new, who is mailed the link to confirm."""
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.actions.offering import current_statement
    from wagtail_gdpr_newsletter.addresses import Address
    from wagtail_gdpr_newsletter.models import AddressBook, Origin

    book = AddressBook.objects.get()
    address = f"new{number}@example.org"
    actions.sign_up(
        site=book.site,
        address=Address.parse(address),
        name="",
        statements=[current_statement(book, "en")],
        origin=Origin(source="engine"),
    )
    return {"address": address}


@verb
def tend() -> dict:
    """The minutely job, now."""
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import Ledger

    Ledger.objects.update(rests_until=None)
    actions.tend_campaigns()
    return {}


@verb
def report(campaign: int) -> dict:
    """What the ledger says: the status of each address, and its tally."""
    from wagtail_gdpr_newsletter.models import Campaign, Lane

    here = Campaign.objects.get(pk=campaign)
    deliveries = here.deliveries.values_list("contact__address", "status")
    return {
        "send_status": here.send_status,
        "trouble": here.trouble,
        "deliveries": dict(deliveries),
        "lines": len(deliveries),
        "counted": here.ledger.counted(),
        "lanes": Lane.objects.count(),
    }


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox.settings")
    django.setup()
    name, *arguments = sys.argv[1:]
    answer = VERBS[name](*map(int, arguments))
    sys.stdout.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
