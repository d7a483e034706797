"""What happens when a campaign is sent?

The newest revision is approved where that is still to do, the message is frozen, the campaign
starts, and a lane is rung. On a worker the ledger is written (one delivery a contact), then lanes
claim deliveries, ask again who may be written to, send, and record. The ledger is the truth and
the queue only its doorbell: `tend_campaigns`, once a minute, rings for whatever is unfinished.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django_q.tasks import async_task
from wagtail.log_actions import log

from .. import pseudonyms, signals
from ..models import Campaign, FrozenMessage, SendStatus
from ..sending import audience, dispatch
from ..sending.transport import MailerRefuses
from .readiness import needs_approval, newest, reasons_against_sending

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


class CannotSend(Exception):
    """The campaign is not ready; `reasons` tells an editor what to do."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class AlreadySent(CannotSend):
    """Somebody pressed Send before, perhaps in another tab."""


def digest_of_newest(campaign: Campaign) -> str:
    """Tells two states of the text apart: Wagtail saves on into the same revision while somebody types."""
    revision = campaign.latest_revision
    if revision is None:
        return ""
    return pseudonyms.digest(json.dumps(revision.content, sort_keys=True, cls=DjangoJSONEncoder))


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
    if needs_approval(campaign):
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
