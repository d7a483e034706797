"""Editors narrow whom a campaign is for, see at once how many that is, and find it again when it was sent."""

from __future__ import annotations

from datetime import date

import pytest
from bs4 import BeautifulSoup
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.test_admin import campaign_data, text_of, url
from wagtail_gdpr_newsletter.models import AddressBook, Campaign, Contact, FrozenMessage
from wagtail_gdpr_newsletter.sending import audience

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    permissions = ["add_campaign", "change_campaign", "send_campaign", "publish_campaign"]
    client.force_login(factories.make_editor("editor", *permissions))


@pytest.fixture
def people(book):
    for number, language in enumerate(("en", "en", "it")):
        factories.make_subscription(book, f"reader{number}@example.org", language=language)


@pytest.fixture
def earlier(book, people, send):
    return send(factories.make_campaign(book, subject="Winter is over"))


def counted(client, *books: AddressBook, **chosen: object) -> str:
    """What the editor is told of what stands in the form."""
    data = {"books": [book.pk for book in books], **chosen}
    response = client.post(url(Campaign, "reach"), data)
    assert response.status_code == 200
    return text_of(response)


def test_the_number_keeps_up_with_what_is_chosen_before_it_is_saved(client, book, earlier, editor):
    factories.make_subscription(book, "new@example.org", language="it")
    assert counted(client, book) == "Reaches all 4 readers who may be written to."
    narrowed = counted(client, book, only_languages=["it"])
    assert narrowed == "Reaches 2 of 4 readers who may be written to."
    assert "Reaches 1 of 4" in counted(
        client, book, only_languages=["it"], not_received=earlier.pk, joined_from="2020-01-01"
    )
    assert "Reaches 0 of 4" in counted(client, book, joined_before="2020-01-01")
    assert "Choose an address book" in counted(client)
    assert not Campaign.objects.exclude(pk=earlier.pk).exists(), "nothing is saved"


def test_of_very_many_a_sample_is_counted(client, book, crowd, editor, monkeypatch):
    """They are forty, and half of them Italian."""
    monkeypatch.setattr(audience, "SAMPLE", 20)
    for number, each in enumerate(crowd):
        language = "en" if number % 2 else "it"
        token = f"{number * 256 // 40:02x}".ljust(32, "0")  # As evenly as can be.
        Contact.objects.filter(pk=each.contact_id).update(language=language, link_token=token)
    assert "Reaches all of about 40 readers" in counted(client, book)
    narrowed = counted(client, book, only_languages=["it"])
    assert "Reaches about 20 of about 40 readers" in narrowed
    assert "The page before sending counts them one by one." in narrowed


def test_what_cannot_be_counted_is_answered_kindly(client, book, people, editor):
    said = counted(client, book, joined_from="the day before yesterday", received="999")
    assert "counted again when this is right" in said
    assert "Enter a valid date." in said
    for day in ("0001-01-01", "9999-12-31"):
        assert "Choose a day " in counted(client, book, joined_from=day)
        assert "Choose a day " in counted(client, book, joined_before=day)
    response = client.post(url(Campaign, "reach"), {"books": "9" * 30})
    assert "Choose an address book" in text_of(response)


def test_books_of_the_chosen_site_are_counted_where_there_are_several(client, book, people, editor):
    elsewhere = factories.make_site()
    factories.make_sender(elsewhere)
    other = factories.make_book(elsewhere)
    factories.make_subscription(other, "eve@example.org")
    assert "Reaches all 1" not in counted(client, other, site=elsewhere.pk)
    assert "Reaches 1 reader" in counted(client, other, site=elsewhere.pk)


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(["add_campaign"], 200), (["change_campaign"], 200), (["send_campaign"], 302), ([], 302)],
)
def test_only_who_composes_campaigns_is_told_numbers(client, book, people, permissions, status):
    """By direct address too; and nobody by GET."""
    client.force_login(factories.make_editor("limited", *permissions))
    data = {"books": [book.pk]}
    response = client.post(url(Campaign, "reach"), data)
    assert response.status_code == status
    assert client.get(url(Campaign, "reach")).status_code in (302, 405)


def test_the_number_takes_as_many_queries_whatever_there_is(client, site, book, earlier, editor):
    asked = []
    for number in (0, 15):
        for each in range(number):
            more = factories.make_book(site)
            factories.make_subscription(more, f"more{each}@example.org", language="it")
        books = list(AddressBook.objects.all())
        with CaptureQueriesContext(connection) as queries:
            counted(client, *books, only_languages=["it"], not_received=earlier.pk)
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_without_script_the_editor_shows_the_number_of_what_was_saved(client, book, people, editor):
    campaign = factories.make_campaign(book, only_languages=["it"])
    soup = BeautifulSoup(client.get(url(Campaign, "edit", campaign.pk)).content, "html.parser")
    status = soup.select_one("[role=status].nl-reach")
    assert "Reaches 1 of 3 readers" in " ".join(status.get_text(" ").split())
    added = text_of(client.get(url(Campaign, "add")))
    assert "Choose an address book, and you see here how many readers get it." in added


