"""Before a field goes, its editor reads what it means for people and for campaigns; and two tabs lose nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from tests import factories
from tests.test_book_editor import FIELD, all_answers, answer_all, as_posted, save
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Contact, Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(staff):
    return staff("change_addressbook")


@pytest.fixture
def company(book):
    return factories.make_field(book, "Company", purpose="To write about your trade.")


def test_a_field_that_was_saved_in_another_tab_is_not_saved_twice(editor, book):
    """Nor by going back, and saving again."""
    save(editor, book, FIELD)
    save(editor, book, FIELD)
    assert editor.response.status_code == 200
    said = "The address book has a field with the placeholder {company} by now"
    assert said in editor.text
    assert book.fields.count() == 1


def test_another_field_may_take_the_place_of_one_that_goes(editor, book, company):
    save(editor, book, as_posted(company, DELETE="on"), FIELD, initial=1)
    assert book.fields.get().uuid != company.uuid


def test_answers_of_whoever_has_restricted_the_use_of_their_data_are_kept(editor, book, company):
    """GDPR 18: and the editor reads of how many."""
    answer_all(book, company, "Engines", "Compilers")
    removed = as_posted(company, DELETE="on")
    save(editor, book, removed, initial=1)
    seen = editor.soup.find(attrs={"name": "answers_seen"})["value"]
    restricted = Contact.objects.get(address="reader0@example.org")
    actions.restrict(contact=restricted, restricted=True, source="my data")
    save(editor, book, removed, initial=1, answers_seen=seen)
    assert (
        "“Company”: 1 person who has answered has restricted the use of their data" in editor.text
    )
    assert book.fields.get() == company
    assert all_answers(company) == ["Engines", "Compilers"]

    with pytest.raises(actions.CannotBeDeleted), transaction.atomic():
        actions.forget_answers(book=book, removed=[company], user=None)
    assert all_answers(company) == ["Engines", "Compilers"]


def test_a_campaign_that_names_the_field_and_is_not_over_is_named(editor, book, company, readers):
    hello = factories.make_campaign(book, subject="Hello {company|friends}")
    other = factories.make_campaign(book, subject="Nothing of the kind")
    factories.make_campaign(book, subject="A draft for {company|friends}")
    for campaign in (hello, other):
        actions.send_campaign(campaign=campaign, at=now() + timedelta(hours=1))
    removed = as_posted(company, DELETE="on")
    save(editor, book, removed, initial=1)
    said = "“Company” is named by campaigns that are not over: “Hello friends”. A scheduled one"
    assert said in editor.text
    assert "Nothing of the kind" not in editor.text
    assert "A draft" not in editor.text
    assert book.fields.exists()
    seen = editor.soup.find(attrs={"name": "answers_seen"})["value"]
    save(editor, book, removed, initial=1, answers_seen=seen)
    assert not book.fields.exists()


def test_what_was_said_when_the_field_was_of_another_type_goes_with_it_too(editor, book):
    field = factories.make_field(book, "Shall we call you", "checkbox")
    answer_all(book, field, "No, thank you")
    removed = as_posted(field, DELETE="on")
    save(editor, book, removed, initial=1)
    assert "1 reader has answered" in editor.text
    seen = editor.soup.find(attrs={"name": "answers_seen"})["value"]
    save(editor, book, removed, initial=1, answers_seen=seen)
    assert Subscription.objects.get().answers == {"another": "stays"}
