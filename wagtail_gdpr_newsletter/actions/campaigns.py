"""What happens when a campaign is sent?

The newest revision is approved where that is still to do, the message is frozen, the campaign
starts, and a lane is rung. On a worker the ledger is written (one delivery a contact), then lanes
claim deliveries, ask again who may be written to, send, and record. The ledger is the truth and
the queue only its doorbell: `tend_campaigns`, once a minute, rings for whatever is unfinished.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.text import Truncator
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django_q.brokers import get_broker
from django_q.tasks import async_task
from wagtail.log_actions import log

from .. import conf, pseudonyms, signals
from ..models import Campaign, FrozenMessage, Ledger, SendStatus
from ..models.ledgers import LANE_LEASE
from ..sending import dispatch, lanes, ledger, narrowing
from ..sending.lanes import logged_faults
from ..sending.transport import MailerRefuses
from ..sending.turn import LaneLost, Turn, take_turn
from .readiness import needs_approval, newest, reasons_against_sending

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


#: A lane is a short task: it stops after this many seconds and is rung again.
LANE_SECONDS = 10
#: So many times a cluster that has no turn to give hands a bell on, for another that has.
PASSES = 3
#: Minutes for which a server that takes nothing is left alone, each time longer.
RESTS = (1, 2, 4, 8, 15)

logger = logging.getLogger(__name__)


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
def send_campaign(
    *,
    campaign: Campaign,
    user: User | None = None,
    seen: str | None = None,
    at: datetime | None = None,
) -> None:
    """Approve, freeze and start, once, however often it is called; or have that done at a time to come.

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
    if at is not None and at <= now():
        raise CannotSend([_("That time has passed.")])
    _approve(current, user)
    if at is None:
        _start(Campaign.objects.get(pk=campaign.pk), user)
    else:
        Campaign.objects.filter(pk=campaign.pk).update(
            send_status=SendStatus.SCHEDULED, send_at=at, scheduled_by=user, trouble=""
        )
        log(
            instance=current,
            action="wagtail_gdpr_newsletter.schedule",
            user=user,
            data={"send_at": at.isoformat()},
        )


@transaction.atomic
def unschedule_campaign(*, campaign: Campaign, user: User | None = None) -> bool:
    """Make it a draft again; False where it is on no schedule, or has begun."""
    if not _move(campaign, SendStatus.SCHEDULED, SendStatus.DRAFT, send_at=None, scheduled_by=None):
        return False
    log(instance=campaign, action="wagtail_gdpr_newsletter.unschedule", user=user)
    return True


def _start_scheduled() -> None:
    """Whatever is due; what cannot be sent any more becomes a draft again, and says why."""
    due = Campaign.objects.filter(send_status=SendStatus.SCHEDULED, send_at__lte=now())
    for pk in due.order_by("send_at").values_list("pk", flat=True):
        with logged_faults("start campaign %s", pk), transaction.atomic():
            campaign = due.select_for_update().filter(pk=pk).first()
            if campaign is None:
                continue  # Somebody was quicker.
            if reasons := reasons_against_sending(campaign):
                trouble = _("It was not sent at its time: %(reasons)s")
                _set_trouble(campaign, trouble % {"reasons": " ".join(reasons)})
                _move(campaign, SendStatus.SCHEDULED, SendStatus.DRAFT, send_at=None)
            else:
                _start(campaign, campaign.scheduled_by)


def _start(campaign: Campaign, user: User | None) -> None:
    """As approved it is frozen, and goes to work."""
    Campaign.objects.filter(pk=campaign.pk).update(
        send_status=SendStatus.PREPARING, sending_started_at=now(), trouble=""
    )
    _freeze(campaign, user)
    Ledger.objects.create(campaign=campaign)
    log(instance=campaign, action="wagtail_gdpr_newsletter.send", user=user)
    transaction.on_commit(partial(_note, "started", campaign), robust=True)
    transaction.on_commit(ring, robust=True)


def _approve(campaign: Campaign, user: User | None) -> None:
    if needs_approval(campaign):
        revision = campaign.latest_revision or campaign.save_revision(user=user)
        revision.publish(user=user)


def _freeze(campaign: Campaign, user: User | None) -> None:
    rendered = campaign.render()
    sender = campaign.sender
    message = FrozenMessage(
        campaign=campaign,
        revision=campaign.live_revision,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        fields=campaign.fields_in(rendered),
        from_header=sender.from_header,
        reply_to=sender.email,
        audience=narrowing.definition_of(campaign),
        frozen_by=user,
    )
    message.digest = message.digest_now()
    message.save()


def ring(*, passes: int = PASSES) -> None:
    options = {"save": False, "ack_failure": True, "cluster": _queue()}
    async_task(run_lane, passes, q_options=options)


def _queue() -> str | None:
    return conf.campaign_cluster() or None  # None is django-q2's own.


def run_lane(passes: int = 0) -> None:
    """One worker's turn of ten seconds: write a ledger or send from it, then ring for the next turn.

    A queue that loses, repeats or reorders these tasks changes nothing: what there is to do stands in the
    ledgers, and a cluster has no more turns than it may have, however often it is rung.
    """
    deadline = monotonic() + LANE_SECONDS
    while monotonic() < deadline:
        turn = take_turn()
        if turn is None:
            if passes:
                ring(passes=passes - 1)
            return  # Those that are at work ring when they have done.
        try:
            campaign = turn.turn_to_next()
            if campaign is None:
                return
            with logged_faults("ring for other workers"):
                _ring_for_others()
            _work(campaign, turn, deadline)
        finally:
            turn.end()
        _note("lane ended", campaign, seconds=turn.seconds, **turn.outcomes)
        _finish(campaign)
    ring()


