from __future__ import annotations

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sandbox.inbox.mailbox import Mailbox


class Catcher:
    """Takes every mail, but for two kinds of address that let failures be tried."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refuse"):
            return "550 5.1.1 There is no such mailbox"
        if address.startswith("later"):
            return "450 4.2.1 The mailbox is busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content or b""
        self.mailbox.deliver(
            sender=envelope.mail_from or "",
            recipients=envelope.rcpt_tos,
            content=content if isinstance(content, bytes) else content.encode(),
        )
        return "250 OK, caught"


class Command(BaseCommand):
    help = (
        "A mail server that keeps what it gets for the inbox and passes nothing on. It turns "
        "away addresses that begin with “refuse” (550) and puts off those with “later” (450)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.MAILER.options.get("port", 2525))
        parser.add_argument("--directory", type=Path, default=settings.MAIL_DIR)

    def handle(self, *args: Any, host: str, port: int, directory: Path, **options: Any) -> None:
        stops = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # Before the controller's thread begins.
        controller = Controller(
            Catcher(Mailbox(directory)), hostname=host, port=port, enable_SMTPUTF8=True
        )
        try:
            controller.start()
        except OSError as error:
            raise CommandError(f"Port {port} cannot be used: {error.strerror or error}") from error
        self.stdout.write(f"Catching mail on {host}:{port} into {directory}")
        try:
            signal.sigwait(stops)
        finally:
            controller.stop()
