"""The proof of one person's consent as JSON, its fields mapped to ISO/IEC TS 27560:2023 (C15).

One consent record of that specification for each address book: header, processing, parties, events. What has no
field there stands under `evidence`. What this software does not know is `null`, and never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..models import RecordedEvent, Suppression
from ..rendering.newsletter import Sender
from . import evidence_claims as claims
from . import evidence_words as words
from .evidence_chain import Chain, Sheet
from .evidence_seals import Link, Shown
from .stored import as_stored

SCHEMA = "wagtail-gdpr-newsletter evidence 1, mapped to ISO/IEC TS 27560:2023"

#: `event_state`, by what happened; what others have entered has none of its own.
STATES: dict[str, str] = {
    RecordedEvent.REQUESTED: "requested",
    RecordedEvent.CONFIRMATION_SENT: "requested",
    RecordedEvent.CONFIRMATION_REFUSED: "requested",
    RecordedEvent.CONFIRMED: "given",
    RecordedEvent.WITHDRAWN: "withdrawn",
    RecordedEvent.WITHDRAWAL_UNDONE: "given",
    RecordedEvent.ADDRESS_CHANGED: "given",
    RecordedEvent.INVITED: "requested",
}

#: By these goes on what was there before, whatever it was.
GOING_ON = (RecordedEvent.ADDRESS_CHANGED, RecordedEvent.WITHDRAWAL_UNDONE)

#: Ways by which a person acts; all others are the sender's.
BY_THE_PERSON = (
    "form",
    "confirmation page",
    "unsubscribe page",
    "one-click",
    "my data",
    "complaint",
)

#: What a record holds beside what is sealed in words.
VALUES = (
    *("message_id", "mail_version", "address", "address_salt"),
    *("ip", "user_agent", "client_salt", "subject", "subject_key_id"),
)

SENDER, PROVIDER, AUTHORITY = "controller", "mail-provider", "supervisory-authority"

DIGESTS = (
    "SHA-256, in hexadecimal, of `sealed` as JSON: UTF-8, keys sorted, no white space, other scripts as they are. "
    "A seal is the same over the list of its salt and values."
)


def write(sheet: Sheet) -> bytes:
    """In the language that is active; the names of the fields are English."""
    shows, not_shown = ([], []) if sheet.contact else words.by_the_hash(sheet)
    everything = {
        "about": {
            "schema_version": SCHEMA,
            "reference": sheet.reference,
            "made_at": _moment(sheet.made_at),
            "language": sheet.language,
            "digests": DIGESTS,
            "is_whole": sheet.is_whole,
            "problems": claims.problems(sheet),
        },
        "address": sheet.address,
        "address_is_supplied": sheet.contact is None,
        "keyed_hash": {"proves": shows, "proves_not": not_shown},
        "suppressions": [_suppression(each) for each in sheet.suppressions],
        "suppressions_of_former_addresses": [
            _suppression(each) for each in sheet.former_suppressions
        ],
        "consent_records": [_record(sheet, chain) for chain in sheet.chains],
    }
    return json.dumps(everything, indent=2, ensure_ascii=False).encode()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _record(sheet: Sheet, chain: Chain) -> dict[str, Any]:
    return {
        "header": {
            "schema_version": SCHEMA,
            "record_id": f"urn:uuid:{chain.links[0].record.uuid}" if chain.links else None,
            "pii_principal_id": f"hmac-sha256:{sheet.hashes[0].key_id}:{sheet.hashes[0].value}",
        },
        "pii_processing": _processing(sheet, chain),
        "party_identification": _parties(sheet.sender),
        "events": [_event(link, chain) for link in chain.links],
        "evidence": {
            "in_short": words.in_short(chain),
            "proves": claims.proves(chain),
            "proves_not": claims.proves_not(chain),
            "status": chain.subscription.status if chain.subscription else None,
            "is_whole": chain.is_whole,
            "texts": [_text(text) for text in chain.texts],
        },
    }


def _processing(sheet: Sheet, chain: Chain) -> dict[str, Any]:
    agreed = chain.given or chain.agreed_elsewhere or chain.request
    statement = agreed.record.statement if agreed else None
    asked = chain.request or agreed
    request = asked.record if asked else None
    return {
        "privacy_notice": _notice(agreed, request.page_url if request else ""),
        "language": statement.language if statement else None,
        "purposes": [
            {
                "purpose": chain.book.name,
                "purpose_id": chain.book.uuid,
                "purpose_description": statement.label if statement else None,
                "lawful_basis": chain.subscription.basis if chain.subscription else None,
                "pii_information": list(_information(chain)),
                "pii_controllers": [SENDER],
                "collection_method": request.source if request else None,
                "processing_method": "newsletter by e-mail",
                "storage_locations": None,
                "retention_period": None,
                "jurisdiction": None,
                "recipient_third_parties": [PROVIDER] if sheet.sender.mail_provider else [],
                "withdrawal_method": "link at the foot of every newsletter",
                "privacy_rights": sheet.sender.privacy_url or None,
                "authority_party": AUTHORITY if sheet.sender.supervisory_authority else None,
            }
        ],
    }


def _information(chain: Chain) -> Iterator[dict[str, Any]]:
    """What the address book asks for today."""
    yield {"pii_type": "e-mail address", "pii_optional": False}
    if chain.subscription and chain.subscription.book.ask_name:
        yield {"pii_type": "name", "pii_optional": True}
    for field in chain.fields:
        yield {"pii_type": field.label, "pii_optional": not field.required}


def _notice(agreed: Link | None, page_url: str) -> dict[str, Any] | None:
    if agreed is None or agreed.record.statement is None:
        return None
    statement = agreed.record.statement
    return {
        "text": agreed.text,
        "version": statement.version.number,
        "digest": statement.digest,
        "page_url": page_url or None,
    }


def _parties(sender: Sender) -> list[dict[str, Any]]:
    parties = [
        {
            "party_id": SENDER,
            "party_name": sender.name,
            "party_address": sender.postal_address,
            "party_email": sender.email,
            "party_phone": sender.phone or None,
            "party_url": sender.root_url,
            "party_role": "PII controller",
            "party_contact": sender.data_protection_officer or sender.email,
            "party_type": "sender",
        }
    ]
    others = [
        (PROVIDER, sender.mail_provider, "PII processor", "mail provider"),
        (AUTHORITY, sender.supervisory_authority, "authority", "supervisory authority"),
    ]
    for party_id, name, role, kind in others:
        if name:
            named = {"party_id": party_id, "party_name": name}
            parties.append({**named, "party_role": role, "party_type": kind})
    return parties


def _state(link: Link, chain: Chain) -> str | None:
    if link in chain.stated or (link.event in GOING_ON and not chain.carries_a_consent(link)):
        return None
    return STATES.get(link.event)


def _event(link: Link, chain: Chain) -> dict[str, Any]:
    record, state = link.record, _state(link, chain)
    return {
        "event_time": _moment(record.occurred_at),
        "event_type": record.event,
        "event_state": state,
        "entity_id": "pii_principal" if record.source in BY_THE_PERSON else SENDER,
        "validity_duration": "until withdrawn" if state == "given" else None,
        "evidence": {
            "number": link.number,
            "in_words": words.event_of(link),
            "way": words.way_of(record.source),
            "text": link.text,
            **{name: as_stored(getattr(record, name)) or None for name in VALUES},
            "sealed": record.sealed(),
            "digest": record.digest,
            "checked": {
                "digest": link.digest.value,
                "address": link.address.value,
                "connection": link.client.value,
                "keyed_hash": link.hash_fits,
            },
        },
    }


def _text(text: Shown) -> dict[str, Any]:
    statement = text.statement
    return {
        "number": text.number,
        "version": statement.version.number,
        "material": statement.version.material,
        "stated_by_sender": text.is_stated,
        "written_at": _moment(statement.version.created_at),
        "sealed": statement.sealed(),
        "digest": statement.digest,
        "checked": text.digest.value,
    }


def _suppression(suppression: Suppression) -> dict[str, Any]:
    return {
        "reason": suppression.reason,
        "scope": suppression.scope,
        "month": f"{suppression.month:%Y-%m}",
        "hash": suppression.hash,
        "key_id": suppression.key_id,
    }
