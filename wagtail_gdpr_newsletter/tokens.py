"""Tokens in links and forms: signed, bound to one purpose, and, where it matters, expiring (A3)."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from enum import Enum
from typing import Any

from django.core import signing


class Purpose(Enum):
    """What a signed token may be used for; one made for another purpose is not read."""

    FORM = "form"
    ANSWER = "answer"
    CONFIRM = "confirm"
    UNDO = "undo"
    ACCESS = "access"
    NEW_ADDRESS = "new address"


EXPIRING = {Purpose.CONFIRM, Purpose.UNDO, Purpose.ACCESS, Purpose.NEW_ADDRESS}


class InvalidToken(ValueError):
    """Tampered with, cut off by a mail program, or made for something else."""


class ExpiredToken(InvalidToken):
    """Once right, now too old."""


class SpentToken(InvalidToken):
    """Once right, used before."""


def new_link_token() -> str:
    """A contact's place in a link: 128 random bits, lower-case, so that no collation confuses two.

    Random and stored, not signed: a newsletter must stay easy to leave however old the mail is
    and whatever happened to SECRET_KEY.
    """
    return secrets.token_hex(16)


#: In the links of tests and previews: nobody's, and the pages behind it say so.
SAMPLE_LINK_TOKEN = "0" * 32


def is_link_token(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def sign(purpose: Purpose, payload: Any) -> str:
    """A URL-safe text that only this site can have made; anyone can read what is in it."""
    return _signer(purpose).sign_object(payload, compress=True)


def read(purpose: Purpose, token: str, *, max_age: timedelta | None = None) -> Any:
    """The payload, or `InvalidToken` / `ExpiredToken`; `max_age` for purposes that expire."""
    options: dict[str, Any] = {"max_age": max_age} if purpose in EXPIRING else {}
    try:
        return _signer(purpose).unsign_object(token, **options)
    except signing.SignatureExpired as error:
        raise ExpiredToken from error
    except (signing.BadSignature, ValueError) as error:
        # ValueError: characters that are no base64, in a token that somebody typed.
        raise InvalidToken from error


def _signer(purpose: Purpose) -> signing.Signer:
    """Without a time where none is needed, so that a form is the same for every visitor."""
    signer = signing.TimestampSigner if purpose in EXPIRING else signing.Signer
    return signer(salt=f"wagtail_gdpr_newsletter.{purpose.value}")
