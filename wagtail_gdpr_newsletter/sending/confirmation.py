"""The mail that asks for a confirmation, and nothing else (C3, C4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from .. import conf, links
from ..models import Contact, SenderSettings, Subscription
from . import messages, transport


def send(contact: Contact, pending: Sequence[Subscription], *, token: str) -> transport.Outcome:
    """Send one mail that names all pending books. Raise `MailerRefuses` where no mail gets out at all."""
    mailer = messages.open_mailer()
    message = _compose(contact, pending, token=token, provider=messages.provider_of(mailer))
    transport.open_connection(mailer)
    try:
        outcome = transport.send(mailer, message)
    finally:
        mailer.close()
    return replace(outcome, message_id=outcome.message_id or message.extra_headers["Message-ID"])


def _compose(
    contact: Contact, pending: Sequence[Subscription], *, token: str, provider: str
) -> messages.NewsletterMessage:
    sender = SenderSettings.for_site(contact.site)
    with translation.override(contact.language):
        context = {
            "contact": contact,
            "books": [subscription.book for subscription in pending],
            "sender": sender.as_sender(),
            "confirm_url": links.absolute(contact.site, "confirm", token),
            "days": conf.confirmation_expiry().days,
        }
        subject = _("Please confirm: %(books)s") % {
            "books": ", ".join(book.name for book in context["books"])
        }
        text = render_to_string("wagtail_gdpr_newsletter/emails/confirmation.txt", context)
        html = render_to_string("wagtail_gdpr_newsletter/emails/confirmation.html", context)
    message = messages.NewsletterMessage(
        subject,
        text,
        sender.from_header,
        [contact.address],
        reply_to=[sender.email],
        headers={
            "Message-ID": messages.new_message_id(sender.from_address),
            "Auto-Submitted": "auto-generated",  # RFC 3834 (M5)
        },
        **messages.provider_options(provider),
    )
    message.attach_alternative(html, "text/html")
    return message
