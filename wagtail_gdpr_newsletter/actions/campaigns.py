"""What happens when a campaign is sent?

The newest revision is approved where that is still to do, the message is frozen, the campaign
starts, and a lane is rung. On a worker the ledger is written (one delivery a contact), then lanes
claim deliveries, ask again who may be written to, send, and record. The ledger is the truth and
the queue only its doorbell: `tend_campaigns`, once a minute, rings for whatever is unfinished.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.utils.text import capfirst
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django_q.tasks import async_task
from wagtail.blocks.stream_block import StreamBlockValidationError
from wagtail.log_actions import log

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


def reasons_against_sending(campaign: Campaign, *, user: User | None = None) -> list[str]:
    """Everything that is missing before this text may go out; empty when it is ready."""
    reasons = []
    if missing := campaign.sender.missing():
        reasons.append(
            _("The newsletter sender of this site lacks: %(fields)s.")
            % {"fields": ", ".join(missing)}
        )
    reasons += _content_reasons(campaign)
    if _needs_approval(campaign) and not _may_approve(campaign, user):
        reasons.append(_("The last changes wait for approval."))
    return reasons


def _content_reasons(campaign: Campaign) -> list[str]:
    try:
        campaign.full_clean()
        campaign.body.stream_block.clean(campaign.body)
        if unknown := campaign.unknown_tokens():
            return [unknown_token_message(unknown)]
    except StreamBlockValidationError:  # Drafts are saved with blocks half filled in.
        return [_("The body is empty, or one of its blocks is not complete.")]
    except ValidationError as error:
        return _by_field(campaign, error)
    except RenderingFailed as error:
        return [str(error)]
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


def send_campaign(*, campaign: Campaign, user: User | None = None) -> None:
    """Approve, freeze and start, once, however often it is called.

    Raise `CannotSend` with the reasons, or `AlreadySent`; nothing has changed then.
    """
    draft = newest(campaign)
    with transaction.atomic():
        if reasons := reasons_against_sending(draft, user=user):
            raise CannotSend(reasons)
        started = Campaign.objects.filter(pk=campaign.pk, send_status=SendStatus.DRAFT).update(
            send_status=SendStatus.PREPARING, sending_started_at=now()
        )
        if not started:
            raise AlreadySent([_("This campaign has been sent already.")])
        _approve(campaign, user)
        approved = Campaign.objects.get(pk=campaign.pk)
        _freeze(approved, user)
        log(instance=approved, action="wagtail_gdpr_newsletter.send", user=user)
        transaction.on_commit(partial(_ring, campaign.pk))


def _approve(campaign: Campaign, user: User | None) -> None:
    current = Campaign.objects.get(pk=campaign.pk)
    if _needs_approval(current):
        revision = current.latest_revision or current.save_revision(user=user)
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
    campaign = Campaign.objects.under_way().filter(pk=campaign_pk).first()
    if campaign is None:
        return
    if campaign.send_status == SendStatus.PREPARING:
        audience.write_ledger(campaign)
        _move(campaign, SendStatus.PREPARING, SendStatus.SENDING)
    try:
        dispatch.run_lane(campaign)
    except MailerRefuses as error:
        _set_trouble(
            campaign,
            _(
                "The mail server takes nothing at the moment (%(error)s). It is tried again every minute."
            )
            % {"error": error},
        )
        return
    _set_trouble(campaign, "")
    if campaign.deliveries.due().exists():
        _ring(campaign.pk)
    else:
        _finish(campaign)


def _set_trouble(campaign: Campaign, trouble: str) -> None:
    Campaign.objects.filter(pk=campaign.pk).exclude(trouble=trouble).update(trouble=trouble)


def _move(campaign: Campaign, before: SendStatus, after: SendStatus, **changes: object) -> bool:
    """True for the one caller who moves it."""
    here = Campaign.objects.filter(pk=campaign.pk, send_status=before)
    return here.update(send_status=after, **changes) == 1


def _finish(campaign: Campaign) -> None:
    """Finished is what has nothing waiting, not even for a second attempt."""
    if campaign.deliveries.unsettled().exists():
        return
    if _move(campaign, SendStatus.SENDING, SendStatus.SENT, sending_finished_at=now()):
        campaign.refresh_from_db()
        signals.campaign_finished.send(Campaign, campaign=campaign)


def tend_campaigns() -> None:
    """Take back the claims of dead lanes, and ring for every campaign that is not finished."""
    dispatch.release_dead_claims()
    for campaign_pk in Campaign.objects.under_way().values_list("pk", flat=True):
        _ring(campaign_pk)
