"""The block on a page: cacheable, lawful, and plain about what is missing."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from wagtail.models import Locale, Site

from sandbox.home.models import StandardPage
from tests import factories
from tests.conftest import HttpsClient
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.blocks import SignupBlock
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    ConsentRecord,
    ConsentStatement,
    Contact,
    EvidenceIsImmutable,
    SenderSettings,
    Subscription,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def full_page_cache(settings):
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]


def test_it_works_behind_a_full_page_cache(full_page_cache, visitor, signup_page):
    """No cookie, no markup of one visitor: the second gets the first one's page, and signs up with it."""
    first = HttpsClient().get(signup_page.get_url())
    signup_page.title = "Changed in between"
    signup_page.save()
    visitor.open(signup_page.get_url())
    assert visitor.response.content == first.content, "it came from the cache"
    assert not first.cookies
    assert b"csrf" not in first.content
    visitor.post_form(visitor.soup, email="ada@example.org")
    assert visitor.response.status_code == 303
    assert Contact.objects.exists()


def test_a_cached_page_with_an_older_wording_records_what_it_showed(visitor, book, signup_page):
    cached = visitor.open(signup_page.get_url())
    shown = ConsentStatement.objects.current_for(book).get()
    factories.change_wording(book, "Yes, in other words")
    visitor.post_form(cached, email="ada@example.org")
    assert ConsentRecord.objects.first().statement == shown
    visitor.open_link(mail.outbox[0], "confirm")
    assert shown.label in visitor.text
    visitor.press("Confirm")
    assert Subscription.objects.mailable().exists()


def test_a_cached_page_from_before_a_material_change_shows_the_form_again(
    visitor, book, signup_page
):
    """C9: the input is kept, the box is empty, the new words stand beside it."""
    cached = visitor.open(signup_page.get_url())
    factories.change_wording(book, "Yes, and to partners too", material=True)
    visitor.post_form(cached, email="ada@example.org")
    assert visitor.response.status_code == 409
    assert "has changed" in visitor.text
    assert "Yes, and to partners too" in visitor.text
    assert visitor.soup.select_one("input[type=email]")["value"] == "ada@example.org"
    assert not Contact.objects.exists()

    visitor.post_form(visitor.soup, email="ada@example.org")
    assert visitor.response.status_code == 303
    assert Subscription.objects.get().statement.label == "Yes, and to partners too"


def test_a_page_takes_as_many_queries_for_five_books_as_for_one(visitor, site):
    numbers = []
    for books in (1, 5):
        made = [factories.make_book(site) for _each in range(books)]
        page = factories.make_signup_page(site, *made)
        visitor.open(page.get_url())
        with CaptureQueriesContext(connection) as queries:
            visitor.open(page.get_url())
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_a_book_of_another_site_shows_no_form(visitor, site, book):
    other = factories.make_site()
    factories.make_sender(other)
    page = factories.make_signup_page(site, book, factories.make_book(other, "Elsewhere"))
    assert not visitor.open(page.get_url()).select("form")
    assert "belongs to another site" in page.make_preview_request().rendered_content


def test_a_form_whose_sender_is_incomplete_by_now_is_not_taken(visitor, site, signup_page):
    cached = visitor.open(signup_page.get_url())
    SenderSettings.objects.update(from_address="")
    visitor.post_form(cached, email="ada@example.org")
    assert visitor.response.status_code == 410
    assert not Contact.objects.exists()


def test_a_privacy_page_published_last_leaves_nothing_to_do(visitor, site):
    """The wording has its version before: visitors see it as soon as everything is there."""
    privacy = factories.make_page(site, body=[], title="Privacy")
    privacy.unpublish()
    factories.make_sender(site, privacy_page=privacy)
    page = factories.make_signup_page(site, factories.make_book(site, "Letters"))
    assert not visitor.open(page.get_url()).select("form")
    privacy.save_revision().publish()
    assert visitor.open(page.get_url()).select("form input[type=checkbox]")


def test_each_book_has_its_own_box_and_its_own_notice(visitor, site):
    """C2, I1."""
    books = [factories.make_book(site, name) for name in ("Letters", "Events")]
    soup = visitor.open(factories.make_signup_page(site, *books).get_url())
    assert len(soup.select("input[type=checkbox]")) == 2
    for notice in soup.select("details"):
        text = notice.get_text(" ", strip=True)
        for told in (
            "Orto dei Semi",
            "Via Micheli 3",
            "hello@example.org",
            "Once a month.",
            "consent",
        ):
            assert told in text
        for heading in ("Your rights", "Where you can complain", "How long we keep it"):
            assert heading in text


def test_the_notice_shown_is_the_one_recorded(visitor, book, signup_page):
    soup = visitor.open(signup_page.get_url())
    statement = ConsentStatement.objects.current_for(book).get()
    shown = [
        [dt.get_text(), dd.get_text("\n", strip=True)]
        for dt, dd in zip(soup.select("details dt"), soup.select("details dd"), strict=True)
    ]
    assert shown == statement.notice


