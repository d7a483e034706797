"""An old list, imported at whichever moment, brings nobody back who left, moved or was erased (S5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from tests import factories
from tests.moving.steps import MY_DATA, NEW, OLD, ask, move
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Contact, Subscription

pytestmark = pytest.mark.django_db

TWO_KEYS = {"1": "a key that is only good for tests, 32+", "2": "k" * 40}


def mailable() -> list[tuple[str, str]]:
    return sorted(
        (each.contact.address, each.book.name) for each in Subscription.objects.mailable()
    )


def imported(site, address: str, *, name: str = "Imported") -> Contact:
    """As somebody whose consent the list claims."""
    return factories.make_subscription(factories.make_book(site, name), address).contact


@pytest.mark.parametrize("end", ["leaving everything", "an erasure"])
def test_a_yes_to_one_book_opens_no_other_before_or_after_it(visitor, ada, site, signup_page, end):
    if end == "an erasure":
        actions.erase(contact=ada, origin=factories.ORIGIN)
    else:
        actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    imported(site, OLD, name="Before")
    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.join(signup_page, OLD)
    imported(site, OLD, name="After")
    assert mailable() == [(OLD, "Seed letter")]


@pytest.mark.parametrize("new", [NEW, OLD.capitalize()])
def test_a_move_that_names_nothing_opens_nothing(visitor, ada, site, new):
    actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    visitor.open(MY_DATA)
    move(visitor, ask(visitor, new))
    imported(site, new)
    assert mailable() == []


def test_whoever_gets_a_former_address_does_not_get_its_old_lists(visitor, ada, site, signup_page):
    move(visitor, ask(visitor))
    imported(site, OLD)
    type(visitor)(visitor.run_tasks).join(signup_page, OLD)
    assert (OLD, "Imported") not in mailable()


def test_an_old_list_at_a_former_address_does_not_move_along_either(visitor, ada, site):
    move(visitor, ask(visitor))
    imported(site, OLD)
    with time_machine.travel(now() + timedelta(minutes=15)):
        visitor.enter(OLD)
        question = ask(visitor, "third@example.org")
        assert "Imported" not in str(visitor.open_link(question, "new-address"))
        visitor.press("Yes, that is my address")
    assert mailable() == [(NEW, "Seed letter")]


def test_a_strangers_sign_up_in_between_revives_nothing(visitor, ada, book, signup_page):
    visitor.erase()
    factories.make_subscription(book, OLD)
    type(visitor)(visitor.run_tasks).fill_and_post(signup_page, email=OLD)
    with time_machine.travel(now() + timedelta(minutes=15)):
        visitor.enter(OLD)
        move(visitor, ask(visitor))
    with time_machine.travel(now() + timedelta(days=30)):
        actions.purge()
    assert mailable() == []


def test_a_new_key_lets_no_objection_slip(visitor, ada, site, configure):
    actions.object_to_mail(contact=ada, origin=factories.ORIGIN)
    imported(site, OLD)
    configure(SUPPRESSION_KEYS=TWO_KEYS)
    actions.withdraw_objection(contact=ada, source="my data")
    assert mailable() == []


def test_a_new_key_lets_no_objection_at_the_new_address_slip(visitor, ada, site, configure):
    other = imported(site, NEW)
    question = ask(visitor)
    actions.object_to_mail(contact=other, origin=factories.ORIGIN)
    configure(SUPPRESSION_KEYS=TWO_KEYS)
    visitor.open_link(question, "new-address")
    assert "wants no mail from us at all" in visitor.text
    visitor.press("Yes, that is my address")
    assert mailable() == []


def test_whoever_took_a_leaving_back_still_has_what_they_opted_in_to(visitor, ada, book):
    """After an earlier leaving of everything, too, which stays remembered."""
    actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    Subscription.objects.update(status="confirmed", opted_in=True)
    ada.suppressions.filter(scope=book.uuid).delete()
    undo = actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    actions.resubscribe(token=undo, origin=factories.ORIGIN)
    assert mailable() == [(OLD, "Seed letter")]


def test_leaving_everything_ends_every_way_back(visitor, ada, book):
    undo = actions.unsubscribe(contact=ada, books=[book.uuid], origin=factories.ORIGIN)
    actions.unsubscribe(contact=ada, books=None, origin=factories.ORIGIN)
    assert actions.resubscribe(token=undo, origin=factories.ORIGIN) == []
    assert mailable() == []
