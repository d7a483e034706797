"""A mail server with whichever manners a test wants: fast, far away, forgetful, strict, in a bad mood.

Written on asyncio alone, so that a benchmark finds it no slower than itself, and every reply is ours to choose.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests import certificates

END = b"\r\n.\r\n"
Answer = Callable[[str], str]


class Received(NamedTuple):
    sender: str
    recipient: str
    #: As sent, with its dots undoubled.
    octets: bytes
    #: By the clock that all processes of a machine have in common.
    at: float


@dataclass
class Manners:
    """How the server behaves; may be changed while it runs."""

    pipelining: bool = True
    #: Seconds from a command to its reply: the way there and back.
    delay: float = 0
    #: Seconds that it thinks about each message before it says "go ahead".
    thinks: float = 0
    #: Offers STARTTLS, or speaks nothing else from the first octet.
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False
    #: User and password, where it wants them.
    login: tuple[str, str] | None = None
    greeting: str = "220 ready"
    to_sender: Answer = lambda _address: "250 ok"
    to_recipient: Answer = lambda _address: "250 ok"
    goes_ahead_for_nobody: bool = False
    to_data: Answer = lambda _recipient: "354 go ahead"
    to_end: Answer = lambda _recipient: "250 taken"
    #: Seconds that it thinks about a message for these before it says whether it is taken.
    lingers_over: Mapping[str, float] = field(default_factory=dict)
    #: Takes the message and hangs up without a word, or never says anything.
    hangs_up_on: Callable[[str], bool] = lambda _recipient: False
    falls_silent_on: Callable[[str], bool] = lambda _recipient: False
    #: Gets each message that is taken; `None` keeps nothing.
    keep: Callable[[Received], None] | None = None


@dataclass
class SmtpServer:
    manners: Manners = field(default_factory=Manners)
    port: int = 0
    received: list[Received] = field(default_factory=list)
    greeted: int = 0
    open: int = 0
    logins: int = 0
    said_goodbye: int = 0
    most_at_once: int = 0

    @property
    def recipients(self) -> list[str]:
        return [each.recipient for each in self.received]

    async def start(self) -> None:
        self.loop = loop = asyncio.get_running_loop()
        self._transports: set[asyncio.Transport] = set()
        secured = self.manners.tls if self.manners.tls_at_once else None
        self._listener = await loop.create_server(
            lambda: Session(self), "127.0.0.1", self.port, backlog=512, ssl=secured
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._listener.close()
        self.hang_up()
        await asyncio.sleep(0.05)  # For those that are told so.

    def hang_up(self) -> None:
        for transport in list(self._transports):
            transport.abort()


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self.manners = server.manners
        self.buffer = b""
        self.in_data = self.is_known = self.is_over = self.is_thinking = False
        self.sender = self.recipient = ""

    def connection_made(self, transport) -> None:
        self.transport = transport
        if self.is_secured and not self.manners.tls_at_once:
            return  # The same conversation, from now on secured.
        self.server._transports.add(transport)
        self.server.greeted += 1
        self.server.open += 1
        self.server.most_at_once = max(self.server.most_at_once, self.server.open)
        self.reply(self.manners.greeting)

    @property
    def is_secured(self) -> bool:
        return self.transport.get_extra_info("ssl_object") is not None

    def connection_lost(self, exc) -> None:
        self.server._transports.discard(self.transport)
        self.server.open -= 1

    def reply(self, text: str) -> None:
        if not text:
            return
        line = text.encode() + b"\r\n"
        delay = self.manners.delay + (self.manners.thinks if text.startswith("354") else 0)
        self.is_over = self.is_over or text.startswith(("221", "421"))
        if delay:
            asyncio.get_running_loop().call_later(delay, self._write, line, self.is_over)
        else:
            self._write(line, self.is_over)

    def _write(self, line: bytes, is_last: bool) -> None:
        if not self.transport.is_closing():
            self.transport.write(line)
            if is_last:
                self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self.buffer and not (self.is_over or self.is_thinking or self.transport.is_closing()):
            if self.in_data:
                # The end of an empty message has no line before it.
                start = 0 if self.buffer.startswith(b".\r\n") else self.buffer.find(END) + 2
                if start == 1:
                    return
                body, self.buffer = self.buffer[:start], self.buffer[start + 3 :]
                self.in_data = False
                self.take(body)
            else:
                line, found, rest = self.buffer.partition(b"\r\n")
                if not found:
                    return
                self.buffer = rest
                self.command(line.decode("ascii", "replace"))

    def command(self, line: str) -> None:
        verb, _space, argument = line.partition(" ")
        hear = getattr(self, f"hear_{verb.lower()}", None)
        self.reply(hear(argument) if hear else "502 what?")

    def hear_ehlo(self, _argument: str) -> str:
        manners = self.manners
        offers = ["SIZE 50000000"]
        offers += ["PIPELINING"] if manners.pipelining else []
        offers += ["AUTH PLAIN"] if manners.login else []
        if manners.tls and not self.is_secured:
            offers.append("STARTTLS")
        return "\r\n".join(["250-here", *(f"250-{each}" for each in offers), "250 8BITMIME"])

    def hear_starttls(self, _argument: str) -> str:
        self.transport.write(b"220 go on\r\n")
        self.securing = asyncio.ensure_future(self.secure())
        return ""

    def hear_auth(self, argument: str) -> str:
        """RFC 4616."""
        _nobody, *told = base64.b64decode(argument.partition(" ")[2]).decode().split("\0")
        if self.manners.login != tuple(told):
            return "535 5.7.8 wrong"
        self.is_known = True
        self.server.logins += 1
        return "235 welcome"

    def hear_mail(self, argument: str) -> str:
        if self.manners.login and not self.is_known:
            return "530 5.7.0 who are you?"
        self.sender = address_in(argument)
        return self.manners.to_sender(self.sender)

    def hear_rcpt(self, argument: str) -> str:
        answer = self.manners.to_recipient(address_in(argument))
        self.recipient = address_in(argument) if answer.startswith("2") else ""
        return answer

    def hear_data(self, _argument: str) -> str:
        goes_ahead = self.recipient or self.manners.goes_ahead_for_nobody
        answer = self.manners.to_data(self.recipient) if goes_ahead else "503 no recipients"
        self.in_data = answer.startswith("354")
        return answer

    def hear_rset(self, _argument: str) -> str:
        self.recipient = ""
        return "250 ok"

    def hear_quit(self, _argument: str) -> str:
        self.server.said_goodbye += 1
        return "221 bye"

    async def secure(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ssl.SSLError):  # The client does not trust us, and goes away.
            self.transport = await loop.start_tls(
                self.transport, self, self.manners.tls, server_side=True
            )

    def take(self, body: bytes) -> None:
        manners, recipient = self.manners, self.recipient
        if not recipient:
            self.reply("554 no valid recipients")
            return
        answer = manners.to_end(recipient)
        if answer.startswith("2"):
            octets = body.replace(b"\r\n..", b"\r\n.")
            message = Received(self.sender, recipient, octets, time.monotonic())
            (manners.keep or self.server.received.append)(message)
        if recipient in manners.lingers_over:
            self.is_thinking = True
            seconds = manners.lingers_over[recipient]
            asyncio.get_running_loop().call_later(seconds, self.come_to_an_end, answer)
        elif manners.hangs_up_on(recipient):
            self.transport.abort()
        elif manners.falls_silent_on(recipient):
            self.transport.pause_reading()
            self.buffer = b""
        else:
            self.reply(answer)

    def come_to_an_end(self, answer: str) -> None:
        self.is_thinking = False
        self.reply(answer)
        self.data_received(b"")


def address_in(argument: str) -> str:
    return argument.partition("<")[2].partition(">")[0]


@contextmanager
def serving(manners: Manners | None = None) -> Iterator[SmtpServer]:
    """In a thread of its own."""
    server = SmtpServer(manners or Manners())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def main() -> None:
    """`python -m tests.smtp_server PORT [MANNERS]`: in a process of its own, keeping nothing.

    The manners are JSON, and `tls` is the path of a certificate in them.
    """
    port, *told = sys.argv[1:]
    options = json.loads(told[0]) if told else {}
    if "tls" in options:
        options["tls"] = certificates.server_side(Path(options["tls"]))
    if "login" in options:
        options["login"] = tuple(options["login"])
    server = SmtpServer(Manners(keep=lambda _message: None, **options), int(port))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(server.start())
    loop.run_forever()


if __name__ == "__main__":
    main()
