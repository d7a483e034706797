"""What comes after a move: reports of providers, requests that wait, old links."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils.timezone import now

from tests import factories
from tests.conftest import HttpsClient
from tests.mailers import after_each_message, use_mailer
from tests.moving.steps import MY_DATA, NEW, OLD, ask, move
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    AccessSession,
    Contact,
    Delivery,
    MailKind,
    RightsRequest,
    ServiceMail,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db


def bounce(delivery: Delivery, **details) -> None:
    told = {"type": "bounced", "reason": "bounced", "is_permanent": True, **details}
    actions.take_event(
        actions.ProviderEvent(
            opaque_id=delivery.opaque_id, message_id="", event_id="1", occurred_at=now(), **told
        )
    )


def test_a_late_bounce_of_the_old_mailbox_says_nothing_of_the_new(visitor, ada, send, book):
    send(factories.make_campaign(book))
    delivery = Delivery.objects.get()
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    bounce(delivery)
    assert Subscription.objects.mailable().exists()


def test_a_complaint_about_a_second_copy_counts(visitor, ada, countess):
    move(visitor, ask(visitor))
    bounce(Delivery.objects.get(contact=None), type="complained")
    assert not Subscription.objects.mailable().exists()


def test_a_second_copy_is_shown_and_leads_nowhere_after_an_erasure(visitor, ada, countess):
    move(visitor, ask(visitor))
    visitor.enter(NEW)
    assert visitor.text.count("To both") == 2
    visitor.erase()
    assert not Delivery.objects.exclude(message_id="", contact=None, second_copy_of=None).exists()


def test_a_complaint_about_the_link_to_the_data_stops_everything(visitor, ada):
    link = ServiceMail.objects.get(kind=MailKind.ACCESS)
    event = actions.ProviderEvent("complained", "", link.message_id, "1", "", True, now())
    actions.take_event(event)
    assert not Subscription.objects.mailable().exists()


def test_whoever_restricts_before_confirming_is_kept(visitor, signup_page):
    """GDPR 18."""
    visitor.fill_and_post(signup_page, email=OLD)
    visitor.enter(OLD)
    visitor.press("Restrict the use of my data")
    with time_machine.travel(now() + timedelta(days=9)):
        actions.purge()
    assert Contact.objects.get().restricted


def test_a_message_is_kept_until_it_has_left(visitor, ada):
    with use_mailer("tests.mailers.Unreachable"):
        visitor.open(f"{MY_DATA}message/")
        visitor.press("Send", text="I demand my rights")
        for day in range(9):
            with time_machine.travel(now() + timedelta(days=day, hours=2)):
                actions.ring_for_service_mails()
                actions.purge()
    with time_machine.travel(now() + timedelta(days=20)):
        actions.ring_for_service_mails()
    assert sum("I demand" in message.body for message in mail.outbox) == 2
    request = next(each for each in mail.outbox if each.to == ["hello@example.org"])
    assert "Auto-Submitted" not in request.extra_headers


def test_a_message_of_the_other_contact_survives_a_merge(visitor, ada, countess):
    with use_mailer("tests.mailers.Unreachable"), visitor.run_tasks(execute=True):
        actions.write_to_sender(contact=countess, text="Please delete my comment")
    move(visitor, ask(visitor))
    with time_machine.travel(now() + timedelta(hours=3)):
        actions.ring_for_service_mails()
    assert any("my comment" in message.body for message in mail.outbox)


def test_an_open_message_keeps_whoever_wrote_it(visitor, signup_page):
    visitor.fill_and_post(signup_page, email=OLD)
    actions.write_to_sender(contact=Contact.objects.get(), text="Article 15, please")
    with time_machine.travel(now() + timedelta(days=9)):
        actions.purge()
    assert RightsRequest.objects.get(kind="message").contact


def test_direct_access_is_for_the_newsletter_of_these_days_alone(
    visitor, ada, send, book, configure
):
    """R2."""
    configure(DIRECT_ACCESS=timedelta(days=7))
    send(factories.make_campaign(book, subject="Ancient"))
    ancient = mail.outbox[-1]
    Delivery.objects.update(sent_at=now() - timedelta(days=900))
    send(factories.make_campaign(book, subject="Today"))
    stranger = type(visitor)(visitor.run_tasks)
    stranger.open_link(ancient, "my-data")
    assert "Open my data" not in stranger.text


def test_direct_access_ends_with_a_move(visitor, ada, send, book, configure):
    configure(DIRECT_ACCESS=timedelta(days=7))
    send(factories.make_campaign(book))
    before = mail.outbox[-1]
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    stranger = type(visitor)(visitor.run_tasks)
    stranger.open_link(before, "my-data")
    assert "Open my data" not in stranger.text
    link = stranger.response.request["PATH_INFO"]
    stranger.client.post(link, {"what": "open"})
    assert AccessSession.objects.count() == 0


def test_whoever_comes_back_to_an_address_opens_no_old_link(visitor, ada):
    with visitor.run_tasks(execute=True):
        actions.mail_access_link(ada.pk)
    old = mail.outbox[-1]
    ServiceMail.objects.update(wanted_at=now() - timedelta(minutes=11))
    move(visitor, ask(visitor))
    visitor.enter(NEW)
    move(visitor, ask(visitor, OLD))
    visitor.open_link(old, "my-data/open")
    assert visitor.response.status_code == 404


def test_another_spelling_of_the_same_mailbox_is_told_nothing_of_a_last_mail(visitor, ada):
    question = ask(visitor, OLD.capitalize())
    move(visitor, question)
    assert Contact.objects.get().address == OLD.capitalize()
    assert mail.outbox[-1] is question


@pytest.mark.parametrize("state", ["complained", "asked", "unknown"])
def test_nobodys_own_page_tells_whether_another_mailbox_wants_mail(visitor, ada, site, state):
    """A2, R3."""
    if state == "complained":
        Suppression.objects.remember(NEW, site=site, scope=SITE_SCOPE, reason="complaint")
    if state == "asked":
        ask(visitor)
        ServiceMail.objects.filter(kind=MailKind.NEW_ADDRESS).delete()
        visitor.open(MY_DATA)
    ask(visitor)
    visitor.open(MY_DATA)
    rows = visitor.soup.select("#ServiceMail tr")
    row = next(each for each in rows if NEW in each.get_text())
    cells = {cell["data-label"]: cell.get_text(strip=True) for cell in row.select("td")}
    assert cells["Sent on"] == "–"
    assert cells["Asked for on"] != "–"


def test_a_mailbox_is_not_flooded_by_people_who_are_erased_in_between(visitor, book):
    """A1."""
    before = len(mail.outbox)
    for number in range(5):
        contact = factories.make_subscription(book, f"mallory{number}@example.org").contact
        with visitor.run_tasks(execute=True):
            actions.ask_for_new_address(contact=contact, address=Address.parse(NEW))
        actions.erase(contact=contact, origin=factories.ORIGIN, keep_hash=False)
    assert len(mail.outbox) == before + 1


def test_another_site_cannot_open_a_link_in_somebodys_browser(visitor, ada):
    """Else they would type their name and address into another person's data."""
    with visitor.run_tasks(execute=True), time_machine.travel(now() + timedelta(minutes=11)):
        actions.mail_access_link(ada.pk)
    path = mail.outbox[-1].body.partition("https://testserver")[2].split()[0]
    response = HttpsClient().post(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert not response.cookies
    assert HttpsClient().post(path, headers={"Origin": "null"}).status_code == 303


@pytest.mark.parametrize("language", ["de", "xx"])
def test_a_language_that_the_site_no_longer_speaks_leads_nobody_astray(visitor, ada, language):
    Contact.objects.update(language=language)
    visitor.open(MY_DATA)
    assert visitor.response.status_code == 200
    assert visitor.soup.html["lang"] == "en"


def test_what_was_typed_for_too_long_can_be_copied(visitor, ada):
    """WCAG 2.2.1."""
    visitor.open(f"{MY_DATA}message/")
    with time_machine.travel(now() + timedelta(minutes=31)):
        visitor.press("Send", text="A long letter")
    assert "A long letter" in visitor.text


def test_a_complaint_about_the_link_of_a_merged_contact_counts(visitor, ada, countess):
    with visitor.run_tasks(execute=True):
        actions.mail_access_link(countess.pk)
    link = ServiceMail.objects.get(contact=countess, kind=MailKind.ACCESS)
    move(visitor, ask(visitor))
    actions.take_event(
        actions.ProviderEvent("complained", "", link.message_id, "1", "", True, now())
    )
    assert not Subscription.objects.mailable().exists()


def test_one_click_in_either_copy_leaves_what_both_came_through(visitor, ada, countess, book):
    """I4."""
    copies = [each for each in mail.outbox if each.subject == "To both"]
    move(visitor, ask(visitor))
    for copy in copies:
        link = copy.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("https://testserver")
        visitor.client.post(link, {"List-Unsubscribe": "One-Click"})
    assert not Subscription.objects.mailable().exists()


def test_a_newsletter_goes_to_where_they_are_when_its_turn_comes(visitor, ada, book):
    question = ask(visitor)
    campaign = factories.make_campaign(book)
    with use_mailer("tests.mailers.Unreachable"), visitor.run_tasks(execute=True):
        actions.send_campaign(campaign=campaign)
    visitor.open_link(question, "new-address")
    visitor.press("Yes, that is my address")
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.tend_campaigns()
    assert [each.to for each in mail.outbox if each.subject == campaign.subject] == [[NEW]]


def test_whoever_moves_while_their_copy_is_on_its_way_is_not_charged_with_its_bounce(
    visitor, ada, book
):
    """The bounce of a dying mailbox must not be held against the new one."""
    question = ask(visitor)
    campaign = factories.make_campaign(book)

    def move_now() -> None:
        visitor.open_link(question, "new-address")
        visitor.press("Yes, that is my address")

    with after_each_message(move_now):
        actions.send_campaign(campaign=campaign)
        actions.run_lane()
    delivery = campaign.deliveries.get()
    actions.take_event(
        actions.ProviderEvent("bounced", delivery.opaque_id, "", "1", "bounced", True, now())
    )
    assert Contact.objects.get().address == NEW
    assert Subscription.objects.mailable().exists()


def test_a_message_that_is_on_its_way_during_a_move_goes_all_the_same(visitor, ada, monkeypatch):
    from wagtail_gdpr_newsletter.sending import transport

    connect = transport.open_connection

    def slowly(mailer) -> None:
        connect(mailer)
        ada.refresh_from_db()
        if ada.address == OLD:
            ada.take_address(Address.parse(NEW))
            ada.save()

    monkeypatch.setattr(transport, "open_connection", slowly)
    with visitor.run_tasks(execute=True):
        actions.write_to_sender(contact=ada, text="A question")
    with time_machine.travel(now() + timedelta(minutes=2)):
        actions.ring_for_service_mails()
    message = next(each for each in mail.outbox if each.to == ["hello@example.org"])
    assert message.reply_to == [NEW]


def test_what_one_of_two_restricted_themselves_staff_do_not_lift(visitor, ada, countess):
    actions.restrict(contact=countess, restricted=True, source="my data")
    actions.restrict(contact=ada, restricted=True, source="staff")
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    assert actions.restricted_by_reader(Contact.objects.get())


def test_whoever_objects_moves_withdraws_and_moves_back_can_do_so(visitor, ada):
    actions.object_to_mail(contact=ada, origin=factories.ORIGIN)
    visitor.open(MY_DATA)
    move(visitor, ask(visitor))
    visitor.enter(NEW)
    visitor.press("Withdraw the objection")
    move(visitor, ask(visitor, OLD))
    assert Contact.objects.get().address == OLD


def test_a_mailbox_that_has_objected_meanwhile_is_not_asked(visitor, ada, book):
    """S5: asked again at each send."""
    other = factories.make_subscription(book, NEW).contact
    with use_mailer("tests.mailers.Unreachable"):
        ask(visitor)
    actions.object_to_mail(contact=other, origin=factories.ORIGIN)
    before = len(mail.outbox)
    with time_machine.travel(now() + timedelta(hours=2)):
        actions.ring_for_service_mails()
    assert len(mail.outbox) == before


def test_a_mailbox_that_bounced_once_can_be_joined_again_from_the_data(visitor, ada, book):
    ada.suppress(scope=SITE_SCOPE, reason="bounce")
    visitor.open(MY_DATA)
    assert visitor.soup.select_one(f"#book-{book.uuid}")
