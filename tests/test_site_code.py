"""The site's own code around a call to a provider: receivers of Anymail's signals, and backends that hide errors.

Whatever it does, what the provider has taken is not sent once more, and nobody gets another's words.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager

import pytest
from anymail.signals import post_send, pre_send

from tests import factories
from tests.mailers import use_mailer
from tests.provider import Manners
from tests.test_batches import MAILGUN, POSTMARK, SENDGRID, everybody, sending_by
from wagtail_gdpr_newsletter.models import Contact

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
    pytest.mark.filterwarnings("ignore:Anymail will drop support for fail_silently"),
]


@contextmanager
def receiving(signal, act):
    def receiver(sender, message, **kwargs):
        act(message)

    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


def fail(message) -> None:
    raise ValueError


@pytest.mark.parametrize("name", [MAILGUN, SENDGRID, POSTMARK])
def test_code_that_breaks_on_the_answer_changes_nothing(name, settings, book, crowd, send):
    with sending_by(name, settings) as here, receiving(post_send, fail):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 40}
    assert Counter(here.recipients) == Counter(everybody())


@pytest.mark.parametrize("name", [MAILGUN, POSTMARK])
def test_code_that_breaks_before_the_call_pauses_the_campaign_and_puts_nobody_in_doubt(
    name, settings, book, crowd, send
):
    with sending_by(name, settings) as here, receiving(pre_send, fail):
        campaign = send(factories.make_campaign(book))
    assert here.calls == []
    assert campaign.send_status == "paused"
    assert campaign.deliveries.counted().keys() == {"pending", "failed"}


def test_a_backend_that_hides_errors_does_not_hide_them_from_us(settings, book, crowd, send):
    rude = Manners(hangs_up_on=lambda recipients: "reader17@example.org" in recipients)
    with (
        sending_by(MAILGUN, settings, rude) as here,
        use_mailer("tests.mailers.SilentMailgun"),
    ):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"unknown": 40}
    assert Counter(here.recipients) == Counter(everybody())


@pytest.mark.parametrize("name", [MAILGUN, SENDGRID])
def test_addresses_that_are_written_in_another_way_get_a_call_of_their_own(
    name, settings, book, send
):
    """Their words are found by the address: nobody gets a copy with bare marks, or without the headers."""
    for number in range(10):
        factories.make_subscription(book, f"Reader{number}@example.org")

    def respell(message):
        message.to = [each.lower() for each in message.to]

    with sending_by(name, settings) as here, receiving(pre_send, respell):
        campaign = send(factories.make_campaign(book, subject="For {name|all}"))
    assert campaign.deliveries.counted() == {"sent": 10}
    tokens = {each.address.lower(): each.link_token for each in Contact.objects.all()}
    assert Counter(here.recipients) == Counter(list(tokens))
    for copy in here.copies:
        assert copy.subject == "For all"
        assert tokens[copy.to[0]] in copy.headers["List-Unsubscribe"]


def test_all_mail_to_one_mailbox_is_one_mail_a_reader(settings, book, crowd, send):
    """As a staging site does it."""

    def redirect(message):
        message.to = ["staging@example.org"]

    with sending_by(MAILGUN, settings) as here, receiving(pre_send, redirect):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 40}
    assert here.recipients == ["staging@example.org"] * 40


def test_what_it_writes_into_one_message_stands_in_no_other(settings, book, crowd, site, send):
    def mark(message):
        message.extra_headers["X-First"] = message.to[0]
        message.extra_headers.pop("List-Unsubscribe-Post", None)
        message.metadata["campaign"] = "spring"

    with sending_by(MAILGUN, settings) as here, receiving(pre_send, mark):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 40}
    assert {copy.metadata["campaign"] for copy in here.copies} == {"spring"}
    other = factories.make_book(site, "Events")
    factories.make_subscription(other, "ada@example.org")
    with sending_by(POSTMARK, settings) as here:
        send(factories.make_campaign(other))
    (copy,) = here.copies
    assert "X-First" not in copy.headers
    assert copy.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_provider_that_calls_a_single_message_failed_has_not_sent_it(book, readers, send):
    with use_mailer("tests.mailers.FailingProvider"):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"failed": 3}
