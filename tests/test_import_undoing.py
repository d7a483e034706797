"""Taking an import back: whom only it has brought, and nothing that people have decided by themselves."""

from __future__ import annotations

import pytest
from wagtail.models import ModelLogEntry

from tests import factories
from tests.imports import MAILCHIMP, STATED
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    ContactImport,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db

ADA = "email\nada@example.org\n"


def undo(importer, contact_import: ContactImport | None = None) -> None:
    contact_import = contact_import or importer.imported
    importer.browser.open(f"/admin/newsletter/imports/{contact_import.pk}/")
    importer.browser.press("Take it back", why="The wrong file")
    contact_import.refresh_from_db()
    assert contact_import.status == "undone"


def test_people_whom_only_the_import_has_brought_are_gone_and_the_proof_stays(importer, book):
    importer.take(MAILCHIMP, book)
    undo(importer)
    assert not Subscription.objects.exists()
    assert not Contact.objects.exists(), "nothing else keeps them here"
    ada = Address.parse("ada@example.org")
    found = actions.traces(address=ada, site=book.site).records
    assert [record.event for record in found] == [
        *("stated_request", "stated_confirmation", "imported", "import_undone")
    ]
    for record in found:
        assert record.address == record.ip == ""
        assert record.digest == record.digest_now()
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.undo_import")
    assert entry.data == {"why": "The wrong file"}


def test_the_reason_is_asked(importer, book):
    importer.take(MAILCHIMP, book)
    importer.browser.press("Take it back", why="")
    assert "This field is required." in importer.browser.text
    assert importer.imported.status == "done"


def test_whoever_was_there_before_stays(importer, book):
    factories.make_subscription(book, "ada@example.org")
    importer.take(MAILCHIMP, book)
    undo(importer)
    assert Subscription.objects.mailable().get().contact.address == "ada@example.org"


def test_whoever_is_in_another_book_stays_in_that(importer, site, book):
    factories.make_subscription(factories.make_book(site, "Other"), "ada@example.org")
    importer.take(MAILCHIMP, book)
    undo(importer)
    assert Subscription.objects.get().book.name == "Other"


def test_a_confirmation_of_their_own_stays(importer, book, visitor, signup_page):
    importer.take(ADA, book, basis="none")
    visitor.join(signup_page, "ada@example.org")
    undo(importer)
    assert Subscription.objects.mailable().get().opted_in


def test_what_they_have_asked_for_and_not_confirmed_yet_stays_asked_for(
    importer, book, visitor, signup_page
):
    importer.take(ADA, book, basis="none")
    visitor.fill_and_post(signup_page, email="ada@example.org")
    undo(importer)
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.previous_status) == ("pending", "")


def test_whoever_left_since_has_left(importer, book):
    importer.take(ADA, book, **STATED)
    contact = Contact.objects.get()
    actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)
    undo(importer)
    assert Subscription.objects.get().status == "unsubscribed"
    assert Suppression.objects.count() == 1
    importer.take(ADA, book, **STATED)
    assert importer.counts == {"left": 1}


def test_whom_another_import_names_too_stays_with_that_one(importer, book):
    importer.take(ADA, book, **STATED)
    first = importer.imported
    importer.take(ADA, book, **STATED)
    undo(importer, first)
    subscription = Subscription.objects.get()
    assert subscription.brought_by == importer.imported
    assert subscription.status == "unproven", "what proved it was the one that was taken back"


def test_whom_another_import_has_proven_stays_proven(importer, book):
    importer.take(ADA, book, basis="none")
    first = importer.imported
    importer.take(ADA, book, **STATED)
    undo(importer, first)
    assert Subscription.objects.mailable().get().brought_by == importer.imported
    undo(importer)
    assert not Subscription.objects.exists()


def test_proof_is_taken_back_from_whom_an_earlier_import_has_brought(importer, book):
    importer.take(ADA, book, basis="none")
    importer.take(ADA, book, **STATED)
    undo(importer)
    assert Subscription.objects.get().status == "unproven"


def test_whoever_has_got_a_campaign_by_it_can_still_reach_their_data(importer, book, send, visitor):
    importer.take(ADA, book, **STATED)
    send(factories.make_campaign(book))
    undo(importer)
    contact = Contact.objects.get()
    assert not contact.subscriptions.exists()
    visitor.open(f"/newsletter/my-data/{contact.link_token}/")
    assert visitor.response.status_code == 200


def test_a_list_of_those_who_have_left_is_not_taken_back(importer, book):
    importer.take(ADA, book, kind="leavers", reason="withdrawal")
    assert "Take the import back" not in importer.browser.text
    url = f"/admin/newsletter/imports/{importer.imported.pk}/undo/"
    importer.browser.response = importer.browser.client.post(url, {"why": "x"}, follow=True)
    assert "Whoever has left stays so" in importer.browser.text
    assert Suppression.objects.exists()


def test_a_cancelled_import_can_be_taken_back(importer, book):
    importer.take(MAILCHIMP, book)
    ContactImport.objects.update(status="running")
    actions.cancel_import(contact_import=importer.imported)
    undo(importer)
    assert not Contact.objects.exists()


def test_the_same_file_can_be_imported_again_afterwards(importer, book):
    importer.take(MAILCHIMP, book)
    undo(importer)
    importer.take(MAILCHIMP, book)
    assert importer.counts == {"proven": 1, "unproven": 1}
    assert ConsentRecord.objects.filter(event="imported").count() == 4
