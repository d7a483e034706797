"""What happens when somebody holds a campaign on its way, lets it go on, ends it, or settles what is in doubt?

Each verb moves the campaign from one state to another, once, and leaves a line in the log. Lanes ask for the
state with every batch they claim, so that within a second or two nothing more leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from wagtail.log_actions import log

from ..models import Campaign, DeliveryStatus, Ledger, SendStatus
from .campaigns import ring
from .patience import patiently

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

UNDER_WAY = (SendStatus.PREPARING, SendStatus.SENDING)


def pause_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """False where there is nothing to be held."""
    return patiently(lambda: _move(campaign, UNDER_WAY, SendStatus.PAUSED, "pause", user))


def resume_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """Go on where it was held, whoever or whatever held it; False where nobody did."""
    complete = Ledger.objects.filter(campaign=campaign, is_complete=True).exists()
    after = SendStatus.SENDING if complete else SendStatus.PREPARING
    return patiently(lambda: _move(campaign, (SendStatus.PAUSED,), after, "resume", user))


def cancel_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """End it for all who have not got it yet; what has left stays left. False where it had ended before."""
    held = (*UNDER_WAY, SendStatus.PAUSED)
    over = {"sending_finished_at": now()}
    return patiently(lambda: _move(campaign, held, SendStatus.CANCELLED, "cancel", user, **over))


def send_again_in_doubt(*, campaign: Campaign, user: User | None = None) -> int:
    """Send to all of whom nobody knows whether they have it: they may get two. How many they are."""
    return patiently(lambda: _send_again(campaign, user))


@transaction.atomic
def _send_again(campaign: Campaign, user: User | None) -> int:
    ledger = Ledger.objects.select_for_update().get(campaign=campaign)
    goes_on = (SendStatus.SENDING, SendStatus.PAUSED, SendStatus.SENT)
    here = Campaign.objects.filter(pk=campaign.pk, send_status__in=goes_on)
    in_doubt = campaign.deliveries.filter(status=DeliveryStatus.UNKNOWN)
    if not here.exists() or not in_doubt.exists():
        return 0
    reasons = {error: -times for error, times in in_doubt.reasons().items()}
    number = in_doubt.update(
        status=DeliveryStatus.PENDING, retry_at=now(), attempts=0, sent_at=None, error=""
    )
    ledger.add_to_tally({DeliveryStatus.UNKNOWN: -number}, reasons)
    Ledger.objects.filter(pk=ledger.pk).update(rests_until=None, doubts_left_at=None)
    here.filter(send_status=SendStatus.SENT).update(
        send_status=SendStatus.SENDING, sending_finished_at=None
    )
    _note(campaign, "send_again", user, deliveries=number)
    transaction.on_commit(ring, robust=True)
    return number


@transaction.atomic
def leave_in_doubt(*, campaign: Campaign, user: User | None = None) -> bool:
    """Nobody asks any more what is to become of them; False where that was decided before."""
    undecided = Ledger.objects.filter(campaign=campaign, doubts_left_at__isnull=True)
    if not undecided.update(doubts_left_at=now()):
        return False
    _note(campaign, "leave_in_doubt", user)
    return True


@transaction.atomic
def _move(
    campaign: Campaign,
    before: tuple[SendStatus, ...],
    after: SendStatus,
    action: str,
    user: User | None,
    **changes: object,
) -> bool:
    here = Campaign.objects.filter(pk=campaign.pk, send_status__in=before)
    if not here.update(send_status=after, trouble="", **changes):
        return False
    # While it was held nobody could turn to it: its waiting begins now.
    Ledger.objects.filter(campaign=campaign).update(rests_until=None, refusals=0, served_at=now())
    _note(campaign, action, user)
    transaction.on_commit(ring, robust=True)
    return True


def _note(campaign: Campaign, action: str, user: User | None, **facts: object) -> None:
    log(
        instance=campaign,
        action=f"wagtail_gdpr_newsletter.{action}",
        user=user,
        data=facts or None,
    )
