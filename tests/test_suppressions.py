"""Staff look after the addresses that must not be written to: they count, check, add, and lift after a bounce."""

from __future__ import annotations

from datetime import date

import pytest
from wagtail.models import ModelLogEntry

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    RightsRequest,
    Subscription,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db

PAGE = "/admin/newsletter/suppressions/"
ALL = ("view_suppression", "add_suppression", "delete_suppression")


@pytest.fixture
def ada(book):
    return factories.make_subscription(book, "ada@bücher.example").contact


def check(browser, address: str) -> str:
    browser.open(PAGE)
    browser.press("Check", address=address)
    return browser.text


def buttons(browser) -> list[str]:
    return [browser._says(each) for each in browser.soup.select("main form button[type=submit]")]


def logged() -> list[tuple[str, dict]]:
    entries = ModelLogEntry.objects.filter(action__contains="wagtail_gdpr_newsletter")
    return [(each.action.partition(".")[2], each.data) for each in entries.order_by("pk")]


def test_an_address_is_checked_in_any_spelling_and_that_it_was_is_logged(staff, book, ada):
    """P3, S1."""
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    browser = staff("view_suppression")
    assert "Nothing keeps this address from being written to." in check(browser, "eve@example.org")
    said = check(browser, "ADA@xn--bcher-kva.example")
    assert "unsubscribed" in said
    assert book.name in said
    assert "only that person takes back" in said
    assert logged() == [("check_suppressions", {}), ("check_suppressions", {})]


def test_what_is_no_address_is_refused_with_a_sentence(staff):
    assert "Enter a valid e-mail address." in check(staff(*ALL), "no address")


def test_what_was_left_of_a_deleted_book_is_still_found(staff, book, ada):
    actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    Subscription.objects.all().delete()
    uuid = book.uuid
    Suppression.objects.filter(scope=uuid).update(scope="0" * 36)
    assert "an address book that was deleted" in check(staff(*ALL), ada.address)


def test_the_page_counts_addresses_by_month_and_reason(
    staff, site, book, django_assert_num_queries
):
    for number in range(3):
        reader = factories.make_subscription(book, f"reader{number}@example.org").contact
        actions.unsubscribe(contact=reader, books=None, origin=factories.ORIGIN)
    Suppression.objects.update(month=date(2026, 3, 1))
    other = factories.make_subscription(book, "bounced@example.org").contact
    other.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    Suppression.objects.filter(reason="bounce").update(month=date(2026, 4, 1))
    browser = staff("view_suppression")
    browser.open(PAGE)
    rows = [
        [cell.get_text() for cell in row.select("th, td")] for row in browser.soup.select("main tr")
    ]
    # Each left the site and a book: that is one address.
    assert rows == [
        ["Month", "unsubscribed", "address takes no mail"],
        ["April 2026", "0", "1"],
        ["March 2026", "3", "0"],
    ]
    with django_assert_num_queries(2):
        actions.count_suppressions()


def test_two_sites_are_counted_apart(staff, site, book, ada):
    other = factories.make_site()
    factories.make_sender(other)
    eve = factories.make_subscription(factories.make_book(other), "eve@example.org").contact
    for contact in (ada, eve):
        contact.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    browser = staff("view_suppression")
    browser.open(PAGE)
    captions = [each.get_text() for each in browser.soup.select("caption")]
    assert captions == [
        f"Addresses of {each} by month and reason"
        for each in sorted((site, other), key=lambda s: s.pk)
    ]


@pytest.mark.parametrize("reason", actions.ADDED_BY_STAFF)
def test_an_address_that_nobody_has_is_added(staff, site, reason):
    browser = staff(*ALL)
    check(browser, "eve@example.org")
    browser.press("Never write", reason=reason.value, why="By telephone")
    assert "Nobody writes to this address any more." in browser.text
    assert str(reason.label) in check(browser, "Eve@Example.org")
    assert ("add_suppression", {"reason": reason.value, "why": "By telephone"}) in logged()


