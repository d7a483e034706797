"""Behind the door: everything is shown, and every right is one click (GDPR 15 to 21; R1, R3, R4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.utils.timezone import now

from tests import factories
from tests.conftest import EVERYTHING_KNOWN as ADDRESS
from tests.mails import link_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.actions.disclosure import disclose
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    ConsentRecord,
    ConsentStatement,
    Contact,
    Delivery,
    MailKind,
    RecordedEvent,
    RightsKind,
    RightsOutcome,
    RightsRequest,
    ServiceMail,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from wagtail_gdpr_newsletter.models.declarations import DECLARATIONS

pytestmark = pytest.mark.django_db

MY_DATA = "/newsletter/my-data/"
#: ADDRESS as mail programs write it.
MAILBOX = "Ada.Lovelace@xn--bcher-kva.example"


@pytest.fixture
def ada(visitor, everything_known):
    everything_known.suppress(scope=SITE_SCOPE, reason="bounce")
    visitor.open(MY_DATA)
    return everything_known


def registered() -> list[str]:
    return list(RightsRequest.objects.order_by("pk").values_list("kind", flat=True))


def test_whatever_is_declared_shown_is_shown(visitor, ada):
    page = visitor.text
    for section in disclose(ada).sections:
        for entry in section.entries:
            for fact in entry.shown:
                assert " ".join(fact.text.split()) in page, (section.name, fact.name)
    assert "Lemons are out" in page
    assert "address takes no mail" in page
    assert "Once a month." in page, "each consent with its exact text"
    assert "until you have it deleted" in page
    assert "Only those who run our website" in page


def test_every_kind_of_data_is_on_the_page_of_somebody_who_has_them_all(visitor, ada):
    """Else the test above would look at nothing."""
    shown = {section.name for section in disclose(ada).sections if section.entries}
    assert shown == {name for name, each in DECLARATIONS.items() if each.personal} - {
        "FormerLink",
        "AskedMailbox",
        "ImportPart",  # Nobody is shown what waits in a file: it holds many people's.
    }


def test_nothing_of_anybody_else_is_shown(visitor, ada, book):
    """Another reader with rows in every table."""
    other = factories.make_subscription(book, "grace@example.org", name="Grace Hopper").contact
    with visitor.run_tasks(execute=True):
        actions.mail_access_link(other.pk)
        actions.write_to_sender(contact=other, text="A secret")
        new = Address.parse("hopper@example.org")
        actions.ask_for_new_address(contact=other, address=new)
    actions.unsubscribe(contact=other, books=None, origin=factories.ORIGIN)
    visitor.open(MY_DATA)
    page = visitor.response.content.decode()
    for secret in ("grace", "Grace", "hopper", "A secret"):
        assert secret not in page
    theirs = {fact for section in disclose(other).sections for fact in _values(section)}
    mine = {fact for section in disclose(ada).sections for fact in _values(section)}
    assert not {value for value in theirs & mine if len(value) == 64 and value.isalnum()} - {
        statement.digest for statement in ConsentStatement.objects.all()
    }


def _values(section) -> list[str]:
    return [str(fact.value) for entry in section.entries for fact in entry.facts]


def test_what_is_shown_costs_the_same_whatever_there_is(ada, book, django_assert_max_num_queries):
    for number in range(5):
        campaign = factories.make_campaign(book, subject=f"Letter {number}")
        Delivery.objects.create(campaign=campaign, contact=ada, books=[book.uuid], status="sent")
        more = factories.make_book(book.site)
        factories.make_subscription(more, ADDRESS)
    with django_assert_max_num_queries(17):
        disclosure = disclose(ada)
        assert sum(len(section.entries) for section in disclosure.sections) > 15


def test_the_page_speaks_the_readers_language(visitor, ada):
    Contact.objects.update(language="it")
    visitor.open(MY_DATA)
    assert visitor.soup.html["lang"] == "it"
    assert "I miei dati" in visitor.text


def test_name_and_language_are_corrected_at_once(visitor, ada):
    visitor.press("Save", name="Ada King <b>", language="it")
    ada.refresh_from_db()
    assert (ada.name, ada.language) == ("Ada King <b>", "it")
    assert visitor.soup.html["lang"] == "it"
    assert "<b>" not in visitor.response.content.decode().replace("&lt;b&gt;", "")
    assert registered()[-1] == RightsKind.CORRECTION


@pytest.mark.parametrize("fields", [{"name": "a\x00b"}, {"language": "xx"}, {"name": "x" * 201}])
def test_what_cannot_be_is_said_and_the_rest_stays(visitor, ada, fields):
    visitor.press("Save", **fields)
    assert visitor.response.status_code == 422
    assert visitor.soup.select_one("[role=alert] li")
    ada.refresh_from_db()
    assert ada.name == "Ada Lovelace"


def test_leaving_one_book_leaves_it_at_once(visitor, ada, book):
    visitor.press("Leave")
    assert "You have left" in visitor.text
    assert not Subscription.objects.mailable().exists()
    record = ConsentRecord.objects.get(event=RecordedEvent.WITHDRAWN)
    assert record.source == "my data"
    assert Suppression.objects.filter(scope=book.uuid, reason="withdrawal").exists()


def test_a_book_that_is_none_of_theirs_changes_nothing(visitor, ada):
    key = visitor.soup.select_one("input[name=key]")["value"]
    for book in ("x" * 300, "site", "\0", "00000000-0000-0000-0000-000000000000"):
        visitor.client.post(f"{MY_DATA}leave/", {"key": key, "book": book})
    assert Subscription.objects.get().status == SubscriptionStatus.CONFIRMED
    assert not Suppression.objects.filter(reason="withdrawal").exists()


def test_joining_takes_an_unticked_box_and_a_confirmation(visitor, ada, book):
    other = factories.make_book(book.site, "Greenhouse letter")
    visitor.open(MY_DATA)
    box = visitor.soup.select_one(f"#book-{other.uuid}")
    assert not box.has_attr("checked")
    visitor.press("Join")
    assert visitor.response.status_code == 422
    assert not Subscription.objects.filter(book=other).exists()
    visitor.press("Join", **{box["name"]: "on"})
    assert Subscription.objects.get(book=other).status == SubscriptionStatus.PENDING
    visitor.open_link(mail.outbox[-1], "confirm")
    visitor.press("Confirm")
    assert Subscription.objects.get(book=other).status == SubscriptionStatus.CONFIRMED
    requested = ConsentRecord.objects.get(book_uuid=other.uuid, event="requested")
    assert requested.source == "my data"
    assert requested.page_url == f"https://testserver{MY_DATA}"


def test_a_text_that_changed_meanwhile_has_to_be_read_again(visitor, ada, book):
    """C9: what is agreed to is what stood there."""
    other = factories.make_book(book.site, "Greenhouse letter")
    visitor.open(MY_DATA)
    factories.change_wording(other, "Yes, and something else", material=True)
    visitor.press("Join", **{f"book-{other.uuid}": "on"})
    assert visitor.response.status_code == 409
    assert "Yes, and something else" in visitor.text
    assert not Subscription.objects.filter(book=other).exists()


def test_a_form_that_showed_nothing_joins_nothing(visitor, ada):
    key = visitor.soup.select_one("input[name=key]")["value"]
    response = visitor.client.post(f"{MY_DATA}join/", {"key": key, "shown": ""})
    assert response.status_code == 409


def test_everything_can_be_left_at_once(visitor, ada, site):
    factories.make_subscription(factories.make_book(site, "Garden letter"), ADDRESS)
    visitor.open(MY_DATA)
    visitor.press("Leave every newsletter")
    left = set(Subscription.objects.values_list("status", flat=True))
    assert left == {SubscriptionStatus.UNSUBSCRIBED}
    assert Suppression.objects.filter(scope=SITE_SCOPE, reason="withdrawal").exists()


def test_restricting_keeps_everything_and_sends_nothing(visitor, ada, book, send):
    """R4."""
    Suppression.objects.all().delete()
    visitor.press("Restrict the use of my data")
    assert "restricted" in visitor.text
    assert not Subscription.objects.mailable().exists()
    assert Subscription.objects.get().status == SubscriptionStatus.CONFIRMED
    visitor.press("Lift the restriction")
    assert Subscription.objects.mailable().exists()
    assert registered()[-2:] == [RightsKind.RESTRICTION, RightsKind.RESTRICTION_LIFTED]


def test_objecting_ends_everything_for_good(visitor, ada, book, signup_page):
    """GDPR 21(3), S5: nobody is mailed again, not even to confirm."""
    visitor.press("Never write to me again")
    assert Subscription.objects.get().status == SubscriptionStatus.UNSUBSCRIBED
    before = len(mail.outbox)
    visitor.fill_and_post(signup_page, email=ADDRESS)
    assert len(mail.outbox) == before
    visitor.open(MY_DATA)
    with time_machine.travel(now() + timedelta(minutes=11)):
        visitor.press("Close")
        visitor.enter(ADDRESS)  # Their data stay open to them.
        visitor.press("Withdraw the objection")
        assert not Subscription.objects.mailable().exists(), "nothing comes back by itself"
        assert Suppression.objects.filter(scope=book.uuid, reason="withdrawal").exists()
        visitor.join(signup_page, ADDRESS)
    assert Subscription.objects.mailable().exists()
    assert registered().count(RightsKind.OBJECTION) == 1


def test_nobody_joins_while_they_object(visitor, ada, book):
    factories.make_book(book.site, "Greenhouse letter")
    visitor.press("Never write to me again")
    assert "Withdraw that below before you join" in visitor.text
    assert not visitor.soup.select("form[action$='/join/']")


def test_a_message_reaches_the_sender_and_a_copy_the_reader(visitor, ada):
    visitor.open(f"{MY_DATA}message/")
    visitor.press("Send", text="What do you know?\nReply-To: eve@example.org\n{% now %} <b>")
    message, copy = mail.outbox[-2:]
    assert message.to == ["hello@example.org"]
    assert message.reply_to == [MAILBOX]
    assert message.from_email == '"Orto dei Semi" <news@example.org>'
    assert "What do you know?\nReply-To: eve@example.org\n{% now %} <b>" in message.body
    assert "&lt;b&gt;" in message.alternatives[0].content
    assert copy.to == [MAILBOX]
    assert "What do you know?" in copy.body
    request = RightsRequest.objects.filter(kind=RightsKind.MESSAGE).latest("pk")
    assert request.outcome == RightsOutcome.OPEN
    assert request.due_on > now().date()


def test_five_messages_a_day_are_enough(visitor, ada):
    for number in range(6):
        visitor.open(f"{MY_DATA}message/")
        visitor.press("Send", text=f"Message {number}")
    assert visitor.response.status_code == 422
    assert ServiceMail.objects.filter(kind=MailKind.MESSAGE).count() == 5
    visitor.open(f"{MY_DATA}message/")
    visitor.press("Send", text="")
    assert "Write your message." in visitor.text


def test_the_words_of_a_message_are_forgotten_after_a_week(visitor, ada):
    visitor.open(f"{MY_DATA}message/")
    visitor.press("Send", text="A secret")
    with time_machine.travel(now() + timedelta(days=8)):
        actions.purge()
    assert not ServiceMail.objects.exists()


RIGHTS = [
    "download",
    "details",
    "address",
    "join",
    "leave",
    "restrict",
    "object",
    "message",
    "erase",
]


@pytest.mark.parametrize("right", RIGHTS)
def test_nothing_happens_without_the_open_door(client, ada, right):
    before = list(Contact.objects.values()), list(Subscription.objects.values()), registered()
    response = client.post(f"{MY_DATA}{right}/", {"key": "x", "remember": "hash", "text": "x"})
    assert response.status_code == 403
    after = list(Contact.objects.values()), list(Subscription.objects.values()), registered()
    assert after == before


@pytest.mark.parametrize("right", RIGHTS)
def test_nothing_happens_without_the_key_of_its_forms(visitor, ada, right):
    """Another site may make the browser post; it has not seen the page."""
    before = list(Contact.objects.values()), list(Subscription.objects.values()), registered()
    for key in ("", "x", "ä" * 64):
        response = visitor.client.post(
            f"{MY_DATA}{right}/", {"key": key, "remember": "hash", "text": "x"}
        )
        assert response.status_code == 403
    after = list(Contact.objects.values()), list(Subscription.objects.values()), registered()
    assert after == before


@pytest.mark.parametrize("right", [right for right in RIGHTS if right not in ("message", "erase")])
def test_opening_an_address_of_a_button_changes_nothing(visitor, ada, right):
    assert visitor.client.get(f"{MY_DATA}{right}/").status_code == 405


def test_two_readers_in_two_browsers_see_each_their_own(visitor, ada, book):
    factories.make_subscription(book, "grace@example.org", name="Grace Hopper")
    other = type(visitor)(visitor.run_tasks)
    other.enter("grace@example.org")
    assert "Grace Hopper" in other.text
    assert "Ada" not in other.text
    visitor.open(MY_DATA)
    assert "Ada Lovelace" in visitor.text
    assert "Grace" not in visitor.text
    stolen = visitor.soup.select_one("input[name=key]")["value"]
    assert other.client.post(f"{MY_DATA}leave/", {"key": stolen}).status_code == 403


def test_links_of_the_page_lead_nowhere_else(visitor, ada):
    """A4: nothing from third parties."""
    for tag in visitor.soup.select("[src], link[href], form[action]"):
        target = tag.get("src") or tag.get("href") or tag.get("action")
        assert target.startswith(("/", "https://testserver/")), tag
    link = next(each for each in mail.outbox if each.subject == "The link to your data")
    assert link_in(link, "open") not in visitor.response.content.decode()


def test_the_status_names_what_is_to_be_answered(ada, capsys):
    call_command("newsletter_status")
    said = capsys.readouterr().err
    assert "(message) is open, due" in said
    assert ADDRESS not in said
    assert "access" not in said
