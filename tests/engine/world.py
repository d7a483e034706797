"""A site of its own with its clusters of workers, and a mail server in this process."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.supervisor import Process, tail
from tests.engine import linux
from tests.engine.console import Console
from tests.smtp_server import Manners, SmtpServer, serving


@dataclass
class World:
    directory: Path
    server: SmtpServer
    env: dict[str, str]
    campaign: int = 0
    readers: list[str] = field(default_factory=list)
    clusters: list[Process] = field(default_factory=list)
    consoles: list[Console] = field(default_factory=list)

    def open_console(self) -> Console:
        console = Console(env=self.env, log=self.directory / "consoles.log")
        self.consoles.append(console)
        return console

    def do(self, verb: str, *arguments: object) -> Any:
        return self.consoles[0].do(verb, *arguments)

    def start_cluster(self, **env: str) -> Process:
        log = self.directory / f"cluster{len(self.clusters)}.log"
        process = Process("cluster", "qcluster", env=self.env | env, log=log)
        self.clusters.append(process)
        return process

    def kill_lanes(self, cluster: Process) -> int:
        """The workers that are talking to the mail server, alone, and how many; their cluster starts new ones.

        An idle one that is killed takes the lock of its cluster's queue with it, and the cluster is dead.
        """
        killed = 0
        for worker in self.lanes_of(cluster):
            with linux.held(worker):
                if self.is_lane(worker):  # It is not idle since.
                    os.kill(worker, signal.SIGKILL)
                    killed += 1
        return killed

    def kill_a_lane(self, *clusters: Process) -> None:
        """Of the first of these clusters that has one, as soon as one has."""
        self.wait_until(lambda: any(map(self.kill_lanes, clusters)), tended=True)

    def lanes_of(self, cluster: Process) -> list[int]:
        workers = [
            each for leader in linux.children(cluster.popen.pid) for each in linux.children(leader)
        ]
        return [each for each in workers if self.is_lane(each)]

    def is_lane(self, worker: int) -> bool:
        return bool(linux.ports_to(self.server.port, process=worker))

    def wait_for(self, number: int, *, tended: bool = False) -> None:
        """Until the server has got so many messages."""
        self.wait_until(lambda: len(self.server.received) >= number, tended=tended)

    def wait_for_some(self, *, of: int) -> None:
        """Until a random number more has arrived: at most such a part of what is left."""
        so_far = len(self.server.received)
        some = random.randint(1, max(1, (len(self.readers) - so_far) // of))
        self.wait_for(so_far + some, tended=True)

    def wait_until(
        self, happened: Callable[[], object], *, tended: bool = False, timeout: float = 60
    ) -> None:
        """`tended`: the minutely job runs every second meanwhile."""
        began = tended_at = time.monotonic()
        while not happened():
            at = time.monotonic()
            assert at - began < timeout, self.last_words()
            if tended and at - tended_at > 1:
                self.do("tend")
                tended_at = at
            time.sleep(0.005)

    def wait_for_more(self, number: int, *, of: Callable[[], int]) -> None:
        so_far = of()
        self.wait_until(lambda: of() >= so_far + number, tended=True)

    def wait_until_finished(self, *, timeout: float = 120) -> dict[str, Any]:
        """The report, once the campaign is over; the minutely job runs every second, and each wait is over by then."""
        deadline = time.monotonic() + timeout
        while (report := self.do("report", self.campaign))["send_status"] != "sent":
            assert time.monotonic() < deadline, f"{report['counted']} {self.last_words()}"
            self.do("let_time_pass")
            self.do("tend")
            time.sleep(1)
        return report

    def refuse(self, point: str, reply: str) -> Callable[[], int]:
        """From now on the server says that at this point; how often it has is told by what is returned."""
        manners, said = self.server.manners, []

        def answer(_address: str) -> str:
            said.append(reply)
            return reply

        if point == "greeting":
            manners.greeting, before = reply, self.server.greeted
            return lambda: self.server.greeted - before
        setattr(manners, point, answer)
        return lambda: len(said)

    def last_words(self) -> str:
        return "\n".join(tail(cluster.log) for cluster in self.clusters[-3:])


@contextmanager
def world(
    directory: Path,
    *,
    database: str,
    readers: int,
    size: int = 9000,
    manners: Manners | None = None,
    **env: str,
) -> Iterator[World]:
    """`database`: the URL of the site's own; several worlds may have it one after the other."""
    with serving(manners) as server:
        here = World(
            directory,
            server,
            {
                **os.environ,
                "DATABASE_URL": database,
                "DJANGO_SETTINGS_MODULE": "tests.engine.settings",
                "ENGINE_QUEUE": f"engine-{secrets.token_hex(4)}",
                "SANDBOX_STATE": str(directory),
                "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
                **env,
            },
        )
        try:
            here.open_console()
            made = here.do("prepare", readers, size)
            here.campaign, here.readers = made["campaign"], made["readers"]
            yield here
        finally:
            for cluster in here.clusters:
                cluster.kill()
            for console in here.consoles:
                console.close()
