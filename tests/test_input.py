"""Bad input is answered clearly, with nothing stored; good input from all over the world works."""

from __future__ import annotations

import pytest
from django.core import mail

from tests import factories
from wagtail_gdpr_newsletter.models import ConsentRecord, Contact

pytestmark = pytest.mark.django_db


def nothing_is_stored() -> bool:
    return not Contact.objects.exists() and not ConsentRecord.objects.exists() and not mail.outbox


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@localhost",
        "ada@exa mple.org",
        "ada@example..org",
        "Ada <ada@example.org>",
        "=?utf-8?q?v=69ctim?=@example.org",
        "a=?utf-8?b?dmljdGlt?=@example.org",
        "ada@example.org, eve@example.org",
        "ada\n@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada\x00@example.org",
        "ada@[127.0.0.1]",
        '"ada lovelace"@example.org',
        f"{'a' * 65}@example.org",
        f"ada@{'a' * 64}.org",
        f"ada@{'.'.join(['a' * 60] * 5)}.org",
        "a" * 5000 + "@example.org",
        "ädä@example.org",
    ],
)
def test_addresses_that_no_mail_reaches_are_refused_with_a_sentence(visitor, signup_page, address):
    """M6, A6."""
    visitor.fill_and_post(signup_page, email=address)
    assert visitor.response.status_code == 422
    error = visitor.soup.select_one("p.gdpr-newsletter-error")
    assert error.get_text(strip=True)
    field = visitor.soup.select_one("input[type=email]")
    assert field["aria-invalid"] == "true"
    assert error["id"] in field["aria-describedby"]
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("ada+tag@example.org", "ada+tag@example.org"),
        ("a.d.a@example.org", "a.d.a@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
    ],
)
def test_international_domains_and_any_spelling_work(visitor, signup_page, typed, canonical):
    """S4: compared in one spelling, written to as typed."""
    visitor.fill_and_post(signup_page, email=typed)
    assert visitor.response.status_code == 303
    contact = Contact.objects.get()
    assert contact.canonical_address == canonical
    assert contact.address == typed.strip()
    assert mail.outbox[0].to == [f"{typed.strip().split('@')[0]}@{canonical.split('@')[1]}"]
    mail.outbox[0].message().as_bytes()


@pytest.mark.parametrize("name", ["Žofie Nováková", "李小龍", "O'Brien", "محمد", "🌱 Grün", "=1+1"])
def test_names_from_all_over_the_world_work(visitor, site, name):
    page = factories.make_signup_page(site, factories.make_book(site, ask_name=True))
    visitor.fill_and_post(page, email="ada@example.org", name=name)
    visitor.open_link(mail.outbox[0], "confirm")
    assert name in visitor.text
    visitor.press("Confirm")
    assert Contact.objects.get().name == name


@pytest.mark.parametrize("name", ["x" * 201, "Ada\r\nBcc: x@example.org", "a\x00b", "\u202eevil"])
def test_names_that_nobody_has_are_refused(visitor, site, name):
    page = factories.make_signup_page(site, factories.make_book(site, ask_name=True))
    visitor.fill_and_post(page, email="ada@example.org", name=name)
    assert visitor.response.status_code == 422
    assert nothing_is_stored()


def test_a_name_is_shown_as_text_and_never_as_markup(visitor, site):
    page = factories.make_signup_page(site, factories.make_book(site, ask_name=True))
    visitor.fill_and_post(page, email="ada@example.org", name="<script>alert(1)</script>{{ 1 }}")
    visitor.open_link(mail.outbox[0], "confirm")
    assert "<script>alert" not in visitor.response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 1 }}" in visitor.response.text


def test_nobody_can_write_into_the_mail_that_a_stranger_gets(visitor, site):
    """C4: the form is no way to send advertising from the site's own domain."""
    page = factories.make_signup_page(site, factories.make_book(site, ask_name=True))
    visitor.fill_and_post(page, email="ada@example.org", name="You won! https://evil.example/")
    assert "evil.example" not in mail.outbox[0].body + mail.outbox[0].subject
    assert "evil.example" not in mail.outbox[0].alternatives[0].content


