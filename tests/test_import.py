"""Bringing people in from a file: what is asked, what is shown before, what comes of it."""

from __future__ import annotations

import pytest
from django.core import mail
from wagtail.models import ModelLogEntry

from tests import factories
from tests.imports import MAILCHIMP, STATED
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    ContactImport,
    LeftOutRow,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db


def mailable() -> set[str]:
    return set(Subscription.objects.mailable().values_list("contact__address", flat=True))


def test_nothing_is_written_before_the_editor_has_seen_what_would_come_of_it(importer, book):
    importer.upload(MAILCHIMP, book)
    assert "Looks like a file from Mailchimp" in importer.browser.text
    importer.check()
    assert not Contact.objects.exists()
    assert importer.counts == {"proven": 1, "unproven": 1}
    assert "New, with proof Line 2: ada@example.org 1" in importer.browser.text
    assert "Import 2 people" in importer.browser.text
    importer.start()
    assert Contact.objects.count() == 2
    assert "What came of it" in importer.browser.text


def test_only_whoever_has_proof_is_mailable(importer, book):
    importer.take(MAILCHIMP, book)
    assert mailable() == {"ada@example.org"}, "Bob was added there by hand: that proves nothing"
    assert Subscription.objects.get(contact__address="bob@example.org").status == "unproven"


def test_the_proof_of_the_file_is_kept_as_what_the_file_says(importer, book):
    importer.take(MAILCHIMP, book)
    records = ConsentRecord.objects.filter(address="ada@example.org")
    assert [
        (record.event, f"{record.occurred_at:%Y-%m-%d %H:%M:%S}", record.ip) for record in records
    ][:2] == [
        ("stated_request", "2020-01-02 03:04:05", "203.0.113.0/24"),
        ("stated_confirmation", "2020-01-02 03:05:06", "203.0.113.0/24"),
    ]
    assert records.last().event == "imported"
    for record in records:
        assert record.import_uuid == importer.imported.uuid
        assert record.digest == record.digest_now()
        assert record.statement.label == "Yes, I want the seed letter."
        assert ["Where", "Paper list at the stall"] in record.statement.notice
        assert record.statement.digest == record.statement.digest_now()


def test_visitors_never_see_what_was_stated_elsewhere(importer, book, visitor, signup_page):
    importer.take(MAILCHIMP, book)
    visitor.open(signup_page.get_url())
    assert "Yes, Seed letter (en)" in visitor.text
    assert "Yes, I want the seed letter." not in visitor.text


def test_a_material_change_asks_imported_people_again_like_everybody_else(importer, book):
    importer.take(MAILCHIMP, book)
    factories.change_wording(book, "Another thing", material=True)
    assert mailable() == set()


def test_one_stated_source_holds_for_everybody(importer, book):
    importer.take("email\nada@example.org\nbob@example.org\n", book, **STATED)
    assert mailable() == {"ada@example.org", "bob@example.org"}


def test_customers_stand_on_a_soft_opt_in(importer, book):
    importer.take("email\nada@example.org\n", book, **STATED | {"basis": "customers"})
    assert Subscription.objects.mailable().get().basis == "soft_opt_in"


def test_without_proof_nobody_is_mailable(importer, book):
    importer.take(MAILCHIMP, book, basis="none", told="", told_where="")
    assert mailable() == set()
    assert importer.counts == {"unproven": 2}


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("basis", "Say by which right these people may be written to."),
        ("told", "Say what they agreed to"),
        ("told_where", "Say where they did."),
        ("told_when", "Say when they did."),
        ("column-0", "Say which column holds the e-mail address."),
    ],
)
def test_what_is_missing_is_said_and_nothing_happens(importer, book, missing, said):
    importer.upload("email\nada@example.org\n", book)
    importer.check(**STATED | {missing.replace("-", "__"): ""})
    assert said in importer.browser.text
    assert importer.imported.status == "read"
    assert "Paper list" in importer.browser.response.content.decode() or missing == "told_where"


def test_two_columns_cannot_hold_the_same(importer, book):
    importer.upload("email,mail 2\nada@example.org,b@example.org\n", book)
    importer.check(column__1="address")
    assert "Two columns cannot hold the same" in importer.browser.text


