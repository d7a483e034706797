"""Is each record of somebody's consent, and each text that they were shown, the one that was written?

A record is held against its digest, what is still there of address and connection against its seal, and the keyed
hash, which stands under none, against the address (R8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .. import conf, pseudonyms
from ..addresses import Address, InvalidAddress
from ..models import ConsentRecord, ConsentStatement


class Seal(Enum):
    """What became of a digest or of a salted commitment."""

    HOLDS = "holds"
    BROKEN = "broken"
    #: The value is removed, and the salt with it: nobody can open it any more.
    CLOSED = "closed"
    #: There was nothing to seal.
    NONE = "none"


@dataclass(frozen=True)
class Link:
    """One record in the chain, and whether it is the one that was written."""

    number: int
    record: ConsentRecord
    #: Under what was shown, by its number on the sheet.
    text: int | None
    digest: Seal
    address: Seal
    client: Seal
    #: Whether the keyed hash beside it is that of its address; `None` where that cannot be told.
    hash_fits: bool | None
    #: It names another address than the sheet, and no move since.
    is_elsewhere: bool

    @property
    def event(self) -> str:
        return self.record.event

    @property
    def is_whole(self) -> bool:
        broken = Seal.BROKEN in (self.digest, self.address, self.client)
        return not broken and self.hash_fits is not False


@dataclass(frozen=True)
class Shown:
    """A text that somebody was shown, or told elsewhere, word by word."""

    number: int
    statement: ConsentStatement
    digest: Seal

    @property
    def is_stated(self) -> bool:
        """They were told it elsewhere, as the sender states."""
        return bool(self.statement.stated_in)


def forge(
    records: Sequence[ConsentRecord],
    texts: Sequence[Shown],
    *,
    hashes: Sequence[pseudonyms.KeyedHash],
    moved_at: datetime | None,
) -> list[Link]:
    """Hold each record against what was sealed when it was written.

    `hashes`: of the sheet's address, by which those are found that name none. `moved_at`: when they last moved.
    """
    numbers = {text.statement.pk: text.number for text in texts}
    known = {"": {each.value for each in hashes}}
    links = []
    for number, record in enumerate(records, start=1):
        hash_fits = _hash_fits(record, known)
        has_not_moved = moved_at is None or record.occurred_at > moved_at
        client = record.client_commitment, record.client_salt, record.ip, record.user_agent
        links.append(
            Link(
                number=number,
                record=record,
                text=numbers.get(record.statement_id or 0),
                digest=Seal.HOLDS if record.digest == record.digest_now() else Seal.BROKEN,
                address=_seal(record.address_commitment, record.address_salt, record.address),
                client=_seal(*client),
                hash_fits=hash_fits,
                is_elsewhere=bool(hash_fits) and has_not_moved and record.subject not in known[""],
            )
        )
    return links


def texts_of(records: Sequence[ConsentRecord]) -> list[Shown]:
    """Each once, in the order in which they were shown."""
    statements = {record.statement.pk: record.statement for record in records if record.statement}
    return [
        Shown(number, each, Seal.HOLDS if each.digest == each.digest_now() else Seal.BROKEN)
        for number, each in enumerate(statements.values(), start=1)
    ]


def _seal(commitment: str, salt: str, *values: str) -> Seal:
    if not commitment:
        return Seal.BROKEN if any(values) else Seal.NONE
    if not salt:
        return Seal.BROKEN if any(values) else Seal.CLOSED
    return Seal.HOLDS if pseudonyms.commitment(salt, *values) == commitment else Seal.BROKEN


def _hash_fits(record: ConsentRecord, known: dict[str, set[str]]) -> bool | None:
    """The hash is under no seal, because a new key may replace it (S3): so it is made anew."""
    if record.subject_key_id not in conf.suppression_keys():
        return None
    if record.address not in known:
        try:
            canonical = Address.parse(record.address).canonical
        except InvalidAddress:
            return None
        known[record.address] = {each.value for each in pseudonyms.keyed_hashes(canonical)}
    return record.subject in known[record.address]
