"""Editors narrow a campaign by what readers have answered: typed in the editor, counted, sent, and said again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from tests import factories
from tests.test_admin import campaign_data, text_of, url
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import AddressBook, BookField, Campaign, FrozenMessage
from wagtail_gdpr_newsletter.sending import audience

pytestmark = pytest.mark.django_db

ADA, EVE, BOB = "ada@example.org", "eve@example.org", "bob@example.org"


@pytest.fixture
def editor(client):
    permissions = ["add_campaign", "change_campaign", "send_campaign", "publish_campaign"]
    client.force_login(factories.make_editor("editor", *permissions))


@pytest.fixture
def town(book):
    """Ada is from Rome, Eve from Milan, and Bob has not said."""
    field = factories.make_field(book, "Town")
    for address, answer in ((ADA, "Rome"), (EVE, "Milan"), (BOB, None)):
        answered(book, address, field, answer)
    return field


def answered(book: AddressBook, address: str, field: BookField, answer: Any) -> None:
    reader = factories.make_subscription(book, address)
    reader.answers = {} if answer is None else {field.uuid: answer}
    reader.save()


def rows(*conditions: tuple[BookField | str, str, str]) -> dict[str, str]:
    """As the editor posts them."""
    posted = {"only_answers-shown": "1"}
    for number, (field, comparison, value) in enumerate(conditions):
        told = {"field": getattr(field, "uuid", field), "comparison": comparison, "value": value}
        posted |= {f"only_answers-{number}-{part}": each for part, each in told.items()}
    return posted


def line(field: BookField, comparison: str, value: Any = None) -> dict[str, Any]:
    """As a campaign keeps it."""
    told = {"field": field.uuid, "comparison": comparison, "value": value}
    return {**told, "label": field.label, "book": field.book.name}


def counted(client, *books: AddressBook, **posted: str) -> str:
    data = {"books": [book.pk for book in books], **posted}
    return text_of(client.post(url(Campaign, "reach"), data))


def saved(client, site, *books: AddressBook, **posted: str) -> Campaign:
    data = campaign_data(site, books[0]) | {"books": [book.pk for book in books]} | posted
    response = client.post(url(Campaign, "add"), data)
    assert response.status_code == 302, text_of(response)
    return actions.newest(Campaign.objects.first())


def reached_by(campaign: Campaign) -> set[str]:
    reached = audience.subscriptions_of(campaign).mailable()
    return set(reached.values_list("contact__address", flat=True))


def got_it() -> set[str]:
    return {message.to[0] for message in mail.outbox}


def test_what_is_typed_is_counted_saved_sent_and_said(client, site, book, town, editor, send):
    typed = rows((town, "is", "Rome"))
    assert "Reaches 1 of 3 readers" in counted(client, book, **typed)
    campaign = saved(client, site, book, **typed)
    page = text_of(client.get(url(Campaign, "send", campaign.pk)))
    assert "Answers “Town” (Seed letter) is “Rome”" in page
    assert "not in the chosen audience 2" in page
    send(campaign)
    assert got_it() == {ADA}
    BookField.objects.all().delete()
    AddressBook.objects.update(name="Renamed")
    went = text_of(client.get(url(Campaign, "progress", campaign.pk)))
    assert "Answers “Town” (Seed letter) is “Rome”" in went


def test_what_was_sent_says_by_itself_which_answers_were_asked_for(book, town, send):
    campaign = send(factories.make_campaign(book, only_answers=[line(town, "is", "Rome")]))
    frozen = FrozenMessage.objects.get(campaign=campaign)
    assert frozen.audience["answers"] == [
        {
            "label": "Town",
            "placeholder": "town",
            "type": "singleline",
            "comparison": "is",
            "value": "Rome",
            "asked_by": [{"field": town.uuid, "book": book.uuid, "name": "Seed letter"}],
        }
    ]
    assert frozen.digest == frozen.digest_now()


def test_all_conditions_must_hold_for_one_and_the_same_place(client, site, book, town, editor):
    seats = factories.make_field(book, "Seats", "number")
    for subscription in book.subscriptions.exclude(answers={}):
        subscription.answers |= {seats.uuid: 2}
        subscription.save()
    both = [(town, "is_not", "Rome"), (seats, "at_least", "2")]
    assert reached_by(saved(client, site, book, **rows(*both))) == {EVE}
    assert reached_by(saved(client, site, book, **rows(*both, (seats, "at_least", "3")))) == set()


def test_of_several_books_those_count_that_ask_the_same(client, site, book, town, editor):
    """A reader of a book that asks nothing of the kind is taken away; nobody is let through unasked."""
    asks_too, asks_otherwise = factories.make_book(site), factories.make_book(site)
    answered(asks_too, "too@example.org", factories.make_field(asks_too, "Town"), "Rome")
    number = factories.make_field(asks_otherwise, "Town", "number")
    answered(asks_otherwise, "number@example.org", number, 1)
    silent = factories.make_book(site)
    factories.make_subscription(silent, "silent@example.org")
    books = (book, asks_too, asks_otherwise, silent)
    reached = reached_by(saved(client, site, *books, **rows((town, "is", "Rome"))))
    assert reached == {ADA, "too@example.org"}
    unanswered = reached_by(saved(client, site, *books, **rows((town, "not_answered", ""))))
    assert unanswered == {BOB}


@pytest.mark.parametrize(
    ("field_type", "comparison", "typed", "said"),
    [
        ("singleline", "at_least", "3", "can be compared by “is”, “is not”, “contains”"),
        ("email", "is", "someone", "can be compared by “contains”"),
        ("number", "at_least", "many", "Enter a number."),
        ("date", "at_most", "2026-02-30", "Enter a valid date."),
        ("datetime", "is", "tomorrow", "Enter a valid date/time."),
        ("radio", "is", "Bulbs", "Select a valid choice."),
        ("checkboxes", "contains", "Seed", "“Seed” is none of its choices."),
        ("singleline", "is", "x" * 256, "at most 255 characters"),
        ("singleline", "contains", "x" * 256, "at most 255 characters"),
        ("singleline", "contains", "a\x00b", "cannot be typed"),
        ("singleline", "is", "ada@example.org", "Do not write anybody's address here"),
        ("email", "contains", "ada@example.org", "Do not write anybody's address here"),
        ("singleline", "sounds like", "x", "can be compared by"),
        ("checkbox", "is", "yes", "can be compared by “is ticked”, “is not ticked”"),
    ],
)
def test_what_makes_no_sense_of_a_field_is_refused_in_a_sentence(
    client, site, book, editor, field_type, comparison, typed, said
):
    field = factories.make_field(book, "Told", field_type, choices="Seeds\nTools")
    posted = rows((field, comparison, typed))
    assert said in counted(client, book, **posted)
    response = client.post(url(Campaign, "add"), campaign_data(site, book) | posted)
    assert re.search(f"“Told”: [^“]*{re.escape(said)}", text_of(response))
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("field_type", "comparison", "typed", "kept"),
    [
        ("singleline", "contains", " 100% ", "100%"),
        ("email", "contains", "@example.org", "@example.org"),
        ("number", "at_most", "2.50", 2.5),
        ("date", "at_least", "2026-05-01", "2026-05-01"),
        ("datetime", "at_least", "2026-05-01T12:30", "2026-05-01T10:30:00+00:00"),
        ("dropdown", "is_not", "Tools", "Tools"),
        ("multiselect", "contains", "Töpfe, “klein”", "Töpfe, “klein”"),
        ("checkbox", "answered", "", None),
        ("singleline", "answered", "typed before", None),
    ],
)
def test_what_is_typed_is_kept_as_answers_are_and_stands_in_its_row_again(
    client, site, book, editor, field_type, comparison, typed, kept
):
    field = factories.make_field(book, "Told", field_type, choices="Tools\nTöpfe, “klein”")
    campaign = saved(client, site, book, **rows((field, comparison, typed)))
    assert campaign.only_answers == [line(field, comparison, kept)]
    shown = client.get(url(Campaign, "edit", campaign.pk))
    row = BeautifulSoup(shown.content, "html.parser").select_one(".nl-condition")
    again = row.select_one("[data-part=value]")["value"]
    assert again == {2.5: "2.5", None: ""}.get(kept, typed.strip())
    chosen = [option["value"] for option in row.select("option[selected]")]
    assert chosen == [field.uuid, comparison]


@pytest.mark.parametrize(
    ("comparison", "typed"), [("is", ""), ("is", "   "), ("", "Rome"), ("", "")]
)
def test_a_draft_is_saved_half_filled_in_and_not_sent(
    client, site, book, town, editor, comparison, typed
):
    posted = rows((town, comparison, typed))
    said = "The condition on “Town” is not complete"
    assert said in counted(client, book, **posted)
    campaign = saved(client, site, book, **posted)
    assert reached_by(campaign) == set(), "it is not skipped"
    assert said in text_of(client.get(url(Campaign, "send", campaign.pk)))
    client.post(url(Campaign, "send", campaign.pk))
    assert mail.outbox == []


def test_a_row_without_a_field_is_nothing_until_something_is_typed(
    client, site, book, town, editor
):
    assert "Reaches all 3" in counted(client, book, **rows(("", "is", "")))
    assert saved(client, site, book, **rows(("", "is", " "))).only_answers == []
    assert "names no field" in counted(client, book, **rows(("", "is", "Rome")))


def test_a_field_of_a_book_that_is_not_chosen_is_named(client, site, book, town, editor):
    other = factories.make_book(site)
    said = "“Town” is asked by “Seed letter”, which is not among the chosen address books"
    assert said in counted(client, other, **rows((town, "is", "Rome")))
    campaign = saved(client, site, other, **rows((town, "is", "Rome")))
    assert said in " ".join(actions.reasons_against_sending(campaign))


@pytest.fixture
def unanswered(book, town):
    """To those who have not answered: without the field that would be everybody."""
    return factories.make_campaign(book, only_answers=[line(town, "not_answered")])


def test_a_draft_about_a_field_that_was_removed_says_so_and_keeps_it(
    client, site, book, town, editor, unanswered
):
    town.delete()
    said = "The field “Town” has been removed from its address book"
    page = client.get(url(Campaign, "edit", unanswered.pk))
    assert said in text_of(page)
    row = BeautifulSoup(page.content, "html.parser").select_one(".nl-condition")
    assert row.select_one("option[selected]").get_text() == "Town (removed)"
    posted = {each["name"]: each["value"] for each in row.select("input[name]")}
    posted |= rows((town, "not_answered", ""))
    assert said in counted(client, book, **posted)
    client.post(url(Campaign, "edit", unanswered.pk), campaign_data(site, book) | posted)
    again = actions.newest(Campaign.objects.get(pk=unanswered.pk))
    assert again.only_answers == unanswered.only_answers
    assert reached_by(again) == set()
    sending = text_of(client.get(url(Campaign, "send", unanswered.pk)))
    assert said in sending
    assert "“Town” (Seed letter) has not been answered" in sending


def test_a_scheduled_campaign_about_a_field_that_was_removed_is_not_sent(
    book, town, unanswered, send
):
    actions.send_campaign(campaign=unanswered, at=now() + timedelta(hours=1))
    Campaign.objects.update(send_at=now() - timedelta(minutes=1))
    town.delete()
    actions.tend_campaigns()
    unanswered.refresh_from_db()
    assert unanswered.send_status == "draft"
    assert "The field “Town” has been removed" in unanswered.trouble
    assert mail.outbox == []


def test_nobody_else_gets_it_if_the_field_goes_while_the_ledger_is_written(book, town, unanswered):
    actions.send_campaign(campaign=unanswered)
    town.delete()
    actions.run_lane()
    assert mail.outbox == []


def test_a_field_that_asks_otherwise_now_has_to_be_chosen_again(client, book, editor):
    way = factories.make_field(book, "Way", "radio", choices="By bus\nOn foot")
    answered(book, ADA, way, "By bus")
    campaign = factories.make_campaign(book, only_answers=[line(way, "is", "By bus")])
    assert actions.reasons_against_sending(campaign) == []
    way.choices = "By train\nOn foot"
    way.save()
    said = "The field “Way” has changed, and its condition does not fit any more"
    assert said in " ".join(actions.reasons_against_sending(campaign))
    assert said in text_of(client.get(url(Campaign, "edit", campaign.pk)))


def test_a_copy_and_what_a_revision_restores_are_for_the_same_readers(
    client, book, town, editor, send
):
    sent = send(factories.make_campaign(book, only_answers=[line(town, "is", "Rome")]))
    assert reached_by(sent.copy_to_edit()) == {ADA}
    copy = BeautifulSoup(client.get(url(Campaign, "copy", sent.pk)).content, "html.parser")
    assert copy.select_one(".nl-condition [data-part=value]")["value"] == "Rome"
    draft = factories.make_campaign(book, only_answers=[line(town, "is", "Rome")])
    first = draft.latest_revision
    draft.only_answers = [line(town, "is", "Milan")]
    second = draft.save_revision()
    assert reached_by(first.as_object()) == {ADA}
    compared = reverse(
        Campaign.snippet_viewset.get_url_name("revisions_compare"),
        args=[draft.pk, first.pk, second.pk],
    )
    words = re.sub(r"\s", "", text_of(client.get(compared)))
    assert "“Town”(Seedletter)is“Rome”" in words


def test_a_form_without_the_rows_leaves_an_audience_as_narrow_as_it_was(
    client, site, book, town, editor
):
    campaign = saved(client, site, book, **rows((town, "is", "Rome")))
    client.post(url(Campaign, "edit", campaign.pk), campaign_data(site, book))
    assert reached_by(actions.newest(Campaign.objects.get())) == {ADA}
    client.post(url(Campaign, "edit", campaign.pk), campaign_data(site, book) | rows())
    assert reached_by(actions.newest(Campaign.objects.get())) == {ADA, EVE, BOB}


def test_where_no_book_asks_anything_the_editor_does_not_either(client, site, book, editor):
    assert "Only readers who have answered" not in text_of(client.get(url(Campaign, "add")))
    factories.make_field(book)
    assert "Only readers who have answered" in text_of(client.get(url(Campaign, "add")))


def test_the_number_takes_as_many_queries_for_many_fields_as_for_one(
    client, site, book, town, editor
):
    asked = []
    for number in (0, 5):
        more = [factories.make_field(book, f"Field {each}") for each in range(number)]
        typed = rows((town, "is", "Rome"), *((each, "is", "x") for each in more))
        with CaptureQueriesContext(connection) as queries:
            counted(client, book, **typed)
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_markup_and_quotes_in_a_condition_are_words(client, site, book, town, editor):
    hostile = "\"><img src=x onerror=alert(1)>'{{ 7|add:7 }}%s"
    campaign = saved(client, site, book, **rows((town, "is", hostile)))
    for page in (url(Campaign, "edit", campaign.pk), url(Campaign, "send", campaign.pk)):
        soup = BeautifulSoup(client.get(page).content, "html.parser")
        assert not soup.select("img[src=x]")
    assert hostile in soup.get_text()
