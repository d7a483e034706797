"""A new address: its mailbox confirms, the old one is told, and two contacts of one person become one (R3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.mails import link_in
from tests.moving.steps import MY_DATA, NEW, OLD, ask, move
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    ConsentRecord,
    Contact,
    Delivery,
    RecordedEvent,
    RightsRequest,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db


def test_the_new_mailbox_confirms_and_the_old_one_is_told(visitor, ada, send, book):
    question = ask(visitor)
    assert question.to == [NEW]
    visitor.open_link(question, "new-address")
    assert "Seed letter" in visitor.text
    ada.refresh_from_db()
    assert ada.address == OLD, "GET moves nothing"
    visitor.press("Yes, that is my address")
    assert "Your address is changed" in visitor.text
    ada.refresh_from_db()
    assert ada.address == NEW
    note = mail.outbox[-1]
    assert note.to == [OLD]
    assert NEW not in note.body
    send(factories.make_campaign(book))
    assert mail.outbox[-1].to == [NEW]


def test_the_evidence_tells_of_the_move_and_keeps_what_was(visitor, ada):
    before = list(ConsentRecord.objects.values("pk", "address", "digest"))
    move(visitor, ask(visitor))
    record = ConsentRecord.objects.get(event=RecordedEvent.ADDRESS_CHANGED)
    assert (record.address, record.contact) == (NEW, ada)
    assert record.digest == record.digest_now()
    assert (
        list(ConsentRecord.objects.exclude(pk=record.pk).values("pk", "address", "digest"))
        == before
    )


def test_nobody_at_the_new_address_learns_of_the_old(visitor, ada):
    """It may be a stranger's, by a slip of the finger."""
    question = ask(visitor)
    stranger = type(visitor)(visitor.run_tasks)
    stranger.open_link(question, "new-address")
    for said in (question.body, question.alternatives[0].content, stranger.text):
        assert OLD not in said
        assert "Ada" not in said


def test_a_move_closes_the_data_in_every_browser(visitor, ada):
    other = type(visitor)(visitor.run_tasks)
    move(other, ask(visitor))
    visitor.open(MY_DATA)
    assert OLD not in visitor.text
    assert NEW not in visitor.text


def test_the_link_works_once_and_within_a_day(visitor, ada):
    question = ask(visitor)
    with time_machine.travel(now() + timedelta(hours=25)):
        visitor.open_link(question, "new-address")
        assert visitor.response.status_code == 410
    move(visitor, question)
    visitor.open_link(question, "new-address")
    assert visitor.response.status_code == 404, "the address that it was asked for is no more"


def test_of_two_new_addresses_the_first_that_confirms_wins(visitor, ada):
    first, second = ask(visitor), ask(visitor, "other@example.com")
    move(visitor, second)
    visitor.open_link(first, "new-address")
    assert visitor.response.status_code == 404
    ada.refresh_from_db()
    assert ada.address == "other@example.com"


def test_old_newsletters_still_lead_out(visitor, ada, send, book):
    send(factories.make_campaign(book))
    newsletter = mail.outbox[-1]
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    assert not Subscription.objects.mailable().exists()


def test_an_old_list_does_not_bring_the_old_address_back(visitor, ada, book, site):
    move(visitor, ask(visitor))
    assert Suppression.objects.of(OLD, site=site).get().reason == SuppressionReason.MOVED
    factories.make_subscription(book, OLD)
    assert [each.contact.address for each in Subscription.objects.mailable()] == [NEW]


def test_somebody_else_may_have_the_old_address_one_day(visitor, ada, signup_page):
    move(visitor, ask(visitor))
    visitor.join(signup_page, OLD)
    mailable = Subscription.objects.mailable()
    assert {each.contact.address for each in mailable} == {OLD, NEW}


def test_one_can_move_back(visitor, ada):
    move(visitor, ask(visitor))
    visitor.enter(NEW)
    move(visitor, ask(visitor, OLD))
    assert [each.contact.address for each in Subscription.objects.mailable()] == [OLD]


def test_what_waits_for_a_confirmation_is_asked_for_at_the_new_address(visitor, ada, site):
    other = factories.make_book(site, "Greenhouse letter")
    visitor.open(MY_DATA)
    visitor.press("Join", **{f"book-{other.uuid}": "on"})
    old = mail.outbox[-1]
    move(visitor, ask(visitor))
    visitor.open_link(old, "confirm")
    assert visitor.response.status_code in (200, 404)
    assert "no longer valid" in visitor.text
    with time_machine.travel(now() + timedelta(minutes=30)):
        actions.ring_for_confirmations()
    assert mail.outbox[-1].to == [NEW]
    visitor.open_link(mail.outbox[-1], "confirm")
    visitor.press("Confirm")
    assert Subscription.objects.mailable().filter(book=other).exists()


