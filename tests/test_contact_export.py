"""Staff take a list of readers away: with its proof, a reason, a line in the log, and nothing a program evaluates."""

from __future__ import annotations

import csv
import json
import tempfile
from io import BytesIO, StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from openpyxl import load_workbook
from wagtail.models import ModelLogEntry

from tests import factories
from tests.imports import STATED
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.actions import exporting
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import Contact, Origin, Subscription

pytestmark = pytest.mark.django_db

LIST = "/admin/newsletter/contacts/"
PAGE = f"{LIST}export/"
WHY = "For the printer of the yearly letter"


@pytest.fixture
def browser(staff):
    return staff("view_contact", "export_list_contact")


def export(browser, file_format: str = "csv", query: str = "", **fields: str) -> bytes:
    browser.open(f"{PAGE}{query}")
    data = {"file_format": file_format, "why": WHY, **fields}
    answer = browser.client.post(f"{PAGE}{query}", data)
    assert "attachment" in answer["Content-Disposition"], answer.content.decode()
    return b"".join(answer.streaming_content)


def rows_in(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(file.decode("utf-8-sig"))))


@pytest.fixture
def ada(visitor, signup_page) -> Contact:
    visitor.join(signup_page, "Ada@Bücher.example")
    return Contact.objects.get()


def test_a_row_has_the_proof_of_the_double_opt_in(browser, ada, book, signup_page):
    """C5; where an address came from and how it was confirmed in one cell each, too."""
    (row,) = rows_in(export(browser))
    asked, confirmed = (ada.consent_records.get(event=each) for each in ("requested", "confirmed"))
    statement = asked.statement
    assert row["address"] == "Ada@Bücher.example"
    assert row["address_book_uuid"] == book.uuid
    assert (row["status"], row["basis"], row["may_be_written_to"]) == (
        "confirmed",
        "consent",
        "yes",
    )
    assert row["requested_at"] == asked.occurred_at.isoformat(timespec="seconds")
    assert row["statement_text"] == statement.label
    assert (row["statement_version"], row["statement_digest"]) == ("1", statement.digest)
    assert row["request_page"] == asked.page_url
    assert row["request_ip"] == asked.ip != ""
    assert row["request_record"] == str(asked.uuid)
    assert row["confirmation_record"] == str(confirmed.uuid)
    told = f"sign-up form, {asked.page_url}, {row['requested_at']}, {asked.ip}"
    assert row["consent_source"] == told
    at = confirmed.occurred_at.isoformat(timespec="seconds")
    assert row["consent_confirmation"].startswith(f"link in the confirmation mail, {at}")


def test_a_row_has_the_proof_that_came_with_an_import(browser, importer, book):
    content = "email,optin_time,optin_ip,confirm_time\n"
    content += "ada@example.org,2020-01-02 03:04:05,203.0.113.9,2020-01-02 03:05:06\n"
    importer.take(content, book)
    importer.take("email\nbob@example.org\n", book, **STATED)
    ada, bob = rows_in(export(browser))
    stated = Contact.objects.get(address="ada@example.org").consent_records
    assert ada["request_record"] == str(stated.get(event="stated_request").uuid)
    assert ada["confirmation_record"] == str(stated.get(event="stated_confirmation").uuid)
    told = "a file imported by our staff, 2020-01-02T03:04:05+00:00, 203.0.113.0/24"
    assert ada["consent_source"] == told
    assert bob["consent_source"].startswith("a file imported by our staff, ")
    assert bob["confirmation_record"] == ""


def test_what_they_have_confirmed_by_themselves_goes_before_what_is_stated(
    browser, importer, book, visitor, signup_page
):
    importer.take("email\nada@example.org\n", book, basis="none")
    assert rows_in(export(browser))[0]["consent_source"] == ""
    visitor.join(signup_page, "ada@example.org")
    (row,) = rows_in(export(browser))
    assert row["consent_source"].startswith("sign-up form")
    assert row["consent_confirmation"].startswith("link in the confirmation mail")


def test_the_three_formats_say_the_same(browser, ada):
    as_csv = rows_in(export(browser))
    as_json = [json.loads(line) for line in export(browser, "jsonl").splitlines()]
    sheet = load_workbook(BytesIO(export(browser, "xlsx"))).active
    heading, *rows = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    as_xlsx = [dict(zip(heading, row, strict=True)) for row in rows]
    assert as_csv == as_json == as_xlsx


