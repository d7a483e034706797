"""What the mail goes to, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Steps aside at once for whoever has something to do; one that is merely nice lets them wait for its time slice.
SPIN = """
import os
if hasattr(os, "SCHED_IDLE"):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
else:
    os.nice(19)
while True: pass
"""

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def sink() -> Iterator[int]:
    """Debian's smtp-sink where there is one, else a server of our own; on any port."""
    port = free_port()
    found = os.environ.get("SMTP_SINK") or shutil.which("smtp-sink")
    if found:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [found, *user, f"127.0.0.1:{port}", "1000"]
    else:
        command = [sys.executable, "-m", "tests.smtp_server", str(port)]
    with running(command, port):
        yield port


@contextmanager
def server(**manners: object) -> Iterator[int]:
    """Our own mail server with these manners."""
    port = free_port()
    with running([sys.executable, "-m", "tests.smtp_server", str(port), json.dumps(manners)], port):
        yield port


@dataclass
class Api:
    port: int

    @property
    def seen(self) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/") as answer:
            return json.load(answer)


@contextmanager
def api(*, delay: float, calls_a_second: int = 1_000_000) -> Iterator[Api]:
    """A provider's."""
    port = free_port()
    arguments = [str(port), str(delay), str(calls_a_second)]
    with running([sys.executable, "-m", "tests.provider", *arguments], port):
        yield Api(port)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        for _attempt in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def spinning() -> Iterator[None]:
    """Cores kept awake at idle priority: waking one up costs more than the exchange that is measured."""
    spinners = [
        subprocess.Popen([sys.executable, "-c", SPIN]) for _core in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
