"""Staff take the proof of one person's consent: a PDF for a court, and JSON for programs (C5, C6, C15)."""

from __future__ import annotations

import json

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import ModelLogEntry

from tests import factories
from tests.sheets import MAY_PRINT, page_of, take, take_json
from tests.traces import traces_of
from wagtail_gdpr_newsletter import actions, pseudonyms
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    ConsentRecord,
    Contact,
    LegalBasis,
    Origin,
    RecordedEvent,
    Subscription,
)
from wagtail_gdpr_newsletter.rendering import typesetting

pytestmark = pytest.mark.django_db

ADDRESS = "Ada.Lovelace@Bücher.example"


@pytest.fixture
def ada(visitor, signup_page, site) -> Contact:
    factories.make_sender(site, phone="+39 055 1", data_protection_officer="Grace Hopper")
    visitor.join(signup_page, ADDRESS, headers={"User-Agent": "Ada's browser"})
    return Contact.objects.get()


def test_everything_that_the_law_asks_to_be_proved_stands_on_it(staff, ada, book):
    """C5."""
    sheet = take(staff(*MAY_PRINT), ada)
    asked, mailed, confirmed = ConsentRecord.objects.all()
    for said in (
        *("Orto dei Semi", "Via Micheli 3, 50121 Firenze", "hello@example.org", "+39 055 1"),
        *("Data protection officer: Grace Hopper", ADDRESS, str(ada), book.name, "Confirmed"),
        *(
            "The records are whole",
            "3 records were held against their digests",
            "consent was given",
        ),
        *("sign-up form", asked.page_url, asked.block_id, "127.0.0.0/24", "127.0.0.0/24"),
        *(mailed.mail_version, "link in the confirmation mail", "What this does not prove"),
        *(f"Yes, {book.name} (en)", "Once a month.", "Who is responsible", "Version 1"),
    ):
        assert said in sheet.text, said
    assert mail.outbox[0].extra_headers["Message-ID"] in sheet.text.replace(" ", "")
    for record in (asked, mailed, confirmed):
        assert f"{record.occurred_at:%-d %B %Y, %H:%M:%S} UTC" in sheet.text
        for sealed in (record.uuid, record.digest, record.address_commitment, record.subject):
            assert str(sealed) in sheet.text
    assert asked.statement.digest in sheet.text


def test_it_is_set_for_archives_and_for_screen_readers_and_holds_its_json(staff, ada):
    sheet = take(staff(*MAY_PRINT), ada)
    metadata = sheet.pdf.xmp_metadata
    assert (metadata.pdfaid_part, metadata.pdfaid_conformance) == ("3", "A")
    assert sheet.pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert sheet.pdf.trailer["/Root"]["/Lang"] == "en"
    assert sheet.pdf.metadata.title == "Proof of consent"
    reference = sheet.attachment["about"]["reference"]
    for number, page in enumerate(sheet.pages, start=1):
        assert f"Reference {reference}" in page
        assert f"{number} / {len(sheet.pages)}" in page
    assert sheet.attachment["address"] == ADDRESS


def test_whoever_has_the_json_can_compute_every_digest_and_open_every_seal(staff, ada):
    """R8."""
    told = take_json(staff(*MAY_PRINT), ada)
    (record,) = told["consent_records"]
    for event in record["events"]:
        evidence = event["evidence"]
        sealed = evidence["sealed"]
        assert pseudonyms.digest_of(sealed) == evidence["digest"]
        opened = pseudonyms.commitment(evidence["address_salt"], evidence["address"])
        assert opened == sealed["address"]
        if evidence["client_salt"]:
            client = evidence["ip"], evidence["user_agent"] or ""
            assert pseudonyms.commitment(evidence["client_salt"], *client) == sealed["client"]
    (text,) = record["evidence"]["texts"]
    assert pseudonyms.digest_of(text["sealed"]) == text["digest"]