@pytest.fixture
def italian_page(site):
    """The form on a page of the Italian tree, which an English browser has opened."""
    italian, _created = Locale.objects.get_or_create(language_code="it")
    home = site.root_page.copy_for_translation(italian)
    home.save_revision().publish()
    Site.clear_site_root_paths_cache()
    book = factories.make_book(site, "Lettere", languages=("en", "it"))
    page = factories.make_signup_page(site, book)
    page.locale = italian
    page.save()
    page.move(home, "last-child")
    return StandardPage.objects.get(pk=page.pk)


def test_form_errors_answers_mail_and_pages_speak_the_pages_language(visitor, italian_page):
    """Whatever the browser prefers: the words agreed to and the words around them are one text."""
    assert italian_page.get_url().startswith("/it/")
    english = {"Accept-Language": "en"}
    visitor.fill_and_post(italian_page, email="ada@", headers=english)
    assert visitor.soup.html["lang"] == visitor.response["Content-Language"] == "it"
    assert "Scrivi un indirizzo e-mail valido." in visitor.text
    assert "Yes, Lettere (it)" in visitor.text

    visitor.post_form(visitor.soup, email="ada@example.org", headers=english)
    visitor.open(visitor.response["Location"], headers=english)
    assert visitor.soup.html["lang"] == "it"
    assert "posta in arrivo" in visitor.text

    assert mail.outbox[0].subject == "Conferma: Lettere"
    visitor.open_link(mail.outbox[0], "confirm")
    assert visitor.soup.html["lang"] == "it"
    visitor.press("Conferma")
    assert "Iscrizione confermata" in visitor.text


def test_the_privacy_page_is_the_one_in_the_forms_language(visitor, italian_page):
    soup = visitor.open(italian_page.get_url())
    link = next(a for a in soup.select(".gdpr-newsletter-form a") if a["href"].startswith("http"))
    assert link["href"] == "https://testserver/it/"
    visitor.post_form(soup, email="")
    assert 'href="https://testserver/it/"' in visitor.response.text


@pytest.mark.parametrize("missing", ["name", "postal_address", "email", "from_address"])
def test_without_a_complete_sender_visitors_see_no_form(visitor, signup_page, missing):
    SenderSettings.objects.update(**{missing: ""})
    soup = visitor.open(signup_page.get_url())
    assert not soup.select("form")
    assert "lacks" not in soup.get_text()


def test_the_editor_is_told_why_in_the_preview(client, site):
    book = AddressBook.objects.create(site=site, name="Fresh")
    page = factories.make_signup_page(site, book)
    response = page.make_preview_request()
    assert "has no consent wording yet" in response.rendered_content


def test_a_block_that_would_show_no_form_cannot_be_published(site):
    """I1."""
    book = AddressBook.objects.create(site=site, name="Fresh")
    block = SignupBlock()
    value = block.normalize({"heading": "Hi", "books": [book], "thank_you_page": None})
    with pytest.raises(ValidationError) as caught:
        block.clean(value)
    assert "no consent wording" in str(caught.value.as_json_data())


def test_the_thank_you_page_that_the_editor_chose(visitor, site, book):
    thanks = factories.make_page(site, body=[], title="Thank you")
    page = factories.make_signup_page(site, book, thank_you_page=thanks)
    visitor.fill_and_post(page, email="ada@example.org")
    assert visitor.response["Location"] == thanks.full_url


def test_the_answer_page_shows_the_editors_message(visitor, signup_page):
    visitor.fill_and_post(signup_page, email="ada@example.org")
    visitor.open(visitor.response["Location"])
    assert "Lovely!" in visitor.text
    assert "Check your inbox" in visitor.text


def test_statements_are_immutable(book):
    statement = ConsentStatement.objects.get()
    statement.label = "Something else"
    for change in (
        statement.save,
        statement.delete,
        lambda: ConsentStatement.objects.update(label="x"),
        lambda: ConsentStatement.objects.all().delete(),
        lambda: ConsentRecord.objects.all().delete(),
    ):
        with pytest.raises(EvidenceIsImmutable):
            change()


def test_wording_and_evidence_outlive_the_book(visitor, book, signup_page):
    visitor.join(signup_page, "ada@example.org")
    book.delete()
    statement = ConsentRecord.objects.first().statement
    assert statement.version.book is None
    assert statement.version.book_name == "Seed letter"


def test_saving_a_book_without_changes_makes_no_version(book):
    assert actions.version_wording(book=book) is None
    assert book.wording_versions.count() == 1


def test_a_change_of_the_sender_makes_a_version_of_every_notice(site, book):
    factories.make_sender(site, postal_address="Via Nuova 1")
    actions.version_wordings_of_site(site=site)
    newest = ConsentStatement.objects.current_for(book).get()
    assert newest.version.number == 2
    assert "Via Nuova 1" in str(newest.notice)
