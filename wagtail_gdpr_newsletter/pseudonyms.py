"""Hashes that stand for a person without naming them: pseudonymised personal data, not anonymous (S2)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from . import conf


@dataclass(frozen=True)
class KeyedHash:
    """HMAC-SHA-256 of a canonical address, in hexadecimal, and the id of its key (S1, S3)."""

    value: str
    key_id: str


def keyed_hash(canonical: str) -> KeyedHash:
    """The hash under the current key."""
    return keyed_hashes(canonical)[0]


def keyed_hashes(canonical: str) -> list[KeyedHash]:
    """The hashes under every key that is still readable, the current one first."""
    keys = conf.suppression_keys()
    if not keys:
        raise ImproperlyConfigured(
            f'{conf.NAME}["SUPPRESSION_KEYS"] is empty: without a key nobody who left can be remembered.'
        )
    return [
        KeyedHash(hmac.new(key.encode(), canonical.encode(), hashlib.sha256).hexdigest(), key_id)
        for key_id, key in reversed(keys.items())
    ]


def digest(text: str) -> str:
    """SHA-256 in hexadecimal: for equality, where the text itself stands beside it."""
    return digest_of_bytes(text.encode())


def digest_of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest_of(facts: object) -> str:
    """SHA-256 of facts that JSON can write, whatever the order of their keys."""
    return digest(json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def new_salt() -> str:
    """128 random bits, in hexadecimal."""
    return secrets.token_hex(16)


def commitment(salt: str, *values: str) -> str:
    """Binds evidence to values that may be stripped later: without the salt nobody can guess them (R8)."""
    return digest_of([salt, *values])
