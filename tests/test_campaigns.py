"""A campaign is composed, frozen and sent once, to those who may get it, with all that the law asks for."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django_q.models import Schedule

from tests import factories
from tests.mailers import after_each_message
from tests.mails import html_of, link_in, on_the_wire
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import (
    Campaign,
    Contact,
    Delivery,
    DeliveryStatus,
    EvidenceIsImmutable,
    FrozenMessage,
    SenderSettings,
    Suppression,
)
from wagtail_gdpr_newsletter.sending import audience

pytestmark = pytest.mark.django_db


def test_everybody_mailable_gets_one_copy_and_the_campaign_finishes(book, readers, send):
    campaign = send(factories.make_campaign(book))
    assert sorted(message.to[0] for message in mail.outbox) == [
        "reader0@example.org",
        "reader1@example.org",
        "reader2@example.org",
    ]
    assert campaign.send_status == "sent"
    assert campaign.sending_finished_at
    assert campaign.live, "approved in the same step where no workflow is set"
    assert campaign.deliveries.counted() == {"sent": 3}
    assert {on_the_wire(message)["Message-ID"] for message in mail.outbox} == {
        f"<{delivery.opaque_id}@example.org>" for delivery in campaign.deliveries.all()
    }


def test_sending_again_sends_nothing(book, readers, send):
    campaign = send(factories.make_campaign(book))
    with pytest.raises(actions.AlreadySent):
        send(campaign)
    assert len(mail.outbox) == 3
    assert Delivery.objects.count() == 3


def test_the_log_tells_each_step_as_words_and_as_data_and_no_address(book, readers, send, caplog):
    caplog.set_level("INFO", logger="wagtail_gdpr_newsletter")
    campaign = send(factories.make_campaign(book))
    ours = [record for record in caplog.records if hasattr(record, "newsletter")]
    told = [record.newsletter for record in ours]
    assert [each["event"] for each in told] == [
        "started",
        "ledger written",
        "lane ended",
        "finished",
    ]
    assert {each["campaign"] for each in told} == {campaign.pk}
    assert told[1]["lines"] == told[2]["sent"] == told[3]["sent"] == 3
    assert ours[3].getMessage() == f"Campaign {campaign.pk}: finished, sent: 3"
    assert "@" not in caplog.text


def test_a_queue_that_repeats_every_task_sends_nobody_a_second_copy(book, readers, send):
    send(factories.make_campaign(book))
    for _again in range(3):
        actions.run_lane()
        actions.tend_campaigns()
    assert len(mail.outbox) == 3


def test_a_queue_that_loses_every_task_loses_nobody(book, readers):
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)  # The transaction never commits: no task.
    assert mail.outbox == []
    actions.tend_campaigns()
    assert len(mail.outbox) == 3


def test_the_schedules_exist_after_migrate(db):
    assert Schedule.objects.filter(name__startswith="newsletter: ").count() == 6


def test_who_will_not_get_it_and_why(site, book):
    factories.make_subscription(book, "ok@example.org")
    factories.make_subscription(book, "restricted@example.org", restricted=True)
    left = factories.make_subscription(book, "left@example.org")
    actions.unsubscribe(contact=left.contact, books=None, origin=factories.ORIGIN)
    pending = factories.make_subscription(book, "pending@example.org")
    type(pending).objects.filter(pk=pending.pk).update(status="pending")
    unproven = factories.make_subscription(book, "unproven@example.org")
    type(unproven).objects.filter(pk=unproven.pk).update(status="unproven")
    factories.make_subscription(book, "bounced@example.org")
    Suppression.objects.remember("bounced@example.org", site=site, scope="site", reason="bounce")
    counted = audience.count(factories.make_campaign(book))
    assert counted.reached == 1
    assert dict(counted.left_out) == {
        "have restricted the use of their data": 1,
        "have not confirmed yet": 1,
        "were added without proof of consent": 1,
        "have unsubscribed": 1,
        "suppressed: bounced, complained, objected or left": 1,
    }


def test_counting_takes_the_same_number_of_queries_whatever_the_size(
    book, django_assert_max_num_queries
):
    campaign = factories.make_campaign(book)
    for number in range(30):
        factories.make_subscription(book, f"r{number}@example.org")
    with django_assert_max_num_queries(12):
        assert audience.count(campaign).reached == 30


def test_a_material_change_of_the_wording_stops_sending_until_they_agree_again(book, readers):
    """C9."""
    campaign = factories.make_campaign(book)
    factories.change_wording(book, "Yes, in other words")
    assert audience.count(campaign).reached == 3
    factories.change_wording(book, "Yes, and share it with others", material=True)
    counted = audience.count(campaign)
    assert counted.reached == 0
    assert counted.left_out == [("agreed to an earlier wording that has changed since", 3)]


def test_somebody_in_two_books_gets_one_copy_that_names_both(site, book, send):
    events = factories.make_book(site, "Events")
    factories.make_subscription(book, "ada@example.org")
    factories.make_subscription(events, "ada@example.org")
    send(factories.make_campaign(book, events))
    assert len(mail.outbox) == 1
    assert (
        "Seed letter, Events" in mail.outbox[0].body or "Events, Seed letter" in mail.outbox[0].body
    )


def test_a_person_who_leaves_while_the_campaign_runs_gets_nothing(book, readers, send, configure):
    """The first copy's arrival makes the next reader leave; batches of one ask again each time."""
    configure(BATCH_SIZE=1)
    leaving = readers[1].contact

    def leave() -> None:
        actions.unsubscribe(contact=leaving, books=None, origin=factories.ORIGIN)

    with after_each_message(leave):
        campaign = send(factories.make_campaign(book))
    assert campaign.deliveries.counted() == {"sent": 2, "skipped": 1}
    assert campaign.deliveries.get(contact=leaving).status == DeliveryStatus.SKIPPED


