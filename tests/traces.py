"""Looks for somebody in every table of the database, with packed values unpacked.

Tasks are signed pickles, sessions signed JSON, caches pickles: an address inside is no less an address.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import quopri
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.core import signing
from django.db import connection

from wagtail_gdpr_newsletter.addresses import Address, InvalidAddress


def traces_of(*texts: str, tables: tuple[str, ...] = ("",)) -> list[str]:
    """`table.column: spelling` for whatever is found; `tables` by the beginning of their names."""
    wanted = {spelling for text in texts for spelling in spellings(text)}
    return [
        f"{table}.{column}: {spelling}"
        for table, column, value in _cells()
        if table.startswith(tables)
        for spelling in wanted
        if spelling in value
    ]


def spellings(text: str) -> set[str]:
    """The ways in which a text may have been written down, in lower case where case tells nothing."""
    written = {text}
    try:
        address = Address.parse(text)
    except InvalidAddress:
        pass
    else:
        written |= {address.typed, address.canonical, address.mailbox}
        # Unkeyed, everybody could try it.
        written |= {hashlib.sha256(each.encode()).hexdigest() for each in set(written)}
    encoded = {quote(each) for each in written} | {quote(each, safe="@") for each in written}
    encoded |= {json.dumps(each)[1:-1] for each in written}
    encoded |= {quopri.encodestring(each.encode()).decode() for each in written}
    for each in written:
        encoded |= base64_inside(each)
    return {each.lower() for each in written | encoded}


def base64_inside(text: str) -> set[str]:
    """How it looks inside base64, wherever it begins there."""
    found = set()
    for shift in range(3):
        packed = base64.b64encode(b"\0" * shift + text.encode()).decode().rstrip("=")
        found.add(packed[4 if shift else 0 : -2])
    return found


def _cells() -> Iterator[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    for text in unpacked(value):
                        yield table, column, text.lower()


def unpacked(value: Any) -> Iterator[str]:
    """The value as text, and what can be unpacked of it."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif value is not None:
        yield str(value)
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str) and len(text) > 8:
        for unpack in (_signed, _base64):
            yield from unpack(text)


def _signed(text: str) -> Iterator[str]:
    """Tasks and sessions: whoever signed them, and with whichever key."""
    try:
        payload = signing.b64_decode(text.rsplit(":", 2)[0].lstrip(".").encode())
        yield from _plain(zlib.decompress(payload) if text.startswith(".") else payload)
    except (ValueError, zlib.error):
        return


def _base64(text: str) -> Iterator[str]:
    try:
        yield from _plain(base64.b64decode(text, validate=True))
    except ValueError:
        return


def _plain(payload: bytes) -> Iterator[str]:
    yield payload.decode("utf-8", "replace")
    try:
        yield repr(pickle.loads(payload))
    except Exception:  # noqa: BLE001 -- it was none
        return
