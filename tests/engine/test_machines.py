"""Clusters that know nothing of each other share a campaign, as on several machines."""

from __future__ import annotations

from tests.engine.conftest import on_linux
from tests.smtp_server import Manners

READERS = 4000

pytestmark = on_linux


def test_a_cluster_that_is_idle_is_rung_for_while_another_has_all_its_turns(begin):
    """Of two workers one may send; the other hears bells, too, and must not be all who hears them."""
    site = begin(READERS, Manners(delay=0.2))
    clusters = [site.start_cluster(), site.start_cluster()]
    site.do("send", site.campaign)
    site.wait_until(lambda: all(map(site.lanes_of, clusters)), timeout=90)

    site.server.manners.delay = 0
    assert site.wait_until_finished()["counted"] == {"sent": READERS}
    assert len(set(site.server.recipients)) == len(site.server.recipients) == READERS
