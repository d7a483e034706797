"""What does the proof of one person's consent prove, and what not? In words, in the active language.

Nothing is claimed that the records do not hold: a request is no consent, a yes that the sender has entered is the
sender's statement, and a chain that is not whole says so first.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import LegalBasis, RecordedEvent, SubscriptionStatus
from .evidence_chain import Chain, Gap, GapKind, Sheet
from .evidence_seals import Link, Seal
from .evidence_words import event_of, moment, name_of, way_of


def problems(sheet: Sheet) -> list[str]:
    """What is wrong with it; empty where it is whole."""
    return [
        f"{name_of(chain)}: {problem}" if len(sheet.chains) > 1 else problem
        for chain in sheet.chains
        for problem in _problems(chain)
    ]


def _problems(chain: Chain) -> Iterator[str]:
    for link in chain.broken:
        for broken in _broken(link):
            yield broken % {"number": link.number, "event": event_of(link)}
    for text in chain.broken_texts:
        yield _("Text %(number)s does not match its digest: it was changed later.") % {
            "number": text.number
        }
    for gap in chain.gaps:
        yield _gap(gap)


def _broken(link: Link) -> Iterator[str]:
    if link.digest == Seal.BROKEN:
        yield _("Record %(number)s (%(event)s) does not match its digest: it was changed later.")
    if link.address == Seal.BROKEN:
        yield _("The address in record %(number)s (%(event)s) is not the one that was sealed.")
    if link.client == Seal.BROKEN:
        yield _("The connection in record %(number)s (%(event)s) is not the one that was sealed.")
    if link.hash_fits is False:
        yield _("The keyed hash beside record %(number)s (%(event)s) is that of another address.")


def _gap(gap: Gap) -> str:
    said = {
        GapKind.NO_REQUEST: _("Record %(number)s confirms a request that is not recorded."),
        GapKind.NO_MAIL: _(
            "Before record %(number)s no confirmation mail is recorded, though one is needed to confirm."
        ),
        GapKind.OTHER_TEXT: _("Record %(number)s confirms a text that no request before it names."),
        GapKind.NO_TEXT: _("The text that belongs to record %(number)s is missing."),
        GapKind.OTHER_ADDRESS: _(
            "Record %(number)s names another address, and no move from it is recorded."
        ),
        GapKind.NO_WITHDRAWAL: _("Record %(number)s takes a withdrawal back that is not recorded."),
        GapKind.UNRECORDED: _(
            "The address book lists this person with a status that no record explains."
        ),
    }[gap.kind]
    return said % {"number": gap.link.number if gap.link else ""}


def proves(chain: Chain) -> list[str]:
    """As far as the records are the ones that were written."""
    return [*_how_it_was_asked(chain), *_how_it_was_given(chain), *_how_it_ended(chain)]


def _how_it_was_asked(chain: Chain) -> Iterator[str]:
    request = chain.request
    if request is None or request in chain.stated:
        return
    told = {
        "time": moment(request.record.occurred_at),
        "book": chain.book.name,
        "page": request.record.page_url,
        "text": request.text,
    }
    if request.record.source == "form":
        yield (
            _(
                "On %(time)s somebody asked for “%(book)s” with this address, in a form that showed text %(text)s. "
                "Its page: %(page)s"
            )
            % told
        )
        yield _("The form shows its box empty, and takes no request without a tick.")
    elif request.event == RecordedEvent.INVITED:
        yield from _how_the_sender_asked(chain, request)
    else:
        yield (
            _(
                "On %(time)s “%(book)s” was asked for in “My data”, beside text %(text)s. Only whoever reads the "
                "mailbox can open that page."
            )
            % told
        )


def _how_the_sender_asked(chain: Chain, request: Link) -> Iterator[str]:
    yield _(
        "On %(time)s the sender asked this address whether it wants “%(book)s”, of its own accord: by a mail whose "
        "link leads to text %(text)s."
    ) % {
        "time": moment(request.record.occurred_at),
        "book": chain.book.name,
        "text": request.text,
    }
    asked_by = chain.imports.get(request.record.import_uuid)
    if asked_by and asked_by.source:
        yield _("Where the address is from, as the sender states it: %(source)s") % {
            "source": asked_by.source
        }


def _how_it_was_given(chain: Chain) -> Iterator[str]:
    given = chain.given
    if given and given is not chain.moved and given not in chain.stated:
        yield from _how_it_was_confirmed(chain, moment(given.record.occurred_at))
    if chain.moved and chain.moved not in chain.stated:
        yield _(
            "On %(time)s the person moved to another address, and was told by name which newsletters come along. "
            "The link went to the new mailbox alone: whoever pressed the button reads it."
        ) % {"time": moment(chain.moved.record.occurred_at)}


def _how_it_was_confirmed(chain: Chain, time: str) -> Iterator[str]:
    if chain.mail is None:
        yield _(
            "On %(time)s the button behind a confirmation link was pressed. That the link had been mailed is not "
            "recorded."
        ) % {"time": time}
        return
    yield _("On %(time)s a confirmation mail was sent to this address. Its Message-ID: %(id)s") % {
        "time": moment(chain.mail.record.occurred_at),
        "id": chain.mail.record.message_id,
    }
    yield _(
        "On %(time)s the button behind the link in that mail was pressed. The link is signed and went to this "
        "address alone: whoever pressed the button could read its mailbox."
    ) % {"time": time}


def _how_it_ended(chain: Chain) -> Iterator[str]:
    if chain.withdrawn:
        yield _(
            "On %(time)s it was withdrawn (%(way)s). Campaigns leave this address out from then on."
        ) % {
            "time": moment(chain.withdrawn.record.occurred_at),
            "way": way_of(chain.withdrawn.record.source),
        }
    if chain.returned:
        yield _("On %(time)s a withdrawal was taken back (%(way)s), within ten minutes of it.") % {
            "time": moment(chain.returned.record.occurred_at),
            "way": way_of(chain.returned.record.source),
        }
    if chain.taken_back:
        yield _(
            "On %(time)s the sender took the import back. What it states is not used from then on."
        ) % {"time": moment(chain.taken_back.record.occurred_at)}
    if chain.overtaken_by:
        yield _(
            "Version %(number)s of the text, of %(time)s, means something new. This consent is not used for "
            "anything that is sent since."
        ) % {
            "number": chain.overtaken_by.number,
            "time": moment(chain.overtaken_by.created_at),
        }


def proves_not(chain: Chain) -> list[str]:
    """What nobody may read into it."""
    return [*_what_is_missing(chain), *_stated(chain), *_what_no_record_shows(chain)]


def _what_is_missing(chain: Chain) -> Iterator[str]:
    place = chain.subscription
    if place and place.basis == LegalBasis.SOFT_OPT_IN:
        yield _(
            "A consent: this subscription rests on an existing customer's relation (soft opt-in)."
        )
    if place and place.status == SubscriptionStatus.UNPROVEN:
        yield _("A consent: the address was added without any proof, and is not written to.")
    if not chain.links:
        yield _("A consent: there is no record.")
    elif chain.given is None:
        yield from _what_is_no_confirmation(chain)


def _what_is_no_confirmation(chain: Chain) -> Iterator[str]:
    asked = chain.request and chain.request.event == RecordedEvent.REQUESTED
    if asked and chain.request not in chain.stated:
        yield _(
            "A consent: there is no confirmation. A request shows that somebody typed this address, and not that "
            "whoever has it agreed."
        )
    else:
        yield _("A consent: nobody has confirmed one here.")
    if chain.moved:
        yield _(
            "A consent by moving to another address: what was there before comes along, as what it was."
        )


def _stated(chain: Chain) -> Iterator[str]:
    """Entered by the sender, by an import or by code of the site, whatever its name."""
    records = [
        _("%(number)s (%(event)s, %(way)s)")
        % {
            "number": link.number,
            "event": event_of(link),
            "way": way_of(link.record.source),
        }
        for link in chain.stated
    ]
    if records:
        yield ngettext(
            "What record %(records)s says: no reader did it before this software, and it shows only that the sender "
            "wrote it down.",
            "What records %(records)s say: no reader did it before this software, and they show only that the sender "
            "wrote it down.",
            len(records),
        ) % {"records": ", ".join(records)}


def _what_no_record_shows(chain: Chain) -> Iterator[str]:
    if not chain.links:
        return
    if chain.given:
        yield _("Who the person is: it shows who could read a mailbox, and no name.")
    if chain.mail:
        yield _(
            "That the mail arrived: it shows that it was handed over. A mail of which the server left this in doubt "
            "counts as sent."
        )
    if any(link.record.ip for link in chain.links):
        yield _("Whose connection it was: an IP address, or its network, is shared by many.")
    yield _(
        "That nobody has made the digests anew: whoever can write to the database can do that, or remove a whole "
        "record. They reveal what was changed by mistake, or carelessly."
    )
