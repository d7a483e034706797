"""Staff see and do for a reader what the reader could, each with a permission of its own, and a line in the log."""

from __future__ import annotations

import zipfile
from io import BytesIO
from urllib.parse import urlencode

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from wagtail.models import ModelLogEntry

from tests.conftest import EVERYTHING_KNOWN
from tests.factories import make_editor
from tests.mails import token_in
from tests.traces import traces_of
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.actions.disclosure import disclose
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    RecordedEvent,
    RightsRequest,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db

FIND = "/admin/newsletter/contacts/"


@pytest.fixture
def ada(everything_known):
    return everything_known


def url(contact: Contact, verb: str = "") -> str:
    return f"{FIND}{contact.pk}/{verb and verb + '/'}"


def logged() -> list[str]:
    """What staff did to contacts."""
    entries = ModelLogEntry.objects.filter(content_type__model="contact")
    return [entry.action.partition(".")[2] for entry in entries.order_by("pk")]


def test_somebody_is_found_by_their_whole_address_in_any_spelling(staff, ada):
    browser = staff("view_contact")
    browser.open(FIND)
    browser.press("Find", address="ADA.lovelace@xn--bcher-kva.example")
    assert browser.response.request["PATH_INFO"] == url(ada)
    assert EVERYTHING_KNOWN in browser.text
    browser.open(FIND)
    browser.press("Find", address="nobody@example.org")
    assert "Nothing is kept under this address." in browser.text
    browser.press("Find", address="no address")
    assert "Enter a valid e-mail address." in browser.text


def test_that_somebody_was_looked_for_is_logged_found_or_not(staff, ada):
    """P3."""
    browser = staff("view_contact")
    for address in (EVERYTHING_KNOWN, "nobody@example.org"):
        browser.open(FIND)
        browser.press("Find", address=address)
    looked = ModelLogEntry.objects.filter(action="wagtail_gdpr_newsletter.look_up")
    assert looked.count() == 2
    assert "example" not in repr(list(looked.values("label", "data")))


def test_what_an_erasure_left_is_found_by_the_address_alone(staff, ada, visitor):
    """S6."""
    visitor.erase()
    browser = staff("view_contact")
    browser.open(FIND)
    browser.press("Find", address=EVERYTHING_KNOWN)
    assert "No contact has this address" in browser.text
    assert "had their data erased" in browser.text
    assert "records of proof" in browser.text


def test_staff_see_what_the_reader_sees(staff, ada):
    browser = staff("view_contact")
    browser.open(url(ada))
    for section in disclose(ada).sections:
        for entry in section.entries:
            for fact in entry.shown:
                assert " ".join(fact.text.split()) in browser.text, (section.name, fact.name)
    assert logged() == ["view_contact"]
    assert ModelLogEntry.objects.latest("pk").label == f"Contact #{ada.pk}"


def test_with_the_permission_to_see_alone_no_button_changes_anything(staff, ada):
    browser = staff("view_contact")
    browser.open(url(ada))
    assert not browser.soup.select("main form")
    links = [link["href"] for link in browser.soup.select("main a.button")]
    assert links == [url(ada, "send-link")]


WHY = "They rang up on Monday"


def do(browser, contact: Contact, button: str) -> None:
    """From the contact's page to the verb's, which asks why."""
    soup = browser.open(url(contact))
    link = next(each for each in soup.select("main a.button") if browser._says(each) == button)
    browser.open(link["href"])
    browser.press(button, why=WHY)


VERBS = ["correct", "new-address", "unsubscribe", "restrict", "lift", "object"]


NOT_ALLOWED = [
    (verb, permissions)
    for verb in (*VERBS, "download", "erase", "send-link")
    for permissions in ((), ("view_contact",))
    # Whoever sees somebody may send them their own link.
    if (verb, permissions) != ("send-link", ("view_contact",))
]


@pytest.mark.parametrize(("verb", "permissions"), NOT_ALLOWED)
def test_each_verb_is_refused_to_whoever_may_not_by_direct_address_too(
    staff, ada, verb, permissions
):
    browser = staff(*permissions)
    before = list(Contact.objects.values()), list(Subscription.objects.values())
    told = {"remember": "hash", "name": "x", "language": "it", "why": WHY}
    response = browser.client.post(url(ada, verb), told)
    assert response.status_code == 302
    assert response.url == reverse("wagtailadmin_home")
    assert browser.client.get(url(ada, verb)).status_code in (302, 405)
    assert (list(Contact.objects.values()), list(Subscription.objects.values())) == before
    assert logged() == []


