"""How is the proof of one person's consent laid out on paper?

As blocks, in the active language and in the order in which a judge reads: who says so and about whom, whether the
proof is whole, what it proves and what not, then the records, the texts that were shown, and how to check it all.
How a block looks is up to the template, see `rendering.typesetting`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import conf
from ..rendering.newsletter import Sender
from . import evidence_claims as claims
from . import evidence_words as words
from .evidence_chain import Chain, Sheet
from .evidence_seals import Link, Seal, Shown

Block = dict[str, Any]


def compose(sheet: Sheet) -> dict[str, Any]:
    title = _("Proof of consent")
    if not sheet.contact:
        title = _("What is still recorded of an address")
    return {
        "lang": sheet.language,
        "title": title,
        "author": sheet.sender.name,
        "accent": sheet.sender.accent_color,
        "letterhead": {"name": sheet.sender.name, "lines": _letterhead(sheet.sender)},
        "running": _("Reference %(reference)s") % {"reference": sheet.reference},
        "attachment": _("The same as JSON, with everything that the digests are over"),
        "blocks": list(_blocks(sheet)),
    }


def _letterhead(sender: Sender) -> list[str]:
    officer = ""
    if sender.data_protection_officer:
        officer = _("Data protection officer: %(name)s") % {"name": sender.data_protection_officer}
    address = ", ".join(line.strip() for line in sender.postal_address.splitlines())
    contact = " · ".join(filter(None, [sender.email, sender.phone, sender.root_url]))
    return [line for line in (address, contact, officer) if line]


def _blocks(sheet: Sheet) -> Iterator[Block]:
    yield _facts(*_about(sheet))
    yield _verdict(sheet)
    if sheet.chains:
        yield _list(_("In short"), [words.in_short(chain) for chain in sheet.chains], 2)
    if not sheet.contact:
        shows, not_shown = words.by_the_hash(sheet)
        yield _list(_("What the keyed hash proves"), shows, 2)
        yield _list(_("What it does not prove"), not_shown, 2)
    for title, suppressions in (
        (_("Why no mail goes to this address"), sheet.suppressions),
        (_("Why no mail goes to an address that they had before"), sheet.former_suppressions),
    ):
        if suppressions:
            yield _list(title, [words.remembered(each, sheet) for each in suppressions], 2)
    for chain in sheet.chains:
        yield from _chain(chain, sheet)
    yield _list(_("How to check this sheet"), _how_to_check(), 2)


def _about(sheet: Sheet) -> Iterator[Block]:
    label = _("Address") if sheet.contact else _("Address, as supplied for this sheet")
    yield _row(label, sheet.address, strong=True)
    if sheet.contact:
        yield _row(_("Kept as"), str(sheet.contact))
    if books := ", ".join(words.name_of(chain) for chain in sheet.chains):
        label = _("Address book") if len(sheet.chains) == 1 else _("Address books")
        yield _row(label, books)
    if len(sheet.chains) == 1:
        yield _row(_("Status today"), words.status_of(sheet.chains[0]))
    yield _row(_("Made on"), words.moment(sheet.made_at))
    yield _row(_("Reference"), sheet.reference, code=True)


def _verdict(sheet: Sheet) -> Block:
    number = len(sheet.records)
    if problems := claims.problems(sheet):
        return _box(_("The records are not whole"), problems, alarming=True)
    if not number:
        return _box(_("There is no record"), [])
    said = ngettext(
        "%(number)s record was held against its digest, its seals and its text. It has not been changed since it "
        "was written, as far as they can show, and it stands on nothing that is missing.",
        "%(number)s records were held against their digests, seals and texts. None has been changed since it was "
        "written, as far as they can show, and none stands on one that is missing.",
        number,
    )
    return _box(_("The records are whole"), [said % {"number": number}])


def _chain(chain: Chain, sheet: Sheet) -> Iterator[Block]:
    """Under a heading of its own, unless it is the only one."""
    alone = len(sheet.chains) == 1
    level = 2 if alone else 3
    if not alone:
        yield _heading(words.name_of(chain), 2)
        yield _facts(_row(_("Status today"), words.status_of(chain)))
    if proven := claims.proves(chain):
        title = (
            _("What this proves") if chain.is_whole else _("What it would prove if it were whole")
        )
        yield _list(title, proven, level)
    if not_proven := claims.proves_not(chain):
        yield _list(_("What this does not prove"), not_proven, level)
    if chain.links:
        yield _heading(_("What is recorded, the oldest first"), level)
    for link in chain.links:
        yield {**_record(link, sheet), "level": level + 1}
    yield from _texts(chain, level)


def _texts(chain: Chain, level: int) -> Iterator[Block]:
    """What visitors saw here apart from what they were told elsewhere, as nobody here has seen."""
    for title, texts in (
        (_("What was shown, word by word"), [each for each in chain.texts if not each.is_stated]),
        (
            _("What the sender states that they were told"),
            [each for each in chain.texts if each.is_stated],
        ),
    ):
        if texts:
            yield _heading(title, level)
        for text in texts:
            yield {**_text(text), "level": level + 1}


def _record(link: Link, sheet: Sheet) -> Block:
    record = link.record
    return {
        "kind": "record",
        "title": f"{link.number}. {words.event_of(link)}",
        "time": words.moment(record.occurred_at),
        "alarming": not link.is_whole,
        "rows": list(_what_happened(link, sheet)),
        "seals": list(_seals(link)),
    }


def _what_happened(link: Link, sheet: Sheet) -> Iterator[Block]:
    record = link.record
    removed = _("removed by an erasure") if sheet.tells_of_an_erasure else _("removed")
    is_stated = record.statement is not None and record.statement.stated_in
    rows = [
        (_("By which way"), words.way_of(record.source)),
        (_("Page"), record.page_url),
        (_("Number of the form"), record.block_id),
        (
            _("Told, as the sender states") if is_stated else _("Shown"),
            _("text %(number)s") % {"number": link.text} if link.text else "",
        ),
        (_("Message-ID"), record.message_id),
        (_("Wording of the mail"), record.mail_version),
        (_("Address at that time"), record.address or removed),
        (_("Connection"), _connection(link)),
    ]
    if record.contact_id is None and not record.address:
        rows.append((_("Found by"), _("the keyed hash of the address")))
    for label, text in rows:
        if text:
            yield _row(label, text)


def _connection(link: Link) -> str:
    if link.client == Seal.NONE:
        return _("not recorded")
    if link.client == Seal.CLOSED:
        return _("removed, because its time was over or together with the address")
    return ", ".join(filter(None, [link.record.ip, link.record.user_agent]))


def _seals(link: Link) -> Iterator[Block]:
    record = link.record
    yield _row(_("Number"), str(record.uuid), code=True)
    yield _sealed(_("Digest"), record.digest, link.digest)
    yield _sealed(_("Seal of the address"), record.address_commitment, link.address)
    if link.client != Seal.NONE:
        yield _sealed(_("Seal of the connection"), record.client_commitment, link.client)
    label = _("Keyed hash, key %(key)s") % {"key": record.subject_key_id}
    if link.hash_fits is None:
        yield _row(label, record.subject, code=True, note=_("its key is not there any more"))
    else:
        yield _sealed(label, record.subject, Seal.HOLDS if link.hash_fits else Seal.BROKEN)


def _sealed(label: str, text: str, seal: Seal) -> Block:
    said = {
        Seal.HOLDS: _("matches"),
        Seal.BROKEN: _("does not match"),
        Seal.CLOSED: _("closed"),
        Seal.NONE: "",
    }
    return {**_row(label, text, code=True, note=said[seal]), "alarming": seal == Seal.BROKEN}


def _text(text: Shown) -> Block:
    statement = text.statement
    return {
        "kind": "statement",
        "title": _("Text %(number)s") % {"number": text.number},
        "caption": _caption(text),
        "lang": statement.language,
        "name": statement.book_name,
        "description": statement.description,
        "box": statement.label,
        "has_box": not text.is_stated,
        "notice": _notice(statement.notice),
        "alarming": text.digest == Seal.BROKEN,
        "seals": [_sealed(_("Digest"), statement.digest, text.digest)],
    }


def _caption(text: Shown) -> str:
    version = text.statement.version
    said = _("Version %(number)s, the same in other words; language: %(language)s; of %(time)s")
    if text.is_stated:
        said = _("Written down by the sender beside version %(number)s; language: %(language)s")
    elif version.material:
        said = _("Version %(number)s, a material change; language: %(language)s; of %(time)s")
    elif version.number == 1:
        said = _("Version %(number)s; language: %(language)s; of %(time)s")
    language = text.statement.language
    return said % {
        "number": version.number,
        "language": dict(conf.languages()).get(language, language),
        "time": words.moment(version.created_at),
    }


def _notice(stored: Any) -> list[list[str]]:
    """[[heading, text], ...], unless somebody has made something else of it."""
    if isinstance(stored, list) and all(
        isinstance(part, list) and len(part) == 2 for part in stored
    ):
        return [[str(heading), str(text)] for heading, text in stored]
    return [["", str(stored)]]


def _how_to_check() -> list[str]:
    return [
        _(
            "This file holds its facts once more as JSON, in an attachment, with whatever the digests are over. "
            "Its fields are mapped to ISO/IEC TS 27560:2023."
        ),
        _(
            "A digest is the SHA-256, in hexadecimal, of what the attachment calls “sealed”: written as JSON in "
            "UTF-8, keys sorted, without white space, other scripts as they are."
        ),
        _(
            "A seal is the SHA-256 of a list written in the same way: the salt that the attachment names, then the "
            "value. Without the salt nobody can guess the value: where both are removed, the seal is closed for good."
        ),
        _(
            "A record's digest covers the digest of its text and both seals. Removing an address or a connection, as "
            "the law demands it, therefore leaves the digest as it was."
        ),
        _(
            "A character that cannot be seen, or that no font has, is written as its number, such as ⟨U+202E⟩. The "
            "attachment has it as it is."
        ),
        _(
            "That this sheet was made, when and by whom, stands in the sender's audit log under its reference."
        ),
    ]


def _heading(title: str, level: int) -> Block:
    return {"kind": "heading", "level": level, "text": title}


def _facts(*rows: Block) -> Block:
    return {"kind": "facts", "rows": list(rows)}


def _list(title: str, items: list[str], level: int) -> Block:
    return {"kind": "list", "title": title, "items": items, "level": level}


def _box(title: str, items: list[str], *, alarming: bool = False) -> Block:
    return {"kind": "box", "title": title, "items": items, "alarming": alarming}


def _row(
    label: str, text: str, *, code: bool = False, strong: bool = False, note: str = ""
) -> Block:
    return {
        "label": label,
        "text": text,
        "code": code,
        "strong": strong,
        "note": note,
        "alarming": False,
    }
