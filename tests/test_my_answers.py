"""Answers in “My data”, in the download, for staff, in exports, and when two contacts become one."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from django.core import mail
from openpyxl import load_workbook
from wagtail.models import ModelLogEntry

from tests import factories
from tests.test_contact_export import WHY
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Contact, RightsRequest, Subscription

pytestmark = pytest.mark.django_db

MY_ANSWERS = "/newsletter/my-data/answers/"
CONTACTS = "/admin/newsletter/contacts/"


@pytest.fixture
def company(book):
    return factories.make_field(book, "Company", purpose="To write about your trade.")


@pytest.fixture
def topics(book, company):
    return factories.make_field(book, "Topics", "checkboxes", choices="Seeds\nTools\nSoil")


@pytest.fixture
def ada(book, company, topics) -> Subscription:
    ada = factories.make_subscription(book, "ada@example.org")
    ada.answers = {company.uuid: "=Engines()", topics.uuid: ["Seeds", "Soil"]}
    ada.save()
    return ada


def name_of(field) -> str:
    return f"field-{field.uuid}"


def test_readers_see_their_answers_in_words_and_correct_them_at_once(
    visitor, ada, book, company, topics
):
    visitor.enter("ada@example.org")
    card = visitor.soup.select_one("#newsletters article").get_text(" ", strip=True)
    assert "Company: =Engines() Topics: Seeds, Soil" in card
    page = visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    assert page.find(attrs={"name": name_of(company)})["value"] == "=Engines()"
    ticked = page.select("input[type=checkbox][checked]")
    assert [box["value"] for box in ticked] == ["Seeds", "Soil"]

    typed = {name_of(company): "Compilers", name_of(topics): "Tools"}
    visitor.press("Save", **{name.replace("-", "__"): value for name, value in typed.items()})
    assert "Your answers are changed." in visitor.text
    ada.refresh_from_db()
    assert ada.answers == {company.uuid: "Compilers", topics.uuid: ["Tools"]}
    assert RightsRequest.objects.filter(kind="correction", source="my data").count() == 1


def test_what_is_emptied_is_forgotten_and_what_is_wrong_is_said(visitor, ada, book, company):
    seats = factories.make_field(book, "Seats", "number")
    visitor.enter("ada@example.org")
    page = visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    key = page.find(attrs={"name": "key"})["value"]
    here = f"{MY_ANSWERS}?book={book.uuid}"
    visitor.response = visitor.client.post(here, {"key": key, name_of(seats): "many"})
    assert visitor.response.status_code == 422
    assert "Seats: Enter a number." in visitor.text
    visitor.client.post(here, {"key": key})
    ada.refresh_from_db()
    assert ada.answers == {}


def test_a_correction_counts_for_more_than_a_request_that_waits(
    visitor, book, company, signup_page
):
    """Whoever has opened their data has shown that the mailbox is theirs; a form has not."""
    visitor.fill_and_post(signup_page, email="ada@example.org", **{name_of(company): "Rascals"})
    confirmation = mail.outbox[0]
    visitor.enter("ada@example.org")
    visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    visitor.press("Save", **{name_of(company).replace("-", "__"): "Engines"})
    visitor.open_link(confirmation, "confirm")
    visitor.press("Confirm")
    assert Subscription.objects.get().answers == {company.uuid: "Engines"}


def test_nobody_corrects_what_is_another_s(visitor, ada, site, company):
    theirs = factories.make_book(site, "Evenings")
    seats = factories.make_field(theirs, "Seats")
    factories.make_subscription(theirs, "grace@example.org")
    visitor.enter("ada@example.org")
    visitor.open(f"{MY_ANSWERS}?book={theirs.uuid}")
    assert visitor.response.status_code == 303
    key = visitor.open("/newsletter/my-data/").find(attrs={"name": "key"})["value"]
    visitor.client.post(f"{MY_ANSWERS}?book={theirs.uuid}", {"key": key, name_of(seats): "9"})
    assert Subscription.objects.get(book=theirs).answers == {}


def test_joining_from_ones_data_asks_what_the_form_asks(visitor, ada, site):
    other = factories.make_book(site, "Evenings")
    seats = factories.make_field(other, "Seats", "number", required=True)
    visitor.enter("ada@example.org")
    visitor.press("Join", **{f"book__{other.uuid}".replace("-", "__"): "on"})
    assert "Seats: This field is required." in visitor.text
    visitor.press(
        "Join",
        **{
            f"book__{other.uuid}".replace("-", "__"): "on",
            name_of(seats).replace("-", "__"): "4",
        },
    )
    visitor.open_link(mail.outbox[-1], "confirm")
    visitor.press("Confirm")
    assert Subscription.objects.get(book=other).answers == {seats.uuid: 4}


def test_the_download_says_what_was_asked_and_why(visitor, ada, company):
    visitor.enter("ada@example.org")
    visitor.press("Download everything")
    with ZipFile(BytesIO(visitor.response.content)) as archive:
        told = json.loads(archive.read("my-data.json"))
        table = archive.read("csv/your-newsletters.csv").decode("utf-8-sig")
        page = archive.read("my-data.html").decode()
    (subscription,) = told["data"]["Subscription"]
    assert subscription["answers"][company.uuid] == "=Engines()"
    why = {"label": "Company", "purpose": "To write about your trade."}
    assert told["fields"][company.uuid] == why
    assert "Company: =Engines()\nTopics: Seeds, Soil" in table
    assert "Topics: Seeds, Soil" in page


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "jsonl"])
def test_a_list_that_is_exported_has_a_column_for_each_field(staff, site, ada, file_format):
    """A5: cells are defused, JSON is verbatim."""
    other = factories.make_book(site, "Evenings")
    factories.make_field(other, "Company")
    browser = staff("view_contact", "export_list_contact")
    answer = browser.client.post(f"{CONTACTS}export/", {"file_format": file_format, "why": WHY})
    file = b"".join(answer.streaming_content)
    if file_format == "jsonl":
        row = json.loads(file)
        assert (row["answer_company"], row["answer_topics"]) == ("=Engines()", ["Seeds", "Soil"])
        return
    if file_format == "csv":
        (row,) = csv.DictReader(StringIO(file.decode("utf-8-sig")))
    else:
        heading, values = load_workbook(BytesIO(file)).active.values
        row = dict(zip(heading, values, strict=True))
    assert (row["answer_company"], row["answer_topics"]) == ("'=Engines()", "Seeds\nSoil")
    assert list(row)[-2:] == ["answer_company", "answer_topics"], "each name once"


def test_a_list_narrowed_to_a_book_has_the_columns_of_that_book(staff, site, ada, book):
    factories.make_field(factories.make_book(site, "Evenings"), "Seats")
    browser = staff("view_contact", "export_list_contact")
    answer = browser.client.post(
        f"{CONTACTS}export/?book={book.pk}", {"file_format": "csv", "why": WHY}
    )
    heading = b"".join(answer.streaming_content).decode().splitlines()[0]
    assert heading.endswith("answer_company,answer_topics")


def test_staff_who_may_correct_answers_and_leave_a_line_without_them(staff, ada, book, company):
    browser = staff("view_contact", "change_contact")
    page = browser.open(f"{CONTACTS}{ada.contact.pk}/")
    assert "Company: =Engines()" in browser.text
    link = page.find("a", string="Correct answers")
    browser.open(link["href"])
    browser.press("Save", **{name_of(company).replace("-", "__"): "Compilers"})
    ada.refresh_from_db()
    assert ada.answers[company.uuid] == "Compilers"
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.correct_answers")
    assert entry.label == f"Contact #{ada.contact.pk}"
    assert "Compilers" not in str(entry.data)


def test_who_may_only_look_corrects_nothing(staff, ada, book, company):
    browser = staff("view_contact")
    assert not browser.open(f"{CONTACTS}{ada.contact.pk}/").find("a", string="Correct answers")
    here = f"{CONTACTS}{ada.contact.pk}/answers/{book.uuid}/"
    assert browser.client.get(here).status_code == 302
    browser.client.post(here, {name_of(company): "Rascals"})
    ada.refresh_from_db()
    assert ada.answers[company.uuid] == "=Engines()"


def test_answers_of_two_contacts_that_become_one_are_both_kept(visitor, ada, book, company, topics):
    other = factories.make_subscription(book, "countess@example.org")
    other.answers = {company.uuid: "Compilers"}
    other.save()
    visitor.enter("ada@example.org")
    visitor.press("Send the link", new_address="countess@example.org")
    visitor.open_link(mail.outbox[-1], "new-address")
    visitor.press(visitor.soup.select_one("main form button").get_text(strip=True))
    merged = Subscription.objects.get()
    assert merged.contact.address == "countess@example.org"
    assert set(merged.answers) == {company.uuid, topics.uuid}


def test_an_erasure_leaves_no_answer(visitor, ada):
    visitor.enter("ada@example.org")
    visitor.erase(remember="hash")
    assert not Subscription.objects.exists()
    assert not Contact.objects.exists()


def test_the_page_costs_the_same_whatever_is_asked(
    site, ada, company, django_assert_max_num_queries
):
    for number in range(5):
        book = factories.make_book(site, f"Book {number}")
        field = factories.make_field(book, "Company")
        factories.make_field(book, "Place")
        other = factories.make_subscription(book, "ada@example.org")
        Subscription.objects.filter(pk=other.pk).update(answers={field.uuid: "Engines"})
    with django_assert_max_num_queries(25):
        disclosure = actions.disclose(ada.contact)
    (section,) = [each for each in disclosure.sections if each.name == "Subscription"]
    told = [
        fact.text for entry in section.entries for fact in entry.facts if fact.name == "answers"
    ]
    assert told[1:] == ["Company: Engines"] * 5