def test_nobody_from_outside_gets_in(ada):
    for path in (FIND, url(ada), url(ada, "erase"), "/admin/newsletter/requests/"):
        response = Client().get(path)
        assert response.status_code == 302
        assert "/login/" in response.url


@pytest.mark.parametrize(
    ("button", "action"),
    [
        ("Restrict", "restrict_contact"),
        ("Record an objection", "record_objection"),
        ("Unsubscribe", "unsubscribe_contact"),
    ],
)
def test_each_verb_does_what_the_readers_does_and_is_logged(staff, ada, button, action):
    browser = staff("view_contact", "change_contact")
    do(browser, ada, button)
    assert not Subscription.objects.mailable().exists()
    entry = ModelLogEntry.objects.get(action=f"wagtail_gdpr_newsletter.{action}")
    assert entry.data == {"why": WHY}
    assert WHY in browser.open(url(ada)).text
    if button != "Restrict":
        assert ConsentRecord.objects.get(event=RecordedEvent.WITHDRAWN).source == "staff"
        assert Suppression.objects.exists()


def test_a_book_that_they_are_not_in_unsubscribes_them_from_nothing(staff, ada):
    browser = staff("view_contact", "change_contact")
    for book in ("", "\0", "00000000-0000-0000-0000-000000000000"):
        asked = f"{url(ada, 'unsubscribe')}?{urlencode({'book': book})}"
        assert browser.client.get(asked).status_code == 200
        browser.client.post(asked, {"why": WHY})
    assert Subscription.objects.mailable().exists()


@pytest.mark.parametrize(("verb", "permission"), [("download", "export"), ("erase", "delete")])
def test_whoever_may_not_see_somebody_may_not_take_or_erase_them(staff, ada, verb, permission):
    browser = staff(f"{permission}_contact")
    response = browser.client.post(url(ada, verb), {"remember": "hash"})
    assert response.url == reverse("wagtailadmin_home")
    assert Contact.objects.exists()


def test_a_restriction_can_be_lifted_by_staff_and_an_objection_not(staff, ada):
    browser = staff("view_contact", "change_contact")
    do(browser, ada, "Restrict")
    do(browser, ada, "Lift the restriction")
    assert Subscription.objects.mailable().exists()
    actions.restrict(contact=ada, restricted=True, source="my data")
    browser.open(url(ada))
    assert "Lift the restriction" not in browser.text
    do(browser, ada, "Record an objection")
    assert "Only they can take it back" in browser.text
    assert not [link for link in browser.soup.select("main a") if "/object/" in link["href"]]


def test_what_the_reader_restricted_staff_do_not_lift_by_direct_post_either(staff, ada):
    """GDPR 18(3)."""
    actions.restrict(contact=ada, restricted=True, source="my data")
    browser = staff("view_contact", "change_contact")
    browser.response = browser.client.post(url(ada, "lift"), {"why": WHY}, follow=True)
    assert "only they can lift it" in browser.text
    ada.refresh_from_db()
    assert ada.restricted
    assert "lift_restriction" not in logged()


def test_the_action_itself_lets_staff_lift_only_what_staff_restricted(ada):
    actions.restrict(contact=ada, restricted=True, source="my data")
    for by_staff in ({"source": "staff"}, {"source": "telephone", "user": make_editor()}):
        with pytest.raises(actions.CannotBeLifted):
            actions.restrict(contact=ada, restricted=False, **by_staff)
    assert not RightsRequest.objects.filter(kind="restriction_lifted").exists()
    assert actions.restrict(contact=ada, restricted=False, source="my data")
    assert actions.restrict(contact=ada, restricted=True, source="staff")
    assert actions.restrict(contact=ada, restricted=False, source="staff")


def test_name_and_language_are_corrected(staff, ada):
    browser = staff("view_contact", "change_contact")
    browser.open(url(ada))
    browser.press("Save", name="Ada King", language="it")
    ada.refresh_from_db()
    assert (ada.name, ada.language) == ("Ada King", "it")
    browser.press("Save", name="\x00", language="it")
    assert "cannot be typed" in browser.text or "Null characters" in browser.text


