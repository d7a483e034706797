"""The words of each service mail: what a reader is owed beside newsletters, and nothing that advertises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from .. import conf, links, tokens
from ..addresses import Address
from ..models import MailKind, SenderSettings, ServiceMail
from ..rendering.notice import in_words
from .letters import Letter

#: How long a new address may take to confirm.
NEW_ADDRESS_EXPIRY = timedelta(days=1)


def write(mail: ServiceMail) -> Letter:
    """The letter for a mail that is owed, in the language of whoever gets it."""
    language = (
        settings.LANGUAGE_CODE if mail.kind == MailKind.MESSAGE else mail.contact.served_language
    )
    with translation.override(language):
        return LETTERS[mail.kind](mail)


def token(mail: ServiceMail, purpose: tokens.Purpose) -> str:
    """Void once the contact's address has changed, and once they are erased (A3)."""
    return tokens.sign(purpose, {"mail": mail.pk, "address": mail.contact.address_mark})


def _letter(mail: ServiceMail, *, subject: str, to: str = "", **context: object) -> Letter:
    return Letter(
        name=f"my_data_{mail.kind}",
        site=mail.contact.site,
        language=mail.contact.served_language,
        to=to or mail.contact.mailbox,
        subject=subject,
        context={"contact": mail.contact, "mail": mail, **context},
    )


def _access(mail: ServiceMail) -> Letter:
    return _letter(
        mail,
        subject=_("The link to your data"),
        open_url=links.absolute(
            mail.contact.site, "my_data_open", token(mail, tokens.Purpose.ACCESS)
        ),
        expiry=in_words(conf.access_link_expiry()),
    )


def _new_address(mail: ServiceMail) -> Letter:
    """To a mailbox that may be a stranger's: it is told nothing of the contact."""
    return _letter(
        mail,
        to=Address.parse(mail.address).mailbox,
        subject=_("Is this your new address?"),
        confirm_url=links.absolute(
            mail.contact.site, "my_data_new_address", token(mail, tokens.Purpose.NEW_ADDRESS)
        ),
        expiry=in_words(NEW_ADDRESS_EXPIRY),
    )


def _address_changed(mail: ServiceMail) -> Letter:
    """To the old address, which need not know the new one."""
    return _letter(
        mail,
        to=Address.parse(mail.address).mailbox,
        subject=_("Your newsletters now go to another address"),
    )


def _message(mail: ServiceMail) -> Letter:
    contact = mail.contact
    return Letter(
        name="my_data_message",
        site=contact.site,
        language=settings.LANGUAGE_CODE,
        to=SenderSettings.for_site(contact.site).email,
        reply_to=contact.mailbox,
        subject=_("A reader of your newsletter writes to you"),
        context={"contact": contact, "mail": mail},
        automatic=False,
    )


def _message_copy(mail: ServiceMail) -> Letter:
    return _letter(mail, subject=_("Copy of your message"))


LETTERS: dict[str, Callable[[ServiceMail], Letter]] = {
    MailKind.ACCESS: _access,
    MailKind.NEW_ADDRESS: _new_address,
    MailKind.ADDRESS_CHANGED: _address_changed,
    MailKind.MESSAGE: _message,
    MailKind.MESSAGE_COPY: _message_copy,
}
