"""The mail that asks for a confirmation, and nothing else (C3, C4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.template.loader import get_template, render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from .. import __version__, conf, links, pseudonyms
from ..models import Contact, SenderSettings, Subscription
from ..rendering.merge import one_line
from ..rendering.notice import in_words
from . import messages, transport

TEMPLATES = {
    "text": "wagtail_gdpr_newsletter/emails/confirmation.txt",
    "html": "wagtail_gdpr_newsletter/emails/confirmation.html",
}


def send(
    contact: Contact,
    pending: Sequence[Subscription],
    *,
    token: str,
    before_it_leaves: Callable[[], object],
) -> transport.Outcome:
    """Send one mail that names all pending books. Raise `MailerRefuses` where no mail gets out at all.

    `before_it_leaves` is called when all is ready and nothing can fail any more but the sending.
    """
    mailer = messages.open_mailer()
    message = _compose(contact, pending, token=token, provider=messages.provider_of(mailer))
    transport.open_connection(mailer)
    try:
        before_it_leaves()
        outcome = transport.send(mailer, message)
    finally:
        mailer.close()
    return replace(outcome, message_id=outcome.message_id or message.extra_headers["Message-ID"])


def version() -> str:
    """Names the wording of the mail, whoever's templates make it: for the proof (C5)."""
    templates: list[Any] = [get_template(name) for name in TEMPLATES.values()]
    # Jinja's know the file that they were made of, and not what stood in it.
    sources = [
        getattr(each.template, "source", "") or str(getattr(each.template, "filename", ""))
        for each in templates
    ]
    return f"{__version__}-{pseudonyms.digest_of(sources)[:12]}"


def _compose(
    contact: Contact, pending: Sequence[Subscription], *, token: str, provider: str
) -> messages.NewsletterMessage:
    sender = SenderSettings.for_site(contact.site)
    with translation.override(contact.language):
        context = {
            "contact": contact,
            "site": contact.site.site_name or contact.site.hostname,
            "books": [subscription.book for subscription in pending],
            "sender": sender.as_sender(),
            "confirm_url": links.absolute(contact.site, "confirm", token),
            "expiry": in_words(conf.confirmation_expiry()),
        }
        books = ", ".join(book.name for book in context["books"])
        subject = one_line(_("Please confirm: %(books)s") % {"books": books})
        text = render_to_string(TEMPLATES["text"], context)
        html = render_to_string(TEMPLATES["html"], context)
    message = messages.NewsletterMessage(
        subject,
        text,
        sender.from_header,
        [contact.mailbox],
        reply_to=[sender.email],
        headers={
            "Message-ID": messages.new_message_id(sender.from_address),
            "Auto-Submitted": "auto-generated",  # RFC 3834 (M5)
        },
        **messages.provider_options(provider),
    )
    message.attach_alternative(html, "text/html")
    return message
