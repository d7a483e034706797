"""A cluster for campaigns alone: it sends with all its workers, and everything else goes by another way."""

from __future__ import annotations

import json

from tests.engine.conftest import on_linux
from tests.engine.world import World
from tests.smtp_server import Manners

READERS = 1500
WORKERS = 2
OWN_CLUSTER = {
    "WAGTAIL_GDPR_NEWSLETTER_CAMPAIGN_CLUSTER": "campaigns",
    "Q_ALT_CLUSTERS": json.dumps({"campaigns": {"workers": WORKERS}}),
}
LANE = "actions.campaigns.run_lane"
CONFIRMATION = "actions.confirmation_mail.send_confirmation"

pytestmark = on_linux


def wait_for_confirmation(site: World, address: str) -> None:
    site.wait_until(lambda: address in site.server.recipients)


def everybody_once(site: World, *besides: str) -> bool:
    return sorted(site.server.recipients) == sorted([*site.readers, *besides])


def test_campaigns_leave_from_their_own_workers_and_confirmations_from_the_others(begin):
    site = begin(READERS, Manners(delay=0.2), **OWN_CLUSTER)
    others = site.start_cluster()
    campaigns = site.start_cluster(Q_CLUSTER_NAME="campaigns")
    site.do("send", site.campaign)
    site.wait_until(lambda: len(site.lanes_of(campaigns)) == WORKERS)

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


def test_campaigns_wait_for_their_workers_while_those_are_missing(begin):
    site = begin(READERS, **OWN_CLUSTER)
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
