"""Imports of files as they really are: somebody twice, half sentences, rows that cannot be kept, and what is erased meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.utils.timezone import now
from wagtail.models import ModelLogEntry

from tests import factories
from tests.imports import IN_COLUMNS, STATED, uploaded
from tests.test_import_leavers import invite
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.actions.disclosure import disclose
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    ContactImport,
    ImportPart,
    LeftOutRow,
    ProofDocument,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db


def mailable() -> list[str]:
    return list(Subscription.objects.mailable().values_list("contact__address", flat=True))


@pytest.mark.parametrize("apart", [0, 600], ids=["near", "in another part"])
@pytest.mark.parametrize("order", [1, -1])
def test_whoever_has_left_by_any_row_has_left_whatever_the_others_say(importer, book, apart, order):
    rows = ["ada@example.org,subscribed", "ADA@example.org,unsubscribed"][::order]
    others = [f"reader{number}@example.org,subscribed" for number in range(apart)]
    importer.upload("\n".join(["email,status", rows[0], *others, rows[1]]), book).check(**STATED)
    expected = {"left": 1, "remembered": 1} | ({"proven": apart} if apart else {})
    assert importer.counts == expected, "what is shown before"
    importer.start()
    assert importer.counts == expected, "is what comes of it"
    assert "ada@example.org" not in mailable()
    assert Suppression.objects.get().reason == "withdrawal"


def test_our_own_export_says_of_whom_that_nobody_may_write_to_them(importer, book):
    rows = (
        "address,status,basis,may_be_written_to,confirmed_at,request_record,statement_digest,request_page\n"
        "ada@example.org,confirmed,consent,no,2024-05-06T07:08:09+00:00,1,,https://example.org\n"
        "bob@example.org,confirmed,soft_opt_in,yes,2024-05-06T07:08:09+00:00,1,,https://example.org\n"
        "cy@example.org,confirmed,consent,yes,2024-05-06T07:08:09+00:00,1,,https://example.org\n"
    )
    importer.take(rows, book, **IN_COLUMNS)
    assert mailable() == ["cy@example.org"]


def test_an_export_about_several_books_is_refused(importer, book):
    rows = "address,address_book_uuid,request_record,statement_digest\na@example.org,1,,\nb@example.org,2,,\n"
    importer.upload(rows, book)
    assert "The file is about several address books." in importer.browser.text


def test_a_customer_who_confirms_stands_on_their_consent_from_then_on(
    importer, book, visitor, signup_page
):
    importer.take("email\nada@example.org\n", book, **STATED | {"basis": "customers"})
    contact = Contact.objects.get()
    actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)
    visitor.join(signup_page, "ada@example.org")
    assert Subscription.objects.mailable().get().basis == "consent"
    factories.change_wording(book, "Another thing", material=True)
    assert mailable() == []


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Confirmed 06.05.2024 07:10:11 IP 203.0.113.9", True),
        ("2024-05-06 07:10:11", True),
        ("Confermato il 06/05/2024 alle 07:10 da 203.0.113.9", True),
        ("confirmation mail sent 2024-05-06 - not confirmed", False),
        ("unsubscribed 2024-05-06", False),
        ("nicht bestätigt, 06.05.2024", False),
    ],
)
def test_what_says_that_somebody_has_not_confirmed_is_no_confirmation(importer, book, text, is_one):
    importer.take(
        f'email,field24,field25\na@example.org,Form 2024-05-05 IP 203.0.113.9,"{text}"\n',
        book,
        **IN_COLUMNS,
    )
    assert (mailable() == ["a@example.org"]) is is_one


def test_hours_of_the_afternoon_are_read_as_such(importer, book):
    text = "email,field24,field25\na@example.org,IP 203.0.113.9,confirmed 06/05/2024 3:06:07 PM\n"
    importer.take(text, book, **IN_COLUMNS)
    assert Subscription.objects.mailable().get().confirmed_at.hour == 15


def test_a_yes_without_a_time_is_no_record_of_a_confirmation(importer, book):
    text = "EMAIL,ADDED_TIME,MODIFIED_TIME,DOUBLE_OPT-IN\na@example.org,2024-05-06 07:08:09,,Yes\n"
    importer.take(text, book, **IN_COLUMNS)
    assert mailable() == ["a@example.org"]
    events = ConsentRecord.objects.values_list("event", flat=True)
    assert list(events) == ["stated_request", "imported"]


def test_an_erasure_finds_rows_that_could_not_be_read_and_those_that_wait(importer, book):
    ada = factories.make_subscription(book, "+ada@example.org").contact
    text = "email,name,confirm_time,friend\n'+ada@example.org,Ada Byron,yesterday,eve@example.org\n"
    importer.take(text, book, **IN_COLUMNS)
    assert LeftOutRow.objects.get().cells == ["'+ada@example.org", "Ada Byron", "yesterday", ""]
    importer.upload("x,email\nBob,bob@example.org\nAda,'+ADA@example.org\n", book)
    facts = [fact.text for section in disclose(ada).sections for fact in _facts(section)]
    assert "Ada; '+ADA@example.org" in facts
    assert not any("bob@" in fact for fact in facts)
    actions.erase(contact=ada, origin=factories.ORIGIN)
    assert not LeftOutRow.objects.exists()
    assert ImportPart.objects.get().rows == [[2, "Bob", "bob@example.org"]]


def _facts(section):
    return [fact for entry in section.entries for fact in entry.facts]


def test_whoever_wants_nothing_remembered_is_forgotten_in_files_too(importer, site, book):
    importer.take("email,name\nada@example.org,Ada\nada@example.org,Ada\n", book, **STATED)
    Contact.objects.all().delete()
    importer.upload("email\nada@example.org\n", book)
    ada = Address.parse("ada@example.org")
    assert actions.traces(address=ada, site=site).rows == 2
    actions.forget_traces(address=ada, site=site)
    assert actions.traces(address=ada, site=site).rows == 0


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="The trigger is written as SQLite has it."
)
def test_a_row_that_the_database_refuses_is_left_out_and_keeps_none_of_the_others(importer, book):
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER unlucky BEFORE INSERT ON {Contact._meta.db_table} "
            "WHEN NEW.address = 'reader13@example.org' BEGIN SELECT RAISE(ABORT, 'No'); END"
        )
    rows = [f"reader{number}@example.org" for number in range(30)]
    importer.take("\n".join(["email", *rows]), book, **STATED)
    assert importer.counts == {"proven": 29, "invalid": 1}
    left_out = LeftOutRow.objects.get()
    assert (left_out.line, left_out.fault) == (15, "other")
    importer.browser.press("Download them as CSV")
    table = b"".join(importer.browser.response.streaming_content).decode()
    assert "15,cannot be read: something in it cannot be kept,reader13@example.org" in table


@pytest.mark.parametrize("ip", ["fe80::1%eth0", "203.0.113.0/24", "2001:db8::1"])
def test_addresses_of_every_kind_of_network_can_be_kept(importer, book, configure, ip):
    configure(RECORD_CLIENT="full")
    importer.take(
        f"email,confirm_time,confirm_ip\na@example.org,2024-05-06,{ip}\n", book, **IN_COLUMNS
    )
    assert mailable() == ["a@example.org"]


def test_undoing_keeps_what_somebody_has_restricted_and_sends_nothing_on_it(importer, book):
    importer.take("email\nada@example.org\n", book, **STATED)
    contact = Contact.objects.get()
    actions.restrict(contact=contact, restricted=True, source="my data")
    importer.browser.press("Take it back", why="A test")
    assert importer.imported.status == "undone"
    assert Subscription.objects.get().status == "unproven"
    actions.restrict(contact=contact, restricted=False, source="my data")
    assert mailable() == []


def test_what_a_restricted_person_has_asked_for_stays_asked_for(
    importer, book, visitor, signup_page
):
    importer.take("email\nada@example.org\n", book, basis="none")
    visitor.fill_and_post(signup_page, email="ada@example.org")
    contact = Contact.objects.get()
    actions.restrict(contact=contact, restricted=True, source="my data")
    importer.look()
    importer.browser.press("Take it back", why="A test")
    assert importer.imported.status == "undone", "it comes to an end"
    assert Subscription.objects.get().status == "pending"


def test_whoever_was_asked_is_let_go_when_the_import_is_taken_back(importer, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    invite(importer)
    assert len(mail.outbox) == 1
    importer.look()
    importer.browser.press("Take it back", why="A test")
    assert not Contact.objects.exists()


def test_nobody_without_proof_stays_when_their_book_is_deleted(importer, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    actions.delete_book(book=book)
    assert not Contact.objects.exists()


def test_nobody_is_asked_while_no_mail_can_leave(importer, site, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    factories.make_sender(site, postal_address="")
    importer.browser.press("Ask them to confirm", source="A hotel", ground="A test")
    assert Subscription.objects.get().status == "unproven"


def test_whoever_has_not_been_asked_yet_does_not_lapse(importer, site, book):
    importer.take("email\nbob@example.org\n", book, basis="none")
    importer.browser.press("Ask them to confirm", source="A hotel", ground="A test")
    with time_machine.travel(now() + timedelta(days=9)):
        actions.purge()
    assert Contact.objects.exists()
    assert mail.outbox == []


def test_what_somebody_asks_for_and_what_they_are_asked_are_two_mails(
    importer, site, book, visitor
):
    other = factories.make_book(site, "Garden letter")
    importer.take("email\nbob@example.org\n", book, basis="none")
    importer.browser.press("Ask them to confirm", source="A hotel", ground="A test")
    visitor.fill_and_post(factories.make_signup_page(site, other), email="bob@example.org")
    (message,) = mail.outbox
    assert "Garden letter" in message.body
    assert "Seed letter" not in message.body
    with time_machine.travel(now() + timedelta(minutes=11)):
        actions.send_confirmation(Contact.objects.get().pk)
    assert "Seed letter" in mail.outbox[1].body
    assert "Garden letter" not in mail.outbox[1].body
    assert "A hotel" in mail.outbox[1].body


def test_documents_of_files_that_nobody_imports_are_not_kept(importer, book):
    from django.core.files.uploadedfile import SimpleUploadedFile

    importer.upload("email\nada@example.org\n", book)
    importer.check(document=SimpleUploadedFile("form.pdf", b"x"), **STATED | {"told": ""})
    assert not ProofDocument.objects.exists(), "there was something to mend"
    importer.check(document=SimpleUploadedFile("form.pdf", b"x"), **STATED)
    assert ProofDocument.objects.exists()
    importer.browser.press("Discard the file")
    assert not ProofDocument.objects.exists()


@pytest.mark.parametrize("verb", ["undo", "invite", "start", "cancel"])
def test_verbs_that_do_not_fit_where_an_import_stands_do_nothing(importer, book, verb):
    importer.upload("email\nada@example.org\n", book)
    url = f"/admin/newsletter/imports/{importer.imported.pk}/{verb}/"
    for _time in range(2):
        importer.browser.response = importer.browser.client.post(url, follow=True)
        assert importer.browser.response.status_code in (200, 404)
    assert not Contact.objects.exists()


def test_an_import_that_is_not_among_the_latest_leads_to_its_own_people(importer, staff, book):
    importer.take("email\nada@example.org\n", book, **STATED)
    first = importer.imported
    factories.make_subscription(book, "eve@example.org")
    for number in range(20):
        ContactImport.objects.create(
            site=book.site, book=book, kind="people", started_at=now(), file_name=str(number)
        )
    importer.browser.open(f"/admin/newsletter/contacts/?source={first.pk}")
    assert "ada@example.org" in importer.browser.text
    assert "eve@example.org" not in importer.browser.text


def test_a_look_at_what_is_known_of_an_address_is_logged_when_nobody_is_added(staff, book):
    contact = factories.make_subscription(book, "ada@example.org").contact
    actions.unsubscribe(contact=contact, books=None, origin=factories.ORIGIN)
    with pytest.raises(actions.CannotAdd):
        actions.add_with_proof(
            newcomer=actions.Newcomer(Address.parse("ada@example.org"), "", "en", book),
            told=actions.Told("stated", "Yes", "Here", "2024"),
            agreed_at=now(),
            why="A test",
            user=factories.make_editor("curious"),
        )
    assert ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.look_up").exists()


def test_whoever_checks_after_another_worker_knows_what_that_one_has_read(book, monkeypatch):
    monkeypatch.setattr("django_q.conf.Conf.SYNC", False)
    from wagtail_gdpr_newsletter.actions.import_checking import Marks, check_part

    people = [f"reader{number}@example.org" for number in range(500)]
    contact_import = uploaded(book, [*people, *people])
    one, another = Marks(), Marks()
    assert check_part(contact_import.pk, one)
    assert check_part(contact_import.pk, another)
    contact_import.refresh_from_db()
    assert contact_import.counts == {"proven": 500, "twice": 500}
