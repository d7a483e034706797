"""What the columns of a file hold: recognised by their names, as the programs that people come from write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Holds(StrEnum):
    """What a cell may say of a person."""

    ADDRESS = "address"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    LANGUAGE = "language"
    STATUS = "status"
    LEFT = "left"
    ASKED_AT = "asked_at"
    ASKED_IP = "asked_ip"
    PAGE = "page"
    CONFIRMED = "confirmed"
    CONFIRMED_AT = "confirmed_at"
    CONFIRMED_IP = "confirmed_ip"
    #: Time, page and IP address in one cell, in whatever words.
    SOURCE = "source"
    CONFIRMATION = "confirmation"
    STATEMENT = "statement"
    BASIS = "basis"
    MAY_BE_WRITTEN_TO = "may_be_written_to"
    BOOK = "book"


LABELS: dict[Holds, str | Promise] = {
    Holds.ADDRESS: _("e-mail address"),
    Holds.NAME: _("name"),
    Holds.FIRST_NAME: _("first name"),
    Holds.LAST_NAME: _("last name"),
    Holds.LANGUAGE: _("language"),
    Holds.STATUS: _("status: subscribed, unsubscribed, bounced …"),
    Holds.LEFT: _("has left: yes or no"),
    Holds.ASKED_AT: _("when they asked for it"),
    Holds.ASKED_IP: _("IP address when they asked"),
    Holds.PAGE: _("page on which they asked"),
    Holds.CONFIRMED: _("has confirmed: yes or no"),
    Holds.CONFIRMED_AT: _("when they confirmed"),
    Holds.CONFIRMED_IP: _("IP address when they confirmed"),
    Holds.SOURCE: _("how they asked, in one cell"),
    Holds.CONFIRMATION: _("how they confirmed, in one cell"),
    Holds.STATEMENT: _("digest of what they agreed to"),
    Holds.BASIS: _("legal basis"),
    Holds.MAY_BE_WRITTEN_TO: _("may be written to: yes or no"),
    Holds.BOOK: _("number of the address book that the row is about"),
}


#: Before the UUID of a field.
FIELD = "field:"


@dataclass(frozen=True)
class Profile:
    """How one program writes its files."""

    label: str
    #: A file with all of these columns is from there.
    known_by: frozenset[str]
    #: {name of the column, simplified: what it holds}; others are recognised by what they are usually called.
    columns: Mapping[str, Holds]
    #: A file with one of these is of people who have left, for that reason of `SuppressionReason`.
    of_leavers: Mapping[str, str]


def _profile(
    label: str,
    known_by: str,
    columns: Mapping[str, Holds],
    of_leavers: Mapping[str, str] | None = None,
) -> Profile:
    return Profile(label, frozenset(known_by.split()), columns, of_leavers or {})


PROFILES: dict[str, Profile] = {
    "own": _profile(
        "wagtail-gdpr-newsletter",
        "address statement_digest request_record",
        {
            "address": Holds.ADDRESS,
            "name": Holds.NAME,
            "language": Holds.LANGUAGE,
            "status": Holds.STATUS,
            "requested_at": Holds.ASKED_AT,
            "request_ip": Holds.ASKED_IP,
            "request_page": Holds.PAGE,
            "confirmed_at": Holds.CONFIRMED_AT,
            "confirmation_ip": Holds.CONFIRMED_IP,
            "statement_digest": Holds.STATEMENT,
            "basis": Holds.BASIS,
            "may_be_written_to": Holds.MAY_BE_WRITTEN_TO,
            "address_book_uuid": Holds.BOOK,
        },
    ),
    "mailchimp": _profile(
        "Mailchimp",
        "email_address leid euid",
        {
            "email_address": Holds.ADDRESS,
            "first_name": Holds.FIRST_NAME,
            "last_name": Holds.LAST_NAME,
            "optin_time": Holds.ASKED_AT,
            "optin_ip": Holds.ASKED_IP,
            "confirm_time": Holds.CONFIRMED_AT,
            "confirm_ip": Holds.CONFIRMED_IP,
        },
        {"unsub_time": "withdrawal", "clean_time": "bounce"},
    ),
    "brevo": _profile(
        "Brevo",
        "email added_time modified_time",
        {
            "email": Holds.ADDRESS,
            "firstname": Holds.FIRST_NAME,
            "prenom": Holds.FIRST_NAME,
            "vorname": Holds.FIRST_NAME,
            "lastname": Holds.LAST_NAME,
            "nom": Holds.LAST_NAME,
            "nachname": Holds.LAST_NAME,
            "added_time": Holds.ASKED_AT,
            "double_opt_in": Holds.CONFIRMED,
            "email_blacklisted": Holds.LEFT,
            "blacklisted": Holds.LEFT,
            "email_marketing": Holds.STATUS,
        },
    ),
    "listmonk": _profile(
        "listmonk",
        "uuid email name attributes status created_at updated_at",
        {
            "email": Holds.ADDRESS,
            "name": Holds.NAME,
            "status": Holds.STATUS,
        },
    ),
    "mailpro": _profile(
        "Mailpro",
        "email field24 field25",
        {
            "email": Holds.ADDRESS,
            "field24": Holds.SOURCE,
            "field25": Holds.CONFIRMATION,
        },
    ),
}

#: What columns are usually called, in the languages that such files come in.
USUAL: dict[Holds, str] = {
    Holds.ADDRESS: "email e_mail mail email_address e_mail_address address indirizzo_email posta_elettronica "
    "adresse_email courriel email_adresse correo correo_electronico",
    Holds.NAME: "name full_name nome_completo nom_complet nombre_completo vollstaendiger_name",
    Holds.FIRST_NAME: "first_name firstname fname given_name nome prenom vorname nombre",
    Holds.LAST_NAME: "last_name lastname lname surname family_name cognome nom nachname apellido apellidos",
    Holds.LANGUAGE: "language lang locale lingua langue sprache idioma",
    Holds.STATUS: "status state stato statut",
    Holds.LEFT: "unsubscribed opted_out opt_out blacklisted",
    Holds.ASKED_AT: "optin_time opt_in_time optin_date signup_date subscribed_at requested_at consent_date data_iscrizione",
    Holds.ASKED_IP: "optin_ip opt_in_ip signup_ip ip ip_address",
    Holds.PAGE: "page url signup_page signup_url consent_url",
    Holds.CONFIRMED: "confirmed double_opt_in doi",
    Holds.CONFIRMED_AT: "confirm_time confirmed_at confirmation_time confirmation_date doi_date",
    Holds.CONFIRMED_IP: "confirm_ip confirmation_ip",
    Holds.SOURCE: "field24 field_24 champ24 champ_24 campo24 campo_24 consent_source",
    Holds.CONFIRMATION: "field25 field_25 champ25 champ_25 campo25 campo_25 consent_confirmation",
}
_BY_NAME = {name: holds for holds, names in USUAL.items() for name in names.split()}


@dataclass(frozen=True)
class Recognised:
    """What a file seems to be; whoever imports it sees that, and may say otherwise."""

    profile: str
    #: {number of the column: what it holds}
    columns: dict[int, str]
    #: For files of people who have left.
    reason: str


def simplified(header: str) -> str:
    """`E-Mail Address ` and `email_address` are one."""
    return re.sub(r"[^a-z0-9]+", "_", header.strip().lower().replace("e-mail", "email")).strip("_")


def of_field(uuid: str) -> str:
    """What a column holds that has the answers to a field of the book."""
    return f"{FIELD}{uuid}"


def recognise(headers: Sequence[str], *, fields: Mapping[str, str]) -> Recognised:
    """Each thing is read from one column, the first that looks like it.

    `fields`: {what a column of answers may be called: UUID of the field}.
    """
    names = [simplified(header) for header in headers]
    asked = {simplified(name): of_field(uuid) for name, uuid in fields.items()}
    profile = next((key for key, each in PROFILES.items() if _is_from(each, names)), "")
    known = {**_BY_NAME, **PROFILES[profile].columns} if profile else _BY_NAME
    if profile:  # What it does not name is no proof: its meaning is not known.
        known = {
            name: holds
            for name, holds in known.items()
            if name in PROFILES[profile].columns or holds in _HARMLESS
        }
    meant: dict[str, str] = {**asked, **known}
    columns: dict[int, str] = {}
    for number, name in enumerate(names):
        if name in meant and meant[name] not in columns.values():
            columns[number] = meant[name]
    reasons = PROFILES[profile].of_leavers if profile else {}
    reason = next((reasons[name] for name in names if name in reasons), "")
    return Recognised(profile, columns, reason)


_HARMLESS = {Holds.NAME, Holds.FIRST_NAME, Holds.LAST_NAME, Holds.LANGUAGE}


def _is_from(profile: Profile, names: Iterable[str]) -> bool:
    return profile.known_by <= set(names)
