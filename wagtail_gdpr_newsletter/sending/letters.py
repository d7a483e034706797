"""A letter: a mail to one person that is no campaign. One look, one way out (M5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.template.loader import get_template, render_to_string
from django.utils import translation
from wagtail.models import Site

from .. import __version__, pseudonyms
from ..models import SenderSettings
from ..rendering.merge import one_line
from . import messages, transport


@dataclass(frozen=True)
class Letter:
    """What is written to whom; `name` is that of its two templates, `emails/<name>.html` and `.txt`."""

    name: str
    site: Site
    language: str
    to: str
    subject: str
    context: Mapping[str, Any] = field(default_factory=dict)
    #: Who gets the answer, if not the sender.
    reply_to: str = ""
    #: Not where a person has something to say: who answers by rules would overlook it.
    automatic: bool = True


def send(letter: Letter, *, before_it_leaves: Callable[[], object] = bool) -> transport.Outcome:
    """Send now. Raise `MailerRefuses` where no mail gets out at all.

    `before_it_leaves` is called when all is ready and nothing can fail any more but the sending.
    """
    mailer = messages.open_mailer()
    message = _compose(letter, provider=messages.provider_of(mailer))
    transport.open_connection(mailer)
    try:
        before_it_leaves()
        outcome = transport.send(mailer, message)
    finally:
        mailer.close()
    return replace(outcome, message_id=outcome.message_id or message.extra_headers["Message-ID"])


def templates(name: str) -> tuple[str, str]:
    """Of the plain text and of the HTML."""
    folder = "wagtail_gdpr_newsletter/emails"
    return f"{folder}/{name}.txt", f"{folder}/{name}.html"


def version(name: str) -> str:
    """Names the wording of a letter, whoever's templates make it: for the proof (C5)."""
    found: list[Any] = [get_template(each) for each in (*templates(name), *templates("letter"))]
    # Jinja's know the file that they were made of, and not what stood in it.
    sources = [
        getattr(each.template, "source", "") or str(getattr(each.template, "filename", ""))
        for each in found
    ]
    return f"{__version__}-{pseudonyms.digest_of(sources)[:12]}"


def _compose(letter: Letter, *, provider: str) -> messages.NewsletterMessage:
    sender = SenderSettings.for_site(letter.site)
    with translation.override(letter.language):
        context = {
            "site": letter.site.site_name or letter.site.hostname,
            "sender": sender.as_sender(),
            **letter.context,
        }
        text, html = (render_to_string(name, context) for name in templates(letter.name))
    message = messages.NewsletterMessage(
        one_line(letter.subject),
        text,
        sender.from_header,
        [letter.to],
        reply_to=[letter.reply_to or sender.email],
        headers={
            "Message-ID": messages.new_message_id(sender.from_address),
            **({"Auto-Submitted": "auto-generated"} if letter.automatic else {}),  # RFC 3834 (M5)
        },
        **messages.provider_options(provider),
    )
    message.attach_alternative(html, "text/html")
    return message
