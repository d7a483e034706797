"""E-mail addresses: what was typed, and the one spelling by which it is recognised again."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

#: RFC 5321, 4.5.3.1.3: a path has at most 256 octets, two of them its brackets.
MAX_LENGTH = 254


class InvalidAddress(ValueError):
    """Not an address we can write to; the message says so to the person who typed it."""


@dataclass(frozen=True)
class Address:
    """An address as typed, to show, and its canonical form, to compare and hash (S4)."""

    typed: str
    canonical: str

    @property
    def mailbox(self) -> str:
        """Where mail goes: as typed, at the very domain that the hashes stand for.

        Python's codec and today's standard (UTS 46) read some international domains differently.
        """
        return f"{self.typed.rpartition('@')[0]}@{self.canonical.rpartition('@')[2]}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raise `InvalidAddress` for what no mail system takes, and for local parts beyond ASCII.

        The latter need SMTPUTF8 on every hop (RFC 6531), which Django's mail backends do not
        offer: better to say so at the form than to lose the mail (M6). International domains work.
        """
        typed = unicodedata.normalize("NFC", text.strip())
        if any(unicodedata.category(character) == "Cc" for character in typed):
            raise InvalidAddress(_("The address contains characters that cannot be typed."))
        if "=?" in typed:  # An encoded word (RFC 2047): mail programs would read another address.
            raise InvalidAddress(_("Enter a valid e-mail address."))
        try:
            parsed = validate_email(typed, check_deliverability=False, strict=True)
        except EmailNotValidError as error:
            raise InvalidAddress(_("Enter a valid e-mail address.")) from error
        if parsed.ascii_email is None:
            raise InvalidAddress(
                _("Addresses with accents or other scripts before the @ cannot receive our mail.")
            )
        if len(parsed.ascii_email) > MAX_LENGTH:
            raise InvalidAddress(_("The address is too long."))
        return cls(
            typed=typed,
            canonical=f"{parsed.local_part.casefold()}@{parsed.ascii_domain.lower()}",
        )
