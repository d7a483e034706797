"""The mails that were caught: a directory of files, read by the inbox, the demo and the tests alike."""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup


class NoSuchMail(LookupError):
    """It was not there, or did not come in time; the message says for whom and what came instead."""


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived, with the envelope in the headers that a mail server adds on delivery."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def received_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1e9, tz=UTC)

    @cached_property
    def source(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.source, policy=policy.default)

    def header(self, name: str) -> str:
        """Decoded and on one line; empty when the mail has no such header."""
        return " ".join(str(self.message.get(name, "")).split())

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def sender(self) -> str:
        return self.header("From")

    @property
    def reply_to(self) -> str:
        return self.header("Reply-To")

    @property
    def sender_name(self) -> str:
        name, address = parseaddr(self.sender)
        return name or address

    @property
    def recipients(self) -> list[str]:
        """Whom the server delivered it to, whatever the To header says."""
        return [str(address) for address in self.message.get_all("Delivered-To", [])]

    @cached_property
    def text(self) -> str:
        return self._content("plain")

    @cached_property
    def html(self) -> str:
        return self._content("html")

    def _content(self, subtype: str) -> str:
        part = self.message.get_body(preferencelist=(subtype,))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""

    def links(self) -> list[str]:
        """The web addresses that the reader can follow, in their order."""
        if self.html:
            soup = BeautifulSoup(self.html, "html.parser")
            found = [str(link["href"]) for link in soup.find_all("a", href=True)]
        else:
            found = re.findall(r"https?://[^\s<>\"')\]]+", self.text)
        return [link for link in found if link.startswith("http")]

    def link(self, part: str) -> str:
        """The first link whose path contains `part`."""
        for link in self.links():
            if part in urlsplit(link).path:
                return link
        raise NoSuchMail(f"“{self.subject}” has no link to “{part}”: {self.links()}")

    @property
    def one_click_url(self) -> str:
        """Where a mail program posts when its own unsubscribe button is pressed (RFC 8058)."""
        if "one-click" not in self.header("List-Unsubscribe-Post").lower():
            return ""
        addresses = re.findall(r"<(https?://[^>]+)>", self.header("List-Unsubscribe"))
        return addresses[0] if addresses else ""


class Mailbox:
    """A directory into which the mail catcher delivers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def deliver(self, *, sender: str, recipients: Iterable[str], content: bytes) -> Mail:
        """Keep a mail byte for byte, below its envelope. A reader never sees half of one."""
        envelope = [f"Return-Path: <{sender}>", *(f"Delivered-To: {to}" for to in recipients)]
        path = self.directory / f"{time.time_ns()}-{secrets.token_hex(4)}.eml"
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes("".join(f"{line}\r\n" for line in envelope).encode() + content)
        unfinished.rename(path)
        return Mail(path)

    def mails(self, *, to: str = "") -> list[Mail]:
        """The newest first; `to` one address, whatever its case."""
        mails = [Mail(path) for path in sorted(self.directory.glob("*.eml"), reverse=True)]
        return [mail for mail in mails if not to or _is_for(mail, to)]

    def get(self, id: str) -> Mail:
        path = self.directory / f"{id}.eml"
        if not path.is_file():
            raise NoSuchMail(id)
        return Mail(path)

    def people(self) -> list[tuple[str, int]]:
        """Every address that got mail, and how many."""
        counts = Counter(address for mail in self.mails() for address in mail.recipients)
        return sorted(counts.items())

    def wait_for(
        self, address: str, *, subject: str = "", newer_than: int = 0, timeout: float = 30
    ) -> Mail:
        """The newest mail to that address whose subject contains `subject`, once it is there.

        `newer_than`: how many that address had before.
        """
        for _attempt in _until(timeout):
            mails = self.mails(to=address)
            for mail in mails[: len(mails) - newer_than]:
                if subject.casefold() in mail.subject.casefold():
                    return mail
        came = [mail.subject for mail in self.mails(to=address)]
        raise NoSuchMail(
            f"No mail “{subject or 'at all'}” reached {address} within {timeout:g} seconds; it has {came}."
        )

    def wait_for_link(self, address: str, part: str, *, timeout: float = 30) -> str:
        """The newest link to that address whose path contains `part`, once it is there."""
        for _attempt in _until(timeout):
            for mail in self.mails(to=address):
                with suppress(NoSuchMail):
                    return mail.link(part)
        raise NoSuchMail(f"No link to “{part}” reached {address} within {timeout:g} seconds.")

    def empty(self) -> None:
        for path in self.directory.glob("*.eml"):
            path.unlink(missing_ok=True)


def _is_for(mail: Mail, address: str) -> bool:
    return address.casefold() in (recipient.casefold() for recipient in mail.recipients)


def _until(timeout: float) -> Iterator[None]:
    """Ten looks a second until the time is up, and one at the end of it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)
    yield
