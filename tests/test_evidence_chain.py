"""A proof that is not whole says so first: what was changed, and what stands on something that is missing (R8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils.timezone import now

from tests import factories
from tests.sheets import MAY_PRINT, Sheet, page_of, read, take, take_json
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    ConsentStatement,
    Contact,
    Origin,
    RecordedEvent,
    Subscription,
)

pytestmark = pytest.mark.django_db

ADDRESS = "ada@example.org"


@pytest.fixture
def ada(visitor, signup_page, configure) -> Contact:
    configure(RECORD_CLIENT="full")
    visitor.join(signup_page, ADDRESS, headers={"User-Agent": "Ada's browser"})
    return Contact.objects.get()


def tamper(model, pk: int, **values: object) -> None:
    """Behind the back of the application, which refuses."""
    settings = ", ".join(f"{name} = %s" for name in values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} SET {settings} WHERE id = %s", [*values.values(), pk]
        )


def lose(*events: str) -> None:
    with connection.cursor() as cursor:
        for event in events:
            cursor.execute(f"DELETE FROM {ConsentRecord._meta.db_table} WHERE event = %s", [event])


def assert_it_says_first(sheet: Sheet, problem: str) -> None:
    assert "The records are not whole" in sheet.pages[0]
    assert problem in sheet.text
    assert sheet.text.index(problem) < sheet.text.index("In short")
    assert "The records are whole" not in sheet.text
    assert (
        "What it would prove if it were whole" in sheet.text or "What this proves" not in sheet.text
    )
    assert problem in " ".join(sheet.attachment["about"]["problems"])


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"page_url": "https://evil.example/"}, "does not match its digest"),
        ({"occurred_at": "2020-01-01 00:00:00"}, "does not match its digest"),
        ({"source": "staff"}, "does not match its digest"),
        (
            {"address": "eve@example.org"},
            "The address in record 1 (Asked for the newsletter) is not",
        ),
        ({"address_salt": ""}, "The address in record 1 (Asked for the newsletter) is not"),
        ({"address_commitment": ""}, "The address in record 1 (Asked for the newsletter) is not"),
        ({"ip": "192.0.2.1"}, "The connection in record 1 (Asked for the newsletter) is not"),
        ({"user_agent": "another"}, "The connection in record 1 (Asked for the newsletter) is not"),
        (
            {"subject": "0" * 64},
            "The keyed hash beside record 1 (Asked for the newsletter) is that",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_record_that_was_changed_is_called_out(staff, ada, values, problem):
    tamper(ConsentRecord, ConsentRecord.objects.first().pk, **values)
    assert_it_says_first(take(staff(*MAY_PRINT), ada), problem)


def test_a_text_that_was_changed_is_called_out(staff, ada):
    tamper(ConsentStatement, ConsentStatement.objects.get().pk, label="Yes to everything")
    sheet = take(staff(*MAY_PRINT), ada)
    assert_it_says_first(sheet, "Text 1 does not match its digest: it was changed later.")


def test_a_text_that_was_changed_with_its_digest_does_not_fit_the_records(staff, ada):
    statement = ConsentStatement.objects.get()
    statement.label = "Yes to everything"
    tamper(ConsentStatement, statement.pk, label=statement.label, digest=statement.digest_now())
    sheet = take(staff(*MAY_PRINT), ada)
    assert_it_says_first(sheet, "Record 1 (Asked for the newsletter) does not match its digest")


def test_a_notice_that_was_made_something_else_of_is_printed_all_the_same(staff, ada):
    tamper(ConsentStatement, ConsentStatement.objects.get().pk, notice='{"nothing": ["was", 1]}')
    browser = staff(*MAY_PRINT)
    sheet = read(browser.client.post(page_of(ada, "evidence"), {"file_format": "pdf"}))
    assert_it_says_first(sheet, "Text 1 does not match its digest")
    assert "'nothing': ['was', 1]" in sheet.text


def test_a_record_of_somebody_else_is_called_out(visitor, staff, ada, signup_page):
    visitor.join(signup_page, "eve@example.org")
    theirs = ConsentRecord.objects.get(address="eve@example.org", event=RecordedEvent.CONFIRMED)
    tamper(ConsentRecord, theirs.pk, contact_id=ada.pk)
    sheet = take(staff(*MAY_PRINT), ada)
    assert_it_says_first(sheet, "names another address, and no move from it is recorded")


def test_a_text_that_is_missing_is_called_out(staff, ada):
    tamper(ConsentRecord, ConsentRecord.objects.first().pk, statement_id=None)
    sheet = take(staff(*MAY_PRINT), ada)
    assert_it_says_first(sheet, "The text that belongs to record 1 is missing.")


@pytest.mark.parametrize(
    ("lost", "problem"),
    [
        ([RecordedEvent.REQUESTED], "Record 2 confirms a request that is not recorded."),
        ([RecordedEvent.CONFIRMATION_SENT], "no confirmation mail is recorded"),
        ([RecordedEvent.CONFIRMED], "with a status that no record explains"),
        (RecordedEvent.values, "with a status that no record explains"),
    ],
)
def test_a_record_that_is_missing_is_called_out(staff, ada, lost, problem):
    lose(*lost)
    assert_it_says_first(take(staff(*MAY_PRINT), ada), problem)


def test_a_withdrawal_that_is_missing_is_called_out(staff, ada, book):
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=Origin(source="one-click"))
    lose(RecordedEvent.WITHDRAWN)
    browser = staff(*MAY_PRINT)
    assert_it_says_first(take(browser, ada), "with a status that no record explains")
    ConsentRecord.objects.append(
        RecordedEvent.WITHDRAWAL_UNDONE,
        ada,
        Subscription.objects.get(),
        origin=Origin(source="unsubscribe page"),
        occurred_at=now(),
    )
    assert_it_says_first(
        take(browser, ada), "Record 4 takes a withdrawal back that is not recorded"
    )


def test_a_confirmation_of_another_text_is_called_out(staff, ada, book):
    factories.change_wording(book, "Yes, and parcels")
    newer = ConsentStatement.objects.order_by("pk").last()
    first = ConsentRecord.objects.first()
    tamper(ConsentRecord, first.pk, statement_id=newer.pk)
    sheet = take(staff(*MAY_PRINT), ada)
    assert_it_says_first(sheet, "confirms a text that no request before it names")


def test_what_the_law_has_removed_leaves_the_proof_whole(staff, ada):
    """C7."""
    ConsentRecord.objects.strip_client(before=now() + timedelta(days=1))
    sheet = take(staff(*MAY_PRINT), ada)
    assert "The records are whole" in sheet.text
    assert "removed, because its time was over" in sheet.text
    assert "Ada's browser" not in sheet.text


def test_a_key_that_is_not_there_any_more_is_no_accusation(staff, ada, configure):
    configure(SUPPRESSION_KEYS={"new": "n" * 40})
    told = take_json(staff(*MAY_PRINT), ada)
    assert told["about"]["problems"] == []
    (record,) = told["consent_records"]
    assert {event["evidence"]["checked"]["keyed_hash"] for event in record["events"]} == {None}


def test_the_whole_way_with_a_move_and_a_withdrawal_taken_back_is_whole(visitor, staff, ada, book):
    visitor.enter(ADDRESS)
    visitor.press("Send the link", new_address="countess@example.com")
    visitor.open_link(mail.outbox[-1], "new-address")
    visitor.press("Yes, that is my address")
    ada.refresh_from_db()
    token = actions.unsubscribe(
        contact=ada, books=[book.uuid], origin=Origin(source="unsubscribe page")
    )
    actions.resubscribe(token=token, origin=Origin(source="unsubscribe page"))
    sheet = take(staff(*MAY_PRINT), ada)
    assert "The records are whole" in sheet.text
    assert "no withdrawal of it holds" in sheet.text
    assert "a withdrawal was taken back (link at the foot of a newsletter)" in sheet.text
    assert "whoever pressed the button could read its mailbox" in sheet.text
    assert "the person moved to another address" in sheet.text
    assert ADDRESS in sheet.text
    assert "countess@example.com" in sheet.text
