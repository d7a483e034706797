"""An open connection's octets, without waiting: commands go out, replies come in (RFC 5321)."""

from __future__ import annotations

import selectors
import socket
import ssl
from contextlib import suppress
from typing import Any, NamedTuple

#: Seconds for the last words.
GOODBYE = 1
#: More than any reply is long.
CHUNK = 65536

NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Reply(NamedTuple):
    code: int
    text: str


class Wire:
    """`owner`: who the selector tells that there is something to read, or room to write."""

    def __init__(
        self, connected: socket.socket, selector: selectors.BaseSelector, owner: Any
    ) -> None:
        self._socket = connected
        self._selector = selector
        self._owner = owner
        self._events = selectors.EVENT_READ
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._selector.register(self._socket, self._events, owner)
        self._received = b""
        self._unsent = b""

    @property
    def unsent(self) -> int:
        """So many octets wait."""
        return len(self._unsent)

    def send(self, octets: bytes = b"") -> None:
        """As much as there is room for, and the rest when there is. Raise `OSError` where it is broken."""
        self._unsent += octets
        with suppress(*NOT_NOW):
            while self._unsent:
                sent = self._socket.send(self._unsent)
                self._unsent = self._unsent[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        if events != self._events:
            self._selector.modify(self._socket, events, self._owner)
            self._events = events

    def receive(self) -> None:
        """What is there; the selector tells of the rest, but for what TLS has read ahead.

        Raise `OSError` where it is broken or closed.
        """
        is_more = True
        with suppress(*NOT_NOW):
            while is_more:
                chunk = self._socket.recv(CHUNK)
                if not chunk:
                    raise ConnectionResetError
                self._received += chunk
                is_more = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def next_reply(self) -> Reply | None:
        """The next whole one; its last line has a space behind the code (RFC 5321, 4.2.1)."""
        end = 0
        while (start := end) < len(self._received):
            end = self._received.find(b"\n", start) + 1
            if not end:
                break
            line = self._received[start:end]
            if line[3:4] != b"-":
                self._received = self._received[end:]
                return Reply(_code(line), line[4:].decode("ascii", "replace").strip())
        return None

    @property
    def is_flooded(self) -> bool:
        """It says more than anybody who answers."""
        return len(self._received) > CHUNK

    def say_goodbye(self) -> None:
        with suppress(OSError):
            self._socket.settimeout(GOODBYE)
            self._socket.sendall(b"QUIT\r\n")

    def hear_goodbye(self) -> None:
        with suppress(OSError):
            if self._socket.gettimeout():
                self._socket.recv(CHUNK)

    def release(self) -> None:
        """The socket is somebody else's from now on."""
        self._selector.unregister(self._socket)
        self._socket.settimeout(GOODBYE)


def _code(line: bytes) -> int:
    """Of a reply; 0 where it is none."""
    return int(line[:3]) if line[:3].isdigit() else 0
