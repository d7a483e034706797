"""What was answered before a field was changed stays what it was, and counts as nothing else."""

from __future__ import annotations

import pytest
from wagtail.models import ModelLogEntry

from tests import factories
from tests.test_my_answers import CONTACTS, MY_ANSWERS, name_of
from wagtail_gdpr_newsletter.models import BookField, Subscription, answering

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(book) -> BookField:
    return factories.make_field(book, "Company")


def answered(field: BookField, answer, address: str = "ada@example.org") -> Subscription:
    subscription = factories.make_subscription(field.book, address)
    subscription.answers = {**subscription.answers, field.uuid: answer}
    subscription.save()
    return subscription


def kept() -> dict:
    return Subscription.objects.get().answers


def as_typed(**values: str) -> dict[str, str]:
    return {name.replace("-", "__"): value for name, value in values.items()}


@pytest.fixture
def refusal(book):
    """A reader said no in words; then the text became a box."""
    field = factories.make_field(book, "Shall we call you")
    answered(field, "No, thank you")
    BookField.objects.filter(pk=field.pk).update(field_type="checkbox")
    return field


def test_no_box_is_ticked_by_what_was_said_before_it_was_a_box(visitor, book, refusal, company):
    """C1."""
    visitor.enter("ada@example.org")
    page = visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    assert not page.find(attrs={"name": name_of(refusal)}).has_attr("checked")
    assert "Delete the earlier answer: “No, thank you”" in visitor.text
    visitor.press("Save", **as_typed(**{name_of(company): "Engines"}))
    assert kept() == {refusal.uuid: "No, thank you", company.uuid: "Engines"}


def test_an_earlier_answer_goes_when_its_reader_says_so_or_gives_another(visitor, book, refusal):
    visitor.enter("ada@example.org")
    visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    visitor.press("Save", **as_typed(**{f"forget-{refusal.uuid}": "on"}))
    assert kept() == {}
    Subscription.objects.update(answers={refusal.uuid: "No, thank you"})
    visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    visitor.press("Save", **as_typed(**{name_of(refusal): "on"}))
    assert kept() == {refusal.uuid: True}


def test_a_choice_that_is_offered_no_more_stays_what_the_reader_chose(staff, book, company):
    trade = factories.make_field(book, "Trade", "dropdown", choices="Seeds\nTools")
    ada = answered(trade, "Tools")
    BookField.objects.filter(pk=trade.pk).update(choices="Seeds")
    browser = staff("view_contact", "change_contact")
    browser.open(f"{CONTACTS}{ada.contact.pk}/answers/{book.uuid}/")
    browser.press("Save", **as_typed(**{name_of(company): "Engines"}))
    assert kept() == {trade.uuid: "Tools", company.uuid: "Engines"}


def test_nobody_has_to_give_one_answer_to_correct_another(staff, visitor, book, company):
    """Somebody was brought without it, or it is required by now."""
    town = factories.make_field(book, "Town", required=True)
    ada = answered(company, "Engnes")
    browser = staff("view_contact", "change_contact")
    browser.open(f"{CONTACTS}{ada.contact.pk}/answers/{book.uuid}/")
    browser.press("Save", **as_typed(**{name_of(company): "Engines"}))
    assert kept() == {company.uuid: "Engines"}
    visitor.enter("ada@example.org")
    page = visitor.open(f"{MY_ANSWERS}?book={book.uuid}")
    assert not page.find(attrs={"name": name_of(town)}).has_attr("required")
    visitor.press("Save", **as_typed(**{name_of(company): "Compilers"}))
    assert kept() == {company.uuid: "Compilers"}


def test_a_moment_that_a_time_zone_has_no_day_for_is_shown_as_it_is_kept(staff, book, settings):
    settings.TIME_ZONE = "America/New_York"
    field = factories.make_field(book, "Founded", "datetime")
    moment = "0001-01-01T00:00:00+00:00"
    ada = answered(field, moment)
    browser = staff("view_contact", "change_contact")
    browser.open(f"{CONTACTS}{ada.contact.pk}/")
    assert f"Founded: {moment}" in browser.text
    page = browser.open(f"{CONTACTS}{ada.contact.pk}/answers/{book.uuid}/")
    assert moment in str(page.find("form", method="post"))


def test_whoever_looks_at_answers_leaves_a_line(staff, book, company):
    """P4."""
    ada = answered(company, "Engines")
    browser = staff("view_contact", "change_contact")
    browser.open(f"{CONTACTS}{ada.contact.pk}/answers/{book.uuid}/")
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.view_contact")
    assert entry.label == f"Contact #{ada.contact.pk}"


