"""An address book is deleted: what goes, what stays, and who is asked for its name first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from wagtail.models import ModelLogEntry

from tests import factories
from tests.mailers import use_mailer
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    Campaign,
    ConsentRecord,
    ConsentStatement,
    Contact,
    FrozenMessage,
    RecordedEvent,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db

ALL = ("view_addressbook", "change_addressbook", "delete_addressbook", "view_suppression")
BUTTON = "Delete the address book"


def delete_page(book: AddressBook) -> str:
    return reverse(AddressBook.snippet_viewset.get_url_name("delete"), args=[book.pk])


def delete(browser, book: AddressBook, *, name: str | None = None) -> str:
    browser.open(delete_page(book))
    browser.press(BUTTON, name=book.name if name is None else name)
    return browser.text


@pytest.fixture
def other_book(site):
    return factories.make_book(site, "Members")


@pytest.fixture
def people(book, other_book):
    """One reader here, one of both books, one who has left, and one who has only asked."""
    for address in ("ada@example.org", "both@example.org", "left@example.org"):
        factories.make_subscription(book, address)
    factories.make_subscription(other_book, "both-too@example.org")
    both = Contact.objects.get(address="both@example.org")
    Subscription.objects.filter(contact__address="both-too@example.org").update(contact=both)
    Contact.objects.filter(address="both-too@example.org").delete()
    left = Contact.objects.get(address="left@example.org")
    actions.unsubscribe(contact=left, books=[book.uuid], origin=factories.ORIGIN)
    factories.sign_up(book, "asked@example.org")


def test_the_page_says_what_goes_and_what_stays(staff, book, people):
    browser = staff(*ALL)
    browser.open(delete_page(book))
    for said in (
        "2 subscriptions: confirmed",
        "1 subscription: pending",
        "1 subscription: unsubscribed",
        "the people: 2 of them are in no other address book",
        "1 address that has left, remembered without the address itself",
    ):
        assert said in browser.text
    assert "ada@example.org" not in browser.text


def test_whoever_does_not_type_its_name_deletes_nothing(staff, book, people):
    browser = staff(*ALL)
    assert "The address book is called “Seed letter”." in delete(browser, book, name="Members")
    assert "This field is required." in delete(browser, book, name=" ")
    assert Subscription.objects.filter(book=book).count() == 4
    browser.client.post(delete_page(book))
    assert AddressBook.objects.filter(pk=book.pk).exists()


def test_subscriptions_go_and_people_proof_and_what_was_remembered_stay(
    staff, book, other_book, people
):
    """C12, S1."""
    statements = ConsentStatement.objects.count()
    assert "Address book 'Seed letter' deleted." in delete(staff(*ALL), book)
    assert not AddressBook.objects.filter(pk=book.pk).exists()
    assert [str(each.book) for each in Subscription.objects.all()] == [other_book.name]
    kept = set(Contact.objects.values_list("address", flat=True))
    assert kept == {"ada@example.org", "both@example.org", "left@example.org"}
    assert not ConsentRecord.objects.filter(address="asked@example.org").exists()
    withdrawal = ConsentRecord.objects.get(event=RecordedEvent.WITHDRAWN)
    assert withdrawal.book_uuid == book.uuid
    assert withdrawal.digest == withdrawal.digest_now()
    assert ConsentStatement.objects.count() == statements
    assert Suppression.objects.get().scope == book.uuid
    actions.delete_book(book=book)  # In another tab.
    entry = ModelLogEntry.objects.get(action="wagtail.delete")
    assert (entry.label, entry.user.username) == ("Seed letter", "dpo")
    assert entry.data["subscriptions"] == 4


def test_who_asked_again_and_has_not_confirmed_keeps_the_proof_of_before(book):
    reader = factories.join(book, "ada@example.org")
    before = list(reader.consent_records.values_list("pk", flat=True))
    actions.unsubscribe(contact=reader, books=[book.uuid], origin=factories.ORIGIN)
    Subscription.objects.update(unsubscribed_at=now() - timedelta(days=1))
    factories.sign_up(book, "ada@example.org")
    actions.delete_book(book=book)
    events = [each.event for each in Contact.objects.get().consent_records.all()]
    assert events == ["requested", "confirmation_sent", "confirmed", "withdrawn"]
    assert set(before) < set(Contact.objects.get().consent_records.values_list("pk", flat=True))


def test_a_book_stays_while_somebody_in_it_has_restricted_the_use_of_their_data(staff, book):
    """GDPR 18."""
    factories.sign_up(book, "ada@example.org")
    asked = Contact.objects.get()
    actions.restrict(contact=asked, restricted=True, source="test")
    assert "1 person in it has restricted" in staff(*ALL).open(delete_page(book)).text
    with pytest.raises(actions.CannotBeDeleted):
        actions.delete_book(book=book)
    assert asked.subscriptions.exists()
    actions.restrict(contact=asked, restricted=False, source="test")
    actions.delete_book(book=book)


@pytest.mark.parametrize("status", ["scheduled", "preparing", "sending", "paused"])
def test_a_book_that_a_campaign_goes_to_stays(staff, book, people, status):
    campaign = factories.make_campaign(book)
    browser = staff(*ALL)
    browser.open(delete_page(book))
    Campaign.objects.update(send_status=status)
    browser.press(BUTTON, name=book.name)
    assert "The campaign “Spring is here” goes to it" in browser.text
    assert BUTTON not in browser.text
    with pytest.raises(actions.CannotBeDeleted):
        actions.delete_book(book=book)
    Campaign.objects.filter(pk=campaign.pk).update(send_status="cancelled")
    actions.delete_book(book=book)


def test_what_was_sent_to_it_stays_as_it_was(staff, send, book, people):
    with use_mailer("django.core.mail.backends.locmem.EmailBackend"):
        campaign = send(factories.make_campaign(book))
    frozen = list(FrozenMessage.objects.values())
    browser = staff(*ALL, "view_campaign", "send_campaign")
    browser.open(delete_page(book))
    assert "1 campaign, without this book among its address books" in browser.text
    browser.press(BUTTON, name=book.name)
    assert list(FrozenMessage.objects.values()) == frozen
    assert campaign.deliveries.counted() == {"sent": 2}
    browser.open(reverse(Campaign.snippet_viewset.get_url_name("progress"), args=[campaign.pk]))
    assert browser.response.status_code == 200


def test_a_draft_for_it_opens_and_asks_for_another(staff, book):
    campaign = factories.make_campaign(book)
    actions.delete_book(book=book)
    browser = staff("change_campaign", "send_campaign", "view_addressbook")
    browser.open(reverse(Campaign.snippet_viewset.get_url_name("edit"), args=[campaign.pk]))
    assert browser.response.status_code == 200
    campaign = Campaign.objects.get()
    with pytest.raises(actions.CannotSend, match="No address book is chosen"):
        actions.send_campaign(campaign=campaign)


def test_its_box_goes_from_the_sign_up_form_and_the_others_stay(visitor, site, book, other_book):
    page = factories.make_signup_page(site, book, other_book)
    actions.delete_book(book=book)
    visitor.open(page.url)
    assert "Seed letter" not in visitor.text
    assert "Members" in visitor.text
    visitor.join(page, "ada@example.org")
    assert Subscription.objects.mailable().get().book == other_book


def test_its_name_is_still_known_where_something_is_remembered_of_it(staff, book, people):
    actions.delete_book(book=book)
    browser = staff("view_suppression")
    browser.open("/admin/newsletter/suppressions/")
    browser.press("Check", address="left@example.org")
    assert "Seed letter (deleted)" in browser.text


def test_what_is_ticked_in_the_list_is_deleted_by_the_same_page(staff, book, other_book):
    """Wagtail's own bulk deletion asks for no name."""
    browser = staff(*ALL)
    bulk = reverse("wagtail_bulk_action", args=["wagtail_gdpr_newsletter", "addressbook", "delete"])
    one = browser.client.post(f"{bulk}?id={book.pk}")
    assert one["Location"] == delete_page(book)
    both = browser.client.post(f"{bulk}?id={book.pk}&id={other_book.pk}", follow=True)
    assert "Delete address books one at a time" in both.content.decode()
    assert AddressBook.objects.count() == 2


