"""What a stranger who types somebody else's address can bring about: nothing but one mail."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import django
import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now
from django_q.conf import Conf

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def naming_page(site):
    return factories.make_signup_page(site, factories.make_book(site, "Letters", ask_name=True))


def test_a_strangers_name_does_not_stick_to_whoever_confirms_their_own_request(
    visitor, naming_page
):
    visitor.fill_and_post(naming_page, email="ada@example.org", name="Ada")
    visitor.fill_and_post(naming_page, email="ada@example.org", name="Idiot")
    visitor.open_link(mail.outbox[0], "confirm")
    assert "We will greet you as Ada" in visitor.text
    visitor.press("Confirm")
    assert Contact.objects.get().name == "Ada"


def test_a_strangers_name_does_not_stick_to_whoever_gave_none(visitor, naming_page):
    visitor.fill_and_post(naming_page, email="ada@example.org")
    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.fill_and_post(naming_page, email="ada@example.org", name="Idiot")
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")
    assert Contact.objects.get().name == ""


def test_posting_an_address_over_and_over_leaves_one_line(visitor, signup_page):
    for _again in range(5):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    assert ConsentRecord.objects.filter(event=RecordedEvent.REQUESTED).count() == 1


@pytest.mark.parametrize("status", [SubscriptionStatus.UNPROVEN, SubscriptionStatus.UNSUBSCRIBED])
def test_a_request_that_lapses_leaves_everybody_what_they_were(visitor, book, signup_page, status):
    subscription = factories.make_subscription(book, "ada@example.org")
    Subscription.objects.update(status=status, unsubscribed_at=now(), statement=None)
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert Subscription.objects.get().status == SubscriptionStatus.PENDING
    with time_machine.travel(now() + timedelta(days=8)):
        actions.purge()
    after = Subscription.objects.get(pk=subscription.pk)
    assert (after.status, after.statement) == (status, None)


def test_a_stranger_cannot_swap_the_wording_under_somebodys_confirmation(
    visitor, book, signup_page
):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.open_link(mail.outbox[0], "confirm")
    confirm_page = visitor.response
    factories.change_wording(book, "Yes, and to partners too", material=True)
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.response = confirm_page
    visitor.press("Confirm")
    assert "no longer valid" in visitor.text
    assert not Subscription.objects.mailable().exists()


def test_a_newer_request_with_other_words_leaves_the_first_mails_link_alone(
    visitor, book, signup_page
):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    factories.change_wording(book, "Yes, in other words")
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.open_link(mail.outbox[0], "confirm")
    assert "Yes, Seed letter (en)" in visitor.text
    visitor.press("Confirm")
    confirmed = ConsentRecord.objects.get(event=RecordedEvent.CONFIRMED)
    assert confirmed.statement == Subscription.objects.get().statement
    assert confirmed.statement.label == "Yes, Seed letter (en)"


def test_a_request_that_lapses_leaves_a_confirmed_person_as_they_were(visitor, book, signup_page):
    """After a material change anybody may ask again in their name; who does not answer loses nothing."""
    visitor.join(signup_page, "ada@example.org")
    before = Subscription.objects.get()
    factories.change_wording(book, "Yes, and to partners too", material=True)
    with time_machine.travel(now() + timedelta(hours=1)):
        visitor.fill_and_post(signup_page, email="ada@example.org")
        assert Subscription.objects.get().status == SubscriptionStatus.PENDING
    with time_machine.travel(now() + timedelta(days=8)):
        actions.purge()
    after = Subscription.objects.get()
    assert after.status == SubscriptionStatus.CONFIRMED
    assert after.statement == before.statement, "what they did agree to"
    assert not Subscription.objects.mailable().exists(), "and not what they never agreed to"


def test_the_link_of_the_second_mail_lives_as_long_as_it_says(visitor, signup_page):
    start = now()
    visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(start + timedelta(days=6, hours=12)):
        visitor.fill_and_post(signup_page, email="ada@example.org")
    with time_machine.travel(start + timedelta(days=8)):
        actions.purge()
        visitor.open_link(mail.outbox[1], "confirm")
        visitor.press("Confirm")
    assert Subscription.objects.mailable().exists()


@pytest.mark.parametrize(
    ("typed", "mailed"),
    [
        ("Ada@Straße.example", "Ada@xn--strae-oqa.example"),
        ("victim@exam\u115fple.org", "victim@example.org"),
        ("Ada+News@Example.ORG", "Ada+News@example.org"),
    ],
)
def test_mail_goes_to_the_very_domain_that_is_remembered(visitor, site, signup_page, typed, mailed):
    """S4: two standards read some domains differently; we follow one of them all the way."""
    visitor.fill_and_post(signup_page, email=typed)
    assert mail.outbox[0].to == [mailed]
    domain = Contact.objects.get().canonical_address.rpartition("@")[2]
    assert mailed.endswith(f"@{domain}")


def test_one_visitors_surplus_does_not_close_the_form_for_others(visitor, signup_page, configure):
    configure(SIGNUPS_PER_HOUR_AND_IP=2, SIGNUPS_PER_HOUR=4)
    for number in range(10):
        visitor.fill_and_post(signup_page, email=f"a{number}@example.org")
    assert visitor.response.status_code == 429
    visitor.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert visitor.response.status_code == 303


def test_a_whole_ipv6_network_counts_as_one_visitor(visitor, signup_page, configure):
    configure(SIGNUPS_PER_HOUR_AND_IP=2)
    for number in range(3):
        visitor.client.defaults["REMOTE_ADDR"] = f"2001:db8::{number}"
        visitor.fill_and_post(signup_page, email=f"a{number}@example.org")
    assert visitor.response.status_code == 429


def test_a_cache_that_is_down_stops_nobody(visitor, signup_page, settings):
    settings.CACHES = {"default": {"BACKEND": "tests.caches.Unreachable"}}
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert visitor.response.status_code == 303


def test_a_queue_that_is_down_tells_nobody_who_was_asked(visitor, book, signup_page, settings):
    """A2: new and subscribed people get the same answer, and the mail comes after all."""
    factories.make_subscription(book, "member@example.org")
    with queue_is_down():
        visitor.fill_and_post(signup_page, email="stranger@example.org")
        stranger = visitor.response
        visitor.fill_and_post(signup_page, email="member@example.org")
    assert stranger.status_code == visitor.response.status_code == 303
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.ring_for_confirmations()
    assert [message.to for message in mail.outbox] == [["stranger@example.org"]]


@contextmanager
def queue_is_down():
    """As with a broker that cannot be reached: putting a task into the queue fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Conf, "SYNC", False)
        patch.setattr(Conf, "ORM", "nowhere")
        yield


