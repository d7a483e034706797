"""One measurement in a process of its own: `python -m tests.benchmarks.measure WHAT ...`, answers in JSON."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time

import django

#: The book of one reader: whoever is measured has sent one message before, so that what Python does once in a
#: process, which in a worker lives for days, is not measured.
REHEARSAL = "Rehearsal"

WHAT = ["prepare", "engine", "loop", "smtplib", "wire", "pages", "import", "bulk"]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--login", default="", help="user:password, over TLS")
    options = parser.parse_args()
    django.setup()
    from tests.benchmarks import imports

    verbs = globals() | vars(imports)
    answer = verbs[f"do_{options.what}"](options)
    sys.stdout.write(f"{json.dumps(answer)}\n")


def do_prepare(options) -> dict:
    from django.db import connection

    from tests import factories
    from tests.engine import inside
    from wagtail_gdpr_newsletter.models import AddressBook

    inside.prepare(options.messages, options.size)
    rehearsal = factories.make_book(AddressBook.objects.get().site, REHEARSAL)
    inside.add_readers(rehearsal, ["rehearsal@example.org"])
    if (
        connection.vendor == "postgresql"
    ):  # As on a site whose readers have not all come a minute ago.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return {}


def do_pages(options) -> dict:
    """Milliseconds that a page of the contacts takes, the median of several; nobody else asks meanwhile."""
    from django.test import Client

    from tests import factories
    from wagtail_gdpr_newsletter.models import AddressBook, Contact, Subscription

    somebody = Contact.objects.latest("pk")
    Contact.objects.filter(pk=somebody.pk).update(language="it")
    Subscription.objects.filter(contact=somebody).update(status="unproven")
    book = AddressBook.objects.get(name="Seed letter")
    browser = Client(headers={"host": "localhost"})
    browser.force_login(factories.make_editor("pages", superuser=True))
    here = "/admin/newsletter/contacts/"

    def milliseconds(ask) -> float:
        assert ask().status_code in (200, 302)
        times = []
        for _time in range(9):
            began = time.perf_counter()
            ask()
            times.append(time.perf_counter() - began)
        return 1000 * statistics.median(times)

    search = {"address": somebody.address.upper(), "site": book.site_id}
    return {
        "list": milliseconds(lambda: browser.get(here)),
        "of a book": milliseconds(lambda: browser.get(f"{here}?book={book.pk}&status=confirmed")),
        "of a rare language": milliseconds(lambda: browser.get(f"{here}?language=it")),
        "of a rare status": milliseconds(lambda: browser.get(f"{here}?status=unproven")),
        "a whole address": milliseconds(lambda: browser.post(here, search)),
        "a contact": milliseconds(lambda: browser.get(f"{here}{somebody.pk}/")),
    }


def measured(work, messages: int) -> dict:
    before, began = cpu(), time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {
        "rate": messages / seconds,
        "cpu": 1000 * (cpu() - before) / messages,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def new_campaign(options, book: str = "Seed letter"):
    from tests.engine import inside
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import AddressBook

    campaign = inside.make_campaign(AddressBook.objects.get(name=book), options.size)
    actions.send_campaign(campaign=campaign)
    campaign.refresh_from_db()
    return campaign


def do_engine(options) -> dict:
    """As one worker does it, from the ledger written to the last outcome recorded."""
    from django.db import connection

    from wagtail_gdpr_newsletter.models import Ledger
    from wagtail_gdpr_newsletter.sending.kept import KEPT

    rehearsed = new_campaign(options, REHEARSAL)
    write_ledger(rehearsed)
    work_off(rehearsed)
    time.sleep(KEPT + 1)  # It opens its connections itself, as the others do.
    campaign = new_campaign(options)
    began = time.perf_counter()
    write_ledger(campaign)
    writing = time.perf_counter() - began
    statements = [0]

    def count(execute, *arguments):
        statements[0] += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        answer = measured(lambda: work_off(campaign), options.messages)
    ledger = Ledger.objects.get(campaign=campaign)
    assert ledger.counted() == {"sent": options.messages}, (ledger.counted(), campaign.trouble)
    return {
        **answer,
        "ledger": writing,
        "statements": statements[0] / options.messages,
        "size": len(campaign.frozen_message.html),
    }


def work_off(campaign) -> None:
    from wagtail_gdpr_newsletter import actions
    from wagtail_gdpr_newsletter.models import SendStatus

    while campaign.send_status == SendStatus.SENDING:
        actions.run_lane()
        campaign.refresh_from_db()


def write_ledger(campaign) -> None:
    from django.utils.timezone import now

    from wagtail_gdpr_newsletter.models import Campaign, Ledger, SendStatus
    from wagtail_gdpr_newsletter.models.ledgers import LANE_LEASE
    from wagtail_gdpr_newsletter.sending import ledger

    lease = now() + LANE_LEASE
    Ledger.objects.lease_to_writer(campaign, until=lease)
    while not ledger.is_written(campaign):
        ledger.write_step(campaign, lease=lease)
    Ledger.objects.filter(campaign=campaign).update(writer_until=None, is_complete=True)
    Campaign.objects.filter(pk=campaign.pk).update(send_status=SendStatus.SENDING)
    campaign.refresh_from_db()


def do_loop(options) -> dict:
    from tests.benchmarks import rivals

    return rival(options, rivals.loop)


def do_smtplib(options) -> dict:
    from tests.benchmarks import rivals

    return rival(options, rivals.bare_smtplib, options.login)


def do_wire(options) -> dict:
    from tests.benchmarks import rivals

    return rival(options, rivals.wire, options.connections)


def rival(options, send, *more) -> dict:
    from wagtail_gdpr_newsletter.models import Campaign, SendStatus

    campaign = new_campaign(options)
    Campaign.objects.filter(pk=campaign.pk).update(send_status=SendStatus.CANCELLED)
    send(options.port, 1, campaign, *more)
    return measured(lambda: send(options.port, options.messages, campaign, *more), options.messages)


if __name__ == "__main__":
    main()
