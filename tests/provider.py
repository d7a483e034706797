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
from dataclasses import dataclass, field
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


class Call(NamedTuple):
    at: float
    recipients: list[str]
    status: int


class Refusal(NamedTuple):
    status: int
    headers: dict[str, str] = {}


@dataclass
class Manners:
    #: Seconds that a call takes.
    delay: float = 0
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

    def settings(self) -> dict[str, str]:
        """For `ANYMAIL`."""
        here = f"http://127.0.0.1:{self.port}"
        return {
            "MAILGUN_API_KEY": "x",
            "MAILGUN_API_URL": f"{here}/v3",
            "MAILGUN_SENDER_DOMAIN": "example.org",
            "SENDGRID_API_KEY": "x",
            "SENDGRID_API_URL": f"{here}/v3/",
            "POSTMARK_SERVER_TOKEN": "x",
            "POSTMARK_API_URL": f"{here}/",
        }

    def take(self, copies: list[Copy]) -> Refusal | None:
        """What became of the call; raise `ConnectionAbortedError` to hang up."""
        recipients = [address for copy in copies for address in copy.to]
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.manners.delay)
        with self.lock:
            self.at_once -= 1
            refusal = self.manners.refuse(recipients)
            self.calls.append(
                Call(time.monotonic(), recipients, refusal.status if refusal else 200)
            )
            if not refusal:
                self.copies += copies
        if self.manners.hangs_up_on(recipients):
            raise ConnectionAbortedError
        return refusal


def mailgun(body: bytes) -> tuple[list[Copy], dict[str, str]]:
    """Batch Sending: `%recipient.key%`, wherever it stands."""
    form = parse_qs(body.decode(), keep_blank_values=True)
    own = json.loads(form["recipient-variables"][0]) if "recipient-variables" in form else None
    groups = [form["to"]] if own is None else [[address] for address in form["to"]]
    copies = []
    for to in groups:
        values = (own or {}).get(to[0], {})

        def filled(name: str, values: dict[str, str] = values) -> str:
            return re.sub(
                r"%recipient\.([^%\s]+)%",
                lambda mark: str(values.get(mark[1], mark[0])),
                form[name][0],
            )

        named = {kind: [name for name in form if name.startswith(kind)] for kind in ("h:", "v:")}
        headers, metadata = ({n[2:]: filled(n) for n in named[kind]} for kind in ("h:", "v:"))
        copies.append(
            Copy(to, filled("subject"), filled("text"), filled("html"), headers, metadata)
        )
    return copies, {"id": "<one-for-all@example.org>", "message": "Queued. Thank you."}


def sendgrid(body: bytes) -> tuple[list[Copy], dict[str, str]]:
    """Personalizations, with substitutions: whatever they name is replaced."""
    data = json.loads(body)
    content = {each["type"]: each["value"] for each in data["content"]}
    copies = []
    for own in data["personalizations"]:
        values = own.get("substitutions", {})
        marks = re.compile("|".join(map(re.escape, values)) or "(?!)")

        def filled(text: str, marks=marks, values=values) -> str:
            return marks.sub(lambda mark: values[mark[0]], text)

        copies.append(
            Copy(
                [each["email"] for each in own["to"]],
                filled(data["subject"]),
                filled(content["text/plain"]),
                filled(content["text/html"]),
                {**data.get("headers", {}), **own.get("headers", {})},
                {**data.get("custom_args", {}), **own.get("custom_args", {})},
            )
        )
    return copies, {}


def postmark(body: bytes) -> tuple[list[Copy], dict[str, Any]]:
    """One message a call."""
    data = json.loads(body)
    headers = {each["Name"]: each["Value"] for each in data["Headers"]}
    to = [each.strip() for each in data["To"].split(",")]
    copy = Copy(to, data["Subject"], data["TextBody"], data["HtmlBody"], headers, data["Metadata"])
    number = f"{time.monotonic_ns()}"
    return [copy], {"ErrorCode": 0, "Message": "OK", "MessageID": number, "To": data["To"]}


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
        copies, answer = APIS[self.path](body)
        try:
            refusal = self.provider.take(copies)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        if refusal:
            self.reply(refusal.status, {"message": "no"}, refusal.headers)
        else:
            self.reply(200, answer, {})

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


def main() -> None:
    """`python -m tests.provider PORT DELAY`: in a process of its own, keeping nothing."""
    port, delay = sys.argv[1:]

    class Forgetful(Provider):
        def take(self, copies: list[Copy]) -> Refusal | None:
            time.sleep(float(delay))
            return None

    handler = type("Handler", (Handler,), {"provider": Forgetful()})
    ThreadingHTTPServer(("127.0.0.1", int(port)), handler).serve_forever()


if __name__ == "__main__":
    main()