@pytest.mark.parametrize("reason", actions.ADDED_BY_STAFF)
def test_a_reader_whose_address_is_added_gets_nothing_more(staff, book, ada, reason):
    browser = staff(*ALL)
    check(browser, ada.address)
    browser.press("Never write", reason=reason.value, why="A letter of 3 May")
    assert not Subscription.objects.mailable().exists()
    assert Suppression.objects.filter(reason=reason, scope=SITE_SCOPE).count() == 1
    if reason == SuppressionReason.OBJECTION:
        assert RightsRequest.objects.get().kind == "objection"
    if reason != SuppressionReason.BOUNCE:
        assert Subscription.objects.get().status == "unsubscribed"


def test_a_bounce_is_lifted_with_a_reason_and_mail_goes_there_again(staff, book, ada):
    ada.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    assert not Subscription.objects.mailable().exists()
    browser = staff(*ALL)
    check(browser, ada.address)
    browser.press("Lift", why="")
    assert "This field is required." in browser.text
    assert Suppression.objects.exists()
    browser.press("Lift", why="They wrote from it")
    assert "What the bounce had left is lifted." in browser.text
    assert Subscription.objects.mailable().count() == 1
    assert logged()[-1] == ("lift_bounce", {"reason": "bounce", "why": "They wrote from it"})


@pytest.mark.parametrize("reason", [each for each in SuppressionReason if each != "bounce"])
def test_what_a_person_has_decided_nobody_else_lifts(staff, book, ada, reason):
    """S5: not even by a request that no button sends, beside a bounce that is lifted."""
    ada.suppress(scope=SITE_SCOPE, reason=reason)
    browser = staff(*ALL)
    check(browser, ada.address)
    assert not any(each.startswith("Lift") for each in buttons(browser))
    for _bounced in (False, True):
        browser.client.post(PAGE, {"verb": "lift", "address": ada.address, "why": "I say so"})
        assert list(Suppression.objects.values_list("reason", flat=True)) == [reason]
        ada.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
        browser.client.post(PAGE, {"verb": "lift", "address": ada.address, "why": "It works"})
    assert not Subscription.objects.mailable().exists()


@pytest.mark.parametrize(
    ("permissions", "verb", "status"),
    [
        ((), "", 302),
        ((), "lift", 302),
        (("view_suppression", "add_suppression"), "lift", 302),
        (("view_suppression", "delete_suppression"), "add", 302),
        (("view_suppression",), "", 200),
    ],
)
def test_each_verb_has_a_permission_of_its_own(staff, ada, permissions, verb, status):
    """P4: whoever lacks it is sent away, also from the address itself."""
    ada.suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    browser = staff(*permissions)
    data = {"verb": verb, "address": ada.address, "why": "Because", "reason": "complaint"}
    response = browser.client.post(PAGE, data)
    assert response.status_code == status
    assert list(Suppression.objects.values_list("reason", flat=True)) == ["bounce"]
    if "view_suppression" in permissions:
        check(browser, ada.address)
        shown = [each.split()[0] for each in buttons(browser)]
        allowed = {"add_suppression": "Never", "delete_suppression": "Lift"}
        assert shown == ["Check", *(allowed[each] for each in permissions if each in allowed)]
    else:
        assert browser.client.get(PAGE).status_code == 302


@pytest.mark.parametrize("permissions", [(), ("view_suppression",)])
def test_the_menu_leads_there_whoever_may_go(staff, permissions):
    browser = staff(*permissions)
    browser.open("/admin/")
    assert (PAGE in browser.response.content.decode()) is bool(permissions)


def test_no_address_is_written_into_the_log(staff, ada):
    browser = staff(*ALL)
    check(browser, ada.address)
    browser.press("Never write", reason="bounce", why="It came back")
    entries = [str(each) for each in ModelLogEntry.objects.values()]
    assert not any("ada@" in entry for entry in entries)
