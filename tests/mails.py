"""What stands in a mail."""

from __future__ import annotations

import email.policy
import re


def link_in(message, containing: str) -> str:
    links = re.findall(r"https://testserver\S+", message.body)
    return next(link for link in links if containing in link)


def token_in(message, containing: str) -> str:
    """What that link opens."""
    return link_in(message, containing).split("/")[-2]


def html_of(message) -> str:
    return message.alternatives[0].content


def on_the_wire(message):
    """The message as a server receives it."""
    data = message.message().as_bytes()
    return email.message_from_bytes(data, policy=email.policy.default)
