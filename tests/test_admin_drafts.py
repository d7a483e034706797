"""Drafts in the admin are saved as they are; what is wrong is said when they are sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now
from django_q.models import Schedule
from wagtail.test.utils.form_data import inline_formset, nested_form_data, streamfield

from sandbox.home.models import StandardPage
from tests import factories
from tests.test_admin import campaign_data, text_of, url
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import AddressBook, Campaign, SenderSettings, WordingVersion

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    user = factories.make_editor("boss", superuser=True)
    client.force_login(user)
    return user


@pytest.mark.parametrize(
    "block",
    [
        ("button", {"label": "", "page": "", "url": ""}),
        ("page_teaser", {"page": "", "link_label": ""}),
        ("image", {"image": "", "decorative": "", "alt_text": ""}),
        ("heading", ""),
    ],
    ids=lambda block: block[0],
)
def test_a_campaign_with_an_unfinished_block_is_saved(client, site, book, boss, block):
    response = client.post(
        url(Campaign, "add"), campaign_data(site, book, body=streamfield([block]))
    )
    assert response.status_code == 302
    assert Campaign.objects.get().latest_revision


def test_a_campaign_is_saved_before_it_has_a_subject_or_a_book(client, site, book, boss):
    data = campaign_data(site, book, subject="", body=streamfield([])) | {"books": []}
    assert client.post(url(Campaign, "add"), data).status_code == 302
    assert "Campaign without a subject" in text_of(client.get(url(Campaign, "list")))


def test_a_page_with_an_unfinished_block_is_saved_and_not_published(client, site, boss):
    """Wagtail saves drafts by itself while the editor is still choosing."""
    block = {
        "heading": "",
        "introduction": "null",
        "books": {"count": "1", "0": {"deleted": "", "order": "0", "id": "", "value": ""}},
        "button_label": "",
        "success_message": "",
        "thank_you_page": "",
    }
    data = nested_form_data(
        {
            "title": "Letters",
            "slug": "letters",
            "introduction": "null",
            "body": streamfield([("newsletter_signup", block)]),
        }
    )
    page = factories.make_page(site, body=[])
    page.unpublish()
    edit = reverse("wagtailadmin_pages:edit", args=[page.pk])
    assert client.post(edit, data).status_code == 302
    assert StandardPage.objects.get().get_latest_revision_as_object().title == "Letters"
    refused = client.post(edit, data | {"action-publish": "x"})
    assert "could not be saved" in text_of(refused)
    assert not StandardPage.objects.get().live


def test_nobody_takes_an_approval_back_from_a_campaign(client, site, book, boss, send):
    factories.make_subscription(book, "ada@example.org")
    campaign = send(factories.make_campaign(book))
    client.post(url(Campaign, "unpublish", campaign.pk))
    campaign.refresh_from_db()
    assert campaign.live


def test_the_editor_speaks_of_approving_and_not_of_publishing(client, site, book, boss):
    campaign = factories.make_campaign(book)
    data = campaign_data(site, book) | {"action-publish": "x"}
    response = client.post(url(Campaign, "edit", campaign.pk), data, follow=True)
    assert "is approved" in text_of(response)
    editor = text_of(client.get(url(Campaign, "edit", campaign.pk)))
    assert "Approved" in editor
    for words in ("publishing schedule", "First published", "Unpublish"):
        assert words not in editor


def test_a_campaign_changed_by_a_colleague_is_shown_again_before_it_is_sent(
    client, site, book, boss
):
    factories.make_subscription(book, "ada@example.org")
    campaign = factories.make_campaign(book)
    shown = client.get(url(Campaign, "send", campaign.pk))
    seen = BeautifulSoup(shown.content, "html.parser").select_one("[name=seen]")["value"]
    campaign.subject = "Changed"
    campaign.save_revision()
    response = client.post(url(Campaign, "send", campaign.pk), {"seen": seen}, follow=True)
    assert "has been changed since you opened this page" in text_of(response)
    assert "Changed" in text_of(response)
    assert Campaign.objects.get().send_status == "draft"


def test_the_progress_page_says_when_there_is_no_worker(client, site, book, boss, capsys):
    factories.make_subscription(book, "ada@example.org")
    campaign = factories.make_campaign(book)
    actions.send_campaign(campaign=campaign)
    live = url(Campaign, "progress_live", campaign.pk)
    Schedule.objects.update(next_run=now())
    assert "No worker" not in text_of(client.get(live))
    Schedule.objects.update(next_run=now() - timedelta(minutes=5))
    assert "No worker has been seen" in text_of(client.get(live))
    call_command("newsletter_status")
    assert "No worker has been seen" in capsys.readouterr().err


def test_a_book_cannot_be_copied(client, site, book, boss):
    """Whoever may add books must not rewrite a wording through the copy of one."""
    from django.urls import NoReverseMatch

    with pytest.raises(NoReverseMatch):
        url(AddressBook, "copy", book.pk)


def test_a_changed_name_or_description_is_a_new_version_too(client, site, book, boss):
    """What stands beside the box is part of what was agreed to (C5, C9)."""
    wording = book.wordings.get()
    data = nested_form_data(
        {
            "site": str(site.pk),
            "name": book.name,
            "description": "Daily offers of our partners.",
            "wordings": inline_formset(
                [
                    {
                        "id": str(wording.pk),
                        "language": "en",
                        "label": wording.label,
                        "notice": wording.notice,
                    }
                ],
                initial=1,
                min=1,
            ),
            "fields": inline_formset([]),
        }
    )
    refused = client.post(url(AddressBook, "edit", book.pk), data)
    assert "does it mean something new?" in text_of(refused)
    saved = client.post(
        url(AddressBook, "edit", book.pk), data | {"wording_change": "material"}, follow=True
    )
    assert "version 2" in text_of(saved)
    statement = WordingVersion.objects.latest("number").statements.get()
    assert statement.description == "Daily offers of our partners."


def test_a_new_controller_is_asked_about_and_may_be_material(client, site, book, boss):
    """Consent was given to somebody: another sender is another consent (C9)."""
    edit = reverse(
        "wagtailsettings:edit", args=["wagtail_gdpr_newsletter", "sendersettings", site.pk]
    )
    data = {
        "name": "Completely Different Ltd",
        "postal_address": "Via Micheli 3\n50121 Firenze",
        "email": "hello@example.org",
        "from_address": "news@example.org",
        "privacy_page": str(site.root_page.pk),
        "accent_color": "#123456",
    }
    assert "does it mean something new?" in text_of(client.post(edit, data))
    client.post(edit, data | {"wording_change": "material"})
    assert WordingVersion.objects.latest("number").material
    assert SenderSettings.for_site(site).name == "Completely Different Ltd"


def test_whoever_empties_the_sender_is_told_what_that_means(client, site, boss):
    edit = reverse(
        "wagtailsettings:edit", args=["wagtail_gdpr_newsletter", "sendersettings", site.pk]
    )
    response = client.post(edit, {"accent_color": "#123456"}, follow=True)
    assert "no campaign can be sent" in text_of(response)


@pytest.mark.parametrize(("color", "is_taken"), [("#ffee00", False), ("#1f5d50", True)])
def test_white_text_must_be_readable_on_the_accent_colour(client, site, boss, color, is_taken):
    """W2: 4.5 to 1."""
    edit = reverse(
        "wagtailsettings:edit", args=["wagtail_gdpr_newsletter", "sendersettings", site.pk]
    )
    response = client.post(edit, {"accent_color": color})
    assert (response.status_code == 302) == is_taken
