"""What happens within the site's own processes: `["verb", ...]` on each line that comes in, an answer goes out."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from itertools import islice

import django

VERBS = {}


def verb(function):
    VERBS[function.__name__] = function
    return function


@verb
def prepare(readers: int, size: int) -> dict:
    """Tables where there are none, a new site, so many readers of a book, and a campaign of about so many bytes."""
    from django.core.management import call_command
    from django.db import connection

    from tests import factories
    from wagtail_gdpr_newsletter.models import Campaign, Lane, SendStatus

    if not connection.introspection.table_names():
        call_command("migrate", verbosity=0)
    Campaign.objects.update(send_status=SendStatus.SENT)  # Of a test that has failed.
    Lane.objects.all().delete()
    site = factories.make_site()
    factories.make_sender(site)
    book = factories.make_book(site, "Seed letter")
    addresses = [f"reader{each}@{site.hostname}" for each in range(readers)]
    add_readers(book, addresses)
    return {"campaign": make_campaign(book, size).pk, "readers": addresses}


def add_readers(book, everybody: Sequence[str]) -> None:
    from django.utils.timezone import now

    from wagtail_gdpr_newsletter import pseudonyms
    from wagtail_gdpr_newsletter.actions.offering import current_statement
    from wagtail_gdpr_newsletter.models import Contact, Subscription, SubscriptionStatus

    statement = current_statement(book, "en")
    for addresses in batched(everybody, 5000):
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
            here = Contact.objects.filter(site=book.site, address__in=addresses)
            numbers = here.values_list("pk", flat=True)
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
def send(campaign: int) -> None:
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import Campaign

    actions.send_campaign(campaign=Campaign.objects.get(pk=campaign))


@verb
def sign_up(number: int) -> dict:
    """Somebody new, who is mailed the link to confirm."""
    from tests import factories
    from wagtail_gdpr_newsletter.models import AddressBook

    address = f"new{number}@example.org"
    factories.sign_up(AddressBook.objects.latest("pk"), address)
    return {"address": address}


@verb
def tend() -> None:
    """The minutely job, now, and as if no server had to be left alone any longer."""
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import Ledger

    Ledger.objects.update(rests_until=None)
    actions.tend_campaigns()


@verb
def let_time_pass() -> int:
    """Until what waits for another attempt is due; how much that was."""
    from django.utils.timezone import now

    from wagtail_gdpr_newsletter.models import Delivery

    waiting = Delivery.objects.to_try_again().filter(retry_at__gt=now())
    return waiting.update(retry_at=now())


@verb
def leave(address: str, way: str) -> float:
    """When that was certain, by a clock that all processes of this machine have in common."""
    from tests.factories import ORIGIN
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import Contact

    contact = Contact.objects.get(address=address)
    if way == "unsubscribe":
        actions.unsubscribe(contact=contact, books=None, origin=ORIGIN)
    elif way == "object":
        actions.object_to_mail(contact=contact, origin=ORIGIN)
    else:
        actions.erase(contact=contact, origin=ORIGIN)
    return time.monotonic()


@verb
def find(*addresses: str) -> list[str]:
    """Where in our tables and in the queue they stand, in whichever spelling."""
    from tests.traces import traces_of

    return traces_of(*addresses, tables=("wagtail_gdpr_newsletter", "django_q"))


@verb
def empty_queue() -> int:
    """How many tasks there were that nobody had begun."""
    from django_q.brokers import get_broker

    broker = get_broker()
    waiting = broker.queue_size()
    broker.purge_queue()
    return waiting


@verb
def stop_schedules() -> None:
    """Nothing happens by itself any more, but what the queue has."""
    from django_q.models import Schedule

    Schedule.objects.all().delete()


@verb
def ask_worker() -> None:
    """Returns once a worker has done a task that was put into the queue after all others."""
    from django_q.tasks import async_task, result

    assert result(async_task("math.sqrt", 4), wait=60_000) == 2


@verb
def cut(ports: list[int]) -> int:
    """End the conversations with the database that are held from these ports; how many there were."""
    from django.db import connection

    places = ", ".join(["%s"] * len(ports))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = current_database() AND client_port IN ({places})",
                ports,
            )
            return len(cursor.fetchall())
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE db = database()"
            f" AND substring_index(host, ':', -1) IN ({places})",
            ports,
        )
        numbers = [number for (number,) in cursor.fetchall()]
        for number in numbers:
            cursor.execute("KILL %s", [number])
        return len(numbers)


@verb
def begin_import(rows: int) -> int:
    """A file of so many people, of whom one in ten stands in it twice; a worker checks and takes it."""
    from tests.imports import uploaded
    from wagtail_gdpr_newsletter.models import AddressBook

    book = AddressBook.objects.latest("pk")
    addresses = (f"person{each - each % 10 // 9}@{book.site.hostname}" for each in range(rows))
    return uploaded(book, addresses).pk


@verb
def go_on_with_import(pk: int, verb: str = "") -> None:
    """What the minutely job does, and what staff do once they can."""
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import ContactImport

    here = ContactImport.objects.get(pk=pk)
    if verb == "start" and here.status == "checked":
        actions.start_import(contact_import=here)
    if verb == "undo" and here.status == "done":
        actions.undo_import(contact_import=here, why="A test")
    actions.tend_imports()


@verb
def import_state(pk: int) -> dict:
    """Where it stands; nothing is written for that."""
    from wagtail_gdpr_newsletter.models import (
        ConsentRecord,
        ContactImport,
        LeftOutRow,
        Subscription,
    )

    here = ContactImport.objects.get(pk=pk)
    records = ConsentRecord.objects.filter(import_uuid=here.uuid)
    return {
        "status": here.status,
        "counts": here.counts,
        "rows": sum(here.counts.values()),
        "people": Subscription.objects.filter(brought_by=here).count(),
        "records": records.filter(event="imported").count(),
        "undone": records.filter(event="import_undone").count(),
        "left_out": LeftOutRow.objects.filter(contact_import=here).count(),
    }


@verb
def report(campaign: int) -> dict:
    """What the ledger says: the status of each delivery, by its name on the message, and its tally."""
    from wagtail_gdpr_newsletter.models import Campaign, Lane
    from wagtail_gdpr_newsletter.models.deliveries import opaque_id

    here = Campaign.objects.get(pk=campaign)
    deliveries = here.deliveries.values_list("pk", "status")
    return {
        "send_status": here.send_status,
        "trouble": here.trouble,
        "deliveries": {opaque_id(here, pk): status for pk, status in deliveries},
        "counted": here.ledger.counted(),
        "lanes": Lane.objects.filter(campaign=here).count(),
    }


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.engine.settings")
    django.setup()
    from django.db import close_old_connections

    for line in sys.stdin:
        name, *arguments = json.loads(line)
        close_old_connections()
        try:
            answer = {"answer": VERBS[name](*arguments)}
        except Exception:  # noqa: BLE001 -- whoever asked is told
            answer = {"fault": traceback.format_exc()[-3000:]}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
