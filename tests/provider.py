"""A mail provider as its HTTP API shows it: Mailgun, SendGrid or Postmark, by the path that is called.

What it would deliver is kept, copy by copy, with everybody's own words put into place as each of them does it.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs


class Copy(NamedTuple):
    #: Whom the reader sees it is to.
    to: list[str]
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    metadata: dict[str, str]

    @property
    def everything(self) -> str:
        return "\n".join([self.subject, self.text, self.html, *self.headers.values()])


class Order(NamedTuple):
    """What a call asks for, and what it is answered."""

    recipients: list[str]
    copies: Callable[[], list[Copy]]
    answer: dict[str, Any]


class Call(NamedTuple):
    at: float
    recipients: list[str]
    status: int


class Refusal(NamedTuple):
    status: int
    headers: dict[str, str] = {}


@dataclass
class Manners:
    #: Seconds that a call takes, and what one for these takes beside.
    delay: float = 0
    thinks: Callable[[list[str]], float] = lambda _recipients: 0
    #: Says no to a call for these, if it does.
    refuse: Callable[[list[str]], Refusal | None] = lambda _recipients: None
    #: Takes all and hangs up without a word.
    hangs_up_on: Callable[[list[str]], bool] = lambda _recipients: False


@dataclass
class Provider:
    manners: Manners = field(default_factory=Manners)
    copies: list[Copy] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def recipients(self) -> list[str]:
        return [address for copy in self.copies for address in copy.to]

    @property
    def settings(self) -> dict[str, str]:
        return settings(self.port)

    def take(self, order: Order) -> Refusal | None:
        """What became of the call; raise `ConnectionAbortedError` to hang up."""
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.manners.delay + self.manners.thinks(order.recipients))
        with self.lock:
            self.at_once -= 1
            refusal = self.manners.refuse(order.recipients)
            status = refusal.status if refusal else 200
            self.calls.append(Call(time.monotonic(), order.recipients, status))
            if not refusal:
                self.keep(order)
        if self.manners.hangs_up_on(order.recipients):
            raise ConnectionAbortedError
        return refusal

    def keep(self, order: Order) -> None:
        self.copies += order.copies()


def settings(port: int) -> dict[str, str]:
    """For `ANYMAIL`."""
    here = f"http://127.0.0.1:{port}"
    return {
        "MAILGUN_API_KEY": "x",
        "MAILGUN_API_URL": f"{here}/v3",
        "MAILGUN_SENDER_DOMAIN": "example.org",
        "SENDGRID_API_KEY": "x",
        "SENDGRID_API_URL": f"{here}/v3/",
        "POSTMARK_SERVER_TOKEN": "x",
        "POSTMARK_API_URL": f"{here}/",
    }


def mailgun(body: bytes) -> Order:
    """Batch Sending: `%recipient.key%`, wherever it stands."""
    form = parse_qs(body.decode(), keep_blank_values=True)
    own = json.loads(form["recipient-variables"][0]) if "recipient-variables" in form else None
    # Without them everybody sees whom else it is to.
    groups = [form["to"]] if own is None else [[address] for address in form["to"]]

    def copy(to: list[str]) -> Copy:
        values = (own or {}).get(to[0], {})

        def filled(name: str) -> str:
            return MAILGUN_MARK.sub(lambda mark: str(values.get(mark[1], mark[0])), form[name][0])

        headers, metadata = (
            {name[2:]: filled(name) for name in form if name.startswith(kind)}
            for kind in ("h:", "v:")
        )
        return Copy(to, filled("subject"), filled("text"), filled("html"), headers, metadata)

    answer = {"id": "<one-for-all@example.org>", "message": "Queued. Thank you."}
    return Order(form["to"], lambda: [copy(to) for to in groups], answer)


MAILGUN_MARK = re.compile(r"%recipient\.([^%\s]+)%")


def sendgrid(body: bytes) -> Order:
    """Personalizations, with substitutions: whatever they name is replaced."""
    data = json.loads(body)
    content = {each["type"]: each["value"] for each in data["content"]}

    def copy(own: dict[str, Any]) -> Copy:
        values = own.get("substitutions", {})
        marks = re.compile("|".join(map(re.escape, values)) or "(?!)")

        def filled(text: str) -> str:
            return marks.sub(lambda mark: values[mark[0]], text)

        return Copy(
            [each["email"] for each in own["to"]],
            filled(data["subject"]),
            filled(content["text/plain"]),
            filled(content["text/html"]),
            {**data.get("headers", {}), **own.get("headers", {})},
            {**data.get("custom_args", {}), **own.get("custom_args", {})},
        )

    recipients = [each["email"] for own in data["personalizations"] for each in own["to"]]
    return Order(recipients, lambda: list(map(copy, data["personalizations"])), {})


def postmark(body: bytes) -> Order:
    """One message a call."""
    data = json.loads(body)
    to = [each.strip() for each in data["To"].split(",")]
    headers = {each["Name"]: each["Value"] for each in data["Headers"]}
    words = data["Subject"], data["TextBody"], data["HtmlBody"]
    number = f"{time.monotonic_ns()}"
    answer = {"ErrorCode": 0, "Message": "OK", "MessageID": number, "To": data["To"]}
    return Order(to, lambda: [Copy(to, *words, headers, data["Metadata"])], answer)


APIS = {
    "/v3/example.org/messages": mailgun,
    "/v3/mail/send": sendgrid,
    "/email": postmark,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    provider: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        order = APIS[self.path](body)
        try:
            refusal = self.provider.take(order)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        if refusal:
            self.reply(refusal.status, {"message": "no"}, refusal.headers)
        else:
            self.reply(200, order.answer, {})

    def reply(self, status: int, answer: dict[str, Any], headers: dict[str, str]) -> None:
        octets = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(octets))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_args: object) -> None:
        """Not on the terminal."""


@contextmanager
def serving(manners: Manners | None = None) -> Iterator[Provider]:
    """In threads of its own."""
    provider = Provider(manners or Manners())
    handler = type("Handler", (Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Strict(Provider):
    """Keeps nothing, takes so many calls a second, says 429 to more, and sees who does not listen."""

    def __init__(self, manners: Manners, calls_a_second: int) -> None:
        super().__init__(replace(manners, refuse=self.refuse))
        self.calls_a_second = calls_a_second
        self.closed_since = self.closed_until = 0.0
        self.too_early = 0

    def take(self, order: Order) -> Refusal | None:
        with self.lock:
            self.too_early += self.closed_since < time.monotonic() < self.closed_until
        return super().take(order)

    def refuse(self, _recipients: list[str]) -> Refusal | None:
        at = time.monotonic()
        lately = [call for call in self.calls[-1000:] if call.status == 200 and call.at > at - 1]
        if len(lately) < self.calls_a_second:
            return None
        if at > self.closed_until:  # A moment later, for what crosses the answer.
            self.closed_since, self.closed_until = at + 0.05, at + 1
        return Refusal(429, {"Retry-After": "1"})

    def keep(self, order: Order) -> None:
        """Nothing."""

    @property
    def seen(self) -> dict[str, int]:
        statuses = [call.status for call in self.calls]
        return {
            "calls": len(self.calls),
            "refused": statuses.count(429),
            "too_early": self.too_early,
            "most_at_once": self.most_at_once,
            "most_in_a_call": max(len(call.recipients) for call in self.calls),
        }


def main() -> None:
    """`python -m tests.provider PORT DELAY CALLS_A_SECOND`: in a process of its own; GET tells what it saw."""
    port, delay, calls_a_second = sys.argv[1:]
    provider = Strict(Manners(delay=float(delay)), int(calls_a_second))

    class Telling(Handler):
        def do_GET(self) -> None:
            self.reply(200, provider.seen, {})

    handler = type("Handler", (Telling,), {"provider": provider})
    ThreadingHTTPServer(("127.0.0.1", int(port)), handler).serve_forever()


if __name__ == "__main__":
    main()
