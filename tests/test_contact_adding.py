"""Adding somebody by hand: asked to confirm, or with the proof that staff hold."""

from __future__ import annotations

import pytest
from django.core import mail
from wagtail.models import ModelLogEntry

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import ConsentRecord, Contact, Subscription

pytestmark = pytest.mark.django_db

URL = "/admin/newsletter/contacts/add/"
PROOF = {
    "how": "proof",
    "basis": "stated",
    "told": "Yes, send me the seed letter.",
    "told_where": "Paper at the stall, folder 2024",
    "agreed_on": "2024-05-06",
}


@pytest.fixture
def dpo(staff):
    return staff("view_contact", "add_contact")


def add(dpo, book, **answers) -> None:
    dpo.open(URL)
    dpo.press(
        "Add them",
        **{
            "email": "Ada@example.org",
            "name": "Ada",
            "book": str(book.pk),
            "why": "They asked",
            **answers,
        },
    )


def test_somebody_who_asked_is_asked_to_confirm_and_nobody_confirms_for_them(dpo, book, visitor):
    add(dpo, book, how="ask")
    assert "A mail asks them to confirm" in dpo.text
    assert Subscription.objects.get().status == "pending"
    assert ConsentRecord.objects.get(event="requested").source == "staff"
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")
    assert Subscription.objects.mailable().exists()


def test_the_proof_that_staff_hold_is_recorded_as_what_they_state(dpo, book):
    add(dpo, book, **PROOF)
    assert "They are in the address book." in dpo.text
    subscription = Subscription.objects.mailable().get()
    assert not subscription.opted_in
    assert subscription.statement.label == "Yes, send me the seed letter."
    assert ["Where", "Paper at the stall, folder 2024"] in subscription.statement.notice
    assert [record.event for record in ConsentRecord.objects.all()] == [
        *("stated_confirmation", "added")
    ]
    assert mail.outbox == []
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.add_contact")
    assert entry.data == {"why": "They asked"}


@pytest.mark.parametrize("missing", ["basis", "told", "told_where", "agreed_on"])
def test_proof_that_lacks_something_is_none(dpo, book, missing):
    add(dpo, book, **PROOF | {missing: ""})
    assert "This belongs to the proof." in dpo.text
    assert not Contact.objects.exists()


def test_a_day_to_come_is_no_proof(dpo, book):
    add(dpo, book, **PROOF | {"agreed_on": "2999-01-01"})
    assert "That day is still to come." in dpo.text


@pytest.mark.parametrize("way", ["left", "left another book", "erased", "restricted", "there"])
def test_whoever_has_left_is_not_brought_back_by_hand(dpo, site, book, way):
    other = factories.make_book(site, "Other")
    contact = factories.make_subscription(
        other if way in ("left another book", "restricted") else book, "ada@example.org"
    ).contact
    if way.startswith("left"):
        uuid = (other if "another" in way else book).uuid
        actions.unsubscribe(contact=contact, books=[uuid], origin=factories.ORIGIN)
    elif way == "erased":
        actions.erase(contact=contact, origin=factories.ORIGIN)
    elif way == "restricted":
        actions.restrict(contact=contact, restricted=True, source="my data")
    before = Subscription.objects.count()
    add(dpo, book, **PROOF)
    said = {
        "restricted": "They have restricted the use of their data.",
        "there": "They are in this address book already.",
    }
    assert said.get(way, "only their own confirmation brings them back") in dpo.text
    assert Subscription.objects.count() == before
    if way == "erased":
        assert not Contact.objects.exists(), "nothing half done"


def test_whoever_came_without_proof_is_proven_by_hand(dpo, importer, book):
    importer.take("email\nada@example.org\n", book, basis="none")
    add(dpo, book, **PROOF)
    assert Subscription.objects.mailable().get().brought_by is None
    actions.undo_import(contact_import=importer.imported, why="A test")
    actions.work_on_import(importer.imported.pk)
    assert Subscription.objects.mailable().exists(), "they stand on what staff have added since"


def test_a_book_that_visitors_cannot_join_nobody_is_added_to(dpo, book):
    book.wordings.all().delete()
    add(dpo, book, how="ask")
    assert "has no consent wording yet" in dpo.text
    assert not Contact.objects.exists()


def test_whoever_may_not_add_cannot(staff, book):
    dpo = staff("view_contact", "change_contact", "import_contactimport")
    dpo.open("/admin/newsletter/contacts/")
    assert "Add somebody" not in dpo.text
    assert dpo.client.get(URL).status_code == 302
    assert dpo.client.post(URL, {"email": "ada@example.org"}).status_code == 302
    assert not Contact.objects.exists()