def test_nothing_is_taken_for_a_formula(browser, book):
    """A5: defused in the tables, verbatim in JSON; what a workbook cannot hold is left out of it."""
    evil = '\x07=HYPERLINK("https://evil.example")'
    factories.make_subscription(book, "ada@example.org", name=evil)
    assert rows_in(export(browser))[0]["name"] == evil, "a control character begins no formula"
    Contact.objects.update(name=evil[1:])
    assert rows_in(export(browser))[0]["name"] == f"'{evil[1:]}"
    Contact.objects.update(name=evil)
    assert json.loads(export(browser, "jsonl"))["name"] == evil
    sheet = load_workbook(BytesIO(export(browser, "xlsx"))).active
    assert sheet["B2"].value == f"'{evil[1:]}"
    assert sheet["B2"].data_type == "s"


def test_only_those_that_the_list_was_narrowed_to_are_taken(browser, site, book):
    members = factories.make_book(site, "Members")
    ada = factories.make_subscription(book, "ada@example.org", language="it").contact
    Subscription.objects.create(contact=ada, book=members, status="unproven")
    factories.make_subscription(members, "eve@example.org")
    every = [(row["address"], row["address_book"]) for row in rows_in(export(browser))]
    assert every == [
        ("ada@example.org", "Members"),
        ("ada@example.org", "Seed letter"),
        ("eve@example.org", "Members"),
    ]
    query = f"?book={members.pk}&status=unproven"
    (row,) = rows_in(export(browser, query=query))
    assert (row["address"], row["address_book"], row["may_be_written_to"]) == (
        "ada@example.org",
        "Members",
        "no",
    )
    assert [row["address"] for row in rows_in(export(browser, query="?language=en"))] == [
        "eve@example.org"
    ]


def test_who_may_not_be_written_to_is_marked(browser, book):
    ada = factories.make_subscription(book, "ada@example.org").contact
    ada.suppress(scope="site", reason="complaint")
    assert rows_in(export(browser))[0]["may_be_written_to"] == "no"


def test_whoever_is_in_no_book_has_a_row_where_no_book_was_asked_for(browser, book):
    factories.make_subscription(book, "ada@example.org")
    actions.delete_book(book=book)
    (row,) = rows_in(export(browser))
    assert (row["address"], row["address_book"]) == ("ada@example.org", "")
    assert rows_in(export(browser, query="?status=confirmed")) == []


def test_whoever_has_restricted_the_use_of_their_data_is_left_out(browser, book):
    """GDPR 18."""
    factories.make_subscription(book, "ada@example.org")
    factories.make_subscription(book, "eve@example.org", restricted=True)
    assert [row["address"] for row in rows_in(export(browser))] == ["ada@example.org"]
    assert "1 more has restricted the use of their data" in browser.open(PAGE).text


def test_why_is_asked_and_logged_with_how_many_and_without_addresses(browser, book):
    """P3."""
    factories.make_subscription(book, "ada@example.org")
    refused = browser.client.post(PAGE, {"file_format": "csv", "why": " "})
    assert "This field is required." in refused.content.decode()
    entries = ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.export_contacts")
    assert not entries.exists()
    export(browser, query=f"?book={book.pk}&created_at_from=2020-01-31")
    entry = entries.get()
    assert entry.user.username == "dpo"
    assert entry.data == {
        "narrowed_by": {"book": "Seed letter", "created_at": "2020-01-31/.."},
        "format": "csv",
        "contacts": 1,
        "why": WHY,
    }


def test_the_list_leads_there_with_its_filters_whoever_may(staff, book):
    may = staff("view_contact", "export_list_contact")
    soup = may.open(f"{LIST}?book={book.pk}")
    link = next(each for each in soup.select("a") if may._says(each) == "Export…")
    assert link["href"] == f"{PAGE}?book={book.pk}"
    assert "Seed letter" in may.open(link["href"]).text


