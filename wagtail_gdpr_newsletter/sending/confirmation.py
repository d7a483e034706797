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
    before_it_leaves: Callable[[], object],
) -> transport.Outcome:
    """Send one mail that names all pending books; see `letters.send`."""
    return letters.send(_letter(contact, pending, token), before_it_leaves=before_it_leaves)


def version() -> str:
    """Names the wording of the mail (C5)."""
    return letters.version("confirmation")


def _letter(contact: Contact, pending: Sequence[Subscription], token: str) -> letters.Letter:
    books = [subscription.book for subscription in pending]
    with translation.override(contact.served_language):
        return letters.Letter(
            name="confirmation",
            site=contact.site,
            language=contact.served_language,
            to=contact.mailbox,
            subject=_("Please confirm: %(books)s")
            % {"books": ", ".join(book.name for book in books)},
            context={
                "contact": contact,
                "books": books,
                "confirm_url": links.absolute(contact.site, "confirm", token),
                "expiry": in_words(conf.confirmation_expiry()),
            },
        )
