"""What happens when a campaign is sent?

The newest revision is approved where that is still to do, the message is frozen, the campaign
starts, and a lane is rung. On a worker the ledger is written (one delivery a contact), then lanes
claim deliveries, ask again who may be written to, send, and record. The ledger is the truth and
the queue only its doorbell: `tend_campaigns`, once a minute, rings for whatever is unfinished.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.forms import Field
from django.utils.text import capfirst
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django_q.tasks import async_task
from wagtail.blocks.stream_block import StreamBlockValidationError
from wagtail.log_actions import log
from wagtail.models import Site

from .. import pseudonyms, signals
from ..models import Campaign, FrozenMessage, SendStatus
from ..models.campaigns import unknown_token_message
from ..rendering.newsletter import RenderingFailed
from ..sending import audience, dispatch
from ..sending.transport import MailerRefuses

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


class CannotSend(Exception):
    """The campaign is not ready; `reasons` tells an editor what to do."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class AlreadySent(CannotSend):
    """Somebody pressed Send before, perhaps in another tab."""


def newest(campaign: Campaign) -> Campaign:
    """The campaign as last saved, which is what sending will approve and send."""
    return campaign.get_latest_revision_as_object()


def digest_of_newest(campaign: Campaign) -> str:
    """Tells two states of the text apart: Wagtail saves on into the same revision while somebody types."""
    revision = campaign.latest_revision
    if revision is None:
        return ""
    return pseudonyms.digest(json.dumps(revision.content, sort_keys=True, cls=DjangoJSONEncoder))


def reasons_against_sending(campaign: Campaign, *, user: User | None = None) -> list[str]:
    """Everything that is missing before this text may go out; empty when it is ready."""
    reasons = []
    if missing := campaign.sender.missing():
        reasons.append(
            _("The newsletter sender of this site lacks: %(fields)s.")
            % {"fields": ", ".join(missing)}
        )
    reasons += [
        *_site_reasons(campaign.site),
        *_content_reasons(campaign),
        *_audience_reasons(campaign),
    ]
    lock = campaign.get_lock()
    if lock and user and lock.for_user(user):
        reasons.append(_("Somebody has locked the campaign."))
    if _needs_approval(campaign) and not _may_approve(campaign, user):
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
        reasons += _by_field(campaign, error)
    try:
        campaign.body.stream_block.clean(campaign.body)
    except StreamBlockValidationError as error:  # Drafts are saved with blocks half filled in.
        said = sorted(_messages_of(error.as_json_data()))
        reasons.append(
            " ".join([_("The body is empty, or one of its blocks is not complete."), *said])
        )
    try:
        if unknown := campaign.unknown_tokens():
            reasons.append(unknown_token_message(unknown))
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
    if not audience.subscriptions_of(campaign).mailable().exists():
        return [_("Nobody would get it: no reader of these address books can be written to.")]
    return []


