"""A site of its own with its database, its clusters of workers, and a mail server in this process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.supervisor import ROOT, Process, tail
from tests.engine.databases import new_database
from tests.smtp_server import Manners, SmtpServer, serving


@dataclass
class World:
    directory: Path
    server: SmtpServer
    env: dict[str, str]
    campaign: int = 0
    clusters: list[Process] = field(default_factory=list)

    def do(self, verb: str, *arguments: int) -> Any:
        """One verb of `inside.py`, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.engine.inside", verb, *map(str, arguments)],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    def start_cluster(self, **env: str) -> Process:
        log = self.directory / f"cluster{len(self.clusters)}.log"
        process = Process("cluster", "qcluster", env=self.env | env, log=log)
        self.clusters.append(process)
        return process

    def kill_lanes(self, cluster: Process) -> None:
        """The workers that are talking to the mail server, alone; their cluster starts new ones.

        An idle one that is killed takes the lock of its cluster's queue with it, and the cluster is dead.
        """
        deadline = time.monotonic() + 20
        while not (lanes := self.lanes_of(cluster)):  # It is between two turns.
            assert time.monotonic() < deadline, self.last_words()
            time.sleep(0.01)
        for worker in lanes:
            os.kill(worker, signal.SIGKILL)

    def lanes_of(self, cluster: Process) -> set[int]:
        talking = connected_to(self.server.port)
        workers = [each for leader in children(cluster.popen.pid) for each in children(leader)]
        return {each for each in workers if talking & sockets_of(each)}

    def wait_for(self, number: int, *, timeout: float = 60) -> None:
        """Until the server has got so many messages."""
        deadline = time.monotonic() + timeout
        while len(self.server.received) < number:
            assert time.monotonic() < deadline, self.last_words()
            time.sleep(0.002)

    def wait_until_finished(self, *, timeout: float = 120) -> dict[str, Any]:
        """The report, once the campaign is over; the minutely job runs every two seconds."""
        deadline = time.monotonic() + timeout
        while (report := self.do("report", self.campaign))["send_status"] != "sent":
            assert time.monotonic() < deadline, f"{report['counted']} {self.last_words()}"
            self.do("tend")
            time.sleep(1)
        return report

    def last_words(self) -> str:
        return "\n".join(tail(cluster.log) for cluster in self.clusters[-2:])


def children(parent: int) -> list[int]:
    """Linux writes them down."""
    with suppress(OSError):
        return [
            int(number)
            for task in Path(f"/proc/{parent}/task").iterdir()
            for number in (task / "children").read_text().split()
        ]
    return []


def sockets_of(process: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(link))
    return found


def connected_to(port: int) -> set[str]:
    """The sockets of this machine that are clients of it."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {f"socket:[{each[9]}]" for each in fields if int(each[2].partition(":")[2], 16) == port}


@contextmanager
def world(
    directory: Path,
    *,
    readers: int,
    size: int = 9000,
    manners: Manners | None = None,
    database: str | None = None,
    **env: str,
) -> Iterator[World]:
    """`database`: a server's URL, or empty for SQLite; the one that the suite runs on where it is not given."""
    url = os.environ.get("DATABASE_URL", "") if database is None else database
    with new_database(url, directory=directory) as own, serving(manners) as server:
        here = World(
            directory,
            server,
            {
                **os.environ,
                "DATABASE_URL": own,
                "DJANGO_SETTINGS_MODULE": "sandbox.settings",
                "SANDBOX_STATE": str(directory),
                "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
                **env,
            },
        )
        here.campaign = here.do("prepare", readers, size)["campaign"]
        try:
            yield here
        finally:
            for cluster in here.clusters:
                cluster.kill()
