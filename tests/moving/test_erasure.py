"""An erasure reaches what a move, or somebody else, has left elsewhere (R5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.moving.steps import MY_DATA, NEW, OLD, ask, move
from tests.traces import traces_of
from wagtail_gdpr_newsletter import actions, signals
from wagtail_gdpr_newsletter.actions.offering import current_statement
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    AskedMailbox,
    ConsentRecord,
    Contact,
    RightsRequest,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db


def test_nothing_at_all_means_former_addresses_as_well(visitor, ada):
    move(visitor, ask(visitor))
    visitor.enter(NEW)
    assert "moved to another address" in visitor.text, "it is shown before"
    visitor.erase(remember="nothing")
    assert not Suppression.objects.exists()
    assert not ConsentRecord.objects.exists()


def test_an_address_that_somebody_else_typed_goes_with_its_owner(visitor, ada, book):
    other = factories.make_subscription(book, NEW)
    visitor.open(MY_DATA)
    ask(visitor)
    actions.erase(contact=other.contact, origin=factories.ORIGIN)
    assert traces_of(NEW) == []


def test_whoever_has_a_former_address_now_can_have_it_erased(visitor, ada, signup_page):
    move(visitor, ask(visitor))
    visitor.join(signup_page, OLD)
    with time_machine.travel(now() + timedelta(days=9)):
        actions.purge()
        visitor.enter(OLD)
        visitor.erase()
    # But for the proof of whoever had it before: that is theirs.
    assert {trace.partition(":")[0] for trace in traces_of(OLD)} == {
        "wagtail_gdpr_newsletter_consentrecord.address"
    }
    theirs = ConsentRecord.objects.filter(address=OLD)
    assert {record.contact.address for record in theirs} == {NEW}
    assert all(record.address_salt for record in theirs), "and can still be checked"
    assert Subscription.objects.mailable().get().contact.address == NEW


def test_that_a_mailbox_was_asked_is_shown_to_its_owner_and_goes_with_them(visitor, ada, book):
    ask(visitor)
    grace = type(visitor)(visitor.run_tasks)
    factories.make_subscription(book, NEW)
    grace.enter(NEW)
    assert "your mailbox was asked about a new address" in grace.text
    grace.erase()
    assert not AskedMailbox.objects.exists()


def test_the_last_page_says_what_is_not_finished_yet(visitor, ada):
    def receiver(sender, site, address, **kwargs) -> None:
        raise OSError

    signals.contact_erased.connect(receiver)
    visitor.erase(remember="nothing")
    signals.contact_erased.disconnect(receiver)
    assert "One thing is left" in visitor.text


def test_any_kind_of_receiver_is_told_and_one_failure_is_enough(visitor, ada):
    class Eraser:
        def __init__(self, *, fails: bool) -> None:
            self.fails = fails

        def __call__(self, sender, site, address, **kwargs) -> None:
            if self.fails:
                self.fails = False
                raise OSError

    receivers = [Eraser(fails=True), Eraser(fails=False)]
    for receiver in receivers:
        signals.contact_erased.connect(receiver)
    visitor.erase()
    request = RightsRequest.objects.get(kind="erasure")
    assert (request.outcome, request.places["other apps"]) == ("unfinished", "failed")
    actions.ring_for_erasures()
    for receiver in receivers:
        signals.contact_erased.disconnect(receiver)
    request.refresh_from_db()
    assert (request.outcome, request.address) == ("done", "")


def test_no_mail_leaves_after_an_erasure_however_slow_the_server_is(visitor, ada, monkeypatch):
    from wagtail_gdpr_newsletter.sending import transport

    connect = transport.open_connection

    def slowly(mailer) -> None:
        connect(mailer)
        if contact := Contact.objects.first():
            actions.erase(contact=contact, origin=factories.ORIGIN)

    before = len(mail.outbox)
    monkeypatch.setattr(transport, "open_connection", slowly)
    with visitor.run_tasks(execute=True):
        actions.write_to_sender(contact=ada, text="Hello")
    assert not Contact.objects.exists()
    assert len(mail.outbox) == before


def test_joining_in_another_tab_does_not_bring_somebody_back(visitor, ada, site):
    other = factories.make_book(site, "Garden letter")
    visitor.open(MY_DATA)
    statement = current_statement(other, "en")
    actions.erase(contact=ada, origin=factories.ORIGIN)
    actions.join(contact=ada, statements=[statement], origin=factories.ORIGIN)
    assert not Contact.objects.exists()


def test_a_former_address_that_nobody_has_proof_of_is_remembered_and_forgotten_all_the_same(
    visitor, site, book
):
    """An import has no evidence of the address that it came with."""
    contact = factories.make_subscription(book, OLD).contact
    with visitor.run_tasks(execute=True):
        actions.ask_for_new_address(contact=contact, address=Address.parse(NEW))
    move(visitor, mail.outbox[-1])
    assert any(each.reason == "moved" for each in Contact.objects.get().every_suppression)
    actions.erase(contact=Contact.objects.get(), origin=factories.ORIGIN, keep_hash=False)
    assert not Suppression.objects.exists()


def test_the_address_waits_for_a_failing_app_a_month_at_the_most(visitor, ada):
    def receiver(sender, site, address, **kwargs) -> None:
        raise OSError

    signals.contact_erased.connect(receiver)
    visitor.erase()
    with time_machine.travel(now() + timedelta(days=33)):
        actions.purge()
    signals.contact_erased.disconnect(receiver)
    request = RightsRequest.objects.get(kind="erasure")
    assert (request.outcome, request.places["other apps"]) == ("lapsed", "lapsed")
    assert traces_of(OLD) == []