def _ring_for_others() -> None:
    """Whichever worker hears it, here or on another machine; once is enough until one has."""
    if not get_broker(_queue()).queue_size():
        ring()


def _work(campaign: Campaign, turn: Turn, deadline: float) -> None:
    try:
        if campaign.send_status == SendStatus.CANCELLED:
            turn.cancel(deadline=deadline)
        elif campaign.send_status == SendStatus.SENDING or _write_ledger(campaign, turn, deadline):
            dispatch.run(campaign, turn, deadline=deadline)
            if turn.has_sent:
                _all_is_well(campaign)
    except MailerRefuses as refusal:
        _rest(campaign, turn, refusal)
    except dispatch.SenderWaits as waits:
        Ledger.objects.rest(campaign, until=now() + timedelta(seconds=waits.seconds))
    except LaneLost:
        logger.warning(
            "A lane of campaign %s has stopped: it was taken for dead, or the database was away.",
            campaign.pk,
        )
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError):  # The mail server is not to blame.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        else:
            _rest(campaign, turn, MailerRefuses(type(error).__name__))
        raise


def _write_ledger(campaign: Campaign, turn: Turn, deadline: float) -> bool:
    """True once it is complete; another turn goes on where this one stops."""
    lease = now() + LANE_LEASE
    if not Ledger.objects.lease_to_writer(campaign, until=lease):
        return False
    try:
        while not ledger.is_written(campaign):
            if monotonic() > deadline or not ledger.write_step(campaign, lease=lease):
                return False
            turn.beat()
    finally:
        Ledger.objects.filter(campaign=campaign, writer_until=lease).update(writer_until=None)
    Ledger.objects.filter(campaign=campaign).update(is_complete=True)
    _note("ledger written", campaign, lines=Ledger.objects.get(campaign=campaign).size)
    return _move(campaign, SendStatus.PREPARING, SendStatus.SENDING)


def _rest(campaign: Campaign, turn: Turn, refusal: MailerRefuses) -> None:
    """Leave the server alone for some minutes; where only a person can help, until one has."""
    if refusal.for_good:
        reason = _(
            "The mail server or provider refuses everything (%(error)s). When that is mended, resume."
        )
        _move(campaign, SendStatus.SENDING, SendStatus.PAUSED)
    else:
        reason = _(
            "The mail server accepts no mail at the moment (%(error)s). It is tried again by itself."
        )
        before = 0 if turn.has_sent else Ledger.objects.get(campaign=campaign).refusals
        rest = timedelta(minutes=RESTS[min(before, len(RESTS) - 1)])
        if refusal.retry_after is not None:
            least = timedelta(seconds=0 if turn.has_sent else LANE_SECONDS)
            rest = max(refusal.retry_after, least)
            Ledger.objects.keep_quiet(until=now() + rest)
        Ledger.objects.rest(campaign, until=now() + rest, refusals=before + 1)
    _set_trouble(campaign, reason % {"error": refusal})
    _note("refused", campaign, for_good=refusal.for_good, reason=str(refusal))


def _all_is_well(campaign: Campaign) -> None:
    """Only where it is still being sent: another lane may have found out more."""
    under_way = Campaign.objects.filter(pk=campaign.pk, send_status=SendStatus.SENDING)
    if under_way.exclude(trouble="").update(trouble=""):
        Ledger.objects.filter(campaign=campaign).update(refusals=0)


def _set_trouble(campaign: Campaign, trouble: str) -> None:
    trouble = Truncator(trouble).chars(200)
    Campaign.objects.filter(pk=campaign.pk).exclude(trouble=trouble).update(trouble=trouble)


def _move(campaign: Campaign, before: SendStatus, after: SendStatus, **changes: object) -> bool:
    """True for the one caller who moves it."""
    here = Campaign.objects.filter(pk=campaign.pk, send_status=before)
    return here.update(send_status=after, **changes) == 1


def _finish(campaign: Campaign) -> None:
    """Finished is what has nothing waiting, not even for another attempt, and nobody at work."""
    with transaction.atomic():
        if not Ledger.objects.is_worked_off(campaign):
            return
        changes = {"sending_finished_at": now(), "trouble": ""}
        if not _move(campaign, SendStatus.SENDING, SendStatus.SENT, **changes):
            return
        campaign.refresh_from_db()
        _note("finished", campaign, **campaign.ledger.counted())
        signals.announce(signals.campaign_finished, Campaign, campaign=campaign)


def _note(event: str, campaign: Campaign, **facts: object) -> None:
    """Into the log: for people, and as data in the record's `newsletter`. No address is among the facts."""
    told = {str(name): fact for name, fact in facts.items()}
    words = ", ".join([event, *(f"{name}: {fact}" for name, fact in told.items())])
    data = {"event": event, "campaign": campaign.pk, **told}
    logger.info("Campaign %s: %s", campaign.pk, words, extra={"newsletter": data})


def tend_campaigns() -> None:
    """Once a minute: take back what dead lanes had claimed, start what is due, finish what is done, and ring."""
    lanes.bury_the_dead()
    _start_scheduled()
    for campaign in Campaign.objects.filter(send_status=SendStatus.SENDING):
        with logged_faults("finish campaign %s", campaign.pk):
            _finish(campaign)
    if Ledger.objects.with_work().exists():
        ring()
