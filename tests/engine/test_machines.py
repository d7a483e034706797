"""Clusters that know nothing of each other share a campaign, as on several machines."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.engine.world import world
from tests.smtp_server import Manners

READERS = 4000

pytestmark = [
    pytest.mark.xdist_group("engine"),
    pytest.mark.skipif(
        not Path("/proc/self/task").exists(),
        reason="How to find the workers of a cluster is Linux's way.",
    ),
]


def test_a_cluster_that_is_idle_is_rung_for_while_another_has_all_its_turns(tmp_path):
    """Of two workers one may send; the other hears bells, too, and must not be all who hears them."""
    with world(tmp_path, readers=READERS, manners=Manners(delay=0.2)) as site:
        clusters = [site.start_cluster(), site.start_cluster()]
        site.do("send", site.campaign)
        deadline = time.monotonic() + 90
        while not all(site.lanes_of(cluster) for cluster in clusters):
            assert time.monotonic() < deadline, site.last_words()
            time.sleep(0.1)

        site.server.manners.delay = 0
        assert site.wait_until_finished()["counted"] == {"sent": READERS}
        assert len(set(site.server.recipients)) == len(site.server.recipients) == READERS