def test_the_json_has_the_fields_of_the_specification(staff, ada, book):
    """C15; ISO/IEC TS 27560:2023, as far as a newsletter has them."""
    told = take_json(staff(*MAY_PRINT), ada)
    (record,) = told["consent_records"]
    assert set(record["header"]) == {"schema_version", "record_id", "pii_principal_id"}
    assert record["header"]["record_id"] == f"urn:uuid:{ConsentRecord.objects.first().uuid}"
    assert ada.keyed_hash in record["header"]["pii_principal_id"]
    (purpose,) = record["pii_processing"]["purposes"]
    assert (purpose["purpose"], purpose["lawful_basis"]) == (book.name, "consent")
    assert record["pii_processing"]["language"] == "en"
    parties = {party["party_id"]: party for party in record["party_identification"]}
    assert parties["controller"]["party_name"] == "Orto dei Semi"
    assert purpose["pii_controllers"] == ["controller"]
    states = [(event["event_type"], event["event_state"]) for event in record["events"]]
    assert states == [
        ("requested", "requested"),
        ("confirmation_sent", "requested"),
        ("confirmed", "given"),
    ]
    assert "compliant" not in json.dumps(told)


def test_that_it_was_taken_is_logged_under_its_reference_and_without_the_address(staff, ada, book):
    """P3."""
    browser = staff(*MAY_PRINT)
    sheet = take(browser, ada)
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.print_evidence")
    reference = sheet.attachment["about"]["reference"]
    assert (entry.label, entry.user.username) == (str(ada), "dpo")
    assert entry.data == {
        "reference": reference,
        "format": "pdf",
        "books": [book.uuid],
        "records": 3,
    }
    assert traces_of(ADDRESS, tables=("wagtailcore_modellogentry",)) == []
    assert f"Proof of consent printed {reference}" in browser.open(page_of(ada)).get_text(" ")


@pytest.mark.parametrize("permissions", [(), ("view_contact",), ("export_contact",)])
def test_whoever_may_not_take_it_gets_nothing_by_the_address_of_the_page_either(
    staff, ada, permissions
):
    """P4."""
    browser = staff(*permissions)
    told = {"file_format": "json", "book": "", "address": ADDRESS}
    for path in (page_of(ada, "evidence"), "/admin/newsletter/contacts/evidence/"):
        assert browser.client.post(path, told).url == "/admin/"
        assert browser.client.get(path).status_code in (302, 405)
    if permissions == ("view_contact",):
        assert "Proof of consent" not in browser.open(page_of(ada)).select_one("main").get_text()
    assert not ModelLogEntry.objects.filter(action__endswith="print_evidence").exists()


def test_what_is_no_file_or_no_book_of_theirs_is_refused(staff, ada, site):
    browser = staff(*MAY_PRINT)
    path = page_of(ada, "evidence")
    other = factories.make_book(site)
    for book in (other.uuid, "\0", "nothing"):
        answer = browser.client.post(path, {"file_format": "json", "book": book}, follow=True)
        assert answer.status_code == 404 or "Null characters" in answer.content.decode()
    assert browser.client.post(path, {"file_format": "exe"}).url == page_of(ada)
    ada.delete()
    assert browser.client.post(path, {"file_format": "json"}).status_code == 404


def test_without_what_sets_a_pdf_there_is_the_json_and_a_sentence(staff, ada, monkeypatch):
    monkeypatch.setattr(typesetting, "find_spec", lambda name: None)
    browser = staff(*MAY_PRINT)
    browser.open(page_of(ada))
    assert "Print as PDF" not in browser.text
    assert "wagtail-gdpr-newsletter[evidence]" in browser.text
    answer = browser.client.post(page_of(ada, "evidence"), {"file_format": "pdf"}, follow=True)
    assert "What sets a PDF is not installed" in answer.content.decode()
    assert take_json(browser, ada)["about"]["is_whole"]


def test_it_speaks_the_language_of_the_text_that_was_agreed_to(visitor, staff, site):
    book = factories.make_book(site, "Lettera", languages=("it",))
    visitor.fill_and_post(factories.make_signup_page(site, book), email=ADDRESS)
    visitor.open_link(mail.outbox[-1], "confirm")
    visitor.press("Conferma")
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert sheet.pdf.trailer["/Root"]["/Lang"] == "it"
    assert "e-mail di conferma" in sheet.text
    assert "Confermata" in sheet.text