def test_a_new_address_is_confirmed_by_its_mailbox_and_never_by_staff(staff, ada, visitor):
    browser = staff("view_contact", "change_contact")
    browser.open(url(ada))
    browser.press("Ask there for a confirmation", new_address="king@example.org")
    ada.refresh_from_db()
    assert ada.address == EVERYTHING_KNOWN
    assert mail.outbox[-1].to == ["king@example.org"]
    visitor.open_link(mail.outbox[-1], "new-address")
    visitor.press("Yes, that is my address")
    ada.refresh_from_db()
    assert ada.address == "king@example.org"
    assert "king" not in repr(list(ModelLogEntry.objects.values()))


def test_the_link_goes_to_the_reader_and_not_to_staff(staff, ada, visitor):
    browser = staff("view_contact")
    do(browser, ada, "Send them the link to their data")
    assert mail.outbox[-1].to == ["Ada.Lovelace@xn--bcher-kva.example"]
    token = token_in(mail.outbox[-1], "my-data/open")
    assert token not in browser.response.content.decode()
    assert "send_access_link" in logged()


def test_the_download_is_the_readers(staff, ada):
    browser = staff("view_contact", "export_contact")
    browser.open(url(ada))
    browser.press("Download everything")
    archive = zipfile.ZipFile(BytesIO(browser.response.content))
    assert "my-data.json" in archive.namelist()
    assert EVERYTHING_KNOWN.encode() in archive.read("my-data.json")
    assert "export_contact" in logged()


@pytest.mark.parametrize("remember", ["hash", "nothing"])
def test_staff_erase_as_the_reader_does(staff, ada, remember):
    browser = staff("view_contact", "delete_contact")
    browser.open(url(ada, "erase"))
    assert Contact.objects.exists(), "GET erases nothing"
    browser.press("Erase now", remember=remember)
    assert "This field is required." in browser.text, "why is asked"
    assert Contact.objects.exists()
    browser.press("Erase now", remember=remember, why=WHY)
    assert f"Contact #{ada.pk} is erased." in browser.text
    assert traces_of(EVERYTHING_KNOWN, "Ada Lovelace") == []
    assert Suppression.objects.exists() == (remember == "hash")
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.erase_contact")
    assert (entry.label, entry.data) == (f"Contact #{ada.pk}", {"why": WHY})
    assert browser.client.get(url(ada)).status_code == 404


@pytest.fixture
def message(ada):
    return RightsRequest.objects.get(kind="message")


def test_the_register_shows_what_is_due_and_what_was_answered(staff, message):
    browser = staff("view_rightsrequest", "change_rightsrequest", "view_contact")
    browser.open("/admin/newsletter/requests/")
    assert "wrote to the sender" in browser.text
    assert "to be answered" in browser.text
    browser.press("Mark as answered")
    message.refresh_from_db()
    assert message.outcome == "done"
    assert message.settled_by.username == "dpo"
    assert EVERYTHING_KNOWN not in browser.response.content.decode()


def test_the_register_can_be_filtered_and_exported(staff, message):
    browser = staff("view_rightsrequest")
    browser.open("/admin/newsletter/requests/?outcome=open")
    assert "wrote to the sender" in browser.text
    assert "saw the data" not in [cell.get_text(strip=True) for cell in browser.soup.select("td")]
    response = browser.client.get("/admin/newsletter/requests/?export=csv")
    sheet = b"".join(response.streaming_content).decode()
    assert "wrote to the sender" in sheet
    assert EVERYTHING_KNOWN not in sheet
    assert (
        browser.client.post(f"/admin/newsletter/requests/{message.pk}/answered/").url == "/admin/"
    )
    message.refresh_from_db()
    assert message.outcome == "open"


def test_the_register_tells_of_somebody_erased_without_naming_them(staff, ada, visitor):
    visitor.erase()
    browser = staff("view_rightsrequest")
    browser.open("/admin/newsletter/requests/")
    assert "had the data erased" in browser.text
    assert "on this site: done" in browser.text


def test_the_menu_shows_what_one_may(staff, ada):
    browser = staff("view_contact")
    menu = browser.open("/admin/").decode()
    assert FIND in menu
    assert "/admin/newsletter/requests/" not in menu
