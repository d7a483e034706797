"""What the sheet says of people who came from elsewhere: what the sender states stays what the sender states."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now
from wagtail.models import ModelLogEntry

from tests import factories
from tests.imports import STATED
from tests.sheets import MAY_PRINT, find, read, take, take_json
from tests.test_import_leavers import invite
from tests.test_import_undoing import undo
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import Contact, Origin, Subscription

pytestmark = pytest.mark.django_db

ADDRESS, ELSEWHERE = "ada@example.org", "countess@example.com"
PROOF = f"email,optin_time,confirm_time\n{ADDRESS},2020-01-02 03:04:05,2020-01-02 03:05:06\n"
ALONE = f"email\n{ADDRESS}\n"


def move(visitor) -> None:
    visitor.enter(ADDRESS)
    visitor.press("Send the link", new_address=ELSEWHERE)
    visitor.open_link(mail.outbox[-1], "new-address")
    visitor.press("Yes, that is my address")


def states(record) -> dict[str, str | None]:
    return {event["event_type"]: event["event_state"] for event in record["events"]}


@pytest.mark.parametrize(
    ("content", "answers", "said"),
    [
        (PROOF, {}, "the sender states a consent of 2 January 2020"),
        (ALONE, STATED, "the sender stated a consent on"),
        (
            ALONE,
            {**STATED, "basis": "customers"},
            "the sender stated an existing customer's relation (soft opt-in) on",
        ),
    ],
)
def test_a_move_makes_no_consent_of_what_the_sender_states(
    importer, visitor, staff, book, content, answers, said
):
    importer.take(content, book, **answers)
    move(visitor)
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert said in sheet.text
    assert "consent was given" not in sheet.text
    assert "A consent by moving to another address" in sheet.text
    assert "the person moved to another address" in sheet.text
    (record,) = sheet.attachment["consent_records"]
    assert states(record)["address_changed"] is None
    assert {event["validity_duration"] for event in record["events"]} == {None}


def test_after_an_erasure_the_new_address_proves_no_consent_either(importer, visitor, staff, book):
    importer.take(PROOF, book)
    move(visitor)
    actions.erase(contact=Contact.objects.get(), origin=Origin(source="my data"))
    browser = staff(*MAY_PRINT)
    find(browser, ELSEWHERE)
    browser.press("Print as PDF")
    assert "consent was given" not in read(browser.response).text


def test_a_move_carries_along_a_consent_that_was_given_here(visitor, staff, signup_page):
    visitor.join(signup_page, ADDRESS)
    move(visitor)
    told = take_json(staff(*MAY_PRINT), Contact.objects.get())
    (record,) = told["consent_records"]
    assert "consent was given" in record["evidence"]["in_short"]
    assert states(record)["address_changed"] == "given"


def test_whoever_was_asked_by_the_sender_and_confirmed_has_a_whole_proof(
    importer, visitor, staff, book
):
    importer.take(ALONE, book, basis="none")
    invite(importer)
    with time_machine.travel(now() + timedelta(minutes=5)):
        visitor.open_link(mail.outbox[-1], "confirm")
        visitor.press("Confirm")
        sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    for said in (
        *("The records are whole", "consent was given on", "the sender asked this address whether"),
        "Where the address is from, as the sender states it: You were a guest in 2023.",
        "whoever pressed the button could read its mailbox",
    ):
        assert said in sheet.text, said
    (record,) = sheet.attachment["consent_records"]
    assert states(record)["invited"] == "requested"
    assert record["pii_processing"]["purposes"][0]["collection_method"] == "import"


def test_the_present_address_is_not_said_to_get_no_mail_because_of_a_former_one(
    visitor, staff, signup_page
):
    visitor.join(signup_page, ADDRESS)
    move(visitor)
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert "Why no mail goes to this address" not in sheet.text
    said = "Why no mail goes to an address that they had before Moved to another address, for every"
    assert said in sheet.text
    assert sheet.attachment["suppressions"] == []
    (former,) = sheet.attachment["suppressions_of_former_addresses"]
    assert former["reason"] == "moved"


def test_where_no_subscription_is_left_the_basis_is_not_guessed(importer, staff, book):
    importer.take(ALONE, book, **{**STATED, "basis": "customers"})
    actions.erase(contact=Contact.objects.get(), origin=Origin(source="my data"))
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    (record,) = sheet.attachment["consent_records"]
    assert record["pii_processing"]["purposes"][0]["lawful_basis"] is None
    assert "an existing customer's relation (soft opt-in)" in sheet.text
    assert "consent was given" not in sheet.text


def test_a_stated_consent_is_told_with_how_it_ended(importer, staff, book):
    importer.take(PROOF, book)
    ada, browser = Contact.objects.get(), staff(*MAY_PRINT)
    factories.change_wording(book, "Yes, and parcels", material=True)
    sheet = take(browser, ada)
    assert "A later text means something new." in sheet.text
    assert "Version 2 of the text" in sheet.text
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=Origin(source="one-click"))
    sheet = take(browser, ada)
    assert "the sender states a consent of 2 January 2020" in sheet.text
    assert "It was withdrawn on" in sheet.text


def test_an_import_that_was_taken_back_says_so_and_names_no_erasure(importer, staff, book):
    importer.take(PROOF, book)
    undo(importer)
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    for said in (
        *(
            "the sender states a consent of 2 January 2020",
            "The import that says so was taken back",
        ),
        *("the sender took the import back", "Address at that time removed"),
    ):
        assert said in sheet.text, said
    assert "removed by an erasure" not in sheet.text
    assert "an erasure has removed" not in sheet.text


def test_an_import_that_is_taken_back_ends_nothing_that_stands_on_another(importer, staff, book):
    importer.take(ALONE, book, basis="none")
    first = importer.imported
    importer.take(PROOF, book)
    undo(importer, first)
    assert Subscription.objects.mailable().exists()
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert "the sender states a consent of 2 January 2020" in sheet.text
    assert "taken back" not in sheet.text.partition("What is recorded")[0]


def test_what_they_were_told_elsewhere_is_not_said_to_have_been_shown(importer, staff, book):
    importer.take(PROOF, book)
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert "What the sender states that they were told" in sheet.text
    assert "Written down by the sender beside version 1; language: English" in sheet.text
    assert "Told, as the sender states text 1" in sheet.text
    assert "A consent: nobody has confirmed one here." in sheet.text
    for untrue in ("What was shown", "☐", "typed this address"):
        assert untrue not in sheet.text


def test_what_is_only_suppressed_counts_and_names_its_book(staff, site):
    book = factories.make_book(site, "Seed letter")
    importing = factories.make_subscription(book, ADDRESS).contact
    importing.suppress(scope=book.uuid, reason="withdrawal")
    importing.delete()
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    assert "under which 1 reason not to write to it is kept" in sheet.text
    assert "beside 0 records" not in sheet.text
    assert "Unsubscribed, for Seed letter, since" in sheet.text
    assert book.uuid not in sheet.text


def test_a_sheet_of_an_address_that_somebody_has_left_is_logged_with_them_too(
    visitor, staff, signup_page
):
    visitor.join(signup_page, ADDRESS)
    move(visitor)
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    assert "Whoever this is about has moved to another address" in sheet.text
    assert "the subscription has gone" not in sheet.text
    entries = ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.print_evidence")
    assert {str(Contact.objects.get())} < set(entries.values_list("label", flat=True))
    assert ELSEWHERE not in sheet.text


def test_what_the_address_book_asks_for_stands_among_what_is_processed(visitor, staff, site):
    book = factories.make_book(site, ask_name=True)
    factories.make_field(book, "Company", required=True)
    place = factories.make_subscription(book, ADDRESS)
    told = take_json(staff(*MAY_PRINT), place.contact)
    (record,) = told["consent_records"]
    (purpose,) = record["pii_processing"]["purposes"]
    assert purpose["pii_information"] == [
        {"pii_type": "e-mail address", "pii_optional": False},
        {"pii_type": "name", "pii_optional": True},
        {"pii_type": "Company", "pii_optional": False},
    ]


def test_somebody_who_was_added_by_hand_stands_on_what_the_sender_states(staff, site, book):
    newcomer = actions.Newcomer(Address.parse(ADDRESS), "", "en", book)
    told = actions.Told("stated", "Yes on paper", "At the stall", "May 2024")
    contact = actions.add_with_proof(
        newcomer=newcomer,
        told=told,
        agreed_at=now() - timedelta(days=900),
        why="They asked",
        user=factories.make_editor(),
    )
    sheet = take(staff(*MAY_PRINT), contact)
    assert "the sender states a consent of" in sheet.text
    assert "consent was given" not in sheet.text