def test_whoever_may_not_delete_books_cannot_by_the_address_of_the_page_either(staff, book):
    browser = staff("view_addressbook", "change_addressbook")
    for answer in (
        browser.client.get(delete_page(book)),
        browser.client.post(delete_page(book), {"name": book.name}),
    ):
        assert answer.status_code == 302
        assert answer["Location"] == reverse("wagtailadmin_home")
    assert AddressBook.objects.filter(pk=book.pk).exists()


def test_a_large_book_costs_no_more_statements_than_a_small_one(site):
    asked = []
    for number in (3, 30):
        book = factories.make_book(site)
        for each in range(number):
            factories.sign_up(book, f"reader{each}@example.org")
            factories.make_subscription(book, f"confirmed{each}@example.org")
        with CaptureQueriesContext(connection) as queries:
            actions.delete_book(book=book)
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert not Contact.objects.filter(address__startswith="reader").exists()


def test_an_old_newsletter_of_a_deleted_book_leaves_no_other(
    visitor, send, book, other_book, people
):
    """A mail program's button in it ends what it came through, and nothing else."""
    with use_mailer("django.core.mail.backends.locmem.EmailBackend"):
        send(factories.make_campaign(book))
    to_both = next(message for message in mail.outbox if message.to == ["both@example.org"])
    link = to_both.extra_headers["List-Unsubscribe"].strip("<>")
    actions.delete_book(book=book)
    answer = visitor.client.post(link, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    both = Contact.objects.get(address="both@example.org")
    assert Subscription.objects.mailable().get(contact=both).book == other_book
    assert {each.scope for each in both.suppressions} == {book.uuid}
    visitor.open(link)
    visitor.press("Unsubscribe")
    assert not Subscription.objects.mailable().filter(contact=both).exists()
