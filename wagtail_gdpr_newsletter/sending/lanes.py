"""Which worker is at work, and what dead ones leave behind.

What a lane has claimed, and which of it is on the wire, stands in its own row: a claim writes that row and
the ledger's, however many deliveries it is about, and no delivery is written before its outcome is known.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django_q.conf import Conf

from .. import conf, pseudonyms
from ..models import Delivery, DeliveryStatus, Lane, Ledger, Pace
from ..models.ledgers import LANE_LEASE
from .claims import Batch

logger = logging.getLogger(__name__)


def open_lane() -> Lane | None:
    """This worker's, or `None` where its cluster has as many at work as it may."""
    bury_dead_neighbours()
    for slot in range(slots()):
        with suppress(IntegrityError), transaction.atomic():
            return Lane.objects.create(
                machine=_machine(),
                leader=os.getppid(),
                process=os.getpid(),
                slot=slot,
                leased_until=now() + LANE_LEASE,
            )
    return None


def slots() -> int:
    """All workers but one, so that confirmation and My data mails are never behind a campaign.

    In a cluster for campaigns alone it is all of them. A lane's task that was put into the other queue before
    the site had such a cluster is done there, and rings here.
    """
    if conf.campaign_cluster() == Conf.CLUSTER_NAME:
        return Conf.WORKERS
    return max(1, Conf.WORKERS - 1)


@contextmanager
def logged_faults(what: str, *arguments: object) -> Iterator[None]:
    """One that goes wrong does not keep the others from being tended."""
    try:
        yield
    except Exception:
        if connection.in_atomic_block:
            raise
        logger.exception(f"Could not {what}.", *arguments)


def bury_dead_neighbours() -> None:
    """The lanes of this machine whose worker is no more need not wait until their lease is over."""
    for lane in Lane.objects.filter(machine=_machine()):
        if not _is_alive(lane.process):
            with logged_faults("bury lane %s", lane):
                close(lane.pk)


def bury_the_dead() -> None:
    """All lanes that have not been heard of, wherever they were."""
    bury_dead_neighbours()
    for lane in Lane.objects.dead():
        with logged_faults("bury lane %s", lane):
            close(lane.pk)


@transaction.atomic
def close(lane_pk: int) -> None:
    """What it had claimed is due again, but for what was on the wire: that is in doubt, for good."""
    lane = Lane.objects.select_for_update().filter(pk=lane_pk).first()
    if lane is None:
        return
    if lane.campaign_id:
        # Before the deliveries, as whoever claims or reports does it.
        ledger = Ledger.objects.select_for_update().get(campaign=lane.campaign_id)
        outcomes, reasons = Counter(lane.tally), Counter(lane.reasons)
        in_flight = set(lane.in_flight)
        for batch in map(Batch.from_json, lane.batches):
            if in_doubt := batch.deliveries & in_flight:
                number = _put_in_doubt(batch, in_doubt)
                outcomes[DeliveryStatus.UNKNOWN] += number
                reasons[_doubt()] += number
            give_back(lane, batch, batch.deliveries - in_flight)
        ledger.add_to_tally(outcomes, reasons)
    lane.delete()


def _doubt() -> str:
    return _("The worker stopped while the message was on its way.")


def _put_in_doubt(batch: Batch, deliveries: Collection[int]) -> int:
    return Delivery.objects.still_pending(deliveries).update(
        status=DeliveryStatus.UNKNOWN,
        sent_at=batch.looked_at,
        attempts=F("attempts") + 1,
        error=_doubt(),
    )


def give_back(lane: Lane, batch: Batch, unbegun: Collection[int]) -> None:
    """These of it are due again at once, and their sender may send as many others instead."""
    number = Delivery.objects.give_back(unbegun) if unbegun else 0
    if batch.granted_at is not None and lane.campaign:
        Pace.objects.take_back(lane.campaign.site, number, granted_at=batch.granted_at)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@cache
def _machine() -> str:
    """Tells machines, and containers on one machine, apart: a process number means something within one."""
    told = [socket.gethostname()]
    with suppress(OSError):
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        told.append(os.readlink("/proc/self/ns/pid"))
    return pseudonyms.digest_of(told)
