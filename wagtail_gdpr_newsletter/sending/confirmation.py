"""The mail that asks for a confirmation, and nothing else (C3, C4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.template.loader import get_template
from django.utils import translation
from django.utils.translation import gettext as _

from .. import __version__, conf, links, pseudonyms
from ..models import Contact, Subscription
from ..rendering.notice import in_words
from . import letters, transport

#: What stands round the words of every letter.
FRAME = letters.templates("letter")


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
    """Names the wording of the mail, whoever's templates make it: for the proof (C5)."""
    names = [*letters.templates("confirmation"), *FRAME]
    found: list[Any] = [get_template(name) for name in names]
    # Jinja's know the file that they were made of, and not what stood in it.
    sources = [
        getattr(each.template, "source", "") or str(getattr(each.template, "filename", ""))
        for each in found
    ]
    return f"{__version__}-{pseudonyms.digest_of(sources)[:12]}"


def _letter(contact: Contact, pending: Sequence[Subscription], token: str) -> letters.Letter:
    books = [subscription.book for subscription in pending]
    with translation.override(contact.language):
        return letters.Letter(
            name="confirmation",
            site=contact.site,
            language=contact.language,
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