def _by_field(campaign: Campaign, error: ValidationError) -> list[str]:
    """Each message behind the label that the editor knows its field by."""
    return [
        message
        if field == NON_FIELD_ERRORS
        else f"{capfirst(campaign._meta.get_field(field).verbose_name)}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    ]


def _needs_approval(campaign: Campaign) -> bool:
    return not campaign.live or campaign.has_unpublished_changes


def _may_approve(campaign: Campaign, user: User | None) -> bool:
    """Sending approves in the same step where no workflow is set; without a user it is a command's."""
    if campaign.has_workflow:
        return False
    permission = f"{campaign._meta.app_label}.publish_campaign"
    return user is None or user.has_perm(permission)


@transaction.atomic
def send_campaign(*, campaign: Campaign, user: User | None = None, seen: str | None = None) -> None:
    """Approve, freeze and start, once, however often it is called.

    `seen` is the `digest_of_newest` that the sender has looked at, where they have. Raise
    `CannotSend` with the reasons, or `AlreadySent`; nothing has changed then.
    """
    # From here on `current` holds its newest revision: what is checked is what is sent.
    current = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if current.send_status != SendStatus.DRAFT:
        raise AlreadySent([_("This campaign has been sent already.")])
    if seen not in (None, digest_of_newest(current)):
        raise CannotSend([_("The campaign has been changed since you opened this page.")])
    if reasons := reasons_against_sending(newest(current), user=user):
        raise CannotSend(reasons)
    _approve(current, user)
    Campaign.objects.filter(pk=campaign.pk).update(
        send_status=SendStatus.PREPARING, sending_started_at=now()
    )
    approved = Campaign.objects.get(pk=campaign.pk)
    _freeze(approved, user)
    log(instance=approved, action="wagtail_gdpr_newsletter.send", user=user)
    transaction.on_commit(lambda: _ring(campaign.pk), robust=True)


def _approve(campaign: Campaign, user: User | None) -> None:
    if _needs_approval(campaign):
        revision = campaign.latest_revision or campaign.save_revision(user=user)
        revision.publish(user=user)


def _freeze(campaign: Campaign, user: User | None) -> None:
    rendered = campaign.render()
    sender = campaign.sender
    FrozenMessage.objects.create(
        campaign=campaign,
        revision=campaign.live_revision,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        from_header=sender.from_header,
        reply_to=sender.email,
        digest=pseudonyms.digest_of([rendered.subject, rendered.html, rendered.text]),
        frozen_by=user,
    )


def _ring(campaign_pk: int) -> None:
    async_task(work_on_campaign, campaign_pk, q_options={"save": False, "ack_failure": True})


def work_on_campaign(campaign_pk: int) -> None:
    """One short turn of a worker: write the ledger or send from it, then ring for the next turn."""
    until = now() + dispatch.CLAIM_LIFETIME
    if not Campaign.objects.lease(campaign_pk, until=until):
        return  # Finished, or in the hands of another worker.
    campaign = Campaign.objects.get(pk=campaign_pk)
    try:
        finished = _work(campaign)
    except Exception as error:
        _set_trouble(campaign, _("Sending failed (%(error)s).") % {"error": type(error).__name__})
        raise
    finally:
        Campaign.objects.give_back(campaign_pk, until=until)
    if not finished and campaign.deliveries.due().exists():
        _ring(campaign_pk)


def _work(campaign: Campaign) -> bool:
    """True where there is nothing left to do now."""
    if campaign.send_status == SendStatus.PREPARING:
        audience.write_ledger(campaign)
        _move(campaign, SendStatus.PREPARING, SendStatus.SENDING)
    try:
        dispatch.run_lane(campaign)
    except MailerRefuses as error:
        _set_trouble(
            campaign,
            _(
                "The mail server accepts no mail at the moment (%(error)s). It is tried again every minute."
            )
            % {"error": error},
        )
        return True
    _set_trouble(campaign, "")
    return _finish(campaign)


def _set_trouble(campaign: Campaign, trouble: str) -> None:
    Campaign.objects.filter(pk=campaign.pk).exclude(trouble=trouble).update(trouble=trouble)


def _move(campaign: Campaign, before: SendStatus, after: SendStatus, **changes: object) -> bool:
    """True for the one caller who moves it."""
    here = Campaign.objects.filter(pk=campaign.pk, send_status=before)
    return here.update(send_status=after, **changes) == 1


def _finish(campaign: Campaign) -> bool:
    """Finished is what has nothing waiting, not even for a second attempt."""
    if campaign.deliveries.unsettled().exists():
        return False
    if _move(campaign, SendStatus.SENDING, SendStatus.SENT, sending_finished_at=now()):
        campaign.refresh_from_db()
        signals.announce(signals.campaign_finished, Campaign, campaign=campaign)
    return True


def tend_campaigns() -> None:
    """Take back the claims of dead lanes, and ring for every campaign that nobody works on."""
    for campaign in Campaign.objects.under_way().unleased():
        dispatch.release_dead_claims(campaign)
        _ring(campaign.pk)
