"""The queue is a doorbell: whoever empties it loses nobody."""

from __future__ import annotations

from tests.engine.checking import faults
from tests.engine.conftest import on_linux
from tests.smtp_server import Manners

pytestmark = on_linux


def test_a_queue_that_is_emptied_in_the_middle_loses_nobody(begin):
    """`Q_REDIS_URL` chooses the queue: Redis, or a table of the database."""
    manners = Manners(delay=0.1)
    site = begin(1200, manners)
    site.do("stop_schedules")  # Here it is the test that lets the minutely job run.
    cluster = site.start_cluster()
    site.do("send", site.campaign)
    site.wait_for(50)
    site.do("empty_queue")
    site.wait_for(100)  # The lane at work does not mind.
    cluster.stop(grace=30)  # It ends its turn, and rings for the next one.
    so_far = len(site.server.received)
    assert site.do("empty_queue") == 1

    manners.delay = 0
    site.start_cluster()
    site.do("ask_worker")
    assert len(site.server.received) == so_far < len(site.readers), "nobody has rung"
    report = site.wait_until_finished()
    assert faults(site, report, in_doubt_at_most=0) == []
