"""Staff look through the contacts: filtered, in pages, in a constant number of queries, and it is logged (P3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import ModelLogEntry

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.admin import contact_list
from wagtail_gdpr_newsletter.models import Campaign, Contact, Delivery, Subscription

pytestmark = pytest.mark.django_db

PAGE = "/admin/newsletter/contacts/"


@pytest.fixture
def members(site):
    return factories.make_book(site, "Members")


@pytest.fixture
def browser(staff):
    return staff("view_contact")


def listed(browser, **filters: object) -> list[str]:
    """The addresses in the table, from above."""
    answer = browser.client.get(PAGE, filters)
    return [contact.address for contact in answer.context["page_obj"].object_list]


def known_since(contact: Contact, day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(settings.TIME_ZONE))
    Contact.objects.filter(pk=contact.pk).update(created_at=noon)


def test_the_newest_come_first_with_their_books_and_lead_to_their_page(browser, book, members):
    ada = factories.make_subscription(book, "ada@example.org", name="Ada").contact
    Subscription.objects.create(contact=ada, book=members, status="unproven")
    eve = factories.make_subscription(book, "eve@example.org").contact
    known_since(ada, date(2024, 1, 1))
    assert listed(browser) == ["eve@example.org", "ada@example.org"]
    soup = browser.open(PAGE)
    row = next(each for each in soup.select("table tr") if "ada@" in each.text)
    assert [browser._says(cell) for cell in row.select("td")][1:4] == [
        "Ada",
        "Members (unproven), Seed letter (confirmed)",
        "English",
    ]
    assert row.select_one("a")["href"] == f"{PAGE}{ada.pk}/"
    assert eve.address in browser.text


def test_what_is_asked_of_a_subscription_is_asked_of_one_and_the_same(browser, book, members):
    """Who has confirmed one book and left another is not found as having left the first."""
    ada = factories.make_subscription(book, "ada@example.org").contact
    factories.make_subscription(members, "eve@example.org")
    Subscription.objects.create(contact=ada, book=members, status="unproven")
    assert listed(browser, book=book.pk) == ["ada@example.org"]
    assert listed(browser, book=members.pk, status="confirmed") == ["eve@example.org"]
    assert listed(browser, book=members.pk, status="unproven") == ["ada@example.org"]
    assert listed(browser, book=book.pk, status="unproven") == []
    assert listed(browser, status="unproven", basis="soft_opt_in") == []


def test_contacts_are_narrowed_by_language_and_date(browser, book):
    ada = factories.make_subscription(book, "ada@example.org", language="it").contact
    eve = factories.make_subscription(book, "eve@example.org", language="en").contact
    known_since(ada, date(2024, 5, 31))
    known_since(eve, date(2024, 6, 1))
    assert listed(browser, language="it") == ["ada@example.org"]
    assert listed(browser, created_at_from="2024-06-01") == ["eve@example.org"]
    assert listed(browser, created_at_to="2024-05-31") == ["ada@example.org"]
    both = listed(browser, created_at_from="2024-05-31", created_at_to="2024-06-01")
    assert both == ["eve@example.org", "ada@example.org"]


def test_sites_are_told_apart_where_there_are_several(browser, book):
    factories.make_subscription(book, "ada@example.org")
    assert "Site" not in {str(each.label) for each in filters_of(browser)}
    elsewhere = factories.make_site()
    factories.make_sender(elsewhere)
    factories.make_subscription(factories.make_book(elsewhere), "eve@example.org")
    assert "Site" in {str(each.label) for each in filters_of(browser)}
    assert listed(browser, site=elsewhere.pk) == ["eve@example.org"]


def filters_of(browser):
    return browser.client.get(PAGE).context["filters"].form


def test_a_filter_that_is_none_narrows_nothing_and_says_so(browser, book):
    factories.make_subscription(book, "ada@example.org")
    assert listed(browser, status="no such", book="x") == ["ada@example.org"]


def test_whoever_is_in_no_book_is_listed_too(browser, book):
    factories.make_subscription(book, "ada@example.org")
    actions.delete_book(book=book)
    assert listed(browser) == ["ada@example.org"]


def add_people(book, members, number: int) -> None:
    before = Contact.objects.count()
    for each in range(before, before + number):
        one = factories.make_subscription(book, f"reader{each}@example.org")
        Subscription.objects.create(contact=one.contact, book=members, status="unproven")


def test_a_page_costs_the_same_whatever_there_is(browser, book, members):
    asked = []
    for number in (2, 48):
        add_people(book, members, number)
        listed(browser)  # What is looked up once is.
        with CaptureQueriesContext(connection) as queries:
            listed(browser, status="confirmed")
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_beyond_what_anybody_turns_pages_nothing_is_counted(browser, book, monkeypatch):
    monkeypatch.setattr(contact_list, "MOST", 3)
    monkeypatch.setattr(contact_list.ContactListView, "paginate_by", 2)
    for number in range(3):
        factories.make_subscription(book, f"reader{number}@example.org")
    assert "more than" not in browser.open(PAGE).text
    factories.make_subscription(book, "reader3@example.org")
    assert "There are more than 3; the newest come first." in browser.open(PAGE).text
    assert "Page 1 of 2" in browser.text
    assert listed(browser, p=2) == ["reader1@example.org"]


def test_that_the_list_was_seen_is_logged_without_an_address(browser, book):
    factories.make_subscription(book, "ada@example.org")
    listed(browser, book=book.pk, status="confirmed")
    browser.client.get(f"{PAGE}results/", {"p": 1})
    entries = ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.list_contacts")
    assert [entry.data for entry in entries.order_by("pk")] == [
        {"narrowed_by": {"book": "Seed letter", "status": "confirmed"}, "contacts": 1},
        {"narrowed_by": {}, "contacts": 1},
    ]
    assert {entry.user.username for entry in entries} == {"dpo"}


def test_nobody_sees_the_list_without_the_permission(staff, book):
    factories.make_subscription(book, "ada@example.org")
    browser = staff("view_addressbook", "change_contact")
    for path in (PAGE, f"{PAGE}results/"):
        answer = browser.client.get(path)
        assert answer.status_code == 302
        assert b"ada@" not in answer.content
    assert browser.client.post(PAGE, {"address": "ada@example.org"}).status_code == 302


def moments(contact: Contact) -> list[tuple[str, str, str]]:
    return [
        (moment.what, moment.about, moment.by) for moment in actions.timeline_of(contact).moments
    ]


def test_the_timeline_tells_everything_in_its_order(staff, everything_known, visitor, book):
    """From the sign-up to who among staff looked."""
    ada = everything_known
    browser = staff("view_contact", "change_contact")
    browser.open(f"{PAGE}{ada.pk}/restrict/")
    browser.press("Restrict", why="They wrote a letter")
    told = moments(ada)
    in_order = [
        ("asked for the newsletter", "Seed letter", "sign-up form"),
        ("confirmation mail sent", "Seed letter", "our mail server"),
        ("confirmed", "Seed letter", "link in the confirmation mail"),
        ("Campaign: sent", "Lemons are out", ""),
        ("Mail: link to your data", "", ""),
        ("saw the data", "", "“My data”"),
        ("wrote to the sender", "", "“My data”"),
        ("Use of the data restricted", "They wrote a letter", "dpo"),
        ("Data of the contact seen", "", "dpo"),
    ]
    from_the_first = told[::-1]
    places = [from_the_first.index(each) for each in in_order]
    assert places == sorted(places)
    assert ("Mail provider: deferred, other", "Lemons are out", "our mail provider") in told
    assert "Use of the data restricted" in browser.text


def test_the_timeline_costs_the_same_however_much_has_happened(book, django_assert_max_num_queries):
    ada = factories.make_subscription(book, "ada@example.org").contact
    for number in range(30):
        campaign = factories.make_campaign(book, subject=f"Letter {number}")
        at = ada.created_at + timedelta(days=number)
        Campaign.objects.filter(pk=campaign.pk).update(sending_started_at=at)
        Delivery.objects.create(campaign=campaign, contact=ada, status="sent", sent_at=at)
    with django_assert_max_num_queries(10):
        assert len(moments(ada)) == 30


def test_a_long_timeline_shows_the_latest_and_says_so(browser, book):
    ada = factories.make_subscription(book, "ada@example.org").contact
    for _look in range(101):
        browser.client.get(f"{PAGE}{ada.pk}/")
    told = actions.timeline_of(ada)
    assert (len(told.moments), told.is_cut) == (100, True)
    assert "The latest hundred" in browser.open(f"{PAGE}{ada.pk}/").text
