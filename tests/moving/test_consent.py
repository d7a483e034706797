"""Moving, leaving and coming back make nobody mailable who did not agree, and lose no proof of it (S5, C5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from tests import factories
from tests.moving.steps import MY_DATA, NEW, OLD, ask, move
from wagtail_gdpr_newsletter import actions, pseudonyms
from wagtail_gdpr_newsletter.actions.offering import current_statement
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    ConsentRecord,
    Contact,
    RecordedEvent,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db


def test_an_import_after_an_erasure_does_not_become_mailable_by_a_move(visitor, ada, book):
    visitor.erase()
    factories.make_subscription(book, OLD)
    with time_machine.travel(now() + timedelta(minutes=15)):
        visitor.enter(OLD)
        move(visitor, ask(visitor))
    assert not Subscription.objects.mailable().exists()


def test_an_import_at_the_new_address_does_not_become_mailable_by_a_merge(visitor, ada, site):
    other = factories.make_book(site, "Garden letter")
    actions.erase(contact=factories.make_subscription(other, NEW).contact, origin=factories.ORIGIN)
    factories.make_subscription(other, NEW)
    visitor.open(MY_DATA)
    question = ask(visitor)
    assert "Garden letter" not in str(visitor.open_link(question, "new-address"))
    visitor.press("Yes, that is my address")
    assert [each.book.name for each in Subscription.objects.mailable()] == ["Seed letter"]


def test_a_yes_to_one_book_brings_back_no_other_that_was_left_with_it(site, visitor, signup_page):
    """The site-wide memory gives way to one for each other book."""
    other = factories.make_book(site, "Made after")
    visitor.join(signup_page, OLD)
    actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
    factories.make_subscription(other, OLD)
    assert not Subscription.objects.mailable().exists()
    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.join(signup_page, OLD)
    assert [each.book.name for each in Subscription.objects.mailable()] == ["Seed letter"]


def test_taking_a_leaving_back_does_not_cross_an_objection(ada, book):
    undo = actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    actions.object_to_mail(contact=ada, origin=factories.ORIGIN)
    actions.withdraw_objection(contact=ada, source="my data")
    actions.resubscribe(token=undo, origin=factories.ORIGIN)
    assert not Subscription.objects.mailable().exists()


def test_taking_a_leaving_back_does_not_cross_a_move(visitor, ada):
    """Whoever confirmed at the new mailbox was told of no newsletter."""
    undo = actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    assert actions.resubscribe(token=undo, origin=factories.ORIGIN) == []
    assert not Subscription.objects.mailable().exists()


def test_what_the_page_of_a_move_did_not_show_is_not_done(visitor, ada, site):
    question = ask(visitor)
    visitor.open_link(question, "new-address")
    factories.make_subscription(factories.make_book(site, "Casino letter"), OLD)
    visitor.press("Yes, that is my address")
    assert visitor.response.status_code == 409
    assert "Casino letter" in visitor.text
    assert Contact.objects.get().address == OLD
    visitor.press("Yes, that is my address")
    assert Contact.objects.get().address == NEW


def test_a_move_says_what_else_it_brings(visitor, ada):
    actions.restrict(contact=ada, restricted=True, source="my data")
    question = ask(visitor)
    visitor.open_link(question, "new-address")
    assert "the use of the data is restricted" in visitor.text
    assert "wants no mail from us at all" not in visitor.text


def test_a_request_that_lapses_later_was_named_at_the_move(visitor, ada, signup_page):
    ada.suppress(scope=SITE_SCOPE, reason="bounce")
    type(visitor)(visitor.run_tasks).fill_and_post(signup_page, email=OLD)
    assert Subscription.objects.get().previous_status == "confirmed"
    visitor.open(MY_DATA)
    visitor.open_link(ask(visitor), "new-address")
    assert "Seed letter" in visitor.text


def test_a_merge_keeps_the_consent_that_is_still_valid(visitor, ada, countess, book):
    factories.change_wording(book, "Changed", material=True)
    theirs = Subscription.objects.filter(contact=countess, book=book)
    theirs.update(statement=current_statement(book, "en"))
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    assert Subscription.objects.mailable().filter(book=book).exists()


def test_a_merge_keeps_the_name_of_whoever_confirmed(visitor, ada, countess):
    Contact.objects.filter(pk=ada.pk).update(name="Visit evil.example now")
    Contact.objects.filter(pk=countess.pk).update(name="Grace", language="it")
    move(visitor, ask(visitor))
    assert (Contact.objects.get().name, Contact.objects.get().language) == ("Grace", "it")


def test_each_newsletter_that_moved_has_its_line_of_proof(visitor, ada, book):
    """C5: what was confirmed at the new mailbox, and in which words it was asked."""
    move(visitor, ask(visitor))
    record = ConsentRecord.objects.get(event=RecordedEvent.ADDRESS_CHANGED)
    assert (record.book_uuid, record.statement) == (book.uuid, current_statement(book, "en"))
    assert record.mail_version


def test_after_an_erasure_the_proof_is_found_by_the_address_that_it_is_about(visitor, ada):
    move(visitor, ask(visitor))
    actions.erase(contact=Contact.objects.get(), origin=factories.ORIGIN)
    for address in (OLD, NEW):
        hashed = pseudonyms.keyed_hash(address).value
        assert ConsentRecord.objects.filter(subject=hashed).exists()
    assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())


def test_a_key_that_was_replaced_is_replaced_in_the_proof_as_well(visitor, ada, configure):
    """S3, S6."""
    configure(SUPPRESSION_KEYS={"1": "a key that is only good for tests, 32+", "2": "k" * 40})
    visitor.erase()
    assert set(ConsentRecord.objects.values_list("subject_key_id", flat=True)) == {"2"}
    assert set(Suppression.objects.values_list("key_id", flat=True)) == {"2"}