@pytest.mark.parametrize("state", ["unknown", "known", "suppressed", "final", "flooded"])
def test_the_answer_is_the_same_whoever_has_the_address(visitor, ada, book, site, state):
    if state == "known":
        factories.make_subscription(book, NEW)
    if state == "suppressed":
        Suppression.objects.remember(NEW, site=site, scope=SITE_SCOPE, reason="withdrawal")
    if state == "final":
        Suppression.objects.remember(NEW, site=site, scope=SITE_SCOPE, reason="complaint")
    if state == "flooded":
        ask(visitor)
    question = ask(visitor)
    assert visitor.response.status_code == 200
    assert "Look into the mailbox at the new address" in visitor.text
    assert (question is None) == (state in ("final", "flooded"))


def test_one_reader_asks_three_mailboxes_a_day_at_most(visitor, ada):
    for number in range(4):
        ask(visitor, f"somebody{number}@example.org")
    assert visitor.response.status_code == 422
    assert "tomorrow" in visitor.text


def test_the_address_that_is_there_needs_no_move(visitor, ada):
    assert ask(visitor, OLD) is None
    assert "That is the address that we have." in visitor.text
    assert ask(visitor, "not an address") is None
    assert visitor.response.status_code == 422


def test_two_contacts_of_one_person_become_one_with_all_that_both_had(visitor, ada, countess):
    evidence = set(ConsentRecord.objects.values_list("pk", flat=True))
    move(visitor, ask(visitor))
    assert Contact.objects.get().pk == ada.pk
    assert evidence < set(ConsentRecord.objects.filter(contact=ada).values_list("pk", flat=True))
    assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())
    names = {each.book.name for each in Subscription.objects.mailable()}
    assert names == {"Seed letter", "Garden letter"}
    assert RightsRequest.objects.filter(contact=ada, kind="address_change").count() == 1


def test_newsletters_of_both_still_lead_out_and_to_the_data(visitor, ada, countess):
    theirs = next(each for each in mail.outbox if each.to == [NEW] and each.subject == "To both")
    move(visitor, ask(visitor))
    visitor.open_link(theirs, "my-data")
    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.press("Send me the link")
    assert mail.outbox[-1].to == [NEW]
    visitor.open_link(theirs, "unsubscribe")
    visitor.press("Unsubscribe from everything")
    assert not Subscription.objects.mailable().exists()


def test_nobody_gets_a_second_copy_because_they_were_two(visitor, ada, countess):
    mine = Delivery.objects.get(contact=ada)
    Delivery.objects.filter(contact=countess).update(status="pending", sent_at=None)
    move(visitor, ask(visitor))
    assert Delivery.objects.get(contact=ada) == mine
    assert Delivery.objects.get(contact=None).status == "pending"


@pytest.mark.parametrize(
    ("mine", "theirs", "after"),
    [
        ("confirmed", "unsubscribed", "confirmed"),
        ("unsubscribed", "confirmed", "confirmed"),
        ("unsubscribed", "pending", "unsubscribed"),
        ("unproven", "pending", "pending"),
        ("unproven", "unsubscribed", "unsubscribed"),
    ],
)
def test_of_two_places_in_one_book_one_stays(visitor, ada, countess, book, mine, theirs, after):
    for contact, status in ((ada, mine), (countess, theirs)):
        if status == SubscriptionStatus.UNSUBSCRIBED:
            actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)
        else:
            Subscription.objects.filter(contact=contact, book=book).update(status=status)
    move(visitor, ask(visitor))
    subscription = Subscription.objects.get(book=book)
    assert subscription.status == after
    mailable = Subscription.objects.mailable().filter(book=book).exists()
    assert mailable == (after == "confirmed")


def test_whoever_left_under_the_old_address_has_left_under_the_new(visitor, ada, book, site):
    """S5: in an import, too, that knows the new address alone."""
    actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    Contact.objects.all().delete()
    factories.make_subscription(book, NEW)
    assert not Subscription.objects.mailable().exists()


def test_an_objection_moves_along(visitor, ada, site):
    visitor.press("Never write to me again")
    move(visitor, ask(visitor))
    assert Suppression.objects.of(NEW, site=site).final().exists()


def test_the_confirmation_at_the_new_mailbox_counts_for_what_it_names(visitor, ada, site):
    """As any double opt-in: an earlier leaving of that address holds no longer, for these books."""
    Suppression.objects.remember(NEW, site=site, scope=SITE_SCOPE, reason="erasure")
    Suppression.objects.remember(NEW, site=site, scope="another book", reason="withdrawal")
    move(visitor, ask(visitor))
    assert Subscription.objects.mailable().get().contact.address == NEW
    assert Suppression.objects.of(NEW, site=site).filter(scope="another book").exists()
    factories.make_subscription(factories.make_book(site, "Imported"), NEW)
    assert Subscription.objects.mailable().count() == 1, "all else is left still"


def test_a_restriction_of_either_holds_for_both(visitor, ada, countess):
    Contact.objects.filter(pk=countess.pk).update(restricted=True)
    move(visitor, ask(visitor))
    assert Contact.objects.get().restricted


def test_an_international_domain_is_one_address_in_both_spellings(visitor, ada):
    question = ask(visitor, "ada@bücher.example")
    assert question.to == ["ada@xn--bcher-kva.example"]
    move(visitor, question)
    visitor.enter("ADA@xn--bcher-kva.example")
    assert "ada@bücher.example" in visitor.text
    assert link_in(mail.outbox[-1], "open")
