"""Lists of people who must not be written to, and asking those who came without proof."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.imports import MAILCHIMP, STATED
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import ConsentRecord, Contact, Subscription, Suppression

pytestmark = pytest.mark.django_db

UNSUBSCRIBED = """\
"Email Address","First Name",OPTIN_TIME,UNSUB_TIME,UNSUB_REASON,LEID,EUID
ada@example.org,Ada,"not a time","2024-05-06 07:08:09",,1,a
bob@example.org,Bob,,"2024-05-06 07:08:09",,2,b
"""
CLEANED = """\
"Email Address",OPTIN_TIME,CLEAN_TIME,LEID,EUID
cy@example.org,,"2024-05-06 07:08:09",3,c
"""


def test_mailchimps_unsubscribed_file_is_known_for_what_it_is(importer, book):
    subscription = factories.make_subscription(book, "ada@example.org")
    importer.upload(UNSUBSCRIBED, book)
    assert "people who must not be written to" in importer.browser.text
    importer.check().start()
    assert importer.counts == {"remembered": 2}, "an unreadable time keeps nobody in"
    subscription.refresh_from_db()
    assert subscription.status == "unsubscribed"
    assert ConsentRecord.objects.filter(event="withdrawn").get().import_uuid
    assert Contact.objects.count() == 1, "of others only the hash is kept"
    assert set(Suppression.objects.values_list("scope", "reason")) == {(book.uuid, "withdrawal")}


def test_mailchimps_cleaned_file_is_of_bounces(importer, book):
    person = factories.make_subscription(book, "cy@example.org").contact
    importer.take(CLEANED, book)
    assert set(Suppression.objects.values_list("scope", "reason")) == {("site", "bounce")}
    assert not person.subscriptions.mailable().exists()


def test_whoever_left_all_books_elsewhere_leaves_all_of_them_here(importer, site, book):
    person = factories.make_subscription(book, "ada@example.org").contact
    factories.make_subscription(factories.make_book(site), "ada@example.org")
    importer.take("email\nada@example.org\n", None, kind="leavers", reason="withdrawal")
    assert not person.subscriptions.mailable().exists()
    assert set(person.subscriptions.values_list("status", flat=True)) == {"unsubscribed"}


def test_whoever_left_one_book_elsewhere_stays_in_the_others(importer, site, book):
    other = factories.make_book(site, "Other")
    factories.make_subscription(book, "ada@example.org")
    factories.make_subscription(other, "ada@example.org")
    importer.take("email\nada@example.org\n", book, kind="leavers", reason="withdrawal")
    assert Subscription.objects.mailable().get().book == other


def test_a_second_time_nothing_is_new(importer, book):
    for _time in range(2):
        importer.take(UNSUBSCRIBED, book)
    assert importer.counts == {"known": 2}
    assert Suppression.objects.count() == 2


@pytest.mark.parametrize("reason", ["withdrawal", "objection", "complaint", "bounce"])
def test_nobody_of_such_a_list_is_brought_by_an_import_after_it(importer, book, reason):
    importer.take("email\nada@example.org\n", None, kind="leavers", reason=reason)
    importer.take("email\nADA@example.org\n", book, **STATED)
    assert importer.counts == {"left": 1}
    assert not Subscription.objects.exists()


def test_the_reason_has_to_be_said(importer, book):
    importer.upload("email\nada@example.org\n", book, kind="leavers")
    importer.browser.press("Check the file")
    assert "Say why these people must not be written to." in importer.browser.text


# Asking those without proof


def invite(importer) -> None:
    importer.look()
    importer.browser.press(
        "Ask them to confirm", source="You were a guest in 2023.", ground="Legitimate interest"
    )
    actions.ring_for_confirmations()
    with (
        time_machine.travel(now() + timedelta(minutes=2)),
        importer.browser.run_tasks(execute=True),
    ):
        actions.ring_for_confirmations()


def test_those_without_proof_are_asked_once_and_told_where_their_address_is_from(
    importer, book, visitor
):
    importer.take(MAILCHIMP, book)
    invite(importer)
    (message,) = mail.outbox
    assert message.to == ["bob@example.org"]
    assert "Where we have your address from: You were a guest in 2023." in message.body
    assert "was entered on" not in message.body, "they have not asked for it"
    assert not Subscription.objects.mailable().filter(contact__address="bob@example.org").exists()
    visitor.open_link(message, "confirm")
    visitor.press("Confirm")
    assert Subscription.objects.mailable().filter(contact__address="bob@example.org").exists()
    importer.look()
    assert "Ask them to confirm" not in importer.browser.text


def test_whoever_does_not_answer_is_forgotten_and_never_asked_again(importer, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    invite(importer)
    with time_machine.travel(now() + timedelta(days=8)):
        actions.purge()
    assert not Contact.objects.exists()
    importer.take("email\nbob@example.org\n", book, basis="none")
    assert "came without proof" not in importer.browser.text
    assert len(mail.outbox) == 1


def test_whoever_has_left_in_between_is_not_asked(importer, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    contact = Contact.objects.get()
    actions.unsubscribe(contact=contact, books=None, origin=factories.ORIGIN)
    importer.look()
    assert "Ask them to confirm" not in importer.browser.text


def test_the_ground_and_the_source_are_asked(importer, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    importer.browser.press("Ask them to confirm", source="", ground="")
    assert importer.browser.text.count("This field is required.") == 2
    assert not importer.imported.is_inviting


def test_somebody_who_signs_up_meanwhile_gets_the_usual_mail(importer, book, visitor, signup_page):
    importer.take("email\nbob@example.org\n", book, basis="none")
    visitor.fill_and_post(signup_page, email="bob@example.org")
    assert "was entered on" in mail.outbox[0].body
