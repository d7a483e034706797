"""Is what was recorded about one person and one address book whole, and what does it amount to?

Each record is held against its digest, each value that is still there against its seal, each statement against its
digest, and the records against each other: what stands on something that is not there is a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property

from .. import conf, pseudonyms
from ..addresses import Address, InvalidAddress
from ..models import (
    ConsentRecord,
    ConsentStatement,
    Contact,
    RecordedEvent,
    Subscription,
    Suppression,
    WordingVersion,
)
from ..rendering.newsletter import Sender


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
    """A text that somebody was shown, word by word."""

    number: int
    statement: ConsentStatement
    digest: Seal


@dataclass(frozen=True)
class Book:
    """What the consent is for; it may have been deleted since."""

    uuid: str
    name: str
    is_deleted: bool


class GapKind(Enum):
    """What a record, or the subscription, stands on that is not there."""

    NO_REQUEST = "a confirmation, and no request before it"
    NO_MAIL = "a confirmation, and no mail before it"
    OTHER_TEXT = "a confirmation of a text that was not asked for"
    NO_TEXT = "a request or a confirmation without its text"
    OTHER_ADDRESS = "a record of another address, and no move from it"
    NO_WITHDRAWAL = "a withdrawal taken back that is not there"
    UNRECORDED = "a subscription of which no record tells"


@dataclass(frozen=True)
class Gap:
    kind: GapKind
    #: Where it shows; `None` where it is the subscription that has no record.
    link: Link | None = None


@dataclass(frozen=True)
class Chain:
    """Everything that is recorded about one person and one address book, the oldest first."""

    book: Book
    links: Sequence[Link]
    texts: Sequence[Shown]
    subscription: Subscription | None
    #: Of the book, the oldest first.
    material_versions: Sequence[WordingVersion]

    @cached_property
    def overtaken_by(self) -> WordingVersion | None:
        """The later version that ended the consent for what is sent from then on (C9)."""
        agreed = self.given.record.statement if self.given else None
        if agreed is None:
            return None
        later = (each for each in self.material_versions if each.number > agreed.version.number)
        return next(later, None)

    @cached_property
    def given(self) -> Link | None:
        """The record by which the consent was last given."""
        return _last(link for link in self.links if _gives(link))

    @cached_property
    def withdrawn(self) -> Link | None:
        """The record by which it ended after that, or ended without ever having been given."""
        last = _last(link for link in self.links if _gives(link) or link.event in ENDING)
        return last if last and last.event == RecordedEvent.WITHDRAWN else None

    @cached_property
    def returned(self) -> Link | None:
        """The record by which a withdrawal was taken back that would else be the last word."""
        last = _last(link for link in self.links if _gives(link) or link.event in ENDING)
        return last if last and last.event == RecordedEvent.WITHDRAWAL_UNDONE else None

    @cached_property
    def request(self) -> Link | None:
        """The one that the consent was given to, or else the last."""
        return _last(link for link in self._before if link.event == RecordedEvent.REQUESTED)

    @cached_property
    def mail(self) -> Link | None:
        """The confirmation mail that it was given by, or else the last."""
        return _last(link for link in self._before if link.event == RecordedEvent.CONFIRMATION_SENT)

    @property
    def _before(self) -> Sequence[Link]:
        return self.links if self.given is None else self.links[: self.given.number]

    @cached_property
    def stated(self) -> list[Link]:
        """What no reader did here: the sender says so, and nothing else does."""
        return [link for link in self.links if not _was_seen_to(link.record)]

    @cached_property
    def broken(self) -> list[Link]:
        return [link for link in self.links if not link.is_whole]

    @cached_property
    def broken_texts(self) -> list[Shown]:
        return [text for text in self.texts if text.digest == Seal.BROKEN]

    @cached_property
    def gaps(self) -> list[Gap]:
        return list(_gaps(self))

    @property
    def is_whole(self) -> bool:
        return not (self.broken or self.broken_texts or self.gaps)


@dataclass(frozen=True)
class Sheet:
    """All that is printed, read at one moment."""

    #: Made up for this sheet: nothing can be learnt from it, so that it may stand in the log.
    reference: str
    made_at: datetime
    language: str
    sender: Sender
    #: As it is kept; or as somebody supplied it, where no contact has it.
    address: str
    contact: Contact | None
    #: Of the address, under every key.
    hashes: Sequence[pseudonyms.KeyedHash]
    chains: Sequence[Chain]
    #: What keeps the address from being written to.
    suppressions: Sequence[Suppression]

    @property
    def is_whole(self) -> bool:
        return all(chain.is_whole for chain in self.chains)

    @cached_property
    def records(self) -> list[ConsentRecord]:
        """Each once, even where it stands in several chains."""
        found = {link.record.pk: link.record for chain in self.chains for link in chain.links}
        return list(found.values())


#: By which somebody whose mailbox it is has said yes.
GIVING = (RecordedEvent.CONFIRMED, RecordedEvent.ADDRESS_CHANGED)
ENDING = (RecordedEvent.WITHDRAWN, RecordedEvent.WITHDRAWAL_UNDONE)

#: What this software writes down as it happens. Whatever else there is has been entered.
AS_IT_HAPPENS: dict[str, tuple[str, ...]] = {
    RecordedEvent.REQUESTED: ("form", "my data"),
    RecordedEvent.CONFIRMED: ("confirmation page",),
    RecordedEvent.ADDRESS_CHANGED: ("my data",),
}


def _was_seen_to(record: ConsentRecord) -> bool:
    """A yes counts only where the person gave it here; whoever says that it ended is believed."""
    if record.event in (*RecordedEvent.of_confirmation_mails(), *ENDING):
        return True
    return record.source in AS_IT_HAPPENS.get(record.event, ())


def _gives(link: Link) -> bool:
    """Not where somebody moved who was in no address book then."""
    return link.event in GIVING and bool(link.record.book_uuid)


def _last(links: Iterable[Link]) -> Link | None:
    return next(reversed(list(links)), None)


def forge(
    records: Sequence[ConsentRecord],
    texts: Sequence[Shown],
    *,
    hashes: Sequence[pseudonyms.KeyedHash],
    moved_at: datetime | None,
) -> list[Link]:
    """Hold each record against what was sealed when it was written; `hashes`: by which those are found that name nobody."""
    numbers = {text.statement.pk: text.number for text in texts}
    known = {"": {each.value for each in hashes}}
    return [
        Link(
            number=number,
            record=record,
            text=numbers.get(record.statement_id or 0),
            digest=Seal.HOLDS if record.digest == record.digest_now() else Seal.BROKEN,
            address=_seal(record.address_commitment, record.address_salt, record.address),
            client=_seal(
                record.client_commitment, record.client_salt, record.ip, record.user_agent
            ),
            hash_fits=(hash_fits := _hash_fits(record, known)),
            is_elsewhere=bool(hash_fits)
            and record.subject not in known[""]
            and (moved_at is None or record.occurred_at > moved_at),
        )
        for number, record in enumerate(records, start=1)
    ]


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


def _gaps(chain: Chain) -> Iterator[Gap]:
    asked_for: set[int] = set()
    mailed = left = False
    for link in chain.links:
        kind, text = link.event, link.record.statement_id
        if kind in (RecordedEvent.REQUESTED, RecordedEvent.CONFIRMED) and text is None:
            yield Gap(GapKind.NO_TEXT, link)
        if link.is_elsewhere:
            yield Gap(GapKind.OTHER_ADDRESS, link)
        if kind == RecordedEvent.REQUESTED:
            asked_for.add(text or 0)
        elif kind == RecordedEvent.CONFIRMATION_SENT:
            mailed = True
        elif kind == RecordedEvent.CONFIRMED and link not in chain.stated:
            yield from _missing_before(link, asked_for, mailed)
            mailed = left = False
        elif kind == RecordedEvent.WITHDRAWN:
            left = True
        elif kind == RecordedEvent.WITHDRAWAL_UNDONE and not left:
            yield Gap(GapKind.NO_WITHDRAWAL, link)
    if not chain.stated and _tells_of_no_record(chain):
        yield Gap(GapKind.UNRECORDED)


def _missing_before(link: Link, asked_for: set[int], mailed: bool) -> Iterator[Gap]:
    if not asked_for:
        yield Gap(GapKind.NO_REQUEST, link)
    elif link.record.statement_id not in asked_for:
        yield Gap(GapKind.OTHER_TEXT, link)
    if not mailed:
        yield Gap(GapKind.NO_MAIL, link)


def _tells_of_no_record(chain: Chain) -> bool:
    if chain.subscription is None:
        return False
    needed = {
        "pending": chain.request,
        "confirmed": chain.given and not chain.withdrawn,
        "unsubscribed": chain.withdrawn,
    }
    return not needed.get(chain.subscription.status, True)
