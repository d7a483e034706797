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


def go_on(
    site: World, number: int, until: str, *, by: str, kills: int, verb: str = ""
) -> dict[str, Any]:
    """Until it stands there; meanwhile all workers are killed so often, each time at some other part of the way."""
    site.do(
        "go_on_with_import", number, verb
    )  # Before there is anybody who works, and holds the database.
    cluster = site.start_cluster()
    deadline = time.monotonic() + 180
    parts = [(each + random.uniform(0.2, 0.8)) / (kills + 0.5) for each in range(kills)]
    while (state := site.do("import_state", number))["status"] != until:
        assert time.monotonic() < deadline, f"{state} {site.last_words()}"
        if parts and state[by] > parts[0] * ROWS * 0.9:
            cluster.kill()
            site.do("go_on_with_import", number)
            cluster = site.start_cluster()
            parts.pop(0)
        time.sleep(0.02)
    cluster.kill()
    assert not parts, "it was over too soon to be killed so often"
    return state


def test_workers_killed_at_random_instants_take_every_row_once_and_back_once(begin):
    site = begin(1)
    number = site.do("begin_import", ROWS)
    state = go_on(site, number, "checked", by="rows", kills=1)
    assert state["counts"] == {"proven": PEOPLE, "twice": ROWS - PEOPLE}
    state = go_on(site, number, "done", by="people", kills=KILLS, verb="start")
    assert state["counts"] == {"proven": PEOPLE, "twice": ROWS - PEOPLE}
    assert (state["people"], state["records"]) == (PEOPLE, PEOPLE)
    assert state["left_out"] == ROWS - PEOPLE
    state = go_on(site, number, "undone", by="undone", kills=1, verb="undo")
    assert (state["people"], state["undone"]) == (0, PEOPLE)
