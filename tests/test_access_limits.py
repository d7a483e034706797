"""What strangers can bring about at the door to somebody's data: nothing, and they learn nothing (A1, A2)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now
from django_q.conf import Conf

from tests import factories
from tests.conftest import HttpsClient
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    Contact,
    ServiceMail,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db

MY_DATA = "/newsletter/my-data/"


@pytest.fixture
def ada(book):
    return factories.make_subscription(book, "Ada@Example.org", name="Ada Lovelace").contact


def answer_to(address: str, run_tasks, path: str = MY_DATA) -> tuple[object, ...]:
    client = HttpsClient()
    with run_tasks(execute=True):
        response = client.post(path, {"email": address})
    headers = {name: value for name, value in response.headers.items() if name != "Date"}
    return response.status_code, headers, response.content, dict(response.cookies)


def test_known_unknown_suppressed_and_erased_addresses_get_the_same_answer(
    book, django_capture_on_commit_callbacks
):
    for name in ("known", "complained", "objected", "restricted", "erased", "bounced"):
        factories.make_subscription(book, f"{name}@example.org")
    person = {each.address.partition("@")[0]: each for each in Contact.objects.all()}
    person["complained"].suppress(scope=SITE_SCOPE, reason=SuppressionReason.COMPLAINT)
    person["bounced"].suppress(scope=SITE_SCOPE, reason=SuppressionReason.BOUNCE)
    actions.object_to_mail(contact=person["objected"], origin=factories.ORIGIN)
    actions.restrict(contact=person["restricted"], restricted=True, source="test")
    actions.erase(contact=person["erased"], origin=factories.ORIGIN)
    with time_machine.travel(now(), tick=False):  # There are times in the headers.
        answers = {
            name: answer_to(f"{name}@example.org", django_capture_on_commit_callbacks)
            for name in [*person, "unknown"]
        }
    assert len({repr(answer) for answer in answers.values()}) == 1, answers
    mailed = sorted(message.to[0].partition("@")[0] for message in mail.outbox)
    # Whoever is known here may see it, whatever they think of newsletters (GDPR 15).
    assert mailed == ["bounced", "complained", "known", "objected", "restricted"]


def test_the_queue_gets_a_number_for_everybody(site, book, monkeypatch):
    """Whether somebody is known cannot be told from how much is done in the request (A2)."""
    from django_q.models import OrmQ

    monkeypatch.setattr(Conf, "SYNC", False)
    factories.make_subscription(book, "ada@example.org")
    for address in ("ada@example.org", "nobody@example.org"):
        HttpsClient().post(MY_DATA, {"email": address})
    payloads = [task.task for task in OrmQ.objects.all()]
    assert [task["args"] for task in payloads] == [(Contact.objects.get().pk,), (0,)]
    assert "example.org" not in repr(payloads)
    assert not ServiceMail.objects.exists()


def test_a_queue_that_is_down_says_so_to_everybody(site, book, monkeypatch):
    monkeypatch.setattr(Conf, "SYNC", False)
    monkeypatch.setattr(Conf, "ORM", "no-such-database")
    factories.make_subscription(book, "ada@example.org")
    answers = [
        HttpsClient().post(MY_DATA, {"email": address})
        for address in ("ada@example.org", "nobody@example.org")
    ]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].content == answers[1].content
    assert b"hello@example.org" in answers[0].content


def test_nobody_floods_a_mailbox_with_links(visitor, ada):
    """A1: again after ten minutes at the earliest, three a day, five a week."""

    def ask() -> None:
        visitor.open(MY_DATA)
        visitor.press("Send me the link", email="ada@example.org")

    start = now()
    for minutes in (0, 1, 5, 11, 22, 33, 44):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            ask()
    assert len(mail.outbox) == 3
    for day in range(1, 7):
        with time_machine.travel(start + timedelta(days=day, hours=day)):
            ask()
    assert len(mail.outbox) == 5
    with time_machine.travel(start + timedelta(days=9)):
        ask()
        assert len(mail.outbox) == 6
        actions.purge()
    assert ServiceMail.objects.count() == 2, "older ones are gone"


def test_one_household_cannot_ask_for_everybody(visitor, site, configure):
    configure(SIGNUPS_PER_HOUR_AND_IP=2)
    for number in range(3):
        visitor.open(MY_DATA)
        visitor.press("Send me the link", email=f"somebody{number}@example.org")
    assert visitor.response.status_code == 429
    visitor.open(MY_DATA + "0" * 32 + "/")
    visitor.press("Send me the link")
    assert visitor.response.status_code == 429


def test_another_site_cannot_have_links_mailed(visitor, ada):
    response = visitor.client.post(
        MY_DATA, {"email": "ada@example.org"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert response.status_code == 403
    assert mail.outbox == []


def test_error_reports_hold_no_address(ada, site, monkeypatch):
    """The address is hidden from Django's error reports."""
    from django.test import RequestFactory
    from django.views.debug import ExceptionReporter

    from wagtail_gdpr_newsletter.views.my_data import my_data

    request = RequestFactory().post(MY_DATA, {"email": "ada@example.org"})
    my_data(request)
    report = ExceptionReporter(request, None, None, None).get_traceback_text()
    assert not re.search(r"ada@example\.org", report)


PUBLIC_POSTS = ["my-data/", "my-data/new-address/x/", "unsubscribe/undo/", "subscribe/"]


@pytest.mark.parametrize("path", PUBLIC_POSTS)
@pytest.mark.parametrize(
    "charset", ["utf-7", "unicode_escape", "rot13", "zlib", "idna", "undefined"]
)
def test_strange_encodings_are_answered_with_a_sentence(site, charset, path):
    body = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n\\ud800a@example.org\r\n--x--\r\n'
    content_type = f"multipart/form-data; boundary=x; charset={charset}"
    response = HttpsClient().generic("POST", f"/newsletter/{path}", body, content_type=content_type)
    assert response.status_code == 400


def test_the_token_is_enough_to_leave_whatever_the_body_is_encoded_in(site):
    """M2."""
    content_type = "multipart/form-data; boundary=x; charset=rot13"
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    path = f"/newsletter/unsubscribe/{'0' * 32}/"
    assert HttpsClient().generic("POST", path, body, content_type=content_type).status_code == 200
