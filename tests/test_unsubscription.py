"""Leaving is as easy as joining, takes effect at once, and is remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from tests import factories
from tests.mails import link_in
from wagtail_gdpr_newsletter import actions, signals
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    ConsentRecord,
    Contact,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def newsletter(site, book, send):
    """A received newsletter, of somebody who is in two books and got it through one."""
    factories.make_subscription(book, "ada@example.org")
    factories.make_subscription(factories.make_book(site, "Events"), "ada@example.org")
    send(factories.make_campaign(book))
    return mail.outbox[0]


def status_of(name: str) -> str:
    return Subscription.objects.get(book__name=name).status


def test_get_asks_and_post_unsubscribes(visitor, newsletter):
    """M3: mail scanners open links, people press buttons."""
    visitor.open_link(newsletter, "unsubscribe")
    assert "Seed letter" in visitor.text
    assert "Events" not in visitor.text, "a forwarded newsletter tells nothing of other books"
    assert "ada@" not in visitor.text
    assert status_of("Seed letter") == SubscriptionStatus.CONFIRMED
    visitor.press("Unsubscribe")
    assert "You are unsubscribed" in visitor.text
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED
    assert status_of("Events") == SubscriptionStatus.CONFIRMED


def test_from_everything(visitor, newsletter):
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe from everything")
    assert status_of("Seed letter") == status_of("Events") == SubscriptionStatus.UNSUBSCRIBED
    assert Suppression.objects.filter(scope=SITE_SCOPE).exists()


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_one_click_needs_no_cookie_no_token_and_no_second_step(newsletter, content_type):
    """M2, RFC 8058."""
    url = (
        newsletter.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("https://testserver")
    )
    client = Client(enforce_csrf_checks=True)
    for _twice in range(2):
        if content_type == "multipart/form-data":
            response = client.post(url, {"List-Unsubscribe": "One-Click"})
        else:
            response = client.post(url, "List-Unsubscribe=One-Click", content_type=content_type)
        assert response.status_code == 200
        assert not response.cookies
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED
    assert status_of("Events") == SubscriptionStatus.CONFIRMED
    assert ConsentRecord.objects.filter(event=RecordedEvent.WITHDRAWN).count() == 1


def test_the_suppression_holds_no_address(newsletter):
    """S1."""
    actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
    for suppression in Suppression.objects.values():
        assert "ada" not in str(suppression)
        assert suppression["month"].day == 1


def test_that_was_a_mistake_takes_it_back_within_ten_minutes(visitor, newsletter):
    """S5."""
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe from everything")
    visitor.press("That was a mistake")
    assert "still with us" in visitor.text
    assert Subscription.objects.mailable().count() == 2
    assert not Suppression.objects.exists()
    assert ConsentRecord.objects.filter(event=RecordedEvent.WITHDRAWAL_UNDONE).count() == 2


def test_after_ten_minutes_only_a_new_double_opt_in_helps(visitor, newsletter):
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.press("That was a mistake")
    assert "can no longer be taken back" in visitor.text
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED


def test_a_complaint_in_between_is_never_taken_back(visitor, newsletter):
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    actions.unsubscribe(
        contact=Contact.objects.get(),
        books=None,
        origin=factories.ORIGIN,
        reason=SuppressionReason.COMPLAINT,
    )
    visitor.press("That was a mistake")
    assert "can no longer be taken back" in visitor.text
    assert not Subscription.objects.mailable().exists()


def test_the_undo_of_one_leaving_does_not_undo_a_later_one(visitor, newsletter):
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    page = visitor.response
    visitor.press("That was a mistake")
    with time_machine.travel(now() + timedelta(minutes=5)):
        actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
        visitor.response = page
        visitor.press("That was a mistake")
    assert not Subscription.objects.mailable().exists()


def test_an_older_undo_does_not_lift_a_later_leaving_of_everything(visitor, newsletter):
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    older = visitor.response
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe from everything")
    visitor.response = older
    visitor.press("That was a mistake")
    assert "can no longer be taken back" in visitor.text
    assert not Subscription.objects.mailable().exists()
    assert Suppression.objects.filter(scope=SITE_SCOPE).exists()


def test_what_was_never_confirmed_is_not_revived_by_taking_a_leaving_back(visitor, newsletter):
    Subscription.objects.filter(book__name="Events").update(
        status=SubscriptionStatus.PENDING, confirmed_at=None
    )
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe from everything")
    visitor.press("That was a mistake")
    assert status_of("Seed letter") == SubscriptionStatus.CONFIRMED
    assert status_of("Events") == SubscriptionStatus.UNSUBSCRIBED
    events = Subscription.objects.get(book__name="Events").book
    assert Suppression.objects.filter(scope=events.uuid).exists()


def test_taking_a_leaving_back_does_not_revive_a_dead_address(visitor, newsletter):
    contact = Contact.objects.get()
    contact.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe from everything")
    visitor.press("That was a mistake")
    assert Suppression.objects.get().reason == SuppressionReason.BOUNCE
    assert not Subscription.objects.mailable().exists()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x" * 3_000_000, "application/x-www-form-urlencoded"),
        (
            b"&".join(b"a%d=1" % number for number in range(2000)),
            "application/x-www-form-urlencoded",
        ),
        (b"no boundary", "multipart/form-data"),
        (b"a=1", "application/x-www-form-urlencoded; charset=iso-8859-1"),
        (b"{}", "application/json"),
        (b"", ""),
    ],
)
def test_one_click_works_whatever_the_body_is(client, newsletter, body, content_type):
    """M2: the address is the proof."""
    response = client.post(link_in(newsletter, "unsubscribe"), body, content_type=content_type)
    assert response.status_code == 200
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED


def test_one_click_is_not_redirected_for_a_slash(client, newsletter):
    link = link_in(newsletter, "unsubscribe").rstrip("/")
    response = client.post(link, {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED


@pytest.mark.parametrize(
    "path",
    [
        "unsubscribe/%00/",
        "unsubscribe/%00/5/",
        "my-data/%00/",
        "unsubscribe/" + "é" * 40 + "/",
        "unsubscribe/" + "0" * 32 + "/999999999999999999/",
    ],
)
def test_links_that_nobody_sent_are_answered_kindly(client, site, path):
    assert client.get(f"/newsletter/{path}").status_code == 200


def test_an_unsubscription_holds_whatever_other_code_on_the_site_does(visitor, newsletter):
    def fails(**kwargs):
        raise RuntimeError

    signals.subscription_withdrawn.connect(fails)
    try:
        visitor.open_link(newsletter, "unsubscribe")
        visitor.press("Unsubscribe")
    finally:
        signals.subscription_withdrawn.disconnect(fails)
    assert "You are unsubscribed" in visitor.text
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED


def test_the_links_of_a_test_lead_to_pages_that_say_so(visitor, site):
    visitor.open("/newsletter/unsubscribe/" + "0" * 32 + "/")
    assert "belongs to a test" in visitor.text


def test_a_logo_whose_file_is_gone_keeps_nobody_from_leaving(visitor, site, newsletter):
    logo = factories.make_image("logo.png")
    factories.make_sender(site, logo=logo)
    logo.file.storage.delete(logo.file.name)
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED


def test_no_campaign_reaches_whoever_left_even_where_the_subscription_says_otherwise(newsletter):
    """The suppression alone is enough: an import cannot undo it."""
    actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
    Subscription.objects.update(status=SubscriptionStatus.CONFIRMED)
    assert not Subscription.objects.mailable().exists()


def test_a_contact_that_is_gone_still_gets_a_kind_answer(visitor, newsletter):
    link = link_in(newsletter, "unsubscribe")
    Contact.objects.all().delete()
    visitor.open(link)
    assert visitor.response.status_code == 200
    visitor.press("Unsubscribe")
    assert "You are unsubscribed" in visitor.text


def test_links_work_whatever_happens_to_the_secret_key(visitor, newsletter, settings):
    settings.SECRET_KEY = "another one"
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    assert status_of("Seed letter") == SubscriptionStatus.UNSUBSCRIBED


def test_leaving_under_an_old_key_holds_after_the_key_was_rotated(site, book, newsletter, settings):
    """S3."""
    actions.unsubscribe(contact=Contact.objects.get(), books=[book.uuid], origin=factories.ORIGIN)
    keys = settings.WAGTAIL_GDPR_NEWSLETTER["SUPPRESSION_KEYS"]
    settings.WAGTAIL_GDPR_NEWSLETTER = {
        "SUPPRESSION_KEYS": {**keys, "2": "a second key for tests, 32 or more characters"}
    }
    Contact.objects.all().delete()
    factories.make_subscription(book, "Ada@EXAMPLE.org")
    assert not Subscription.objects.mailable().exists()


def test_my_data_shows_the_sender_and_nothing_of_the_reader(visitor, newsletter):
    """R2: newsletters get forwarded."""
    visitor.open_link(newsletter, "my-data")
    assert "Orto dei Semi" in visitor.text
    assert "Via Micheli 3" in visitor.text
    assert "hello@example.org" in visitor.text
    for secret in ("ada@", "Events", "Seed letter"):
        assert secret not in visitor.text
    visitor.press("Unsubscribe from everything")
    assert not Subscription.objects.mailable().exists()


@pytest.mark.parametrize("which", ["unsubscribe", "my-data"])
def test_get_and_head_change_nothing(visitor, newsletter, which, django_assert_num_queries):
    url = link_in(newsletter, which).removeprefix("https://testserver")
    before = list(Subscription.objects.values()), list(Contact.objects.values())
    for method in (visitor.client.get, visitor.client.head):
        response = method(url)
        assert response.status_code == 200
        assert not response.cookies
    assert before == (list(Subscription.objects.values()), list(Contact.objects.values()))
    assert ConsentRecord.objects.count() == 0


@pytest.mark.parametrize("which", ["unsubscribe", "my-data"])
def test_these_pages_are_not_stored_indexed_or_told_to_others(visitor, newsletter, which):
    """A4."""
    visitor.open_link(newsletter, which)
    assert "no-store" in visitor.response["Cache-Control"]
    assert visitor.response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in visitor.response["X-Robots-Tag"]
    for tag in visitor.soup.select("[src], link[href]"):
        assert not (tag.get("src") or tag.get("href")).startswith(("http:", "https:", "//"))


def test_the_pages_speak_the_readers_language(visitor, newsletter):
    Contact.objects.update(language="it")
    visitor.open_link(newsletter, "my-data")
    assert visitor.soup.html["lang"] == "it"
