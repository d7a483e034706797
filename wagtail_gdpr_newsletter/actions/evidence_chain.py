"""What does everything that is recorded about one person and one address book amount to, and is it whole?

The records are held against each other: what stands on something that is not there is a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property

from .. import pseudonyms
from ..models import (
    BookField,
    ConsentRecord,
    Contact,
    ContactImport,
    ImportBasis,
    LegalBasis,
    RecordedEvent,
    Subscription,
    Suppression,
    SuppressionReason,
    WordingVersion,
)
from ..rendering.newsletter import Sender
from .evidence_seals import Link, Seal, Shown


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
    #: What the book asks beside the address today.
    fields: Sequence[BookField]
    #: Those that its records name, by their UUIDs.
    imports: Mapping[str, ContactImport]
    #: Whether somebody who has another address now is meant.
    has_moved: bool

    @cached_property
    def basis(self) -> str:
        """A `LegalBasis`; empty where nothing is left that tells."""
        if self.subscription:
            return self.subscription.basis
        if self.given or not self.agreed_elsewhere:
            return LegalBasis.CONSENT
        brought_by = self.imports.get(self.agreed_elsewhere.record.import_uuid)
        if brought_by is None:
            return ""
        is_customer = brought_by.basis == ImportBasis.CUSTOMERS
        return LegalBasis.SOFT_OPT_IN if is_customer else LegalBasis.CONSENT

    @cached_property
    def overtaken_by(self) -> WordingVersion | None:
        """The later version that ended the consent for what is sent from then on (C9)."""
        by = self.given or self.agreed_elsewhere
        agreed = by.record.statement if by else None
        if agreed is None or self.basis == LegalBasis.SOFT_OPT_IN:
            return None
        later = (each for each in self.material_versions if each.number > agreed.version.number)
        return next(later, None)

    @cached_property
    def given(self) -> Link | None:
        """The record by which the consent was last given; by a move, where it is not known what came along."""
        confirmed = _last(link for link in self.links if link.event == RecordedEvent.CONFIRMED)
        if confirmed or self._is_known_to_come_from_elsewhere:
            return confirmed
        return self.moved

    @property
    def _is_known_to_come_from_elsewhere(self) -> bool:
        here = self.moved.record.statement if self.moved else None
        is_customer = self.subscription and self.subscription.basis == LegalBasis.SOFT_OPT_IN
        return bool(self.agreed_elsewhere or is_customer or (here and here.stated_in))

    @cached_property
    def agreed_elsewhere(self) -> Link | None:
        """The record by which the sender states that they may be written to; rather one of an import that stands."""
        told = [link for link in self.links if _states_agreement(link.record)]
        told = [link for link in told if not self._undone(link)] or told
        confirmed = (link for link in told if link.event == RecordedEvent.STATED_CONFIRMATION)
        return _last(confirmed) or _last(told)

    @cached_property
    def taken_back(self) -> Link | None:
        """The record by which the import that this stands on was taken back."""
        if self.agreed_elsewhere:
            return self._undone(self.agreed_elsewhere)
        return _last(link for link in self.links if link.event == RecordedEvent.IMPORT_UNDONE)

    def _undone(self, brought: Link) -> Link | None:
        of_import = brought.record.import_uuid
        undone = (link for link in self.links if link.event == RecordedEvent.IMPORT_UNDONE)
        return _last(link for link in undone if of_import and link.record.import_uuid == of_import)

    def carries_a_consent(self, link: Link) -> bool:
        """Whether what goes on by this record, a move say, was a consent given here."""
        if self.given is None or self.given in self.stated:
            return False
        return self.given is self.moved or self.given.number <= link.number

    @cached_property
    def moved(self) -> Link | None:
        """The record by which it last came along to another address."""
        return _last(link for link in self.links if _comes_along(link))

    @cached_property
    def withdrawn(self) -> Link | None:
        """The record by which it ended after that, or ended without ever having been given."""
        return self._last_word(RecordedEvent.WITHDRAWN)

    @cached_property
    def returned(self) -> Link | None:
        """The record by which a withdrawal was taken back."""
        return self._last_word(RecordedEvent.WITHDRAWAL_UNDONE)

    def _last_word(self, event: RecordedEvent) -> Link | None:
        last = _last(link for link in self.links if link.event in DECIDING or _comes_along(link))
        return last if last and last.event == event else None

    @cached_property
    def request(self) -> Link | None:
        """The one that the consent was given to, or else the last."""
        return _last(link for link in self._before if link.event in ASKING)

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
    #: The same of addresses that they had before.
    former_suppressions: Sequence[Suppression]
    #: Of all address books there ever were, by UUID.
    names_of_books: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        return all(chain.is_whole for chain in self.chains)

    @property
    def tells_of_an_erasure(self) -> bool:
        every = (*self.suppressions, *self.former_suppressions)
        return any(each.reason == SuppressionReason.ERASURE for each in every)

    @cached_property
    def records(self) -> list[ConsentRecord]:
        """Each once, even where it stands in several chains."""
        found = {link.record.pk: link.record for chain in self.chains for link in chain.links}
        return list(found.values())


ENDING = (RecordedEvent.WITHDRAWN, RecordedEvent.WITHDRAWAL_UNDONE)
DECIDING = (RecordedEvent.CONFIRMED, *ENDING)

#: Whoever asks, the person or the sender: it is this that a confirmation answers.
ASKING = (RecordedEvent.REQUESTED, RecordedEvent.INVITED)

#: What this software writes down as it happens. Whatever else there is has been entered.
AS_IT_HAPPENS: dict[str, tuple[str, ...]] = {
    RecordedEvent.REQUESTED: ("form", "my data"),
    RecordedEvent.CONFIRMED: ("confirmation page",),
    RecordedEvent.ADDRESS_CHANGED: ("my data",),
    RecordedEvent.INVITED: ("import",),
    RecordedEvent.IMPORT_UNDONE: ("import",),
}


def _was_seen_to(record: ConsentRecord) -> bool:
    """A yes counts only where the person gave it here; whoever says that it ended is believed."""
    if record.event in (*RecordedEvent.of_confirmation_mails(), *ENDING):
        return True
    return record.source in AS_IT_HAPPENS.get(record.event, ())


def _states_agreement(record: ConsentRecord) -> bool:
    """An import that only names somebody again has the statement of the one that has brought them."""
    if record.event in (RecordedEvent.STATED_CONFIRMATION, RecordedEvent.ADDED):
        return True
    told = record.statement if record.event == RecordedEvent.IMPORTED else None
    return told is not None and told.stated_in in ("", record.import_uuid)


def _comes_along(link: Link) -> bool:
    """Not where somebody moved who was in no address book then."""
    return link.record.tells_of_a_move and bool(link.record.book_uuid)


def _last(links: Iterable[Link]) -> Link | None:
    return next(reversed(list(links)), None)


def _gaps(chain: Chain) -> Iterator[Gap]:
    asked_for: set[int] = set()
    mailed = left = False
    for link in chain.links:
        kind, text = link.event, link.record.statement_id
        if kind in (*ASKING, RecordedEvent.CONFIRMED) and text is None:
            yield Gap(GapKind.NO_TEXT, link)
        if link.is_elsewhere:
            yield Gap(GapKind.OTHER_ADDRESS, link)
        if kind in ASKING:
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
