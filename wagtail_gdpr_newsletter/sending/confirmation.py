"""The mail that asks for a confirmation, and nothing else (C3, C4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils import translation
from django.utils.translation import gettext as _

from .. import conf, links
from ..models import Contact, Subscription
from ..rendering.notice import in_words
from . import letters, transport


def send(
    contact: Contact,
    pending: Sequence[Subscription],
    *,
    token: str,
    invited_from: str = "",
    before_it_leaves: Callable[[], object],
) -> transport.Outcome:
    """Send one mail that names all pending books; see `letters.send`.

    `invited_from`: where we have the address from, of somebody who has not asked for it themselves.
    """
    letter = _letter(contact, pending, token, invited_from)
    return letters.send(letter, before_it_leaves=before_it_leaves)


def version(*, invited_from: str = "") -> str:
    """Names the wording of the mail (C5)."""
    return letters.version(_name(invited_from))


def _name(invited_from: str) -> str:
    return "invitation" if invited_from else "confirmation"


def _letter(
    contact: Contact, pending: Sequence[Subscription], token: str, invited_from: str
) -> letters.Letter:
    books = [subscription.book for subscription in pending]
    with translation.override(contact.served_language):
        said = (
            _("Would you like to receive: %(books)s?")
            if invited_from
            else _("Please confirm: %(books)s")
        )
        return letters.Letter(
            name=_name(invited_from),
            site=contact.site,
            language=contact.served_language,
            to=contact.mailbox,
            subject=said % {"books": ", ".join(book.name for book in books)},
            context={
                "contact": contact,
                "books": books,
                "invited_from": invited_from,
                "confirm_url": links.absolute(contact.site, "confirm", token),
                "expiry": in_words(conf.confirmation_expiry()),
            },
        )
