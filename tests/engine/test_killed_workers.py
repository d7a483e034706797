"""Workers that die at any instant: everybody has one copy, but those whom the ledger calls unknown."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.engine.world import World, world
from tests.smtp_server import Manners

CONNECTIONS = 8
READERS = 2000
KILLS = 5

pytestmark = [
    pytest.mark.xdist_group("engine"),
    pytest.mark.skipif(
        not Path("/proc/self/task").exists(),
        reason="How to find the workers of a cluster is Linux's way.",
    ),
]


def check(site: World, report: dict, *, in_doubt_at_most: int) -> None:
    """Nobody lost, nobody twice, and the ledger says of each what is true of them."""
    copies = Counter(site.server.recipients)
    assert report["lines"] == len(report["deliveries"])
    twice = {address: number for address, number in copies.items() if number > 1}
    assert twice == {}, "a second copy"
    unknown = {address for address, status in report["deliveries"].items() if status == "unknown"}
    sent = {address for address, status in report["deliveries"].items() if status == "sent"}
    assert sent | unknown == set(report["deliveries"]), report["counted"]
    assert sent <= set(copies), "called sent, and nobody has got it"
    assert set(copies) - sent <= unknown
    assert len(unknown) <= in_doubt_at_most
    assert report["counted"] == dict(Counter(report["deliveries"].values()))
    assert report["lanes"] == 0


def test_workers_killed_at_random_instants_cost_nobody_their_copy(tmp_path):
    manners = Manners(delay=0.04)  # So that there is something to be killed.
    with world(tmp_path, readers=READERS, manners=manners) as site:
        cluster = site.start_cluster()
        site.do("send", site.campaign)
        for kill in range(KILLS):
            manners.pipelining = kill % 2 == 0  # For the conversations from now on.
            so_far = len(site.server.received)
            left = (READERS - so_far) // (2 * (KILLS - kill))
            site.wait_for(so_far + random.randrange(1, max(left, 2)))
            if kill % 2:
                site.kill_lanes(cluster)
            else:
                cluster.kill()
                cluster = site.start_cluster()
            site.do("tend")
        report = site.wait_until_finished()
        check(site, report, in_doubt_at_most=KILLS * CONNECTIONS)