def test_a_second_column_of_the_same_name_is_left_alone(importer, book):
    importer.take("email,email\nada@example.org,bob@example.org\n", book, **STATED)
    assert mailable() == {"ada@example.org"}


def test_columns_that_nobody_recognises_are_mapped_by_hand(importer, book):
    importer.upload("Kontakt;Wer\nada@example.org;Ada\n", book)
    importer.check(column__0="address", column__1="name", **STATED).start()
    assert Contact.objects.get().name == "Ada"


def test_whoever_is_there_already_stays_as_they_are(importer, book):
    factories.make_subscription(book, "Ada@Example.org", name="Countess")
    importer.take(MAILCHIMP, book)
    assert importer.counts == {"there": 1, "unproven": 1}
    assert Contact.objects.get(address="Ada@Example.org").name == "Countess"


def test_a_second_file_with_proof_completes_the_first(importer, book):
    importer.take("email\nada@example.org\nbob@example.org\n", book, basis="none")
    importer.take(MAILCHIMP, book)
    assert importer.counts == {"changed": 1, "there": 1}
    assert mailable() == {"ada@example.org"}


def test_whoever_stands_twice_in_a_file_comes_once(importer, book):
    importer.take("email\nada@example.org\nADA@example.org\nAda@EXAMPLE.org\n", book, **STATED)
    assert importer.counts == {"proven": 1, "twice": 2}


@pytest.mark.parametrize("into", ["same", "other", "renamed"])
def test_whoever_has_left_is_not_brought_back_into_whichever_book(
    importer, book, site, visitor, signup_page, into
):
    visitor.join(signup_page, "ada@bücher.example")
    contact = Contact.objects.get()
    actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)
    target = factories.make_book(site, "Other") if into == "other" else book
    if into == "renamed":
        book.name = "Fruit letter"
        book.save()
    importer.take("email\nADA@xn--bcher-kva.EXAMPLE\n", target, **STATED)
    assert importer.counts == {"left": 1}
    assert mailable() == set()


def test_whoever_has_restricted_their_data_is_left_alone(importer, site, book):
    other = factories.make_book(site)
    factories.make_subscription(other, "ada@example.org", restricted=True)
    importer.take("email\nada@example.org\n", book, **STATED)
    assert importer.counts == {"restricted": 1}


def test_a_row_that_says_that_somebody_has_left_is_remembered_and_brings_nobody(importer, book):
    rows = (
        "email,status\nada@example.org,unsubscribed\nbob@example.org,cleaned\n"
        "cy@example.org,complained\ndee@example.org,subscribed\neve@example.org,pending\n"
    )
    importer.take(rows, book, **STATED)
    assert mailable() == {"dee@example.org"}
    assert importer.counts == {"remembered": 3, "proven": 1, "unproven": 1}
    assert set(Suppression.objects.values_list("scope", "reason")) == {
        (book.uuid, "withdrawal"),
        ("site", "bounce"),
        ("site", "complaint"),
    }


def test_what_was_not_imported_can_be_mended_and_imported_again(importer, book):
    importer.take('email,name\nada@example.org,Ada\nbob@,"=1+1"\n,Cy\n', book, **STATED)
    assert importer.counts == {"proven": 1, "invalid": 2}
    importer.browser.press("Download them as CSV")
    table = b"".join(importer.browser.response.streaming_content).decode("utf-8-sig")
    assert table.splitlines() == [
        "line,why it was not imported,email,name",
        "3,cannot be read: the e-mail address is not valid,bob@,'=1+1",
        "4,cannot be read: there is no e-mail address,,Cy",
    ]
    assert ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.export_left_out").exists()
    importer.take(table.replace("bob@,", "bob@example.org,"), book, **STATED)
    assert Contact.objects.get(address="bob@example.org").name == "=1+1"


