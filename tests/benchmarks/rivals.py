"""What the engine is measured against: a plain loop of Django's, smtplib with ready bytes, and the wire itself."""

from __future__ import annotations

import selectors
import smtplib
import socket
import ssl
from collections.abc import Iterator

RECIPIENT = "reader{}@example.org"
SENDER = "news@example.org"


def loop(port: int, messages: int, campaign) -> None:
    """`send_mass_mail` as everybody would write it: a message object for each, one connection, no record."""
    from django.core import mail
    from django.core.mail import EmailMultiAlternatives

    from wagtail_gdpr_newsletter.sending.compose import Composer

    frozen = campaign.frozen_message
    composer = Composer(frozen)
    connection = mail.get_connection()

    def every() -> Iterator[EmailMultiAlternatives]:
        for number in range(messages):
            to = recipient(number)
            values = composer.values(to)
            message = EmailMultiAlternatives(
                frozen.subject,
                composer.text.fill(values),
                frozen.from_header,
                [to.mailbox],
                reply_to=[frozen.reply_to],
                headers=composer.headers(to, values),
            )
            message.attach_alternative(composer.html.fill(values), "text/html")
            yield message

    connection.open()
    for message in every():
        connection.send_messages([message])
    connection.close()


def recipient(number: int):
    from wagtail_gdpr_newsletter.sending.compose import Recipient

    address = RECIPIENT.format(number)
    return Recipient(address, address, "Grüße", f"{number:032x}", (), f"{0:032x}.{number}")


def ready(campaign) -> bytes:
    """One message, with its dots doubled."""
    from wagtail_gdpr_newsletter.sending.compose import Composer

    return Composer(campaign.frozen_message).copy(recipient(0)).lines


def bare_smtplib(port: int, messages: int, campaign, login: str = "") -> None:
    """Ready bytes, one connection; secured, where there is a login."""
    octets = ready(campaign).replace(b"\r\n..", b"\r\n.")
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        if login:
            smtp.starttls(context=ssl.create_default_context())
            smtp.login(*login.split(":"))
        for number in range(messages):
            smtp.sendmail(SENDER, [RECIPIENT.format(number)], octets)


def wire(port: int, messages: int, campaign, connections: int) -> None:
    """Ready bytes, a round trip a message on each connection, and nothing else at all."""
    body = ready(campaign) + b".\r\n"
    numbers = iter(range(messages))
    selector = selectors.DefaultSelector()
    for _number in range(connections):
        smtp = smtplib.SMTP("127.0.0.1", port)
        smtp.ehlo()
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = next(numbers, None)
        if first is None:
            break
        smtp.sock.sendall(envelope(first))
        smtp.sock.setblocking(False)
        selector.register(smtp.sock, selectors.EVENT_READ, bytearray())
    while selector.get_map():
        for key, _mask in selector.select():
            exchange(selector, key, body, numbers)


def exchange(selector, key, body: bytes, numbers: Iterator[int]) -> None:
    """On "go ahead": this body and the next envelope. At the end, the last "taken" closes."""
    said: bytearray = key.data
    said += key.fileobj.recv(65536)
    if said.endswith(b"\n") and b"354" in said[-80:]:
        said.clear()
        following = next(numbers, None)
        data = body + (envelope(following) if following is not None else b"QUIT\r\n")
        key.fileobj.setblocking(True)
        key.fileobj.sendall(data)
        key.fileobj.setblocking(False)
    elif b"\n221" in said or said.startswith(b"221"):
        selector.unregister(key.fileobj)
        key.fileobj.close()


def envelope(number: int) -> bytes:
    address = RECIPIENT.format(number)
    return f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode()
