"""After an erasure: what the keyed hash still proves, to whoever supplies the address (S6)."""

from __future__ import annotations

import pytest
from django.core import mail
from wagtail.models import ModelLogEntry

from tests import factories
from tests.sheets import CONTACTS, MAY_PRINT, TRACES, find, page_of, read, take
from tests.traces import traces_of
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import ConsentRecord, Contact, Origin

pytestmark = pytest.mark.django_db

ADDRESS = "Ada.Lovelace@Bücher.example"
OTHERWISE = "ada.LOVELACE@xn--bcher-kva.example"


@pytest.fixture
def erased(visitor, signup_page, configure) -> None:
    configure(RECORD_CLIENT="full")
    visitor.join(signup_page, ADDRESS, headers={"User-Agent": "Ada's browser"})
    actions.erase(contact=Contact.objects.get(), origin=Origin(source="my data"))
    assert traces_of(ADDRESS, "Ada's browser") == []


def test_whoever_supplies_the_address_gets_what_its_hash_still_proves(staff, erased, book):
    browser = staff(*MAY_PRINT)
    find(browser, OTHERWISE)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    for said in (
        *("What is still recorded of an address", "Address, as supplied for this sheet", OTHERWISE),
        *("The records are whole", "consent was given", "it was withdrawn (“My data”)"),
        "The address supplied gives the very keyed hash that stands beside 4 records.",
        "Nobody can make that hash without the sender's key (1)",
        "Without the salt nobody can open the seal",
        "it stands under no digest",
        "where both are removed, the seal is closed for good",
        "removed by an erasure",
        "Had their data erased, for every address book of the site",
        f"Yes, {book.name} (en)",
    ):
        assert said in sheet.text, said
    assert "Ada's browser" not in sheet.text
    for record in ConsentRecord.objects.all():
        assert record.digest in sheet.text
        assert f"{record.occurred_at:%H:%M:%S} UTC" in sheet.text


def test_the_json_says_the_same(staff, erased):
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Save as JSON")
    told = browser.response.json()
    assert told["address_is_supplied"]
    assert len(told["keyed_hash"]["proves"]) == 3
    (record,) = told["consent_records"]
    for event in record["events"]:
        assert event["evidence"]["address"] is None
        assert event["evidence"]["address_salt"] is None
        assert event["evidence"]["checked"]["address"] == "closed"
        assert event["evidence"]["checked"]["keyed_hash"] is True


def test_it_is_logged_without_the_address_and_leaves_it_nowhere(staff, erased, site):
    """P3, S1."""
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.print_evidence")
    assert (entry.label, entry.data["records"]) == (str(site), 4)
    assert entry.data["reference"] == sheet.attachment["about"]["reference"]
    assert traces_of(ADDRESS, OTHERWISE) == []
    assert "ada" not in browser.response["Content-Disposition"].lower()


@pytest.mark.parametrize("address", ["nobody@example.org", "no address", ""])
def test_an_address_that_was_never_known_proves_nothing_and_is_logged_as_looked_for(
    staff, erased, address
):
    browser = staff(*MAY_PRINT)
    find(browser, "nobody@example.org")
    assert "Print as PDF" not in browser.text
    before = ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.look_up").count()
    told = {"address": address, "file_format": "pdf"}
    answer = browser.client.post(TRACES, told, follow=True)
    assert answer.redirect_chain[0][0] == CONTACTS
    assert b"%PDF" not in answer.content
    looked = ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.look_up").count() - before
    assert looked == (1 if "@" in address else 0)


def test_an_address_that_somebody_has_is_printed_on_their_page(staff, erased, book):
    browser = staff(*MAY_PRINT)
    factories.make_subscription(book, ADDRESS)
    answer = browser.client.post(TRACES, {"address": ADDRESS, "file_format": "pdf"})
    assert answer.url == CONTACTS


def test_with_the_permission_to_see_alone_there_is_no_button(staff, erased):
    browser = staff("view_contact")
    find(browser, ADDRESS)
    assert "records of proof" in browser.text
    assert "Print as PDF" not in browser.text


def test_whoever_comes_back_has_the_proof_of_before_on_their_sheet(
    visitor, staff, erased, signup_page
):
    visitor.join(signup_page, ADDRESS)
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert "7 records were held against their digests" in sheet.text
    assert "Found by the keyed hash of the address" in sheet.text
    assert "The records are whole" in sheet.text


def test_an_address_that_somebody_has_moved_away_from_keeps_its_proof(visitor, staff, signup_page):
    visitor.join(signup_page, ADDRESS)
    visitor.enter(ADDRESS)
    visitor.press("Send the link", new_address="countess@example.com")
    visitor.open_link(mail.outbox[-1], "new-address")
    visitor.press("Yes, that is my address")
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    assert "stands beside 3 records." in sheet.text
    assert "Moved to another address, for every address book of the site" in sheet.text
    assert "countess" not in sheet.text


def test_whoever_was_forgotten_altogether_has_no_sheet(visitor, staff, signup_page):
    """S2."""
    visitor.join(signup_page, ADDRESS)
    contact = Contact.objects.get()
    actions.erase(contact=contact, origin=Origin(source="my data"), keep_hash=False)
    browser = staff(*MAY_PRINT)
    answer = browser.client.post(TRACES, {"address": ADDRESS, "file_format": "json"})
    assert answer.url == CONTACTS
    told = {"file_format": "json"}
    assert browser.client.post(page_of(contact, "evidence"), told).status_code == 404


def test_an_address_that_is_only_suppressed_has_a_sheet_without_records(staff, site):
    actions.add_suppression(
        address=Address.parse(ADDRESS),
        site=site,
        reason="objection",
        why="They rang up",
        user=factories.make_editor(),
    )
    browser = staff(*MAY_PRINT)
    find(browser, ADDRESS)
    browser.press("Print as PDF")
    sheet = read(browser.response)
    assert "There is no record" in sheet.text
    assert "Objected, for every address book of the site" in sheet.text
