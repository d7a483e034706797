"""What a reader does who has a new address."""

from __future__ import annotations

from django.core import mail

MY_DATA = "/newsletter/my-data/"
OLD, NEW = "ada@example.org", "countess@example.com"


def ask(visitor, address: str = NEW):
    """The mail that the new mailbox got."""
    before = len(mail.outbox)
    visitor.press("Send the link", new_address=address)
    return mail.outbox[-1] if len(mail.outbox) > before else None


def move(visitor, message) -> None:
    visitor.open_link(message, "new-address")
    visitor.press("Yes, that is my address")
