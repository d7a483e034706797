"""How is it said in short what is recorded of one person's consent? In words, in the active language.

Whether there is one, since when and until when; what keeps mail away; and what the hash of an address leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import SITE_SCOPE, LegalBasis, RecordedEvent, Suppression
from .disclosure import WAYS
from .evidence_chain import Chain, Sheet
from .evidence_seals import Link, Seal


def moment(at: datetime) -> str:
    """To the second, in UTC (C5)."""
    at = at.astimezone(UTC)
    return f"{formats.date_format(at, 'j F Y')}, {at:%H:%M:%S}\N{NO-BREAK SPACE}UTC"


def way_of(source: str) -> str:
    """By which way it came; what code of the site has named stands as it is."""
    return str(WAYS.get(source, source))


def event_of(link: Link) -> str:
    return capfirst(str(link.record.get_event_display()))


def name_of(chain: Chain) -> str:
    if chain.book.is_deleted:
        return _("%(book)s (deleted)") % {"book": chain.book.name}
    return chain.book.name


def status_of(chain: Chain) -> str:
    """As campaigns see it today."""
    if chain.subscription:
        return capfirst(chain.subscription.get_status_display())
    if chain.has_moved:
        return _(
            "Whoever this is about has moved to another address, which has a sheet of its own."
        )
    return _(
        "In no address book: the subscription has gone with the address book, an erasure, or an import that was "
        "taken back."
    )


def remembered(suppression: Suppression, sheet: Sheet) -> str:
    """Why the address is not written to."""
    names = {**sheet.names_of_books, **{each.book.uuid: name_of(each) for each in sheet.chains}}
    names[SITE_SCOPE] = _("every address book of the site")
    return _("%(reason)s, for %(scope)s, since %(month)s") % {
        "reason": capfirst(suppression.get_reason_display()),
        "scope": names.get(suppression.scope, suppression.scope),
        "month": formats.date_format(suppression.month, "YEAR_MONTH_FORMAT"),
    }


def in_short(chain: Chain) -> str:
    """Whether there is a consent, since when, until when."""
    stated = chain.agreed_elsewhere if chain.given is None else None
    if chain.given in chain.stated:
        stated = chain.given
    said = [_stated(chain, stated), *_ended(chain)] if stated else [_given(chain)]
    if chain.overtaken_by:
        said.append(_("A later text means something new."))
    return " ".join(said)


def _given(chain: Chain) -> str:
    if chain.given and chain.withdrawn:
        said = _("“%(book)s”: consent was given on %(given)s and withdrawn on %(ended)s.")
    elif chain.given:
        said = _("“%(book)s”: consent was given on %(given)s, and no withdrawal of it holds.")
    elif chain.withdrawn:
        said = _("“%(book)s”: no consent is recorded, and a withdrawal on %(ended)s.")
    elif chain.stated:
        said = _("“%(book)s”: the sender states what is recorded, and nobody has confirmed it.")
    else:
        said = _("“%(book)s”: no consent is recorded.")
    return said % {
        "book": name_of(chain),
        "given": moment(chain.given.record.occurred_at) if chain.given else "",
        "ended": moment(chain.withdrawn.record.occurred_at) if chain.withdrawn else "",
    }


def _stated(chain: Chain, stated: Link) -> str:
    named: dict[str, str] = {
        LegalBasis.CONSENT: _("a consent"),
        LegalBasis.SOFT_OPT_IN: _("an existing customer's relation (soft opt-in)"),
    }
    what = named.get(chain.basis, _("a consent or an existing customer's relation"))
    said = _("“%(book)s”: the sender states %(what)s of %(given)s.")
    if stated.event in (
        RecordedEvent.IMPORTED,
        RecordedEvent.ADDED,
    ):  # When it was is not recorded.
        said = _("“%(book)s”: the sender stated %(what)s on %(given)s.")
    return said % {
        "book": name_of(chain),
        "what": what,
        "given": moment(stated.record.occurred_at),
    }


def _ended(chain: Chain) -> Iterator[str]:
    if chain.withdrawn:
        yield _("It was withdrawn on %(ended)s.") % {
            "ended": moment(chain.withdrawn.record.occurred_at)
        }
    if chain.taken_back:
        yield _("The import that says so was taken back on %(ended)s.") % {
            "ended": moment(chain.taken_back.record.occurred_at)
        }


def by_the_hash(sheet: Sheet) -> tuple[list[str], list[str]]:
    """What the keyed hash of an address that somebody supplied proves, and what not (S6)."""
    keys = {record.subject_key_id for record in sheet.records}
    keys |= {suppression.key_id for suppression in sheet.suppressions}
    shows = [
        *_beside(sheet),
        _(
            "Nobody can make that hash without the sender's key (%(keys)s), which is kept apart from the database. As "
            "far as the key was kept secret, what is recorded is about this address and no other."
        )
        % {"keys": ", ".join(sorted(keys))},
    ]
    not_shown = [
        _(
            "That nobody has put the hash beside a record of somebody else: it stands under no digest, because a new "
            "key may replace it."
        )
    ]
    links = [link for chain in sheet.chains for link in chain.links]
    if any(link.address == Seal.CLOSED for link in links):
        not_shown.append(
            _(
                "The address by its seal: it was removed from the records, together with the salt. Without "
                "the salt nobody can open the seal, and it leads to no address."
            )
        )
    return shows, not_shown


def _beside(sheet: Sheet) -> Iterator[str]:
    if number := len(sheet.records):
        yield ngettext(
            "The address supplied gives the very keyed hash that stands beside %(number)s record.",
            "The address supplied gives the very keyed hash that stands beside %(number)s records.",
            number,
        ) % {"number": number}
    if number := len(sheet.suppressions):
        yield ngettext(
            "The address supplied gives the very keyed hash under which %(number)s reason not to write to it is kept.",
            "The address supplied gives the very keyed hash under which %(number)s reasons not to write to it are "
            "kept.",
            number,
        ) % {"number": number}
