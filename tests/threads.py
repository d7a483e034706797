"""Several things at the same moment, each with a database connection of its own."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection

from tests import factories
from tests.mails import token_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import Contact

at_the_same_time = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(
        "DATABASE_URL" not in os.environ,
        reason="SQLite in memory has one connection: make test DATABASE_URL=postgres://… runs it",
    ),
]


def at_once(*tasks: Callable[[], object], times: int = 1) -> list[object]:
    """Run all of them in threads that start together; what each returned or raised."""
    every = list(tasks) * times
    start = threading.Barrier(len(every))

    def run(task: Callable[[], object]) -> object:
        start.wait()
        try:
            return task()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(every)) as pool:
        return list(pool.map(run, every))


def errors_in(outcomes: list[object]) -> list[Exception]:
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def asked_to_move(contact: Contact, address: str) -> str:
    """The token that the new mailbox got."""
    actions.ask_for_new_address(contact=contact, address=Address.parse(address))
    return token_in(mail.outbox[-1], "my-data")


def confirm_move(token: str) -> Contact:
    """As the page does: what is confirmed is what it showed."""
    shown = actions.awaiting_move(token).shown
    return actions.move(token=token, shown=shown, origin=factories.ORIGIN)[0]


def a_moment(task):
    def later():
        time.sleep(random.random() / 50)
        return task()

    return later
