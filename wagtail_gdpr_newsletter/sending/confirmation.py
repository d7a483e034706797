"""The mail that asks for a confirmation, and nothing else (C3, C4)."""

from __future__ import annotations

from collections.abc import Sequence

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from .. import conf, links
from ..models import Contact, SenderSettings, Subscription
from . import messages


def send(contact: Contact, pending: Sequence[Subscription], *, token: str) -> str:
    """Send one mail that names all pending books; return its Message-ID for the proof (C5)."""
    sender = SenderSettings.for_site(contact.site)
    message_id = messages.new_message_id(sender.from_address)
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
    mailer = messages.open_mailer()
    message = messages.NewsletterMessage(
        subject,
        text,
        sender.from_header,
        [contact.address],
        reply_to=[sender.email],
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
        **messages.provider_options(messages.provider_of(mailer)),
    )
    message.attach_alternative(html, "text/html")
    mailer.send_messages([message])
    return message_id