def test_what_an_editor_chooses_is_saved_sent_and_shown(client, site, book, earlier, editor, send):
    data = campaign_data(
        site, book, joined_from="2020-01-01", joined_before="", received=earlier.pk
    )
    client.post(url(Campaign, "add"), data | {"only_languages": ["it"]})
    campaign = Campaign.objects.first()
    page = text_of(client.get(url(Campaign, "send", campaign.pk)))
    for words in (
        "Address books Seed letter",
        "Language Italian",
        "Joined on Jan. 1, 2020 or after",
        "Received “Winter is over”",
        "1 reader will get this campaign.",
        "not in the chosen audience 2",
    ):
        assert words in page
    send(Campaign.objects.first())
    book.name = "Renamed"
    book.save()
    went = text_of(client.get(url(Campaign, "progress", campaign.pk)))
    assert "Address books Seed letter Language Italian" in went


def test_a_campaign_of_before_audiences_were_stored_shows_its_books(client, book, earlier, editor):
    QuerySet.update(FrozenMessage.objects.filter(campaign=earlier), audience=None)
    went = text_of(client.get(url(Campaign, "progress", earlier.pk)))
    assert "Address books Seed letter Started" in went


def test_a_copy_keeps_whom_it_is_for_and_may_be_for_the_others(client, book, earlier, editor):
    campaign = factories.make_campaign(
        book, only_languages=["it"], joined_before=date(2031, 5, 1), not_received=earlier
    )
    page = client.get(url(Campaign, "copy", campaign.pk))
    soup = BeautifulSoup(page.content, "html.parser")
    ticked = soup.select("[name=only_languages][checked]")
    assert [box["value"] for box in ticked] == ["it"]
    assert soup.select_one("[name=joined_before]")["value"] == "2031-05-01"
    chosen = soup.select_one("[name=not_received] option[selected]")
    assert chosen["value"] == str(earlier.pk)


def test_only_what_readers_may_have_got_is_offered_as_an_earlier_campaign(
    client, book, earlier, editor
):
    draft = factories.make_campaign(book, subject="Not yet")
    soup = BeautifulSoup(client.get(url(Campaign, "edit", draft.pk)).content, "html.parser")
    offered = [option.get_text() for option in soup.select("[name=received] option")]
    assert offered[0] == "It does not matter"
    assert len(offered) == 2
    assert offered[1].startswith("Winter is over (")


def test_a_language_that_the_site_has_given_up_is_not_lost_when_a_draft_is_saved(
    client, site, book, people, editor
):
    """Else the campaign would go to everybody."""
    campaign = factories.make_campaign(book, only_languages=["xx"])
    soup = BeautifulSoup(client.get(url(Campaign, "edit", campaign.pk)).content, "html.parser")
    kept = [box["value"] for box in soup.select("[name=only_languages][checked]")]
    assert kept == ["xx"]
    assert "Reaches 0 of 3 readers" in counted(client, book, only_languages=kept)
    assert "Reaches 2 of 3 readers" in counted(client, book, only_languages=["xx", "en"])
    client.post(
        url(Campaign, "edit", campaign.pk), campaign_data(site, book) | {"only_languages": kept}
    )
    saved = Campaign.objects.get(pk=campaign.pk).get_latest_revision_as_object()
    assert saved.only_languages == ["xx"]


def test_a_day_that_no_calendar_has_is_refused_where_a_draft_is_saved(
    client, site, book, people, editor
):
    campaign = factories.make_campaign(book)
    data = campaign_data(site, book) | {"joined_from": "0001-01-01"}
    response = client.post(url(Campaign, "edit", campaign.pk), data)
    assert "Choose a day after 1900." in text_of(response)
    saved = Campaign.objects.get(pk=campaign.pk).get_latest_revision_as_object()
    assert saved.joined_from is None


def test_a_site_with_one_language_is_not_asked_for_it(client, book, people, editor, settings):
    settings.LANGUAGES = settings.WAGTAIL_CONTENT_LANGUAGES = [("en", "English")]
    soup = BeautifulSoup(client.get(url(Campaign, "add")).content, "html.parser")
    assert not soup.select("[name=only_languages]")
    assert "Reaches all 3" in counted(client, book)
