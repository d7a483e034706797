"""The form with JavaScript: answered where it stands, whatever the server says."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from sandbox.supervisor import RunningSite
from tests.e2e.test_public_pages import new_address


@pytest.fixture
def form(new_page) -> Page:
    page = new_page()
    page.goto("/")
    page.get_by_label("E-mail address").fill(new_address())
    page.get_by_role("checkbox").first.check()
    return page


def send(page: Page) -> None:
    page.locator("[data-gdpr-newsletter-form] [type=submit]").click()


def test_errors_are_listed_linked_and_keep_what_was_typed(form):
    form.get_by_label("E-mail address").fill("grace@")
    send(form)
    alert = form.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(form.get_by_label("E-mail address")).to_have_value("grace@")
    expect(form.get_by_role("checkbox").first).to_be_checked()
    alert.get_by_role("link").first.click()
    expect(form.get_by_label("E-mail address")).to_be_focused()
    expect(form.get_by_label("E-mail address")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("answer", [502, "no connection"])
def test_a_server_that_fails_costs_nobody_what_they_typed(form, answer):
    def fail(route: Route) -> None:
        if answer == "no connection":
            route.abort()
        else:
            route.fulfill(status=answer, content_type="text/html", body="<h1>Bad gateway</h1>")

    form.route("**/newsletter/subscribe/", fail)
    send(form)
    expect(form.get_by_role("alert")).to_contain_text("That did not work")
    expect(form.get_by_label("E-mail address")).not_to_have_value("")
    form.unroute("**/newsletter/subscribe/")
    send(form)
    expect(form.get_by_role("status")).to_contain_text("Check your inbox")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_thank_you_page_is_opened_wherever_it_is(form, served: RunningSite, elsewhere):
    """Another site of the same installation has another address; this one has a form of its own."""
    url = "http://other.example/thanks/" if elsewhere else f"{served.base_url}/it/"
    form.route(
        "http://other.example/**",
        lambda route: route.fulfill(content_type="text/html", body="<h1>Thank you</h1>"),
    )
    form.route(
        "**/newsletter/subscribe/",
        lambda route: route.fulfill(
            content_type="application/json", body=f'{{"location": "{url}"}}'
        ),
    )
    send(form)
    form.wait_for_url(url)


def test_two_forms_on_one_page_do_not_share_an_answer(form):
    form.evaluate(
        """() => {
            const section = document.querySelector("[data-gdpr-newsletter]");
            section.after(section.cloneNode(true));
        }"""
    )
    forms = form.locator("[data-gdpr-newsletter-form]")
    expect(forms).to_have_count(2)
    forms.first.locator("[type=submit]").click()
    expect(form.get_by_role("status")).to_have_count(1)
    expect(forms).to_have_count(1)


def test_opening_the_forms_own_address_is_answered_kindly(new_page):
    page = new_page()
    response = page.goto("/newsletter/subscribe/")
    assert response.status == 405
    expect(page.get_by_role("link", name="To the home page")).to_be_visible()
