"""How address books grow: confirmed over time, joins and leaves, from the evidence, and never anybody's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from django_q.models import Schedule

from tests import factories
from tests.test_admin import text_of, url
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    Campaign,
    Contact,
    RightsKind,
    RightsOutcome,
    RightsRequest,
)

pytestmark = pytest.mark.django_db

OVERVIEW = "/admin/newsletter/"
ROME = ZoneInfo("Europe/Rome")


def at(*moment: int):
    """The clock stands there, by the clock of the site."""
    return time_machine.travel(datetime(*moment, tzinfo=ROME), tick=False)


@pytest.fixture(autouse=True)
def in_rome(settings):
    settings.TIME_ZONE = "Europe/Rome"


@pytest.fixture
def old_book(book):
    """Made in January."""
    AddressBook.objects.update(created_at=datetime(2026, 1, 10, tzinfo=UTC))
    return AddressBook.objects.get()


@pytest.fixture
def boss(staff):
    return staff("view_addressbook", "view_campaign")


def table_of(browser, page: str, *, caption: str = "Readers who joined") -> dict[str, list[str]]:
    cache.clear()
    browser.open(page)
    assert browser.response.status_code == 200
    table = next(each for each in browser.soup.select("table") if caption in each.caption.text)
    return {
        browser._says(row.th): [browser._says(cell) for cell in row.select("td")]
        for row in table.select("tbody tr")
    }


def growth_page(book: AddressBook) -> str:
    return url(AddressBook, "growth", book.pk)


def leave(address: str, book: AddressBook) -> None:
    contact = Contact.objects.get(canonical_address=address)
    actions.unsubscribe(contact=contact, books=[book.uuid], origin=factories.ORIGIN)


def test_joins_and_leaves_are_told_by_month_and_how_many_were_confirmed_then(
    visitor, signup_page, old_book, boss
):
    """Two of them at midnight, of whom one still joined in January by the clock of the site."""
    with at(2026, 1, 31, 23, 59, 59):
        visitor.join(signup_page, "ada@example.org")
    with at(2026, 2, 1, 0, 0):
        visitor.join(signup_page, "eve@example.org")
    with at(2026, 2, 20):
        visitor.join(signup_page, "bob@example.org")
    with at(2026, 7, 1, 0, 0):
        leave("ada@example.org", old_book)
    with at(2026, 8, 15):
        assert table_of(boss, growth_page(old_book)) == {
            "August 2026, so far": ["0", "0", "2"],
            "July 2026": ["0", "1", "2"],
            "June 2026": ["0", "0", "3"],
            "May 2026": ["0", "0", "3"],
            "April 2026": ["0", "0", "3"],
            "March 2026": ["0", "0", "3"],
            "February 2026": ["2", "0", "3"],
            "January 2026": ["1", "0", "1"],
        }
        said = "0 confirmed readers at the beginning (January 2026), 2 now. In between 3 joined and 1 left."
        assert said in boss.text


def test_a_young_book_is_told_by_day_and_an_older_one_by_week(visitor, signup_page, old_book, boss):
    with at(2026, 1, 12, 9):
        visitor.join(signup_page, "ada@example.org")
        by_day = table_of(boss, growth_page(old_book))
    assert list(by_day) == ["Jan. 12, 2026, so far", "Jan. 11, 2026", "Jan. 10, 2026"]
    assert by_day["Jan. 12, 2026, so far"] == ["1", "0", "1"]
    with at(2026, 3, 1, 23):
        by_week = table_of(boss, growth_page(old_book))
    assert next(iter(by_week)) == "Feb. 23, 2026, so far"
    assert list(by_week)[-1] == "Jan. 5, 2026"
    assert by_week["Jan. 12, 2026"] == ["1", "0", "1"]


def test_no_more_than_three_years_are_told_and_what_was_before_is_not_lost(
    visitor, signup_page, old_book, staff
):
    with at(2026, 1, 12):
        visitor.join(signup_page, "ada@example.org")
    with at(2030, 1, 12):
        told = table_of(staff("view_addressbook"), growth_page(old_book))
    assert len(told) == 36
    assert told["February 2027"] == ["0", "0", "1"]


def test_who_was_erased_has_joined_and_left_all_the_same(visitor, signup_page, old_book, boss):
    with at(2026, 2, 1):
        visitor.join(signup_page, "ada@example.org")
        visitor.join(signup_page, "eve@example.org")
    with at(2026, 7, 2):
        actions.erase(
            contact=Contact.objects.get(address="ada@example.org"), origin=factories.ORIGIN
        )
    with at(2026, 8, 1):
        told = table_of(boss, growth_page(old_book))
    assert told["February 2026"] == ["2", "0", "2"]
    assert told["July 2026"] == ["0", "1", "1"]


def test_who_moved_to_another_address_and_was_erased_there_left_once(
    visitor, signup_page, old_book, boss
):
    with at(2026, 2, 1):
        visitor.join(signup_page, "ada@example.org")
    with at(2026, 3, 1):
        visitor.enter("ada@example.org")
        visitor.press("Send the link", new_address="countess@example.com")
        question = next(each for each in mail.outbox if each.to == ["countess@example.com"])
        visitor.open_link(question, "new-address")
        visitor.press("Yes, that is my address")
    assert Contact.objects.get().address == "countess@example.com"
    with at(2026, 7, 2):
        actions.erase(contact=Contact.objects.get(), origin=factories.ORIGIN)
    with at(2026, 8, 1):
        told = table_of(boss, growth_page(old_book))
    changed = {month: numbers for month, numbers in told.items() if numbers[:2] != ["0", "0"]}
    assert changed == {"February 2026": ["1", "0", "1"], "July 2026": ["0", "1", "0"]}


def test_only_what_changes_something_counts(visitor, signup_page, old_book, boss):
    """Confirming once more after a material change; leaving what was never confirmed; coming back."""
    with at(2026, 2, 1):
        visitor.join(signup_page, "ada@example.org")
        visitor.fill_and_post(signup_page, email="eve@example.org")
    with at(2026, 2, 3):
        leave("eve@example.org", old_book)
    with at(2026, 3, 1):
        factories.change_wording(old_book, "Something new", material=True)
        visitor.join(signup_page, "ada@example.org")
    with at(2026, 4, 1):
        leave("ada@example.org", old_book)
    with at(2026, 5, 1):
        visitor.join(signup_page, "ada@example.org")
    with at(2026, 8, 1):
        told = table_of(boss, growth_page(old_book))
    assert [told[f"{month} 2026"] for month in ("February", "March", "April", "May")] == [
        ["1", "0", "1"],
        ["0", "0", "1"],
        ["0", "1", "0"],
        ["1", "0", "1"],
    ]


def test_who_came_without_such_evidence_was_there_from_the_beginning(old_book, boss):
    factories.make_subscription(old_book, "ada@example.org")
    with at(2026, 8, 1):
        told = table_of(boss, growth_page(old_book))
    assert set(map(tuple, told.values())) == {("0", "0", "1")}


def test_the_drawing_has_a_point_and_a_bar_for_what_the_table_says(
    visitor, signup_page, old_book, boss
):
    with at(2026, 2, 1):
        for name in ("ada", "eve"):
            visitor.join(signup_page, f"{name}@example.org")
    with at(2026, 7, 1):
        leave("ada@example.org", old_book)
    with at(2026, 8, 1):
        table_of(boss, growth_page(old_book))
    points = boss.soup.select_one("polyline")["points"].split()
    assert [point.split(",")[1] for point in points] == ["100.00", *["0.00"] * 5, *["50.00"] * 2]
    (joined,) = boss.soup.select(".nl-plot-joined")
    (left,) = boss.soup.select(".nl-plot-left")
    assert float(joined["height"]) == pytest.approx(2 * float(left["height"]), abs=0.02)
    assert boss.soup.select_one("figcaption")
    assert all(part["aria-hidden"] for part in boss.soup.select(".nl-plot-part"))


def test_the_overview_adds_the_books_up_and_leads_to_each(visitor, site, old_book, boss, send):
    other = factories.make_book(site, "Other letter")
    page = factories.make_signup_page(site, old_book, other)
    visitor.join(page, "ada@example.org")
    visitor.join(page, "eve@example.org", only="Other letter")
    send(factories.make_campaign(old_book, subject="Lemons are out"))
    told = table_of(boss, OVERVIEW)
    assert next(iter(told.values())) == ["3", "0", "3"]
    assert table_of(boss, OVERVIEW, caption="Readers now") == {
        "Other letter": ["2", "0"],
        "Seed letter": ["1", "0"],
    }
    assert boss.soup.select_one(f"a[href='{growth_page(other)}']")
    sent = table_of(boss, OVERVIEW, caption="Last sent, or under way")
    assert sent["Lemons are out"][0] == "sent"
    assert "@" not in boss.text


def test_what_waits_for_a_person_is_said_to_those_who_see_it(book, staff):
    contact = factories.make_subscription(book, "ada@example.org").contact
    RightsRequest.objects.register(
        contact, RightsKind.MESSAGE, source="my data", outcome=RightsOutcome.OPEN
    )
    campaign = factories.make_campaign(book, subject="Stuck")
    Campaign.objects.filter(pk=campaign.pk).update(
        send_status="paused", trouble="The mail server refuses.", sending_started_at=now()
    )
    browser = staff("view_rightsrequest", "send_campaign")
    browser.open(OVERVIEW)
    assert "1 request of a reader waits for you." in browser.text
    assert "“Stuck”: The mail server refuses." in browser.text
    assert "Readers now" not in browser.text
    assert "No worker" not in browser.text
    Campaign.objects.update(send_status="sending")
    Schedule.objects.update(next_run=now() - timedelta(minutes=5))
    browser.open(OVERVIEW)
    assert "No worker has been seen for some minutes" in browser.text


@pytest.mark.parametrize(
    ("permissions", "of_a_book", "overview"),
    [
        (["view_addressbook"], 200, 200),
        (["change_addressbook"], 200, 200),
        (["change_campaign"], 302, 200),
        (["send_campaign"], 302, 200),
        (["view_rightsrequest"], 302, 200),
        (["view_contact"], 302, 302),
        ([], 302, 302),
    ],
)
def test_numbers_are_for_those_who_may_see_them(client, book, permissions, of_a_book, overview):
    """By direct address too."""
    client.force_login(factories.make_editor("limited", *permissions))
    assert client.get(growth_page(book)).status_code == of_a_book
    response = client.get(OVERVIEW)
    assert response.status_code == overview
    menu = client.get("/admin/").content.decode()
    assert (f'"url": "{OVERVIEW}"' in menu) == (overview == 200)
    if overview == 200:
        assert ("Readers now" in text_of(response)) == (of_a_book == 200)
        assert ("No campaign has been sent yet." in text_of(response)) == any(
            "campaign" in each for each in permissions
        )


def test_each_book_leads_to_its_growth(client, book):
    client.force_login(factories.make_editor("boss", superuser=True))
    for page in (url(AddressBook, "edit", book.pk), url(AddressBook, "list")):
        assert growth_page(book) in client.get(page).content.decode()


def test_the_overview_takes_as_many_queries_whatever_there_is(site, book, boss):
    asked = []
    for number in (1, 8):
        for _each in range(number):
            more = factories.make_book(site)
            for reader in range(3):
                factories.make_subscription(more, f"reader{reader}@example.org")
            campaign = factories.make_campaign(more)
            Campaign.objects.filter(pk=campaign.pk).update(
                send_status="sent", sending_started_at=now()
            )
        boss.open(OVERVIEW)
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            boss.open(OVERVIEW)
        asked.append(len(queries))
    assert asked[0] == asked[1]
    with CaptureQueriesContext(connection) as queries:
        boss.open(OVERVIEW)
    assert not [each for each in queries if "consentrecord" in each["sql"]], (
        "the evidence was counted"
    )


def test_books_of_several_sites_are_told_apart(book, boss):
    assert list(table_of(boss, OVERVIEW, caption="Readers now")) == ["Seed letter"]
    elsewhere = factories.make_site(site_name="Elsewhere")
    factories.make_sender(elsewhere)
    factories.make_book(elsewhere, "Seed letter")
    said = " ".join(table_of(boss, OVERVIEW, caption="Readers now"))
    assert "Seed letter" in said
    assert "(Elsewhere)" in said


def test_an_empty_newsletter_has_an_overview(site, boss):
    boss.open(OVERVIEW)
    assert "There is no address book yet." in boss.text
    assert "No campaign has been sent yet." in boss.text