def test_of_several_books_there_is_a_sheet_each_and_one_of_all(visitor, staff, ada, book, site):
    other = factories.make_book(site, "Members")
    Contact.objects.update(confirmation_rests_until=None)
    visitor.join(factories.make_signup_page(site, other), ADDRESS)
    browser = staff(*MAY_PRINT)
    one = take(browser, ada, of="Members")
    assert "Members" in one.text
    assert book.name not in one.text
    everything = take(browser, ada, of="All address books")
    assert len(everything.attachment["consent_records"]) == 2
    for name in ("Members", book.name):
        assert f"“{name}”: consent was given" in everything.text


def test_a_book_that_was_left_and_one_that_was_deleted_keep_their_sheet(staff, ada, book):
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=Origin(source="one-click"))
    browser = staff(*MAY_PRINT)
    sheet = take(browser, ada, of=book.name)
    assert "it was withdrawn (button of a mail program)" in sheet.text
    assert "Why no mail goes to this address Unsubscribed, for Seed letter" in sheet.text
    actions.delete_book(book=AddressBook.objects.get())
    sheet = take(browser, ada, of=book.name)
    assert "Seed letter (deleted)" in sheet.text
    assert "The records are whole" in sheet.text


def test_a_request_alone_proves_that_somebody_typed_the_address(visitor, staff, signup_page):
    visitor.fill_and_post(signup_page, email=ADDRESS)
    sheet = take(staff(*MAY_PRINT), Contact.objects.get())
    assert "no consent is recorded" in sheet.text
    assert "A request shows that somebody typed this address" in sheet.text
    assert "could read its mailbox" not in sheet.text


def test_what_the_sender_has_entered_proves_only_that_they_did(staff, book):
    """An import, say, by a way that this code has never heard of."""
    place = factories.make_subscription(book, ADDRESS)
    place.statement, place.basis, place.status = None, LegalBasis.CONSENT, "unproven"
    place.save()
    ConsentRecord.objects.append(
        RecordedEvent.CONFIRMED,
        place.contact,
        place,
        origin=Origin(source="fair in Florence"),
        occurred_at=place.created_at,
    )
    sheet = take(staff(*MAY_PRINT), place.contact)
    assert "the sender states a consent" in sheet.text
    assert "What record 1 (Confirmed, fair in Florence) says: no reader did it" in sheet.text
    assert "could read its mailbox" not in sheet.text


def test_a_later_text_that_means_something_new_is_named(staff, ada, book):
    """C9."""
    factories.change_wording(book, "Yes, and parcels", material=True)
    sheet = take(staff(*MAY_PRINT), ada)
    assert "Version 2 of the text" in sheet.text
    assert "This consent is not used for anything that is sent since." in sheet.text


def test_it_costs_a_constant_number_of_queries(ada, site, visitor, staff):
    user = factories.make_editor()
    asked = []
    for number in (1, 8):
        for _each in range(number):
            place = factories.make_subscription(factories.make_book(site), ADDRESS)
            for event in (RecordedEvent.REQUESTED, RecordedEvent.CONFIRMED):
                ConsentRecord.objects.append(
                    event, ada, place, origin=Origin(source="form"), occurred_at=place.created_at
                )
        with CaptureQueriesContext(connection) as queries:
            actions.books_with_evidence(ada)
            actions.print_evidence(contact=ada, book="", file_format="json", user=user)
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert Subscription.objects.count() == 10


def test_whatever_readers_and_editors_have_typed_is_printed_as_it_is(staff, site):
    book = factories.make_book(site, "#strong[Seed] *letter* <b> 中文")
    place = factories.make_subscription(book, ADDRESS)
    ConsentRecord.objects.append(
        RecordedEvent.REQUESTED,
        place.contact,
        place,
        origin=Origin(source="$by$ \u202epost", page_url=f"https://example.org/{'x' * 900}"),
        occurred_at=place.created_at,
    )
    sheet = take(staff(*MAY_PRINT), place.contact)
    for said in ("#strong[Seed] *letter* <b>", "$by$ ⟨U+202E⟩post"):
        assert said in sheet.text
    assert "x" * 900 in sheet.text.replace(" ", "")
    name = sheet.attachment["consent_records"][0]["pii_processing"]["purposes"][0]["purpose"]
    assert name == book.name
