"""A form asks what its editor decides; what a visitor answers is theirs once their mailbox has confirmed it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import ConsentStatement, Contact, Subscription

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def company(book):
    return factories.make_field(book, "Company", purpose="To write about your trade.")


def name_of(field) -> str:
    return f"field-{field.uuid}"


def answer(visitor, page, address: str, field, value, **extra) -> None:
    visitor.fill_and_post(page, email=address, **{name_of(field): value}, **extra)


def answers() -> dict:
    return Subscription.objects.get().answers


def test_a_visitor_reads_why_beside_the_field_and_in_what_they_agree_to(
    visitor, book, company, signup_page
):
    """GDPR 5(1)(b), 13."""
    soup = visitor.open(signup_page.get_url())
    field = soup.find(attrs={"name": name_of(company)})
    described = soup.find(id=field["aria-describedby"]).get_text()
    assert described == "Why we ask: To write about your trade."
    assert "Company (optional)" in soup.find("label", attrs={"for": field["id"]}).get_text()
    statement = ConsentStatement.objects.current_for(book).get()
    assert ["What else we ask, and why", "Company: To write about your trade."] in statement.notice


def test_an_answer_is_theirs_once_their_mailbox_has_confirmed_it(visitor, company, signup_page):
    answer(visitor, signup_page, "ada@example.org", company, "Analytical Engines")
    assert answers() == {}
    page = visitor.open_link(mail.outbox[0], "confirm")
    assert "Analytical Engines" in page.get_text()
    assert "Analytical" not in mail.outbox[0].body, "no answer travels in the mail"
    visitor.press("Confirm")
    assert answers() == {company.uuid: "Analytical Engines"}
    assert Subscription.objects.get().asked_answers == []


def test_nothing_has_to_be_answered_unless_the_editor_says_so(visitor, book, company, signup_page):
    """I2."""
    visitor.fill_and_post(signup_page, email="ada@example.org")
    assert visitor.response.status_code == 303
    place = factories.make_field(book, "Place", required=True)
    soup = visitor.open(signup_page.get_url())
    assert "Place (required)" in visitor.text
    notice = ConsentStatement.objects.current_for(book).get().notice
    required = "Your e-mail address and, for this newsletter: Place. All else is up to you."
    assert ["What you have to tell us", required] in notice

    visitor.post_form(soup, email="grace@example.org")
    assert visitor.response.status_code == 422
    summary = visitor.soup.find(attrs={"role": "alert"})
    wrong = visitor.soup.find(attrs={"name": name_of(place)})
    assert summary.find("a", href=f"#{wrong['id']}").get_text() == "Place: This field is required."
    assert wrong["aria-invalid"] == "true"
    assert wrong["aria-describedby"].split()[-1] == f"{wrong['id']}_error"


def test_what_was_typed_is_kept_where_something_else_is_wrong(visitor, book, company, signup_page):
    topics = factories.make_field(book, "Topics", "checkboxes", choices="Seeds\nTools\nSoil")
    soup = visitor.open(signup_page.get_url())
    typed = {name_of(company): "Engines", name_of(topics): ["Tools", "Soil"]}
    visitor.post_form(soup, email="ada@", **typed)
    again = visitor.soup
    assert again.find(attrs={"name": name_of(company)})["value"] == "Engines"
    ticked = again.select(f"input[name={name_of(topics)}][checked]")
    assert [box["value"] for box in ticked] == ["Tools", "Soil"]


def test_a_book_that_is_not_ticked_asks_nothing_and_stores_nothing(visitor, site, book):
    other = factories.make_book(site, "Evenings")
    company = factories.make_field(book, "Company")
    seats = factories.make_field(other, "Seats", "number", required=True)
    page = factories.make_signup_page(site, book, other)
    typed = {name_of(company): "Engines", name_of(seats): "many"}
    visitor.fill_and_post(page, email="ada@example.org", only="Seed letter", **typed)
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")
    assert answers() == {company.uuid: "Engines"}
    block = visitor.open(page.get_url()).find(id=lambda each: each and name_of(seats) in each)
    assert "Evenings" in block.find_parent(class_="gdpr-newsletter-consent").get_text()

    visitor.fill_and_post(page, email="grace@example.org", only="Evenings", **typed)
    assert "Seats: Enter a number." in visitor.text


def test_each_book_gets_its_own_answers(visitor, site, book, company):
    other = factories.make_book(site, "Evenings")
    seats = factories.make_field(other, "Seats", "number")
    page = factories.make_signup_page(site, book, other)
    visitor.join(page, "ada@example.org", **{name_of(company): "Engines", name_of(seats): "2"})
    theirs = dict(Subscription.objects.values_list("book__name", "answers"))
    assert theirs == {"Seed letter": {company.uuid: "Engines"}, "Evenings": {seats.uuid: 2}}


@pytest.mark.parametrize(
    ("field_type", "typed", "kept"),
    [
        ("singleline", " Ada ", "Ada"),
        ("multiline", "One\r\ntwo", "One\r\ntwo"),
        ("email", "ada@example.org", "ada@example.org"),
        ("url", "https://example.org/", "https://example.org/"),
        ("number", "2.50", 2.5),
        ("number", "0", 0),
        ("checkbox", "on", True),
        ("checkboxes", ["Seeds", "Tools", "Seeds"], ["Seeds", "Tools"]),
        ("multiselect", ["Tools"], ["Tools"]),
        ("dropdown", "Tools", "Tools"),
        ("radio", "Seeds", "Seeds"),
        ("date", "2026-05-01", "2026-05-01"),
        ("datetime", "2026-05-01T12:30", "2026-05-01T10:30:00+00:00"),
    ],
)
def test_answers_are_kept_in_a_simple_form(visitor, book, signup_page, field_type, typed, kept):
    field = factories.make_field(book, "Field", field_type, choices="Seeds\nTools")
    visitor.join(signup_page, "ada@example.org", **{name_of(field): typed})
    assert answers() == {field.uuid: kept}


@pytest.mark.parametrize(
    ("field_type", "typed"),
    [
        ("singleline", "x" * 256),
        ("singleline", "a\x00b"),
        ("singleline", "Ada\u2028Lovelace"),
        ("multiline", "x" * 2001),
        ("multiline", "bell\x07"),
        ("multiline", "One\x0btwo"),
        ("multiline", "One\u2028two"),
        ("multiline", "One\x85two"),
        ("email", '"a\x0bb"@example.org'),
        ("url", "https://example.org/\u2028seeds"),
        ("email", "ada@"),
        ("url", "javascript:alert(1)"),
        ("number", "NaN"),
        ("number", "1e400"),
        ("number", "9" * 16),
        ("date", "2026-02-30"),
        ("datetime", "tomorrow"),
        ("dropdown", "Bulbs"),
        ("radio", "Bulbs"),
        ("checkboxes", ["Seeds", "Bulbs"]),
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_stored(
    visitor, book, signup_page, field_type, typed
):
    field = factories.make_field(book, "Field", field_type, choices="Seeds\nTools")
    answer(visitor, signup_page, "ada@example.org", field, typed)
    assert visitor.response.status_code == 422
    assert visitor.soup.find(id=lambda each: each and each.endswith(f"{field.uuid}_error"))
    assert not Contact.objects.exists()


def test_markup_in_an_answer_is_words_to_whoever_confirms(visitor, company, signup_page):
    answer(visitor, signup_page, "ada@example.org", company, "<img src=x onerror=alert(1)>")
    page = visitor.open_link(mail.outbox[0], "confirm")
    assert page.select("main img") == []
    assert "<img src=x" in page.get_text()


def test_a_stranger_changes_no_answer_of_whoever_has_confirmed(visitor, company, signup_page):
    visitor.join(signup_page, "ada@example.org", **{name_of(company): "Engines"})
    with time_machine.travel(now() + HOUR):
        answer(visitor, signup_page, "ada@example.org", company, "Rascals Ltd")
    assert answers() == {company.uuid: "Engines"}
    assert Subscription.objects.get().asked_answers == []


def test_each_mail_confirms_what_was_typed_before_it(visitor, company, signup_page):
    """Who confirms by the mail of their own request takes nothing that a stranger has typed since."""
    answer(visitor, signup_page, "ada@example.org", company, "Engines")
    with time_machine.travel(now() + HOUR):
        answer(visitor, signup_page, "ada@example.org", company, "Rascals Ltd")
        assert len(mail.outbox) == 2
        assert "Rascals" in visitor.open_link(mail.outbox[1], "confirm").get_text()
        assert "Rascals" not in visitor.open_link(mail.outbox[0], "confirm").get_text()
        visitor.press("Confirm")
    assert answers() == {company.uuid: "Engines"}


def test_no_stranger_pushes_out_what_a_mail_asks_about(visitor, company, signup_page):
    """By one wording and the other in turn, each of which is another request."""
    answer(visitor, signup_page, "ada@example.org", company, "Engines")
    before = visitor.open(signup_page.get_url())
    factories.change_wording(company.book, "Other words")
    after = visitor.open(signup_page.get_url())
    for number in range(9):
        visitor.post_form(
            before if number % 2 else after,
            email="ada@example.org",
            **{name_of(company): f"Rascals {number}"},
        )
    assert [list(asked.values()) for _key, asked in Subscription.objects.get().asked_answers] == [
        ["Engines"],
        ["Rascals 8"],
    ]
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")
    assert answers() == {company.uuid: "Engines"}


def test_who_asks_again_without_an_answer_takes_none_of_an_earlier_request(
    visitor, company, signup_page
):
    answer(visitor, signup_page, "ada@example.org", company, "Rascals Ltd")
    with time_machine.travel(now() + HOUR):
        answer(visitor, signup_page, "ada@example.org", company, "")
        visitor.open_link(mail.outbox[1], "confirm")
        visitor.press("Confirm")
    assert answers() == {}


def test_answers_of_a_request_that_lapses_go_with_it(visitor, company, signup_page):
    """C12: of somebody who was here before, what they had confirmed themselves stays."""
    visitor.join(signup_page, "ada@example.org", **{name_of(company): "Engines"})
    factories.change_wording(company.book, "Other words", material=True)
    with time_machine.travel(now() + HOUR):
        answer(visitor, signup_page, "ada@example.org", company, "Rascals Ltd")
    assert Subscription.objects.get().asked_answers
    with time_machine.travel(now() + timedelta(days=9)):
        actions.purge()
    subscription = Subscription.objects.get()
    assert (subscription.answers, subscription.asked_answers) == ({company.uuid: "Engines"}, [])


def test_answers_go_a_day_after_somebody_has_left(visitor, company, signup_page):
    """GDPR 5(1)(e): and not before, so that leaving can be taken back."""
    visitor.join(signup_page, "ada@example.org", **{name_of(company): "Engines"})
    actions.unsubscribe(contact=Contact.objects.get(), books=None, origin=factories.ORIGIN)
    actions.purge()
    assert answers() == {company.uuid: "Engines"}
    Subscription.objects.update(asked_answers=[["key", {company.uuid: "Rascals Ltd"}]])
    with time_machine.travel(now() + timedelta(days=2)):
        actions.purge()
    assert answers() == {}
    assert Subscription.objects.get().asked_answers == []


def test_a_cached_page_is_taken_whatever_the_book_asks_since(visitor, book, company, signup_page):
    soup = visitor.open(signup_page.get_url())
    factories.make_field(book, "Place", required=True)
    book.fields.filter(pk=company.pk).delete()
    visitor.post_form(soup, email="ada@example.org", **{name_of(company): "Engines"})
    assert visitor.response.status_code == 303
    visitor.open_link(mail.outbox[0], "confirm")
    visitor.press("Confirm")
    assert answers() == {}


def test_what_was_typed_is_kept_where_the_wording_has_changed_meanwhile(
    visitor, book, company, signup_page
):
    soup = visitor.open(signup_page.get_url())
    factories.change_wording(book, "For something else", material=True)
    visitor.post_form(soup, email="ada@example.org", **{name_of(company): "Engines"})
    assert visitor.response.status_code == 409
    assert visitor.soup.find(attrs={"name": name_of(company)})["value"] == "Engines"


def test_a_page_takes_as_many_queries_for_ten_fields_as_for_one(
    visitor, book, company, signup_page
):
    visitor.open(signup_page.get_url())
    with CaptureQueriesContext(connection) as few:
        visitor.open(signup_page.get_url())
    for number in range(9):
        factories.make_field(book, f"Field {number}")
    with CaptureQueriesContext(connection) as many:
        visitor.open(signup_page.get_url())
    assert len(many) == len(few)