def test_the_footer_is_in_every_part_of_every_message(book, readers, send):
    """I3."""
    send(factories.make_campaign(book))
    for message, reader in zip(mail.outbox, readers, strict=True):
        token = reader.contact.link_token
        for part in (message.body, html_of(message)):
            assert f"https://testserver/newsletter/unsubscribe/{token}/" in part
            assert f"https://testserver/newsletter/my-data/{token}/" in part
            assert "hello@example.org" in part
            assert "Via Micheli 3" in part
            assert "because you signed up for Seed letter at Orto dei Semi" in part
        assert message.reply_to == ["hello@example.org"]


def test_the_headers_are_those_that_mailbox_providers_ask_for(book, readers, send):
    """M1, M5: on the wire, as a server receives them."""
    send(factories.make_campaign(book))
    message = mail.outbox[0]
    received = on_the_wire(message)
    raw = message.message().as_bytes().decode()
    assert received.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    (unsubscribe,) = received.get_all("List-Unsubscribe")
    assert unsubscribe == f"<{link_in(message, 'unsubscribe')}>"
    assert f"List-Unsubscribe: {unsubscribe}" in raw, "neither folded nor encoded"
    assert re.fullmatch(r"<[0-9a-f-]{36}\.newsletter\.testserver>", received["List-Id"])
    delivery = Delivery.objects.get(contact__address=message.to[0])
    assert received["Message-ID"] == f"<{delivery.opaque_id}@example.org>"
    assert "reader0" not in received["Feedback-ID"]
    assert received.get_content_type() == "multipart/alternative"
    assert max(map(len, raw.splitlines())) <= 998
    assert str(received["From"]) == "Orto dei Semi <news@example.org>"