def test_a_box_of_another_book_is_no_consent_to_this_one(visitor, site, signup_page):
    other = factories.make_book(site, "Other")
    visitor.fill_and_post(
        signup_page, email="ada@example.org", consent=False, **{f"book-{other.uuid}": "on"}
    )
    assert visitor.response.status_code == 422
    assert nothing_is_stored()


def test_a_book_that_is_gone_is_said(visitor, book, signup_page):
    visitor.open(signup_page.get_url())
    page = visitor.soup
    book.delete()
    visitor.post_form(page, email="ada@example.org")
    assert visitor.response.status_code == 410
    assert "no longer exists" in visitor.text
    assert nothing_is_stored()


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "eyJh:1:é"])
def test_a_form_that_is_not_ours_is_refused(client, site, token):
    response = client.post("/newsletter/subscribe/", {"form": token, "email": "a@example.org"})
    assert response.status_code == 400
    assert nothing_is_stored()


def test_a_form_that_was_tampered_with_is_refused(visitor, signup_page):
    soup = visitor.open(signup_page.get_url())
    hidden = soup.select_one("input[name=form]")
    hidden["value"] = "A" + hidden["value"][1:]
    visitor.post_form(soup, email="ada@example.org")
    assert visitor.response.status_code == 400
    assert "reload the page" in visitor.text
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://testserver.evil.example"},
    ],
)
def test_a_form_posted_from_elsewhere_is_refused(visitor, signup_page, headers):
    soup = visitor.open(signup_page.get_url())
    visitor.post_form(soup, email="ada@example.org", headers=headers)
    assert visitor.response.status_code == 403
    assert "another site" in visitor.text
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "https://testserver"}, {}]
)
def test_a_form_posted_from_here_is_taken(visitor, signup_page, headers):
    soup = visitor.open(signup_page.get_url())
    visitor.post_form(soup, email="ada@example.org", headers=headers)
    assert visitor.response.status_code == 303


def test_megabytes_are_not_read(visitor, signup_page):
    soup = visitor.open(signup_page.get_url())
    visitor.post_form(soup, email="ada@example.org", filler="x" * 4_000_000)
    assert visitor.response.status_code == 413
    assert nothing_is_stored()


def test_thousands_of_fields_are_not_read(client, site):
    response = client.post("/newsletter/subscribe/", {f"f{n}": "x" for n in range(1500)})
    assert response.status_code == 413


def test_a_program_that_fills_in_everything_is_thanked_and_forgotten(visitor, signup_page):
    soup = visitor.open(signup_page.get_url())
    visitor.post_form(soup, email="ada@example.org", leave_this_empty="http://spam.example")
    assert visitor.response.status_code == 303
    assert nothing_is_stored()


def test_one_visitor_can_post_only_so_often_in_an_hour(visitor, signup_page, configure):
    """A1."""
    configure(SIGNUPS_PER_HOUR_AND_IP=2)
    soup = visitor.open(signup_page.get_url())
    answers = []
    for number in range(3):
        visitor.post_form(soup, email=f"reader{number}@example.org")
        answers.append(visitor.response.status_code)
    assert answers == [303, 303, 429]
    assert Contact.objects.count() == 2


def test_all_together_can_post_only_so_often_in_an_hour(visitor, signup_page, configure):
    configure(SIGNUPS_PER_HOUR=1)
    soup = visitor.open(signup_page.get_url())
    for number, expected in enumerate((303, 429)):
        visitor.client.defaults["REMOTE_ADDR"] = f"10.0.0.{number}"
        visitor.post_form(soup, email=f"reader{number}@example.org")
        assert visitor.response.status_code == expected


@pytest.mark.parametrize(
    ("proxies", "forwarded", "recorded"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (1, "", ""),
        (2, "203.0.113.9", ""),
        (2, "203.0.113.9, 10.0.0.1", "203.0.113.9"),
    ],
)
def test_only_trusted_proxies_say_where_a_visitor_comes_from(
    visitor, signup_page, configure, proxies, forwarded, recorded
):
    configure(PROXY_COUNT=proxies, RECORD_CLIENT="full")
    visitor.fill_and_post(
        signup_page, email="ada@example.org", headers={"X-Forwarded-For": forwarded}
    )
    assert ConsentRecord.objects.first().ip == recorded
