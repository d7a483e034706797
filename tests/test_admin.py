"""What editors do in Wagtail's admin, and what they may not."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.core import mail
from django.urls import reverse
from wagtail.models import ModelLogEntry, Workflow, WorkflowContentType
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import AddressBook, Campaign, SenderSettings, WordingVersion

pytestmark = pytest.mark.django_db

ALL = ["add_campaign", "change_campaign", "delete_campaign", "publish_campaign", "send_campaign"]


def url(model, name: str, *args) -> str:
    return reverse(model.snippet_viewset.get_url_name(name), args=args)


def text_of(response) -> str:
    return " ".join(BeautifulSoup(response.content, "html.parser").get_text(" ").split())


@pytest.fixture
def editor(client):
    user = factories.make_editor("editor", *ALL, "add_addressbook", "change_addressbook")
    client.force_login(user)
    return user


@pytest.fixture
def campaign(book):
    factories.make_subscription(book, "ada@example.org")
    return factories.make_campaign(book)


def book_data(site, *, label: str = "Yes, please", initial: int = 0, **extra):
    wording = {"language": "en", "label": label, "notice": "Once a month."}
    if initial:
        wording["id"] = str(AddressBook.objects.get(name="Letters").wordings.get().pk)
    return nested_form_data(
        {
            "site": str(site.pk),
            "name": "Letters",
            "description": "",
            "wordings": inline_formset([wording], initial=initial, min=1),
            "fields": inline_formset([]),
            **extra,
        }
    )


def campaign_data(site, book, **extra):
    data = nested_form_data(
        {
            "site": str(site.pk),
            "subject": "Spring",
            "preheader": "",
            "language": "en",
            "body": streamfield(
                [("text", rich_text("<p>Dear {name|reader}</p>", features=["bold"]))]
            ),
            **extra,
        }
    )
    return {**data, "books": [str(book.pk)]}


def test_saving_a_book_makes_the_version_that_visitors_see(client, site, editor):
    client.post(url(AddressBook, "add"), book_data(site))
    version = WordingVersion.objects.get()
    assert version.number == 1
    assert version.created_by == editor
    assert version.statements.get().label == "Yes, please"


def test_a_changed_wording_is_asked_about_before_it_is_saved(client, site, editor):
    """C9."""
    client.post(url(AddressBook, "add"), book_data(site))
    edit = url(AddressBook, "edit", AddressBook.objects.get(name="Letters").pk)
    refused = client.post(edit, book_data(site, label="Yes, indeed", initial=1))
    assert "does it mean something new?" in text_of(refused)
    assert WordingVersion.objects.count() == 1

    client.post(edit, book_data(site, label="Yes, indeed", initial=1, wording_change="material"))
    newest = WordingVersion.objects.latest("number")
    assert (newest.number, newest.material) == (2, True)


def test_the_sender_can_be_written_by_those_who_may(client, site):
    client.force_login(factories.make_editor("boss", superuser=True))
    book = factories.make_book(site)
    response = client.post(
        reverse(
            "wagtailsettings:edit", args=["wagtail_gdpr_newsletter", "sendersettings", site.pk]
        ),
        {
            "name": "New name",
            "postal_address": "Via Nuova 1",
            "email": "hi@example.org",
            "from_address": "news@example.org",
            "privacy_page": str(site.root_page.pk),
            "accent_color": "#123456",
            "wording_change": "wording",
        },
    )
    assert response.status_code == 302
    assert SenderSettings.for_site(site).name == "New name"
    newest = WordingVersion.objects.filter(book=book).latest("number")
    assert "New name" in str(newest.statements.get().notice), "visitors are told at once"


def test_a_new_campaign_is_composed_saved_and_led_on_to_sending(client, site, book, editor):
    response = client.post(url(Campaign, "add"), campaign_data(site, book, **{"action-send": "x"}))
    campaign = Campaign.objects.get()
    assert response["Location"] == url(Campaign, "send", campaign.pk)
    assert not campaign.live


def press_send(client, campaign: Campaign, **kwargs):
    """What the button of the Send page posts, whoever was shown it."""
    seen = actions.digest_of_newest(Campaign.objects.get(pk=campaign.pk))
    return client.post(url(Campaign, "send", campaign.pk), {"seen": seen}, **kwargs)


def test_sending_counts_first_and_sends_on_a_pressed_button(
    client, site, book, editor, campaign, django_capture_on_commit_callbacks
):
    factories.make_subscription(book, "gone@example.org", restricted=True)
    page = client.get(url(Campaign, "send", campaign.pk))
    assert "1 reader will get this campaign" in text_of(page)
    assert "have restricted the use of their data 1" in text_of(page)
    assert mail.outbox == []
    with django_capture_on_commit_callbacks(execute=True):
        response = press_send(client, campaign)
    assert response["Location"] == url(Campaign, "progress", campaign.pk)
    assert len(mail.outbox) == 1
    assert "Finished on" in text_of(client.get(response["Location"]))
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.send")
    assert entry.user == editor
    assert "ada" not in str(entry.label) + str(entry.data)


def test_pressing_send_in_a_second_tab_sends_nothing_twice(
    client, editor, campaign, django_capture_on_commit_callbacks
):
    for _tab in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            response = press_send(client, campaign, follow=True)
    assert "has been sent already" in text_of(response)
    assert len(mail.outbox) == 1


def test_what_is_missing_is_told_on_the_send_page(client, editor, campaign):
    SenderSettings.objects.update(postal_address="")
    page = client.get(url(Campaign, "send", campaign.pk))
    assert "lacks: postal address" in text_of(page)
    assert "Send to" not in text_of(page)
    press_send(client, campaign)
    assert mail.outbox == []


def test_a_sent_campaign_cannot_be_edited_or_deleted_only_copied(client, site, book, send):
    client.force_login(factories.make_editor("boss", superuser=True))
    factories.make_subscription(book, "ada@example.org")
    campaign = send(factories.make_campaign(book))
    client.post(url(Campaign, "edit", campaign.pk), campaign_data(site, book, subject="Other"))
    assert campaign.get_latest_revision_as_object().subject == "Spring is here"
    client.post(url(Campaign, "delete", campaign.pk))
    assert Campaign.objects.filter(pk=campaign.pk).exists()

    copy_page = client.get(url(Campaign, "copy", campaign.pk))
    assert copy_page.status_code == 200
    assert "Spring is here" in copy_page.content.decode()
    client.post(url(Campaign, "copy", campaign.pk), campaign_data(site, book, subject="A copy"))
    assert Campaign.objects.get(pk=campaign.pk).subject == "Spring is here"
    copy = Campaign.objects.get(subject="A copy")
    assert copy.send_status == "draft"
    assert copy.uuid != campaign.uuid
    assert copy.sending_started_at is None


def test_publish_reads_approve_and_nothing_is_scheduled_or_unpublished(client, editor, campaign):
    page = BeautifulSoup(client.get(url(Campaign, "edit", campaign.pk)).content, "html.parser")
    buttons = [button.get_text(strip=True) for button in page.select("button")]
    assert "Approve" in buttons
    assert "Send…" in buttons
    assert "Send test…" in buttons
    assert "Publish" not in buttons
    assert not page.select("[name=action-unpublish], [name=go_live_at]")


def test_a_test_goes_to_typed_addresses_and_nowhere_else(client, book, editor, campaign):
    response = client.post(
        url(Campaign, "test", campaign.pk), {"addresses": "me@example.org, you@bücher.example"}
    )
    assert response.status_code == 302
    assert [message.to for message in mail.outbox] == [
        ["me@example.org"],
        ["you@xn--bcher-kva.example"],
    ]
    message = mail.outbox[0]
    assert message.subject == "[Test] Spring is here"
    assert "/unsubscribe/" + "0" * 32 in message.body
    assert "Dear reader" in message.body
    assert not campaign.deliveries.exists()
    entry = ModelLogEntry.objects.get(action="wagtail_gdpr_newsletter.send_test")
    assert entry.data["addresses"] == 2
    assert "example" not in str(entry.data)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "required"),
        ("nonsense", "nonsense"),
        ("\n".join(f"a{n}@example.org" for n in range(6)), "5 addresses"),
    ],
)
def test_a_test_to_nobody_or_too_many_is_refused(client, editor, campaign, typed, said):
    response = client.post(url(Campaign, "test", campaign.pk), {"addresses": typed})
    assert said in text_of(response)
    assert mail.outbox == []


def test_the_sample_links_of_a_test_lead_to_kind_pages(client, site, campaign):
    for path in (f"unsubscribe/{'0' * 32}/{campaign.pk}/", f"my-data/{'0' * 32}/"):
        assert client.get(f"/newsletter/{path}").status_code == 200


@pytest.mark.parametrize(
    ("permissions", "page", "status"),
    [
        (["change_campaign"], "send", 302),
        (["send_campaign"], "send", 200),
        (["change_campaign"], "test", 200),
        (["send_campaign"], "test", 302),
        ([], "send", 302),
        ([], "progress", 302),
        ([], "progress_live", 302),
    ],
)
def test_each_page_is_for_those_who_may(client, campaign, permissions, page, status):
    """P4: by direct address too."""
    client.force_login(factories.make_editor("limited", *permissions))
    assert client.get(url(Campaign, page, campaign.pk)).status_code == status


def test_who_may_not_send_cannot_post_either(client, campaign):
    client.force_login(factories.make_editor("limited", "change_campaign", "publish_campaign"))
    press_send(client, campaign)
    assert mail.outbox == []


def test_who_may_send_but_not_approve_waits_for_the_approval(client, campaign):
    client.force_login(factories.make_editor("limited", "send_campaign"))
    page = client.get(url(Campaign, "send", campaign.pk))
    assert "wait for approval" in text_of(page)
    campaign.latest_revision.publish()
    page = client.get(url(Campaign, "send", campaign.pk))
    assert "Send to 1 reader now" in text_of(page)


def test_where_a_workflow_is_set_sending_does_not_approve(client, editor, campaign):
    from django.contrib.contenttypes.models import ContentType

    workflow = Workflow.objects.create(name="Four eyes")
    WorkflowContentType.objects.create(
        workflow=workflow, content_type=ContentType.objects.get_for_model(Campaign)
    )
    page = client.get(url(Campaign, "send", campaign.pk))
    assert "wait for approval" in text_of(page)


def test_the_newsletter_menu_leads_to_all_three(client):
    client.force_login(factories.make_editor("boss", superuser=True))
    menu = client.get("/admin/").content.decode()
    for label in ("Campaigns", "Address books", "Sender"):
        assert label in menu


@pytest.mark.parametrize("name", ["list", "add"])
@pytest.mark.parametrize("model", [AddressBook, Campaign])
def test_the_lists_and_forms_open(client, campaign, model, name):
    client.force_login(factories.make_editor("boss", superuser=True))
    assert client.get(url(model, name)).status_code == 200


def test_the_list_takes_the_same_number_of_queries_whatever_its_length(
    client, site, book, django_assert_max_num_queries
):
    client.force_login(factories.make_editor("boss", superuser=True))
    for model, make in (
        (AddressBook, lambda: factories.make_book(site)),
        (Campaign, lambda: factories.make_campaign(book)),
    ):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        counts = []
        for _more in range(2):
            for _each in range(3):
                make()
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(url(model, "list"))
            counts.append(len(queries))
        assert counts[1] <= counts[0] + 1, model


def test_the_block_can_be_previewed_in_the_chooser(client, site, book):
    from wagtail_gdpr_newsletter.blocks import SignupBlock

    client.force_login(factories.make_editor("boss", superuser=True))
    block = SignupBlock()
    assert block.meta.icon == "mail"
    assert str(block.meta.description)
    from sandbox.home.models import StandardPage

    child = StandardPage.body.field.stream_block.child_blocks["newsletter_signup"]
    response = client.get(reverse("wagtailadmin_block_preview"), {"id": child.definition_prefix})
    assert response.status_code == 200
    assert "gdpr-newsletter-form" in response.content.decode()