def test_an_erasure_reaches_the_rows_that_wait_and_those_that_were_left_out(importer, book):
    person = factories.make_subscription(book, "ada@example.org").contact
    importer.take("email\nada@example.org\nada@example.org\n", book, **STATED)
    assert LeftOutRow.objects.count() == 1
    importer.upload("who,email\nAda,ADA@example.org\nBob,bob@example.org\n", book)
    actions.erase(contact=person, origin=factories.ORIGIN, keep_hash=False)
    assert not LeftOutRow.objects.exists()
    assert importer.imported.parts.get().rows == [[3, "Bob", "bob@example.org"]]


def test_an_import_sends_nothing_by_itself(importer, book):
    importer.take(MAILCHIMP, book)
    assert mail.outbox == []


def test_a_file_can_be_discarded_before_it_is_imported(importer, book):
    importer.upload(MAILCHIMP, book).check()
    importer.browser.press("Discard the file")
    assert not ContactImport.objects.exists()
    assert "The file is discarded." in importer.browser.text


def test_a_second_press_of_import_does_nothing(importer, book):
    importer.upload(MAILCHIMP, book).check()
    url = f"/admin/newsletter/imports/{importer.imported.pk}/start/"
    importer.start()
    importer.browser.response = importer.browser.client.post(url, follow=True)
    assert "Somebody was quicker" in importer.browser.text
    assert ConsentRecord.objects.filter(event="imported").count() == 2


def test_a_book_cannot_be_deleted_while_a_file_goes_into_it(importer, book):
    importer.upload(MAILCHIMP, book).check()
    ContactImport.objects.update(status="running")
    with pytest.raises(actions.CannotBeDeleted, match=r"people\.csv"):
        actions.delete_book(book=book)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "upload/"),
        ("post", "upload/"),
        ("get", "{pk}/"),
        ("get", "{pk}/live/"),
        ("get", "{pk}/columns/"),
        ("post", "{pk}/columns/"),
        ("post", "{pk}/start/"),
        ("post", "{pk}/cancel/"),
        ("post", "{pk}/undo/"),
        ("post", "{pk}/invite/"),
        ("post", "{pk}/left-out/"),
        ("get", "{pk}/document/"),
    ],
)
def test_whoever_may_not_import_reaches_none_of_it(importer, book, client, method, path):
    importer.upload(MAILCHIMP, book).check()
    other = factories.make_editor("other", "view_contact", "change_contact", "export_contact")
    client.force_login(other)
    url = f"/admin/newsletter/imports/{path.format(pk=importer.imported.pk)}"
    response = getattr(client, method)(url, secure=True)
    assert response.status_code == 302
    assert response["Location"] == "/admin/"
    assert importer.imported.status == "checked"


def test_each_step_stands_in_the_log_without_an_address(importer, book):
    importer.take(MAILCHIMP, book)
    entries = ModelLogEntry.objects.filter(content_type__model="contactimport").order_by("pk")
    assert [entry.action.partition(".")[2] for entry in entries] == [
        "read_import",
        "import_contacts",
    ]
    assert not any("@" in f"{entry.label}{entry.data}" for entry in entries)


def test_answers_to_what_the_book_asks_are_read_checked_and_kept(importer, book):
    company = factories.make_field(book, "Company")
    day = factories.make_field(book, "Birthday", "date")
    rows = (
        "email,company,When born\nada@example.org,Analytical Engines,1815-12-10\n"
        "bob@example.org,,\ncy@example.org,Acme,not a day\n"
    )
    importer.upload(rows, book)
    assert "answer: Birthday" in importer.browser.text
    importer.check(column__2=f"field:{day.uuid}", **STATED).start()
    assert dict(Subscription.objects.values_list("contact__address", "answers")) == {
        "ada@example.org": {company.uuid: "Analytical Engines", day.uuid: "1815-12-10"},
        "bob@example.org": {},
    }
    assert LeftOutRow.objects.get().fault == "answer"


def test_answers_of_whoever_is_there_stay_theirs(importer, book):
    company = factories.make_field(book, "Company")
    subscription = factories.make_subscription(book, "ada@example.org")
    Subscription.objects.update(answers={company.uuid: "Analytical Engines"})
    importer.take("email,company\nada@example.org,Acme\n", book, **STATED)
    subscription.refresh_from_db()
    assert subscription.answers == {company.uuid: "Analytical Engines"}
