"""Forgotten, and not to be written to again (GDPR 17; R5, S1, S2, S6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.conftest import EVERYTHING_KNOWN as ADDRESS
from tests.mails import link_in
from tests.traces import traces_of
from wagtail_gdpr_newsletter import actions, pseudonyms, signals
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    Delivery,
    RecordedEvent,
    RightsRequest,
    SenderSettings,
    Subscription,
    Suppression,
)
from wagtail_gdpr_newsletter.models.declarations import DECLARATIONS
from wagtail_gdpr_newsletter.models.declaring import Erasure

pytestmark = pytest.mark.django_db

MY_DATA = "/newsletter/my-data/"


def test_one_button_erases_at_once_and_no_mail_comes_after_it(visitor, everything_known):
    visitor.open(f"{MY_DATA}erase/")
    assert "Seed letter" in visitor.text
    assert "We keep a code" in visitor.text
    assert Contact.objects.exists(), "GET erases nothing"
    before = len(mail.outbox)
    visitor.press("Delete my data now")
    assert "Your data are deleted" in visitor.text
    assert not Contact.objects.exists()
    assert not Subscription.objects.exists()
    visitor.open(MY_DATA)
    assert "Ada" not in visitor.text
    with time_machine.travel(now() + timedelta(hours=1)):
        actions.ring_for_service_mails()
        actions.ring_for_confirmations()
        actions.tend_campaigns()
        actions.ring_for_erasures()
    assert len(mail.outbox) == before


def test_no_table_holds_a_spelling_of_the_address_after_it(visitor, everything_known):
    assert traces_of(ADDRESS), "before it there are traces to be found"
    visitor.erase()
    assert traces_of(ADDRESS) == []
    assert traces_of("countess@example.com") == []
    assert traces_of("Ada Lovelace", "I am Ada") == []


@pytest.mark.parametrize("remember", ["hash", "nothing"])
def test_every_value_is_treated_as_declared(visitor, everything_known, remember):
    hashed = everything_known.keyed_hash if remember == "hash" else ""
    visitor.erase(remember=remember)
    for name, declaration in DECLARATIONS.items():
        model = apps.get_model("wagtail_gdpr_newsletter", name)
        rows = list(model._default_manager.all())
        if not declaration.whose:
            continue
        for field, personal in declaration.personal.items():
            if personal.erasure is Erasure.DELETE:
                assert rows == [], name
            for row in rows:
                if personal.erasure is Erasure.STRIP:
                    assert getattr(row, field) == "", (name, field)
                if personal.erasure is Erasure.REKEY:
                    assert getattr(row, field) == hashed, (name, field)
                if field == "contact":
                    assert row.contact is None, name


def test_the_proof_stays_and_is_found_by_whoever_has_the_address(visitor, everything_known):
    """S6."""
    before = list(ConsentRecord.objects.values("pk", "digest", "address_commitment"))
    visitor.erase()
    kept = ConsentRecord.objects.exclude(event=RecordedEvent.WITHDRAWN)
    assert list(kept.values("pk", "digest", "address_commitment")) == before
    assert all(record.digest == record.digest_now() for record in ConsentRecord.objects.all())
    hashed = pseudonyms.keyed_hash("ada.lovelace@xn--bcher-kva.example").value
    assert set(ConsentRecord.objects.values_list("subject", flat=True)) == {hashed}
    assert ConsentRecord.objects.get(event=RecordedEvent.WITHDRAWN).source == "my data"


def test_what_was_sent_stays_counted(visitor, everything_known):
    visitor.erase()
    assert Delivery.objects.counted() == {"sent": 1}
    assert not Delivery.objects.exclude(message_id="").exists()


def test_the_provider_is_left_to_a_person_who_is_told_the_address_for_it(
    visitor, everything_known, site, client
):
    """R5, GDPR 19."""
    sender = SenderSettings.for_site(site)
    sender.mail_provider = "Posta Sicura"
    sender.save()
    visitor.erase()
    request = RightsRequest.objects.get(kind="erasure")
    assert "Posta Sicura" in visitor.text
    assert request.outcome == "unfinished"
    assert request.places == {"here": "done", "mail provider": "by hand", "journal": "done"}
    client.force_login(factories.make_editor("dpo", "view_rightsrequest", "delete_contact"))
    assert ADDRESS in client.get("/admin/newsletter/requests/").content.decode()
    client.post(f"/admin/newsletter/requests/{request.pk}/provider/")
    request.refresh_from_db()
    assert (request.outcome, request.address) == ("done", "")
    assert request.places["mail provider"] == "done"
    assert traces_of(ADDRESS) == []


def test_the_address_does_not_wait_for_the_provider_for_ever(visitor, everything_known, site):
    sender = SenderSettings.for_site(site)
    sender.mail_provider = "Posta Sicura"
    sender.save()
    visitor.erase()
    with time_machine.travel(now() + timedelta(days=33)):
        actions.purge()
    request = RightsRequest.objects.get(kind="erasure")
    assert request.places["mail provider"] == "lapsed"
    assert traces_of(ADDRESS) == []


def test_the_register_says_what_was_done_where(visitor, everything_known):
    visitor.erase()
    request = RightsRequest.objects.get(kind="erasure")
    assert request.outcome == "done"
    assert request.settled_at
    assert request.places == {"here": "done", "journal": "done"}


def test_an_import_of_the_address_stays_unmailable_in_whichever_book(
    visitor, everything_known, book, site
):
    visitor.erase()
    for into in (book, factories.make_book(site, "Made after")):
        factories.make_subscription(into, "ada.lovelace@XN--BCHER-KVA.example")
    assert Subscription.objects.count() == 2
    assert not Subscription.objects.mailable().exists()


def test_a_new_double_opt_in_brings_them_back_to_that_book_alone(
    visitor, everything_known, signup_page, site
):
    visitor.erase()
    visitor.join(signup_page, ADDRESS)
    assert Subscription.objects.mailable().count() == 1
    assert Contact.objects.get().name == ""
    factories.make_subscription(factories.make_book(site, "Made after"), ADDRESS)
    assert Subscription.objects.mailable().count() == 1


def test_nothing_at_all_may_be_remembered_with_a_warning(visitor, everything_known, book):
    """S2."""
    visitor.open(f"{MY_DATA}erase/")
    assert "Then we cannot recognise you." in visitor.text
    visitor.press("Delete my data now", remember="nothing")
    assert not ConsentRecord.objects.exists()
    assert not Suppression.objects.exists()
    assert RightsRequest.objects.get().subject == ""
    factories.make_subscription(book, ADDRESS)
    assert Subscription.objects.mailable().exists()


def test_a_choice_that_is_none_erases_nothing(visitor, everything_known):
    visitor.erase(remember="everything")
    assert visitor.response.status_code == 422
    assert Contact.objects.exists()


def test_links_in_old_newsletters_still_answer_kindly(visitor, everything_known):
    newsletter = next(each for each in mail.outbox if each.subject == "Lemons are out")
    visitor.erase()
    visitor.open_link(newsletter, "unsubscribe")
    visitor.press("Unsubscribe")
    assert "You are unsubscribed" in visitor.text
    one_click = link_in(newsletter, "unsubscribe").removeprefix("https://testserver")
    assert visitor.client.post(one_click, {"List-Unsubscribe": "One-Click"}).status_code == 200


def test_links_that_are_under_way_are_dead(visitor, everything_known):
    question = next(each for each in mail.outbox if each.to == ["countess@example.com"])
    visitor.erase()
    visitor.open_link(question, "new-address")
    assert visitor.response.status_code == 404


def test_a_campaign_under_way_passes_them_by(visitor, everything_known, book, configure):
    factories.write_ledger(factories.make_campaign(book, subject="Later"))
    visitor.erase()
    before = len(mail.outbox)
    actions.run_lane()
    assert len(mail.outbox) == before
    assert Delivery.objects.filter(campaign__subject="Later").counted() == {"skipped": 1}


def test_a_report_of_the_provider_about_somebody_erased_changes_nothing(visitor, everything_known):
    delivery = Delivery.objects.get()
    visitor.erase()
    suppressions = Suppression.objects.count()
    actions.take_event(
        actions.ProviderEvent("complained", delivery.opaque_id, "", "1", "", True, now())
    )
    assert Suppression.objects.count() == suppressions


@pytest.fixture
def other_app():
    """Another app of the site keeps the address as well, and may fail to erase it."""
    told: list[str] = []

    def receiver(sender, site, address, **kwargs) -> None:
        told.append(address)
        if len(told) == 1:
            raise OSError(f"no connection for {address}")

    signals.contact_erased.connect(receiver)
    yield told
    signals.contact_erased.disconnect(receiver)


def test_other_apps_are_told_and_what_fails_is_shown_and_repeated(
    visitor, everything_known, other_app
):
    """R5."""
    visitor.erase()
    assert other_app == [ADDRESS]
    request = RightsRequest.objects.get(kind="erasure")
    assert request.outcome == "unfinished"
    assert "failed" in request.places.values()
    assert request.address == ADDRESS, "else nobody could finish it"
    actions.ring_for_erasures()
    assert other_app == [ADDRESS] * 2
    request.refresh_from_db()
    assert (request.outcome, request.address) == ("done", "")
    assert set(request.places.values()) == {"done"}
    assert traces_of(ADDRESS) == []
    actions.ring_for_erasures()
    assert len(other_app) == 2


def test_the_signal_of_the_end_of_a_subscription_is_given_as_well(visitor, everything_known):
    heard = []

    def receiver(sender, subscription, source, **kwargs) -> None:
        heard.append(source)

    signals.subscription_withdrawn.connect(receiver)
    visitor.erase()
    signals.subscription_withdrawn.disconnect(receiver)
    assert heard == ["my data"]


def test_labels_in_logs_and_queue_hold_no_address(visitor, everything_known):
    visitor.erase()
    assert traces_of(ADDRESS, tables=("wagtailcore_modellogentry", "django_q")) == []


def test_a_message_that_has_not_left_is_answered_by_the_erasure(visitor, everything_known):
    from tests.mailers import use_mailer

    with use_mailer("tests.mailers.Unreachable"), visitor.run_tasks(execute=True):
        actions.write_to_sender(contact=everything_known, text="A question")
    visitor.erase()
    messages = RightsRequest.objects.filter(kind="message").order_by("pk")
    assert [message.outcome for message in messages] == ["open", "done"]


def test_whoever_wanted_no_mail_at_all_is_told_that_no_form_brings_them_back(
    visitor, everything_known
):
    actions.object_to_mail(contact=everything_known, origin=factories.ORIGIN)
    visitor.erase()
    assert "no form can sign you up again" in visitor.text