@pytest.mark.parametrize("told", ["%00", "nonsense", ""])
def test_what_names_no_book_leads_back(visitor, staff, company, told):
    ada = answered(company, "Engines")
    visitor.enter("ada@example.org")
    visitor.open(f"{MY_ANSWERS}?book={told}")
    assert visitor.response.status_code == 303
    browser = staff("view_contact", "change_contact")
    assert browser.client.get(f"{CONTACTS}{ada.contact.pk}/answers/{told}/").status_code == 404


def test_whoever_has_left_is_not_asked_any_more(visitor, staff, site, book, company):
    """What they would answer would be forgotten a day later."""
    ada = answered(company, "Engines")
    factories.make_subscription(factories.make_book(site, "Evenings"), "ada@example.org")
    visitor.enter("ada@example.org")
    visitor.press("Leave")
    here = f"{MY_ANSWERS}?book={book.uuid}"
    home = visitor.open("/newsletter/my-data/")
    assert not home.select(f"a[href='{here}']")
    visitor.open(here)
    assert visitor.response.status_code == 303
    browser = staff("view_contact", "change_contact")
    browser.open(f"{CONTACTS}{ada.contact.pk}/")
    assert "Correct answers" not in browser.text
    there = f"{CONTACTS}{ada.contact.pk}/answers/{book.uuid}/"
    assert browser.client.get(there).status_code == 404


@pytest.mark.parametrize(
    ("asked", "answer", "comparison", "value", "matches"),
    [
        ("singleline", "ABC", "is", "abc", False),
        ("singleline", "ABC", "is_not", "abc", True),
        ("singleline", "null", "is", "null", True),
        ("singleline", True, "is", "true", False),
        ("singleline", 5, "is", "5", False),
        ("singleline", 5, "is_not", "5", False),
        ("singleline", ["Tools"], "contains", "Tools", False),
        ("singleline", "Zürich", "contains", "ZÜ", True),
        ("singleline", "ZÜRICH", "contains", "zü", True),
        ("singleline", "Zürich", "contains", "Zu", False),
        ("singleline", "100%_x.", "contains", "%_X.", True),
        ("singleline", "abcd", "contains", "%_", False),
        ("singleline", "abcd", "contains", ".c", False),
        ("singleline", 'x\\y"z', "is", 'x\\y"z', True),
        ("singleline", 'x\\y"z', "contains", '\\Y"', True),
        ("multiline", "One\r\ntwo 🌱", "contains", "E\r\nTWO 🌱", True),
        ("number", 5.0, "is", 5, True),
        ("number", 5, "is", 5.0, True),
        ("number", 5, "at_least", 4.5, True),
        ("number", -5, "at_least", -5.5, True),
        ("number", 10, "at_most", 9, False),
        ("number", 1e-15, "at_least", 0, True),
        ("number", 123456789012345, "is", 123456789012345, True),
        ("number", "old text", "at_least", 5, False),
        ("number", "old text", "at_most", 5, False),
        ("number", "old text", "is_not", 5, False),
        ("number", "old text", "answered", None, True),
        ("number", "5", "is", 5, False),
        ("number", True, "at_most", 5, False),
        ("number", [1], "at_least", 0, False),
        ("date", "2024-01-02", "at_least", "2024-01-02", True),
        ("date", 20240102, "at_least", "2024-01-02", False),
        ("date", ["2024-01-02"], "at_least", "2024-01-01", False),
        ("date", True, "at_least", "2024-01-01", False),
        (
            *("datetime", "2024-01-02T10:00:00+00:00", "at_most"),
            *("2024-01-02T10:00:00.500000+00:00", True),
        ),
        ("checkboxes", "Möbel", "contains", "Möbel", False),
        ("checkboxes", ["Möbel"], "contains", "Möbel", True),
        ("checkboxes", ["Möbel"], "contains", "möbel", False),
        ("checkboxes", ['a"b\\c'], "contains", 'a"b\\c', True),
        ("checkboxes", [5], "contains", "5", False),
        ("checkbox", True, "answered", None, True),
        ("checkbox", True, "not_answered", None, False),
        ("checkbox", "No, thank you", "answered", None, False),
        ("checkbox", "true", "answered", None, False),
        ("checkbox", 1, "answered", None, False),
        ("checkbox", [True], "answered", None, False),
        ("checkbox", "No, thank you", "not_answered", None, True),
    ],
)
def test_every_database_compares_answers_alike(book, asked, answer, comparison, value, matches):
    """Also those of before the field was of this type."""
    field = factories.make_field(book, "Told", asked, choices="Möbel\nx")
    reader = answered(field, answer)
    silent = factories.make_subscription(book, "silent@example.org")
    found = set(Subscription.objects.filter(answering(field, comparison, value)))
    assert found == {
        each for each, is_in in ((reader, matches), (silent, comparison == "not_answered")) if is_in
    }
    # As part of an audience, where conditions are put together.
    both = answering(field, comparison, value) & ~answering(field, comparison, value)
    assert not Subscription.objects.filter(both).exists()
