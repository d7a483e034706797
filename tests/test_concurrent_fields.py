"""A field is removed while readers confirm, correct and move: none of them brings an answer back."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import transaction

from tests import factories
from tests.conftest import link_in
from tests.threads import a_moment, at_once, at_the_same_time, errors_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.actions.offering import current_statement
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import AddressBook, BookField, Contact, Subscription

pytestmark = at_the_same_time


def ask(book, address: str, answers: dict[str, str]) -> str:
    """The token in the mail that asks for a confirmation."""
    actions.sign_up(
        site=book.site,
        address=Address.parse(address),
        name="",
        statements=[current_statement(book, "en")],
        origin=factories.ORIGIN,
        answers=answers,
    )
    return link_in(mail.outbox[-1], "confirm").split("/")[-2]


@pytest.mark.parametrize("round", range(3))
def test_no_answer_outlives_its_field(book, round):
    company, place = factories.make_field(book, "Company"), factories.make_field(book, "Place")
    told = {company.uuid: "Engines", place.uuid: "London"}
    asked = [ask(book, f"asks{number}@example.org", told) for number in range(3)]
    here = [factories.make_subscription(book, f"here{number}@example.org") for number in range(3)]
    Subscription.objects.filter(pk__in=[each.pk for each in here]).update(answers=told)

    @transaction.atomic
    def remove() -> None:
        edited = AddressBook.objects.get(pk=book.pk)
        actions.hold_fields(edited)
        BookField.objects.get(pk=company.pk).delete()
        actions.forget_answers(book=edited, removed=[company], user=None)
        actions.version_wording(book=edited)

    def confirm(token: str):
        return lambda: actions.confirm(token=token, origin=factories.ORIGIN)

    def correct(subscription: Subscription):
        changed = {company.uuid: "Compilers", place.uuid: "Paris"}
        return lambda: actions.correct_answers(
            subscription=subscription, answers=changed, source="my data"
        )

    tasks = [remove, *map(confirm, asked), *map(correct, here)]
    assert errors_in(at_once(*map(a_moment, tasks))) == []
    kept = list(Subscription.objects.order_by("pk").values_list("answers", flat=True))
    assert kept == 3 * [{place.uuid: "London"}] + 3 * [{place.uuid: "Paris"}]


@pytest.mark.parametrize("round", range(3))
def test_what_is_asked_while_a_field_is_removed_is_not_lost(book, round):
    company, place = factories.make_field(book, "Company"), factories.make_field(book, "Place")
    asking = [f"asks{number}@example.org" for number in range(3)]
    for address in asking:
        ask(book, address, {company.uuid: "Engines"})
    Contact.objects.update(confirmation_rests_until=None)

    @transaction.atomic
    def remove() -> None:
        actions.hold_fields(book)
        BookField.objects.get(pk=company.pk).delete()
        actions.forget_answers(book=book, removed=[company], user=None)

    def ask_again(address: str):
        return lambda: ask(book, address, {place.uuid: "Paris"})

    assert errors_in(at_once(*map(a_moment, [remove, *map(ask_again, asking)]))) == []
    for asked in Subscription.objects.values_list("asked_answers", flat=True):
        assert [answers for _key, answers in asked] == [{}, {place.uuid: "Paris"}]
