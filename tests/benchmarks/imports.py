"""A file of people, imported as a worker does it; and the same rows, ready-made, by a bare `bulk_create`."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO

from tests.benchmarks.measure import measured

ASKED, CONFIRMED = (
    datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    datetime(2024, 5, 6, 7, 9, 9, tzinfo=UTC),
)
#: As many as an import takes in one transaction.
STEP = 500


def addresses(number: int) -> list[str]:
    """Nobody of them was there before."""
    run = uuid.uuid4().hex[:8]
    return [f"reader{each}.{run}@example{each % 50}.org" for each in range(number)]


@contextmanager
def file_of(people: list[str]) -> Iterator[BinaryIO]:
    """As Mailchimp writes it."""
    with tempfile.TemporaryFile() as file:
        file.write(
            b"Email Address,First Name,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LEID,EUID\n"
        )
        proof = f"{ASKED:%Y-%m-%d %H:%M:%S},203.0.113.9,{CONFIRMED:%Y-%m-%d %H:%M:%S},203.0.113.9"
        for address in people:
            file.write(f"{address},Ada,{proof},1,2\n".encode())
        file.seek(0)
        yield file


def do_import(options) -> dict:
    """Read, checked and taken: all that happens between the upload and the report."""
    from wagtail_gdpr_newsletter.models import AddressBook

    book = AddressBook.objects.get(name="Seed letter")
    bring(book, addresses(STEP))  # What Python does once in a process is not measured.
    people = addresses(options.messages)
    with file_of(people) as file:
        people.clear()
        return measured(lambda: bring_file(book, file), options.messages)


def bring(book, people: list[str]) -> None:
    with file_of(people) as file:
        bring_file(book, file)


def bring_file(book, file) -> None:
    from wagtail_gdpr_newsletter import actions

    contact_import = actions.read_import(
        file=file, name="people.csv", kind="people", site=book.site, book=book
    )
    told = actions.Told("columns", "Yes, I would like the seed letter.", "At Mailchimp")
    actions.check_import(contact_import=contact_import, told=told)
    work_off(contact_import)
    actions.start_import(contact_import=contact_import)
    work_off(contact_import)
    assert contact_import.counts == {"proven": contact_import.size}, contact_import.counts


def work_off(contact_import) -> None:
    from wagtail_gdpr_newsletter import actions

    while contact_import.is_at_work:
        actions.work_on_import(contact_import.pk)
    contact_import.refresh_from_db()


def do_bulk(options) -> dict:
    """Contact, subscription and three records a person, as an import writes them, with nothing looked at."""
    from wagtail_gdpr_newsletter.actions.offering import current_statement
    from wagtail_gdpr_newsletter.models import AddressBook

    book = AddressBook.objects.get(name="Seed letter")
    statement = current_statement(book, "en")
    people = addresses(options.messages)
    return measured(lambda: write(book, statement, people), options.messages)


def write(book, statement, people: list[str]) -> None:
    from django.db import transaction

    from wagtail_gdpr_newsletter.models import ConsentRecord, Contact, Subscription

    for start in range(0, len(people), STEP):
        with transaction.atomic():
            contacts = Contact.objects.bulk_create(
                contact_of(book, address) for address in people[start : start + STEP]
            )
            Subscription.objects.bulk_create(
                subscription_of(book, statement, contact) for contact in contacts
            )
            ConsentRecord.objects.bulk_create(
                record_of(book, statement, contact, event)
                for contact in contacts
                for event in ("stated_request", "stated_confirmation", "imported")
            )


def contact_of(book, address: str):
    from wagtail_gdpr_newsletter.models import Contact

    digest = uuid.uuid4().hex * 2
    return Contact(
        site=book.site,
        address=address,
        canonical_address=address,
        address_digest=digest,
        keyed_hash=digest,
        key_id="1",
        name="Ada",
        language="en",
    )


def subscription_of(book, statement, contact):
    from wagtail_gdpr_newsletter.models import Subscription

    return Subscription(
        contact=contact,
        book=book,
        status="confirmed",
        statement=statement,
        requested_at=ASKED,
        confirmed_at=CONFIRMED,
    )


def record_of(book, statement, contact, event: str):
    from wagtail_gdpr_newsletter.models import ConsentRecord

    return ConsentRecord(
        site=book.site,
        contact=contact,
        subject=contact.keyed_hash,
        subject_key_id="1",
        event=event,
        occurred_at=ASKED,
        source="import",
        address=contact.address,
        address_salt="0" * 32,
        address_commitment=contact.keyed_hash,
        book_uuid=book.uuid,
        statement=statement,
        digest=contact.keyed_hash,
    )
