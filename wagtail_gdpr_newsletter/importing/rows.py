"""What one row says of a person, read by what its columns hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .. import conf
from ..addresses import Address, InvalidAddress
from ..models import BookField, LegalBasis, SuppressionReason
from ..models.imports import DEFUSED
from .columns import Holds


class Fault(models.TextChoices):
    """What cannot be read in a row."""

    NO_ADDRESS = "no_address", _("there is no e-mail address")
    ADDRESS = "address", _("the e-mail address is not valid")
    TIME = "time", _("a date or time cannot be read, or lies in the future")
    IP = "ip", _("an IP address cannot be read")
    STATUS = "status", _("the status is not understood")
    YES_OR_NO = "yes_or_no", _("yes or no is not understood")
    ANSWER = "answer", _("an answer does not fit what the address book asks")
    NAME = "name", _("the name is too long")
    PAGE = "page", _("the page is no address of a page")
    OTHER = "other", _("something in it cannot be kept")


class CannotBeRead(ValueError):
    """`address`: whose row it is, where that can be read."""

    def __init__(self, fault: Fault, address: Address | None = None) -> None:
        super().__init__(fault)
        self.fault, self.address = fault, address


@dataclass(frozen=True)
class Reading:
    """How a file is read."""

    #: {number of the column: what it holds}
    columns: Mapping[int, str]
    language: str
    time_zone: ZoneInfo
    month_first: bool = False
    #: {number of the column: the field that it has the answers to}
    questions: Mapping[int, BookField] = field(default_factory=dict)
    #: Everybody in it has left: nothing but the address has to be readable, so that nobody is overlooked.
    of_leavers: bool = False


@dataclass(frozen=True)
class Proof:
    """What a row says of their consent. Times are aware; IP addresses as far as the file has them."""

    asked_at: datetime | None = None
    asked_ip: str = ""
    page: str = ""
    confirmed_at: datetime | None = None
    confirmed_ip: str = ""
    #: The file says that they have confirmed, and not when.
    is_confirmed: bool = False


@dataclass(frozen=True)
class Person:
    """What a row says."""

    line: int
    address: Address
    name: str = ""
    language: str = ""
    #: A value of `SuppressionReason` for somebody who has left, as the file says.
    left: str = ""
    #: The file says that they have not confirmed.
    is_waiting: bool = False
    #: They stand on no consent, as the file says: that has to be stated of them.
    is_customer: bool = False
    proof: Proof = Proof()
    #: The digest of what they agreed to.
    statement: str = ""
    #: {UUID of a field: answer}
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_proof(self) -> bool:
        """They have confirmed at some time, and there is a trace of their asking.

        Programs write a time of confirmation for whoever was added by hand, too; that alone proves nothing.
        """
        told = self.proof
        trace = told.asked_at or told.asked_ip or told.confirmed_ip or told.page
        confirmed = (told.confirmed_at and trace) or (told.is_confirmed and told.asked_at)
        return bool(confirmed) and not (self.is_waiting or self.is_customer)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


YES = _words("1 yes y true si sì oui ja x on")
NO = _words("0 2 no n false non nein off") | {""}

SUBSCRIBED = _words("subscribed active enabled confirmed yes si sì oui ja opted_in iscritto")
WAITING = _words("pending unconfirmed unproven non_subscribed transactional")
GONE: dict[str, SuppressionReason] = {
    **dict.fromkeys(
        _words(
            "unsubscribed disabled blocklisted blacklisted opted_out optout inactive archived no disiscritto"
        ),
        SuppressionReason.WITHDRAWAL,
    ),
    **dict.fromkeys(
        _words("cleaned bounced bounce hard_bounce hardbounced invalid undeliverable"),
        SuppressionReason.BOUNCE,
    ),
    **dict.fromkeys(_words("complained complaint spam abuse"), SuppressionReason.COMPLAINT),
}

#: Of what a text may be made that says that somebody has confirmed.
OF_A_YES = _words(
    "confirmed confirmation confirm conferma confermato confermata confirmé confirmée confirmación confirmado "
    "bestätigt bestätigung double opt in optin doi yes sì si oui ja ok date time ip at on by from via link il alle "
    "da le à du de am um von utc gmt address adresse indirizzo"
)

_TIME = r"\d{4}-\d{1,2}-\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_OTHER_TIME = r"\d{1,2}[./-]\d{1,2}[./-]\d{4}(?:[ ,T]+\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm]\b)?)?"
_IN_TEXT = re.compile(f"{_TIME}|{_OTHER_TIME}")
_OTHER = re.compile(
    r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?(?: ?([AaPp])[Mm])?"
)
_PAGE = re.compile(r"https?://[^\s,;|<>\"]+")
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w.:])"
)


def read_row(line: int, cells: Sequence[str], reading: Reading) -> Person:
    """Raise `CannotBeRead` with what is wrong."""
    told = {
        holds: DEFUSED.sub("", cells[number]).strip()
        for number, holds in reading.columns.items()
        if number < len(cells)
    }
    address = _address(told.get(Holds.ADDRESS, ""))
    try:
        return _person(line, address, told, cells, reading)
    except CannotBeRead as error:
        raise CannotBeRead(error.fault, address) from error


def _person(
    line: int, address: Address, told: Mapping[str, str], cells: Sequence[str], reading: Reading
) -> Person:
    if reading.of_leavers:
        return Person(line, address, left=GONE.get(_status(told), ""))
    left, is_waiting = _standing(told)
    if left:
        return Person(line, address, left=left)
    return Person(
        line=line,
        address=address,
        name=_name(told),
        language=_language(told.get(Holds.LANGUAGE, ""), reading.language),
        is_waiting=is_waiting,
        is_customer=told.get(Holds.BASIS, "") == LegalBasis.SOFT_OPT_IN,
        proof=_proof(told, reading),
        statement=told.get(Holds.STATEMENT, "")[:64],
        answers=_answers(cells, reading),
    )


def _answers(cells: Sequence[str], reading: Reading) -> dict[str, Any]:
    answers = {}
    for number, question in reading.questions.items():
        try:
            answer = question.answer_in(cells[number]) if number < len(cells) else None
        except (ValidationError, OverflowError) as error:
            raise CannotBeRead(Fault.ANSWER) from error
        if answer is not None:
            answers[question.uuid] = answer
    return answers


def _address(text: str) -> Address:
    if not text:
        raise CannotBeRead(Fault.NO_ADDRESS)
    try:
        return Address.parse(text.removeprefix("mailto:"))
    except InvalidAddress as error:
        raise CannotBeRead(Fault.ADDRESS) from error


def _name(told: Mapping[str, str]) -> str:
    """One line; what no person types is left out."""
    parts = [told.get(Holds.FIRST_NAME, ""), told.get(Holds.LAST_NAME, "")]
    text = told.get(Holds.NAME, "") or " ".join(parts)
    name = " ".join(unicodedata.normalize("NFC", text).split())
    name = "".join(character for character in name if character.isprintable())
    if len(name) > 200:
        raise CannotBeRead(Fault.NAME)
    return name


def _language(text: str, otherwise: str) -> str:
    code = text.strip().lower().replace("_", "-")
    known = [each for each, _label in conf.languages()]
    return (code and conf.best_language(code, known)) or otherwise


def _standing(told: Mapping[str, str]) -> tuple[str, bool]:
    """(why they have left, as the file says; whether they have not confirmed)"""
    if _is_yes(told.get(Holds.LEFT, "")):
        return SuppressionReason.WITHDRAWAL, False
    status = _status(told)
    if status in GONE:
        return GONE[status], False
    if status and status not in SUBSCRIBED | WAITING:
        raise CannotBeRead(Fault.STATUS)
    said = [told[each] for each in (Holds.CONFIRMED, Holds.MAY_BE_WRITTEN_TO) if each in told]
    return "", status in WAITING or not all(map(_is_yes, said))


def _status(told: Mapping[str, str]) -> str:
    return re.sub(r"[^\w]+", "_", told.get(Holds.STATUS, "").lower()).strip("_")


def _is_yes(text: str) -> bool:
    word = text.strip().lower()
    if word not in YES | NO:
        raise CannotBeRead(Fault.YES_OR_NO)
    return word in YES


def _proof(told: Mapping[str, str], reading: Reading) -> Proof:
    """Times, pages and IP addresses, from columns of their own or out of a text."""
    source, confirmation = told.get(Holds.SOURCE, ""), told.get(Holds.CONFIRMATION, "")
    if not _says_yes(confirmation):
        confirmation = ""
    page = told.get(Holds.PAGE, "") or _first(_PAGE, source)
    if len(page) > 2048 or not page.isprintable():
        raise CannotBeRead(Fault.PAGE)
    confirmed_at = told.get(Holds.CONFIRMED_AT, "") or _first(_IN_TEXT, confirmation)
    asked_at = told.get(Holds.ASKED_AT, "") or _first(_IN_TEXT, source)
    return Proof(
        asked_at=_time(asked_at, reading),
        asked_ip=_ip(told.get(Holds.ASKED_IP, ""), source),
        page=page,
        confirmed_at=_time(confirmed_at, reading),
        confirmed_ip=_ip(told.get(Holds.CONFIRMED_IP, ""), confirmation),
        is_confirmed=Holds.CONFIRMED in told,
    )


def _says_yes(text: str) -> bool:
    """Whether there is nothing in it but a confirmation, with its time and place: it may also say that there was none."""
    for pattern in (_PAGE, _IN_TEXT, _IP):
        text = pattern.sub(" ", text)
    return set(re.findall(r"[^\W\d_]+", text.lower())) <= OF_A_YES


def _time(text: str, reading: Reading) -> datetime | None:
    if not text or text.startswith("0000-00-00"):
        return None
    at = _parsed(text, reading)
    at = at if at.tzinfo else at.replace(tzinfo=reading.time_zone)
    if at > now() or at.year < 1990:
        raise CannotBeRead(Fault.TIME)
    return at


def _parsed(text: str, reading: Reading) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if not (match := _OTHER.fullmatch(text.strip())):
        raise CannotBeRead(Fault.TIME)
    first, second, year, hour, minute, seconds, half = match.groups()
    day, month = (second, first) if reading.month_first else (first, second)
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half in "Pp" else 0)
    try:
        return datetime(  # noqa: DTZ001  # Of which zone it is, the caller knows.
            int(year), int(month), int(day), hours, int(minute or 0), int(seconds or 0)
        )
    except ValueError as error:
        raise CannotBeRead(Fault.TIME) from error


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(0) if match else ""


def _ip(text: str, otherwise: str) -> str:
    if text:
        try:
            # Of a network, where it was kept in part; without the zone of a link, which is nobody's but its machine's.
            return str(ip_address(text.partition("/")[0].partition("%")[0]))
        except ValueError as error:
            raise CannotBeRead(Fault.IP) from error
    for candidate in _IP.findall(otherwise):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return ""