def test_personal_words_have_fallbacks_and_are_never_evaluated(book, readers, send):
    send(
        factories.make_campaign(
            book,
            subject="For {name|you}",
            body=[("text", "<p>Dear {name|friend &amp; reader}, {% now 'Y' %}</p>")],
        )
    )
    ada, nameless, hostile = mail.outbox
    assert [message.subject for message in mail.outbox] == ["For Ada", "For you", "For Björk <b>"]
    assert "Dear Ada" in html_of(ada)
    assert "Dear friend &amp; reader" in html_of(nameless)
    assert "Dear friend & reader" in nameless.body
    assert "Dear Björk &lt;b&gt;" in html_of(hostile)
    assert "Dear Björk <b>" in hostile.body
    assert "{% now 'Y' %}" in ada.body


def test_values_that_look_like_slots_stay_what_they_are(book, send):
    factories.make_subscription(book, "a@example.org", name="{email} {unsubscribe_url}")
    send(factories.make_campaign(book))
    assert "Dear {email} {unsubscribe_url}" in mail.outbox[0].body


def test_a_name_with_line_breaks_cannot_write_headers(book, send):
    """A6: such a name can only come from elsewhere than our form."""
    factories.make_subscription(book, "a@example.org", name="Eve\r\nBcc: everybody@example.org")
    send(factories.make_campaign(book, subject="For {name}"))
    received = on_the_wire(mail.outbox[0])
    assert received["Bcc"] is None
    assert received["Subject"] == "For Eve Bcc: everybody@example.org"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda c: SenderSettings.objects.update(postal_address=""), "lacks: postal address"),
        (lambda c: c.books.clear(), "No address book"),
        (lambda c: setattr(c, "subject", ""), "Subject:"),
        (lambda c: setattr(c, "subject", "Dear {nmae}"), "Unknown placeholders: {nmae}"),
        (lambda c: setattr(c, "body", []), "The body is empty"),
        (lambda c: setattr(c, "body", [("heading", "")]), "not complete"),
        (lambda c: setattr(c, "body", [("text", "<p>{surname}</p>")]), "{surname}"),
    ],
)
def test_what_is_missing_is_said_and_nothing_happens(book, readers, send, prepare, reason):
    campaign = factories.make_campaign(book)
    prepare(campaign)
    campaign.save()
    campaign.save_revision(clean=False)
    with pytest.raises(actions.CannotSend, match=re.escape(reason)):
        send(campaign)
    campaign.refresh_from_db()
    assert campaign.send_status == "draft"
    assert not FrozenMessage.objects.exists()
    assert mail.outbox == []


def test_books_of_another_site_cannot_be_mixed_in(book, readers, send):
    other = factories.make_site()
    factories.make_sender(other)
    foreign = factories.make_book(other)
    with pytest.raises(actions.CannotSend, match="must belong to the campaign's site"):
        send(factories.make_campaign(book, foreign))


def test_links_lead_to_the_contacts_own_site(send):
    other = factories.make_site(hostname="other.example.org", port=443)
    factories.make_sender(other)
    book = factories.make_book(other)
    factories.make_subscription(book, "ada@example.org")
    send(factories.make_campaign(book))
    assert "https://other.example.org/newsletter/unsubscribe/" in mail.outbox[0].body


def test_what_was_sent_is_frozen(book, readers, send):
    campaign = send(factories.make_campaign(book))
    frozen = campaign.frozen_message
    assert frozen.revision == campaign.live_revision
    assert "reader0" not in frozen.html + frozen.text, "it holds no address"
    with pytest.raises(EvidenceIsImmutable):
        frozen.save()
    with pytest.raises(EvidenceIsImmutable):
        FrozenMessage.objects.update(subject="Other")
    with pytest.raises(EvidenceIsImmutable):
        FrozenMessage.objects.all().delete()


def test_a_revision_never_brings_an_old_state_back(book, readers, send):
    campaign = factories.make_campaign(book)
    revision = campaign.latest_revision
    send(campaign)
    assert revision.as_object().send_status == "sent"


def test_an_erased_contact_is_skipped_and_the_line_stays(book, readers):
    factories.write_ledger(factories.make_campaign(book))
    readers[0].contact.delete()
    actions.run_lane()
    assert Campaign.objects.get().deliveries.counted() == {"sent": 2, "skipped": 1}
    assert Contact.objects.count() == 2
