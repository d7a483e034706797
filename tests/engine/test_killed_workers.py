"""Workers that die at any instant: everybody has one copy, but those whom the ledger calls unknown."""

from __future__ import annotations

from tests.engine.checking import faults
from tests.engine.conftest import on_linux
from tests.smtp_server import Manners

CONNECTIONS = 8
KILLS = 5
READERS = 2000
#: How a server may refuse for a while: at which point, and what it says then; to some it hangs up.
MOODS = [
    ("to_end", "452 4.3.1 the disk is full"),
    ("greeting", "421 4.3.2 too many of you"),
    ("to_sender", "421 4.3.2 shutting down"),
    ("to_data", "452 4.3.1 not so fast"),
    ("to_end", "421 4.3.2 shutting down"),
]

pytestmark = on_linux


def test_workers_killed_at_random_instants_cost_nobody_their_copy(begin):
    manners = Manners(delay=0.03)  # So that there is something to be killed.
    site = begin(READERS, manners)
    cluster = site.start_cluster()
    site.do("send", site.campaign)
    for kill in range(KILLS):
        manners.pipelining = kill % 2 == 0  # For the conversations from now on.
        site.wait_for_some(of=2 * (KILLS - kill))
        if kill % 2:
            site.kill_a_lane(cluster)
        else:
            cluster.kill()
            cluster = site.start_cluster()
    report = site.wait_until_finished()
    assert faults(site, report, in_doubt_at_most=KILLS * CONNECTIONS) == []


def test_a_server_that_refuses_for_a_while_meanwhile_costs_nobody_theirs_either(begin):
    manners = Manners(delay=0.03)
    site = begin(READERS, manners)
    cluster = site.start_cluster()
    site.do("send", site.campaign)
    waited = 0
    for kill, (point, reply) in enumerate(MOODS):
        site.wait_for_some(of=2 * (len(MOODS) - kill))
        usual, refused = getattr(manners, point), site.refuse(point, reply)
        if kill % 2:
            site.kill_a_lane(cluster)
        else:
            site.wait_for_more(kill + 1, of=refused)
            cluster.kill()
            cluster = site.start_cluster()
        site.wait_for_more(1, of=refused)
        setattr(manners, point, usual)
        waited += site.do("let_time_pass")
    assert waited, "nobody was put off"
    report = site.wait_until_finished()
    assert faults(site, report, in_doubt_at_most=len(MOODS) * CONNECTIONS) == []
