"""Workers that die in the middle of an import: every row is taken once, and taken back once."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.engine.conftest import on_linux
from tests.engine.world import World

ROWS = 20_000
PEOPLE = ROWS * 9 // 10
KILLS = 3

pytestmark = on_linux


def go_on(site: World, number: int, until: str, *, kills: int, verb: str = "") -> dict[str, Any]:
    """Until it stands there; meanwhile all workers are killed so often, whatever they are at."""
    cluster = site.start_cluster()
    deadline = time.monotonic() + 120
    kill_at = time.monotonic() + random.uniform(1, 3)
    while (state := site.do("go_on_with_import", number, verb))["status"] != until:
        assert time.monotonic() < deadline, f"{state} {site.last_words()}"
        time.sleep(0.2)
        if kills and time.monotonic() > kill_at:
            cluster.kill()
            cluster = site.start_cluster()
            kills, kill_at = kills - 1, time.monotonic() + random.uniform(1, 3)
    cluster.kill()
    assert not kills, "it was over too soon to be killed so often"
    return state


def test_workers_killed_at_random_instants_take_every_row_once_and_back_once(begin):
    site = begin(1)
    number = site.do("begin_import", ROWS)
    state = go_on(site, number, "checked", kills=1)
    assert state["counts"] == {"proven": PEOPLE, "twice": ROWS - PEOPLE}
    state = go_on(site, number, "done", kills=KILLS, verb="start")
    assert state["counts"] == {"proven": PEOPLE, "twice": ROWS - PEOPLE}
    assert (state["people"], state["records"]) == (PEOPLE, PEOPLE)
    assert state["left_out"] == ROWS - PEOPLE
    state = go_on(site, number, "undone", kills=1, verb="undo")
    assert (state["people"], state["undone"]) == (0, PEOPLE)