def test_an_error_report_holds_nothing_of_what_was_typed(visitor, signup_page, settings):
    """Whatever fails inside the request, the report to the administrators names nobody."""
    root = "root@example.org"
    settings.ADMINS = [root] if django.VERSION >= (6,) else [("Root", root)]
    visitor.client.raise_request_exception = False
    page = visitor.open(signup_page.get_url())
    settings.WAGTAIL_GDPR_NEWSLETTER = {}  # No key: nothing can be hashed.
    visitor.post_form(page, email="secret.reader@example.org")
    assert visitor.response.status_code == 500
    report = next(message for message in mail.outbox if message.to == ["root@example.org"])
    assert "secret.reader" not in str(report.message())


def test_leaving_after_a_strangers_request_is_leaving_what_one_had(visitor, book, signup_page):
    visitor.join(signup_page, "ada@example.org")
    agreed = Subscription.objects.get().statement
    factories.change_wording(book, "Yes, and to partners too", material=True)
    with time_machine.travel(now() + timedelta(hours=1)):
        visitor.fill_and_post(signup_page, email="ada@example.org")
        undo = actions.unsubscribe(
            contact=Contact.objects.get(), books=None, origin=factories.ORIGIN
        )
    assert undo, "they had confirmed, so they can take it back"
    withdrawn = ConsentRecord.objects.get(event=RecordedEvent.WITHDRAWN)
    assert withdrawn.statement == agreed