@pytest.mark.parametrize("permissions", [("view_contact",), ("export_list_contact",)])
def test_nobody_takes_a_list_without_both_permissions_by_direct_address_either(
    staff, book, permissions
):
    factories.make_subscription(book, "ada@example.org")
    browser = staff(*permissions)
    for answer in (
        browser.client.get(PAGE),
        browser.client.post(PAGE, {"file_format": "csv", "why": WHY}),
    ):
        assert answer.status_code == 302
        assert not ModelLogEntry.objects.filter(action__endswith="export_contacts").exists()
    if permissions == ("view_contact",):
        assert "Export…" not in browser.open(LIST).text


def test_with_a_filter_that_is_none_nobody_takes_more_than_they_have_seen(browser, book):
    factories.make_subscription(book, "ada@example.org")
    answer = browser.client.post(f"{PAGE}?book=none", {"file_format": "csv", "why": WHY})
    assert answer.status_code == 404


def test_more_than_a_sheet_holds_is_refused_with_a_sentence(browser, book, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_IN_A_SHEET", 1)
    for number in range(2):
        factories.make_subscription(book, f"reader{number}@example.org")
    answer = browser.client.post(PAGE, {"file_format": "xlsx", "why": WHY})
    assert "They are more than a workbook can hold." in answer.content.decode()
    assert len(rows_in(export(browser))) == 2


def test_a_long_list_is_read_in_steps_of_four_queries(browser, book, monkeypatch):
    monkeypatch.setattr(exporting, "STEP", 10)
    for number in range(25):
        factories.make_subscription(book, f"reader{number}@example.org")
    browser.open(PAGE)
    answer = browser.client.post(PAGE, {"file_format": "csv", "why": WHY})
    with CaptureQueriesContext(connection) as queries:
        file = b"".join(answer.streaming_content)
    assert len(rows_in(file)) == 25
    assert len(queries) <= 3 * 4 + 1


def test_a_strangers_later_request_is_no_proof_of_the_confirmation(browser, ada, book, visitor):
    """They post the form with somebody's address: what was confirmed had been asked for before."""
    before = rows_in(export(browser))[0]
    asked = ada.consent_records.get(event="requested")
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    actions.sign_up(
        site=book.site,
        address=Address.parse("ada@bücher.example"),
        name="",
        statements=[asked.statement],
        origin=Origin(source="form", page_url="https://evil.example/", ip="192.0.2.7"),
    )
    waiting = rows_in(export(browser))[0]
    assert (waiting["status"], waiting["request_page"]) == ("pending", "https://evil.example/")
    assert (waiting["confirmation_record"], waiting["consent_confirmation"]) == ("", "")
    Subscription.objects.update(status="confirmed")
    after = rows_in(export(browser))[0]
    for column in ("request_record", "confirmation_record", "consent_source"):
        assert after[column] == before[column]


def test_a_file_is_in_the_language_of_whoever_takes_it(ada):
    """Its rows are made when the request is over."""
    with translation.override("it"):
        file = actions.export_contacts(
            contacts=Contact.objects.all(),
            of_subscriptions={},
            narrowed_by={},
            file_format="csv",
            why=WHY,
            user=factories.make_editor("italian"),
        )
    with translation.override("en"):
        (row,) = rows_in(b"".join(file.chunks))
    assert row["consent_source"].startswith("modulo d’iscrizione, ")


def test_a_workbook_that_is_broken_off_leaves_no_file_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    broken = exporting._xlsx(
        broken_off_after(dict.fromkeys(exporting.COLUMNS, "x")), exporting.COLUMNS
    )
    with pytest.raises(RuntimeError):
        next(broken)
    assert list(tmp_path.iterdir()) == []


def broken_off_after(row):
    yield row
    raise RuntimeError


def test_the_site_history_shows_why(browser, book):
    export(browser)
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.export_contacts")
    assert entry.comment == WHY


def test_what_was_erased_while_it_is_read_is_not_in_it(browser, book, monkeypatch):
    monkeypatch.setattr(exporting, "STEP", 1)
    monkeypatch.setattr(exporting, "CHUNK", 1)
    people = [
        factories.make_subscription(book, f"r{each}@example.org").contact for each in range(3)
    ]
    answer = browser.client.post(PAGE, {"file_format": "jsonl", "why": WHY})
    lines = iter(answer.streaming_content)
    assert json.loads(next(lines))["address"] == "r0@example.org"
    actions.erase(contact=people[1], origin=factories.ORIGIN)
    assert [json.loads(line)["address"] for line in lines] == ["r2@example.org"]
