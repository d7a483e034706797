"""One campaign, three clusters at work, thirty kills at random instants: `python -m tests.engine.soak [--seed N]`.

On SQLite, and also where `DATABASE_URL` says; with the database as the queue, then with Redis as it is named by
`Q_REDIS_URL`. Fails with what is wrong where it is not true afterwards that everybody has one copy.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from tests.engine.checking import faults
from tests.engine.databases import new_database
from tests.engine.world import World, world
from tests.smtp_server import Manners

CLUSTERS = 3
#: Of a lane; a cluster of the sandbox has one at a time.
CONNECTIONS = 8


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def soak(site: World, *, kills: int) -> list[str]:
    """What is wrong when the campaign is over."""
    began = time.monotonic()
    clusters = [site.start_cluster() for _number in range(CLUSTERS)]
    site.do("send", site.campaign)
    for kill in range(kills):
        site.server.manners.pipelining = random.random() < 0.5
        site.wait_for_some(of=2 * (kills - kill))
        number = random.randrange(CLUSTERS)
        if random.random() < 0.5:
            what = f"cluster {number + 1}"
            clusters[number].kill()
            clusters[number] = site.start_cluster()
        else:
            what = "a worker"
            site.kill_a_lane(*clusters[number:], *clusters[:number])
        say(f"  {kill + 1:2}/{kills} killed: {what}, after {len(site.server.received)} copies")
    report = site.wait_until_finished()
    say(
        f"  {kills} kills, {len(site.server.received)} copies for {len(site.readers)} readers, "
        f"{report['counted'].get('unknown', 0)} unknown, {time.monotonic() - began:.0f} seconds"
    )
    return faults(site, report, in_doubt_at_most=kills * CONNECTIONS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--readers", type=int, default=6000)
    options = parser.parse_args()
    servers = ["", *filter(None, [os.environ.get("DATABASE_URL", "")])]
    queues = ["", *filter(None, [os.environ.get("Q_REDIS_URL", "")])]
    if len(servers) == 1:
        say("SQLite alone: DATABASE_URL=postgres://… adds another database.")
    if len(queues) == 1:
        say("The database as the queue alone: Q_REDIS_URL=redis://… adds Redis.")
    wrong = []
    for server, queue in product(servers, queues):
        where = f"{server.partition(':')[0] or 'sqlite'}, {'Redis' if queue else 'database'} as the queue"
        say(f"{where}, seed {options.seed}:")
        random.seed(options.seed)
        with (
            tempfile.TemporaryDirectory() as name,
            new_database(server, directory=Path(name)) as url,
        ):
            manners = Manners(delay=0.03)
            with world(
                Path(name),
                database=url,
                readers=options.readers,
                manners=manners,
                Q_REDIS_URL=queue,
            ) as site:
                wrong += [f"{where}: {fault}" for fault in soak(site, kills=options.kills)]
    if wrong:
        raise SystemExit(f"Seed {options.seed}. " + "; ".join(wrong))
    say("Everybody has one copy, but those in doubt.")


if __name__ == "__main__":
    main()
