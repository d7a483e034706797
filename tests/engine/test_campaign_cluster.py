"""A cluster for campaigns alone: it sends with all its workers, and everything else goes by another way."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.engine.world import World, world
from tests.smtp_server import Manners

READERS = 1500
WORKERS = 2
OWN_CLUSTER = {
    "WAGTAIL_GDPR_NEWSLETTER_CAMPAIGN_CLUSTER": "campaigns",
    "Q_ALT_CLUSTERS": json.dumps({"campaigns": {"workers": WORKERS}}),
}
LANE = "actions.campaigns.run_lane"
CONFIRMATION = "actions.confirmation_mail.send_confirmation"

pytestmark = [
    pytest.mark.xdist_group("engine"),
    pytest.mark.skipif(
        not Path("/proc/self/task").exists(),
        reason="How to find the workers of a cluster is Linux's way.",
    ),
]


def wait_for_confirmation(site: World, address: str) -> None:
    deadline = time.monotonic() + 30
    while address not in site.server.recipients:
        assert time.monotonic() < deadline, site.last_words()
        time.sleep(0.05)


def everybody_once(site: World, *besides: str) -> bool:
    readers = [f"reader{number}@example.org" for number in range(READERS)]
    return sorted(site.server.recipients) == sorted([*readers, *besides])


def test_campaigns_leave_from_their_own_workers_and_confirmations_from_the_others(tmp_path):
    with world(tmp_path, readers=READERS, manners=Manners(delay=0.2), **OWN_CLUSTER) as site:
        others = site.start_cluster()
        campaigns = site.start_cluster(Q_CLUSTER_NAME="campaigns")
        site.do("send", site.campaign)
        deadline = time.monotonic() + 60
        while len(site.lanes_of(campaigns)) < WORKERS:
            assert time.monotonic() < deadline, site.last_words()
            time.sleep(0.05)

        newcomer = site.do("sign_up", 1)["address"]
        wait_for_confirmation(site, newcomer)
        assert len(site.server.received) < READERS, "it had not to wait for the campaign"

        site.server.manners.delay = 0
        report = site.wait_until_finished()
        assert report["counted"] == {"sent": READERS}
        assert everybody_once(site, newcomer)
        assert CONFIRMATION in others.log.read_text()
        assert LANE not in others.log.read_text()
        assert LANE in campaigns.log.read_text()
        assert CONFIRMATION not in campaigns.log.read_text()


def test_campaigns_wait_for_their_workers_while_those_are_missing(tmp_path):
    with world(tmp_path, readers=READERS, **OWN_CLUSTER) as site:
        site.start_cluster()
        site.do("send", site.campaign)
        site.do("tend")
        newcomer = site.do("sign_up", 1)["address"]
        wait_for_confirmation(site, newcomer)
        assert site.server.recipients == [newcomer]
        assert site.do("report", site.campaign)["send_status"] == "preparing"

        site.start_cluster(Q_CLUSTER_NAME="campaigns")
        assert site.wait_until_finished()["counted"] == {"sent": READERS}
        assert everybody_once(site, newcomer)
