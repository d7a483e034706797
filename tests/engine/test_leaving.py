"""Readers leave by the hundred while their newsletter is being sent: nobody who has left gets it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from tests.engine.checking import faults
from tests.engine.conftest import on_linux
from tests.engine.world import World
from tests.smtp_server import Manners
from wagtail_gdpr_newsletter.sending.supply import LATEST

WAYS = ("unsubscribe", "object", "erase")
LEAVING = 210

pytestmark = on_linux


def leave(site: World, leaving: list[tuple[str, str]]) -> dict[str, float]:
    """One after the other, in a process of the site's own; when each of them had left."""
    console = site.open_console()
    return {address: console.do("leave", address, way) for address, way in leaving}


def test_nobody_who_has_left_gets_a_copy_and_everybody_else_one(begin):
    manners = Manners(delay=0.06)
    site = begin(1000, manners)
    chosen = random.sample(site.readers, LEAVING)
    leaving = [(address, WAYS[number % 3]) for number, address in enumerate(chosen)]
    erased = [address for address, way in leaving if way == "erase"]
    site.start_cluster()
    site.do("send", site.campaign)
    site.wait_for(1)
    with ThreadPoolExecutor(2) as pool:
        halves = [pool.submit(leave, site, half) for half in (leaving[::2], leaving[1::2])]
        site.wait_for(len(site.readers) // 4)
        manners.delay = 1  # However slow this machine is: most have left before their turn.
        left_at = halves[0].result() | halves[1].result()
    manners.delay = 0.06
    report = site.wait_until_finished()

    assert faults(site, report, in_doubt_at_most=0) == []
    got_at = {message.recipient: message.at for message in site.server.received}
    assert set(site.readers) - set(got_at) <= set(left_at), "who stayed has got one"
    late = {each: got_at[each] - at for each, at in left_at.items() if each in got_at}
    assert [each for each, seconds in late.items() if seconds > LATEST] == []
    skipped = report["counted"].get("skipped", 0)
    assert skipped == len(site.readers) - len(got_at) > LEAVING // 4
    assert site.do("find", *erased[:3]) == []
