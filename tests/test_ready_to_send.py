"""What must be right before a campaign may go out: the editor reads why it may not."""

from __future__ import annotations

import pytest
from django.core import mail
from wagtail.models import PageViewRestriction

from tests import factories
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import Campaign, LegalBasis, SenderSettings, Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def reasons(book):
    """The reasons against a campaign with this content, in one text."""
    factories.make_subscription(book, "ada@example.org")

    def reasons(**content) -> str:
        campaign = factories.make_campaign(book, **content)
        return " ".join(actions.reasons_against_sending(actions.newest(campaign)))

    return reasons


def test_a_good_campaign_has_nothing_against_it(reasons):
    assert reasons() == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"subject": ""}, "Subject"),
        ({"body": []}, "body is empty"),
        ({"subject": "Hello {nmae}"}, "{nmae}"),
        ({"body": [("text", "<p>{surname|x}</p>")]}, "{surname|x}"),
        ({"subject": "Bonjour {prénom|lecteur}"}, "{prénom|lecteur}"),
        ({"subject": "Hello { name }"}, "{ name }"),
        ({"subject": "Hello {{name|reader}}"}, "{{name|reader}}"),
        ({"subject": "Hello {{ first_name }}"}, "{{ first_name }}"),
        ({"subject": "Hello {first-name}"}, "{first-name}"),
        ({"subject": "Hello {first name}"}, "{first name}"),
        ({"subject": "Hello {name|reader"}, "{name|reader"),
        ({"body": [("text", "<p>Dear {<b>name</b>|reader}</p>")]}, "{name|reader}"),
        ({"body": [("button", {"label": "Go", "page": None, "url": ""})]}, "one of the two"),
    ],
)
def test_what_is_wrong_with_the_text_is_named(reasons, content, said):
    assert said in reasons(**content)


def test_everything_is_named_at_once(reasons):
    said = reasons(subject="Hello {nmae}", body=[])
    assert "body is empty" in said
    assert "{nmae}" in said
    said = reasons(subject="", body=[])
    assert "Subject" in said
    assert "body is empty" in said


def test_a_fallback_that_reaches_over_blocks_is_named(reasons):
    """Else all between an opened brace and a later one would vanish for those who have a name."""
    body = [("text", "<p>Dear {name|</p>"), ("text", "<p>important}</p>")]
    assert "{name|important}" in reasons(body=body)


@pytest.mark.parametrize("block", ["page_teaser", "button"])
def test_a_page_that_readers_cannot_open_is_named(reasons, site, block):
    draft = factories.make_page(site, body=[], title="Not yet")
    draft.unpublish()
    private = factories.make_page(site, body=[], title="For staff")
    PageViewRestriction.objects.create(page=private, restriction_type="login")
    for page in (draft, private):
        texts = {"button": {"label": "Go", "url": ""}, "page_teaser": {"link_label": ""}}
        value = {"page": page, **texts[block]}
        assert f"cannot open “{page.title}”" in reasons(body=[(block, value)])


def test_a_privacy_page_that_is_not_published_is_missing(reasons, site):
    page = factories.make_page(site, body=[], title="Privacy")
    factories.make_sender(site, privacy_page=page)
    assert reasons() == ""
    page.unpublish()
    assert "privacy page" in reasons()
    assert not SenderSettings.objects.complete().exists()


def test_links_must_be_https(reasons, site, settings):
    """M1, RFC 8058; a developer's own machine may do without."""
    site.port = 80
    site.save()
    assert "https://" in reasons()
    settings.DEBUG = True
    assert reasons() == ""


def test_what_was_looked_at_is_what_is_sent(book, readers):
    """A colleague's later draft is neither approved nor sent by whoever saw the earlier one."""
    campaign = factories.make_campaign(book)
    seen = actions.digest_of_newest(campaign)
    campaign.subject = "Not ready, do not send"
    # As Wagtail does while somebody types: into the revision that is there.
    campaign.save_revision(overwrite_revision=campaign.latest_revision)
    with pytest.raises(actions.CannotSend, match="has been changed"):
        actions.send_campaign(campaign=campaign, seen=seen)
    campaign.refresh_from_db()
    assert campaign.send_status == "draft"
    assert not campaign.live


def test_an_approval_that_was_begun_before_the_sending_does_not_undo_it(book, readers, send):
    """The editor's page holds the campaign as it was when it was opened."""
    opened_before = factories.make_campaign(book)
    send(Campaign.objects.get())
    opened_before.latest_revision.publish()
    opened_before.save()
    after = Campaign.objects.get()
    assert after.send_status == "sent"
    assert after.sending_started_at
    assert len(mail.outbox) == 3


def test_a_campaign_that_somebody_has_locked_is_not_sent_by_others(book, readers):
    campaign = factories.make_campaign(book)
    campaign.locked = True
    campaign.locked_by = factories.make_editor("owner", superuser=True)
    campaign.save()
    other = factories.make_editor("other", superuser=True)
    assert actions.reasons_against_sending(campaign, user=other) == [
        "Somebody has locked the campaign."
    ]
    assert actions.reasons_against_sending(campaign, user=campaign.locked_by) == []


def test_a_customer_with_a_soft_opt_in_needs_no_statement(book, send):
    """C13: its own basis, with its own proof."""
    subscription = factories.make_subscription(book, "ada@example.org")
    Subscription.objects.filter(pk=subscription.pk).update(
        basis=LegalBasis.SOFT_OPT_IN, statement=None
    )
    send(factories.make_campaign(book))
    assert len(mail.outbox) == 1


def test_whoever_changed_books_meanwhile_is_told_of_the_one_they_are_in(book, site, configure):
    """The ledger was written while they were in one; they left it and joined the other since."""
    other = factories.make_book(site, "Other letter")
    left = factories.make_subscription(book, "ada@example.org")
    campaign = factories.make_campaign(book, other)
    factories.write_ledger(campaign)
    actions.unsubscribe(contact=left.contact, books=[book.uuid], origin=factories.ORIGIN)
    factories.make_subscription(other, "ada@example.org")
    actions.run_lane()
    assert "Other letter" in mail.outbox[0].body
    assert campaign.deliveries.get().books == [other.uuid]
