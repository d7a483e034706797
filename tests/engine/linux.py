"""Which processes there are and whom they talk to, as Linux writes it down."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def children(parent: int) -> list[int]:
    with suppress(OSError):
        return [
            int(number)
            for task in Path(f"/proc/{parent}/task").iterdir()
            for number in (task / "children").read_text().split()
        ]
    return []


def ports_to(server: int, *, process: int) -> set[int]:
    """Those of this machine from which the process talks to that port."""
    clients = clients_of(server)
    return {clients[socket] for socket in sockets_of(process) if socket in clients}


def sockets_of(process: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(link))
    return found


def clients_of(server: int) -> dict[str, int]:
    """The sockets of this machine that are connected to that port, and from which."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {f"socket:[{each[9]}]": _port(each[1]) for each in fields if _port(each[2]) == server}


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)


@contextmanager
def held(process: int) -> Iterator[None]:
    """It does nothing meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
