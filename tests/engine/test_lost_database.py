"""The database hangs up on workers in the middle: nobody gets two copies, and nobody is in doubt for that."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from tests.engine import linux
from tests.engine.checking import faults
from tests.engine.conftest import on_linux
from tests.smtp_server import Manners

PORTS = {"postgres": 5432, "mysql": 3306}
CUTS = 12

URL = urlsplit(os.environ.get("DATABASE_URL", ""))
PORT = URL.port or PORTS.get(URL.scheme, 0)

pytestmark = [
    *on_linux,
    pytest.mark.skipif(
        not PORT,
        reason="SQLite has no connection to be cut: make test DATABASE_URL=postgres://… runs it",
    ),
]


def test_connections_to_the_database_that_are_cut_cost_nobody_their_copy(begin):
    """Batches of ten, so that some cuts come where a lane claims, looks or begins a turn."""
    site = begin(500, Manners(delay=0.01), WAGTAIL_GDPR_NEWSLETTER_BATCH_SIZE="10")
    cluster = site.start_cluster()
    site.do("send", site.campaign)

    def cut() -> int:
        ports = [
            port for lane in site.lanes_of(cluster) for port in linux.ports_to(PORT, process=lane)
        ]
        return site.do("cut", ports) if ports else 0

    for number in range(CUTS):
        site.wait_for_some(of=2 * (CUTS - number))
        site.wait_until(cut, tended=True)
    report = site.wait_until_finished()
    assert faults(site, report, in_doubt_at_most=0) == []
