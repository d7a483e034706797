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

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

UNDER_WAY = (SendStatus.PREPARING, SendStatus.SENDING)


@transaction.atomic
def pause_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """False where there is nothing to be held."""
    return _move(campaign, UNDER_WAY, SendStatus.PAUSED, "pause", user)


@transaction.atomic
def resume_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """Go on where it was held, whoever or whatever held it; False where nobody did."""
    Ledger.objects.filter(campaign=campaign).update(rests_until=None, refusals=0)
    # What is written already of the ledger is not written again.
    return _move(campaign, (SendStatus.PAUSED,), SendStatus.PREPARING, "resume", user)


@transaction.atomic
def cancel_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """End it for all who have not got it yet; what has left stays left. False where it had ended before."""
    held = (*UNDER_WAY, SendStatus.PAUSED)
    if not _move(campaign, held, SendStatus.CANCELLED, "cancel", user):
        return False
    Campaign.objects.filter(pk=campaign.pk).update(sending_finished_at=now())
    return True


@transaction.atomic
def send_again_in_doubt(*, campaign: Campaign, user: User | None = None) -> int:
    """Send to all of whom nobody knows whether they have it: they may get two. How many they are."""
    ledger = Ledger.objects.select_for_update().get(campaign=campaign)
    in_doubt = campaign.deliveries.filter(status=DeliveryStatus.UNKNOWN)
    errors = in_doubt.reasons()
    number = in_doubt.update(
        status=DeliveryStatus.PENDING, retry_at=now(), attempts=0, sent_at=None, error=""
    )
    if number:
        reasons = {error: -times for error, times in errors.items()}
        Ledger.objects.filter(pk=ledger.pk).update(rests_until=None, doubts_left_at=None)
        Ledger.objects.add_to_tally(ledger.pk, {DeliveryStatus.UNKNOWN: -number}, reasons)
        over = (SendStatus.SENT,)
        Campaign.objects.filter(pk=campaign.pk, send_status__in=over).update(
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


def _move(
    campaign: Campaign,
    before: tuple[SendStatus, ...],
    after: SendStatus,
    action: str,
    user: User | None,
) -> bool:
    here = Campaign.objects.filter(pk=campaign.pk, send_status__in=before)
    if not here.update(send_status=after, trouble=""):
        return False
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
