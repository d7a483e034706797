"""The editor of a book decides what it asks, and reads what becomes of answers before it happens."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now
from wagtail.models import ModelLogEntry
from wagtail.test.utils.form_data import inline_formset, nested_form_data

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    BookField,
    Comparison,
    Subscription,
    WordingVersion,
    answering,
)

pytestmark = pytest.mark.django_db

FIELD = {
    "label": "Company",
    "purpose": "To write about your trade.",
    "field_type": "singleline",
    "choices": "",
    "help_text": "",
}


@pytest.fixture
def editor(staff):
    return staff("change_addressbook")


def url(book) -> str:
    return reverse(AddressBook.snippet_viewset.get_url_name("edit"), args=[book.pk])


def as_posted(field: BookField, **changes) -> dict[str, str]:
    told = {name: str(getattr(field, name)) for name in FIELD} | {"id": str(field.pk), **changes}
    return told | ({"required": "on"} if field.required else {})


def save(editor, book, *fields: dict[str, str], initial: int = 0, **extra: str) -> None:
    wording = book.wordings.get()
    words = {"language": "en", "label": wording.label, "notice": wording.notice}
    data = nested_form_data(
        {
            "site": str(book.site.pk),
            "name": book.name,
            "description": "",
            "wordings": inline_formset([{"id": str(wording.pk), **words}], initial=1, min=1),
            "fields": inline_formset(fields, initial=initial),
            **extra,
        }
    )
    editor.response = editor.client.post(url(book), data, follow=True)


@pytest.fixture
def company(book):
    return factories.make_field(book, "Company", purpose="To write about your trade.")


def answer_all(book, field, *answers) -> None:
    for number, answer in enumerate(answers):
        reader = factories.make_subscription(book, f"reader{number}@example.org")
        reader.answers = {field.uuid: answer, "another": "stays"}
        reader.save()


def all_answers(field) -> list:
    kept = Subscription.objects.order_by("pk").values_list("answers", flat=True)
    return [answers.get(field.uuid) for answers in kept]


def test_an_editor_adds_a_field_and_reads_its_placeholder(editor, book):
    save(editor, book, FIELD)
    field = book.fields.get()
    assert (field.label, field.token_name, field.required) == ("Company", "company", False)
    assert WordingVersion.objects.latest("number").number == 2
    editor.open(url(book))
    assert "{company|…}" in editor.text


def test_every_type_of_wagtail_s_is_offered_but_the_hidden_one(editor, book):
    save(editor, book, FIELD)
    types = editor.open(url(book)).select("#id_fields-0-field_type option")
    assert {option["value"] for option in types} == {
        *("", "singleline", "multiline", "email", "number", "url", "checkbox", "checkboxes"),
        *("dropdown", "multiselect", "radio", "date", "datetime"),
    }
    save(editor, book, FIELD | {"field_type": "hidden", "label": "Hidden"})
    assert not book.fields.filter(label="Hidden").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"purpose": ""}, "This field is required"),
        ({"label": "Name"}, "is a placeholder of its own"),
        ({"label": "E-mail"}, None),
        ({"label": "Email"}, "is a placeholder of its own"),
        ({"label": "Books"}, "is a placeholder of its own"),
        ({"label": "???"}, "Use letters or digits"),
        ({"field_type": "radio"}, "Write the choices"),
        ({"field_type": "dropdown", "choices": "A\nB\nA"}, "each once"),
        ({"field_type": "checkbox", "required": "on"}, "would be a condition of signing up"),
    ],
)
def test_a_field_that_cannot_be_is_refused_with_a_sentence(editor, book, wrong, said):
    save(editor, book, FIELD | wrong)
    if said:
        assert said in editor.text
    assert book.fields.exists() == (said is None)


def test_two_fields_do_not_share_a_placeholder(editor, book, company):
    save(editor, book, as_posted(company), FIELD | {"label": "company!"}, initial=1)
    assert "Two fields would share the placeholder {company}" in editor.text
    assert book.fields.count() == 1


def test_another_purpose_asks_whether_it_means_something_new(editor, book, company):
    """C9: and a new field does not, because nobody has answered it yet."""
    changed = as_posted(company, purpose="To sell you engines.")
    save(editor, book, changed, initial=1)
    assert "does it mean something new?" in editor.text
    save(editor, book, changed, initial=1, wording_change="material")
    version = WordingVersion.objects.latest("number")
    assert version.material
    assert "Company: To sell you engines." in str(version.statements.get().notice)


def test_removing_a_field_says_first_whose_answers_go(editor, book, company):
    answer_all(book, company, "Engines", "Compilers")
    removed = as_posted(company, DELETE="on")
    save(editor, book, removed, initial=1)
    assert "“Company”: 2 readers have answered. Their answers are deleted" in editor.text
    assert all_answers(company) == ["Engines", "Compilers"], "nothing has happened yet"

    box = editor.soup.find(attrs={"name": "answers_seen"})
    assert not box.has_attr("checked")
    save(editor, book, removed, initial=1, answers_seen=box["value"])
    assert not book.fields.exists()
    assert list(Subscription.objects.values_list("answers", flat=True)) == 2 * [
        {"another": "stays"}
    ]
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.remove_field")
    assert entry.data == {"field": "Company", "answers": 2}


def test_what_was_read_of_one_field_does_not_remove_another(editor, book, company):
    place = factories.make_field(book, "Place")
    answer_all(book, company, "Engines")
    save(editor, book, as_posted(company, DELETE="on"), as_posted(place), initial=2)
    seen = editor.soup.find(attrs={"name": "answers_seen"})["value"]
    Subscription.objects.update(answers={company.uuid: "Engines", place.uuid: "London"})
    both = [as_posted(field, DELETE="on") for field in (company, place)]
    save(editor, book, *both, initial=2, answers_seen=seen)
    assert book.fields.count() == 2
    assert "“Place”: 1 reader has answered" in editor.text


def test_what_waits_for_a_confirmation_goes_with_the_field(
    editor, visitor, book, company, signup_page
):
    typed = {f"field-{company.uuid}": "Engines"}
    visitor.fill_and_post(signup_page, email="ada@example.org", **typed)
    save(editor, book, as_posted(company, DELETE="on"), initial=1)
    ((_key, asked),) = Subscription.objects.get().asked_answers
    assert asked == {}


def test_another_label_keeps_answers_and_placeholder(editor, book, company):
    answer_all(book, company, "Engines")
    renamed = as_posted(company, label="Firm")
    save(editor, book, renamed, initial=1, wording_change="wording")
    company.refresh_from_db()
    assert (company.label, company.token_name) == ("Firm", "company")
    assert all_answers(company) == ["Engines"]


@pytest.mark.parametrize(
    ("before", "after", "answers", "misfits"),
    [
        ("singleline", {"field_type": "number"}, ["5", "five", "six"], 2),
        ("dropdown", {"choices": "Seeds"}, ["Seeds", "Tools", "Tools"], 2),
        ("dropdown", {"field_type": "multiline"}, ["Seeds", "Tools"], 0),
        ("checkboxes", {"choices": "Seeds\nSoil"}, [["Seeds"], ["Seeds", "Tools"]], 1),
        ("checkboxes", {"field_type": "singleline"}, [["Seeds"]], 1),
        ("checkbox", {"field_type": "singleline"}, [True], 1),
        ("number", {"field_type": "singleline"}, [5], 0),
    ],
)
def test_another_type_or_a_choice_less_says_how_many_answers_do_not_fit_and_changes_none(
    editor, book, before, after, answers, misfits
):
    """GDPR 5(1)(d): they are what readers have said, until they say something else."""
    field = factories.make_field(book, "Told", before, choices="Seeds\nTools")
    answer_all(book, field, *answers)
    changed = as_posted(field, **after)
    save(editor, book, changed, initial=1)
    if misfits:
        assert f"“Told”: {misfits} answer" in editor.text
        seen = editor.soup.find(attrs={"name": "answers_seen"})["value"]
        save(editor, book, changed, initial=1, answers_seen=seen)
    field.refresh_from_db()
    assert {name: getattr(field, name) for name in after} == after
    assert all_answers(field) == answers


def test_without_wagtail_s_forms_django_says_what_to_add():
    code = (
        "import django; from django.conf import settings; "
        "settings.INSTALLED_APPS.remove('wagtail.contrib.forms'); django.setup()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.stderr.splitlines()[-1].endswith('add "wagtail.contrib.forms" to INSTALLED_APPS.')


@pytest.mark.parametrize("other", [False, True], ids=["its own", "asked alike"])
def test_a_field_by_which_a_scheduled_campaign_is_narrowed_stays(
    editor, site, book, company, other
):
    """Else the campaign would find nobody to go to, or not be sent at its time."""
    named = factories.make_field(factories.make_book(site), "Company") if other else company
    factories.make_subscription(book, "ada@example.org")
    answer_all(book, company, "Engines")
    asked = {"field": named.uuid, "comparison": "is", "value": "Engines"}
    condition = {**asked, "label": "Company", "book": named.book.name}
    campaign = factories.make_campaign(book, named.book, only_answers=[condition])
    actions.send_campaign(campaign=campaign, at=now() + timedelta(days=1))
    save(editor, book, as_posted(company, DELETE="on"), initial=1)
    assert editor.text.count("“Spring is here” is narrowed by the field “Company”") == 1
    assert book.fields.exists()
    actions.unschedule_campaign(campaign=campaign)
    save(editor, book, as_posted(company, DELETE="on"), initial=1)
    assert "is narrowed by" not in editor.text


def test_who_may_not_change_books_changes_no_field(staff, book, company):
    looker = staff("view_addressbook", "view_contact", "change_contact")
    save(looker, book, as_posted(company, DELETE="on"), initial=1)
    assert book.fields.exists()


def test_a_deleted_book_takes_its_fields_and_answers_along(book, company):
    answer_all(book, company, "Engines")
    actions.delete_book(book=book)
    assert not BookField.objects.exists()
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("field_type", "text", "answer"),
    [
        ("singleline", "  Engines ", "Engines"),
        ("number", "3", 3),
        ("date", "2026-05-01", "2026-05-01"),
        ("checkbox", "Yes", True),
        ("checkbox", "no", None),
        ("checkboxes", "Seeds, Tools", ["Seeds", "Tools"]),
        ("checkboxes", "Seeds\nTools", ["Seeds", "Tools"]),
        ("checkboxes", "Seeds", ["Seeds"]),
        ("dropdown", "", None),
    ],
)
def test_an_answer_is_read_from_a_text_without_a_query(
    book, field_type, text, answer, django_assert_num_queries
):
    field = factories.make_field(book, "Told", field_type, choices="Seeds\nTools")
    with django_assert_num_queries(0):
        assert field.answer_in(text) == answer


@pytest.mark.parametrize(
    ("field_type", "comparison", "value", "found"),
    [
        ("singleline", "answered", None, [0, 1]),
        ("singleline", "not_answered", None, [2]),
        ("singleline", "is", "Ändern", [0]),
        ("singleline", "is_not", "Ändern", [1]),
        ("singleline", "contains", "ompil", [1]),
        ("number", "is", 9, [0]),
        ("number", "at_least", 9, [0, 1]),
        ("number", "at_most", 9, [0]),
        ("date", "at_least", "2026-02-01", [1]),
        ("date", "at_most", "2026-02-01", [0]),
        ("checkboxes", "contains", "Töpfe, “klein”", [0, 1]),
        ("checkboxes", "contains", "Seeds", [0]),
        ("checkbox", "answered", None, [0]),
    ],
)
def test_readers_are_found_by_what_they_have_answered(book, field_type, comparison, value, found):
    """What an audience is made of; on every database alike."""
    told = {
        "singleline": ["Ändern", "Compilers"],
        "number": [9, 10],
        "date": ["2026-01-31", "2026-11-01"],
        "checkboxes": [["Töpfe, “klein”", "Seeds"], ["Töpfe, “klein”"]],
        "checkbox": [True],
    }[field_type]
    field = factories.make_field(book, "Told", field_type, choices="Töpfe, “klein”\nSeeds")
    readers = [factories.make_subscription(book, f"r{each}@example.org") for each in range(3)]
    for reader, answer in zip(readers, told, strict=False):
        reader.answers = {field.uuid: answer}
        reader.save()
    assert comparison in Comparison.of(field)
    matching = Subscription.objects.filter(answering(field, comparison, value))
    assert [readers.index(reader) for reader in matching.order_by("pk")] == found
