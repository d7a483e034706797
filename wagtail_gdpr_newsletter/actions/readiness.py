"""What keeps a campaign from being sent?

All of it at once, in sentences that tell an editor what to do: sender, address, text, readers, locks
and approval. Drafts are saved however unfinished they are; here is where they have to be right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import Field
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from wagtail.blocks.stream_block import StreamBlockValidationError
from wagtail.models import Site

from ..models import Campaign, SendStatus
from ..rendering.newsletter import RenderingFailed
from ..sending import audience, conditions, narrowing

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


def newest(campaign: Campaign) -> Campaign:
    """The campaign as last saved, which is what sending will approve and send."""
    return campaign.get_latest_revision_as_object()


def reasons_against_sending(campaign: Campaign, *, user: User | None = None) -> list[str]:
    """Everything that is missing before this text may go out; empty when it is ready."""
    reasons = [
        *campaign.sender.reasons_against_use(),
        *_site_reasons(campaign.site),
        *_content_reasons(campaign),
        *_audience_reasons(campaign),
    ]
    lock = campaign.get_lock()
    if lock and user and lock.for_user(user):
        reasons.append(_("Somebody has locked the campaign."))
    if needs_approval(campaign) and not _may_approve(campaign, user):
        reasons.append(_("The last changes wait for approval."))
    return reasons


def _site_reasons(site: Site) -> list[str]:
    """Links in mails are for good, and one-click unsubscription takes HTTPS (RFC 8058, M1)."""
    if settings.DEBUG or site.root_url.startswith("https://"):
        return []
    return [
        _(
            "The site's address is %(url)s, but links in newsletters must begin with https://. Set "
            "host name and port 443 under Settings, Sites."
        )
        % {"url": site.root_url}
    ]


def _content_reasons(campaign: Campaign) -> list[str]:
    reasons = []
    try:
        campaign.full_clean(exclude=["body"])
    except ValidationError as error:
        reasons += _by_field(error)
    try:
        campaign.body.stream_block.clean(campaign.body)
    except StreamBlockValidationError as error:  # Drafts are saved with blocks half filled in.
        said = sorted(_messages_of(error.as_json_data()))
        reasons.append(
            " ".join([_("The body is empty, or one of its blocks is not complete."), *said])
        )
    try:
        if unknown := campaign.unknown_tokens():
            reasons.append(campaign.unknown_token_message(unknown))
    except RenderingFailed as error:
        reasons.append(str(error))
    return list(dict.fromkeys(reasons))


def _messages_of(told: Any) -> set[str]:
    """What blocks say of themselves, however deep; not what every empty field says."""
    if isinstance(told, dict):
        return {message for value in told.values() for message in _messages_of(value)}
    if isinstance(told, list):
        return {message for value in told for message in _messages_of(value)}
    required = str(Field.default_error_messages["required"])
    return {told} if isinstance(told, str) and told != required else set()


def _audience_reasons(campaign: Campaign) -> list[str]:
    books = list(campaign.books.all())
    if not books:
        return [_("No address book is chosen.")]
    if any(book.site_id != campaign.site_id for book in books):
        return [_("All address books must belong to the campaign's site.")]
    if reasons := _narrowing_reasons(campaign):
        return reasons
    if audience.subscriptions_of(campaign).mailable().exists():
        return []
    if narrowing.is_narrow(campaign) and audience.in_books(campaign).mailable().exists():
        return [_("Nobody would get it: the address books are narrowed to nobody.")]
    return [_("Nobody would get it: no reader of these address books can be written to.")]


def _narrowing_reasons(campaign: Campaign) -> list[str]:
    elsewhere = _(
        "“%(earlier)s” was sent for another site: choose an earlier campaign of this one."
    )
    unfinished = _(
        "“%(earlier)s” has not been sent to the last yet, so who received it is not known. Wait "
        "until it has, or choose another."
    )
    reasons = []
    for earlier in filter(None, [campaign.received, campaign.not_received]):
        if earlier.site_id != campaign.site_id:
            reasons.append(elsewhere % {"earlier": earlier})
        elif earlier.send_status not in SendStatus.of_the_past():
            reasons.append(unfinished % {"earlier": earlier})
    return list(dict.fromkeys([*reasons, *conditions.problems(campaign)]))


def _by_field(error: ValidationError) -> list[str]:
    """Each message behind the label that the editor knows its field by."""
    labels = {field.name: field.verbose_name for field in Campaign._meta.fields}
    return [
        message if field == NON_FIELD_ERRORS else f"{capfirst(labels[field])}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    ]


def needs_approval(campaign: Campaign) -> bool:
    return not campaign.live or campaign.has_unpublished_changes


def _may_approve(campaign: Campaign, user: User | None) -> bool:
    """Sending approves in the same step where no workflow is set; without a user it is a command's."""
    if campaign.has_workflow:
        return False
    permission = f"{campaign._meta.app_label}.publish_campaign"
    return user is None or user.has_perm(permission)
