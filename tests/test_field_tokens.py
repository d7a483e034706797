"""`{company|}` in subject, preheader and body: filled for each reader, escaped, and never in need of a query."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, given

from tests import factories
from tests.mails import html_of
from tests.test_batches import IN_BATCHES, sending_by
from tests.test_compose import lines_of, names, parsed, recipient, undoubled, within_tests
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import FrozenMessage, Subscription
from wagtail_gdpr_newsletter.sending.compose import Composer

pytestmark = pytest.mark.django_db

TEXT = "<p>Dear {company|friend} from {e_mail_2|}, you are {name|a reader}.</p>"


@pytest.fixture
def company(book):
    return factories.make_field(book, "Company")


def make_reader(book, address: str, **answers) -> Subscription:
    reader = factories.make_subscription(book, address)
    asked = {field.token_name: field.uuid for field in book.fields.all()}
    reader.answers = {asked[name]: answer for name, answer in answers.items()}
    reader.save()
    return reader


def campaign_for(*books, **kwargs):
    details = {
        "subject": "News for {company|you}",
        "preheader": "What {company|everybody} needs",
        "body": [("text", "<p>Dear {company|friend}, hello.</p>")],
        **kwargs,
    }
    return factories.make_campaign(*books, **details)


def test_each_reader_gets_their_own_answer_and_whoever_gave_none_the_fallback(send, book, company):
    make_reader(book, "ada@example.org", company="Engines & <Co>")
    make_reader(book, "grace@example.org")
    send(campaign_for(book))
    ada, grace = sorted(mail.outbox, key=lambda message: message.to)
    assert ada.subject == "News for Engines & <Co>"
    assert "Dear Engines & <Co>, hello." in ada.body
    assert "Dear Engines &amp; &lt;Co&gt;, hello." in html_of(ada)
    assert "What Engines &amp; &lt;Co&gt; needs" in html_of(ada)
    assert grace.subject == "News for you"
    assert "Dear friend, hello." in grace.body
    assert "What everybody needs" in html_of(grace)


@pytest.mark.parametrize(
    ("field_type", "answer", "words"),
    [
        ("date", "2026-05-01", "May 1, 2026"),
        ("date", "soon", "soon"),
        ("datetime", "2026-05-01T10:30:00+00:00", "May 1, 2026, 12:30 p.m."),
        ("checkboxes", ["Seeds", "Tools"], "Seeds, Tools"),
        ("checkbox", True, "yes"),
        ("number", 2.5, "2.5"),
        ("number", 0, "0"),
    ],
)
def test_answers_stand_in_words(send, book, field_type, answer, words):
    factories.make_field(book, "Told", field_type, choices="Seeds\nTools")
    make_reader(book, "ada@example.org", told=answer)
    send(factories.make_campaign(book, subject="{told|nothing}"))
    assert mail.outbox[0].subject == words


def test_of_several_books_the_first_that_has_an_answer_counts(send, site, book, company):
    other = factories.make_book(site, "Evenings")
    factories.make_field(other, "Company")
    make_reader(book, "both@example.org", company="First")
    make_reader(other, "both@example.org", company="Second")
    make_reader(book, "second@example.org")
    make_reader(other, "second@example.org", company="Second")
    left = make_reader(book, "left@example.org", company="First")
    make_reader(other, "left@example.org", company="Second")
    actions.unsubscribe(contact=left.contact, books=[book.uuid], origin=factories.ORIGIN)
    send(campaign_for(other, book))
    subjects = {message.to[0]: message.subject for message in mail.outbox}
    assert subjects == {
        "both@example.org": "News for First",
        "second@example.org": "News for Second",
        "left@example.org": "News for Second",
    }


def test_a_token_of_another_book_is_unknown(site, book, company):
    other = factories.make_book(site, "Evenings")
    factories.make_subscription(other, "ada@example.org")
    (reason,) = actions.reasons_against_sending(campaign_for(other))
    assert "{company|friend}" in reason
    assert actions.reasons_against_sending(campaign_for(other, book)) == []
    torn = campaign_for(book, body=[("text", "<p>{com<b>pany</b>|x} {company</p>")])
    factories.make_subscription(book, "ada@example.org")
    (reason,) = actions.reasons_against_sending(torn)
    assert "{company|x}" in reason
    assert "There are {name|…}, {email|…}, {company|…}." in reason


def test_a_frozen_message_falls_back_where_its_field_is_removed(
    book, company, django_capture_on_commit_callbacks
):
    make_reader(book, "ada@example.org", company="Engines")
    campaign = campaign_for(book)
    actions.send_campaign(campaign=campaign)
    company.delete()
    actions.forget_answers(book=book, removed=[company], user=None)
    actions.run_lane()
    assert mail.outbox[0].subject == "News for you"
    assert "{company" not in mail.outbox[0].body


def test_the_preview_the_test_and_the_list_show_the_fallback(rf, book, company):
    campaign = campaign_for(book)
    shown = campaign.serve_preview(rf.get("/"), "text").content.decode()
    assert "Dear friend, hello." in shown
    assert "Dear friend, hello." in campaign.serve_preview(rf.get("/"), "html").content.decode()
    assert str(campaign) == "News for you"


def test_nothing_more_is_read_where_no_field_is_named(book, company, send):
    make_reader(book, "ada@example.org", company="Engines")

    def queries(campaign) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            send(campaign)
        return [query["sql"] for query in captured if '"subscription"."answers"' in query["sql"]]

    assert queries(factories.make_campaign(book)) == []
    assert FrozenMessage.objects.get().fields == {}


def test_what_fields_it_names_is_sealed_with_the_message(book, company, send):
    make_reader(book, "ada@example.org", company="Engines")
    send(factories.make_campaign(book))
    send(campaign_for(book))
    plain, naming = FrozenMessage.objects.order_by("pk")
    for frozen in (plain, naming):
        assert frozen.digest == frozen.digest_now()
    naming.fields = {}
    assert naming.digest != naming.digest_now()


def test_a_field_s_token_costs_no_query_more(book, company, send):
    for number in range(20):
        make_reader(book, f"reader{number}@example.org", company="Engines")

    def queries(campaign) -> int:
        with CaptureQueriesContext(connection) as captured:
            send(campaign)
        return len(captured)

    without = queries(campaign_for(book, subject="News", preheader="", body=[("text", "Hello.")]))
    assert queries(campaign_for(book)) == without


@pytest.fixture
def composer(book, company):
    campaign = factories.make_campaign(book)
    frozen = FrozenMessage(
        campaign=campaign,
        subject="For {company|all}",
        html="<p>{company|nobody} &amp; {name}</p>",
        text="{company|nobody}. & {name}",
        fields=campaign.fields,
        from_header="Orto <news@example.org>",
        reply_to="hello@example.org",
    )
    return Composer(frozen)


@within_tests
@example("{name} {company|x}")
@given(names)
def test_whatever_was_answered_stays_words(composer, book, company, answer):
    """As a name: hostile values move nothing in the message, and nothing in them is evaluated."""
    to = recipient(book, "Ada")._replace(answers={company.uuid: answer})
    octets = undoubled(composer.copy(to).lines)
    message = parsed(octets)
    assert message.defects == []
    assert message.get_all("Bcc") is None
    assert octets.isascii()
    text, html = (part.get_content() for part in message.iter_parts())
    words = answer or "nobody"
    assert lines_of(text) == lines_of(f"{words}. & Ada")
    assert "<script>" not in html
    assert "&amp; Ada</p>" in html


@pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning")
@pytest.mark.parametrize("name", IN_BATCHES)
def test_readers_who_share_a_call_get_their_own_answers(name, settings, book, company, send):
    for each in ("Engines", "Compilers <b>"):
        make_reader(book, f"{each[:7].lower()}@example.org", company=each)
    with sending_by(name, settings) as here:
        send(campaign_for(book))
        subjects = {copy.subject for copy in here.copies}
    assert subjects == {"News for Engines", "News for Compilers <b>"}
