"""How a table declares what it keeps of a person; what each declares stands in `declarations`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Erasure(Enum):
    """What an erasure does with a value."""

    DELETE = "the row goes with the contact"
    STRIP = "the value is emptied, the row stays"
    REKEY = "replaced by the keyed hash under the current key"
    DETACH = "the row stays and no longer leads to the person"


class Kept(Enum):
    """How long a value is kept and why; the reader is told so in these words."""

    WITH_CONTACT = _(
        "until you have it deleted; a sign-up that nobody confirms is deleted by itself"
    )
    ANSWERS = _("your answers until you change them, or a day after you have left that newsletter")
    AS_PROOF = _("as long as we may have to prove your consent")
    CLIENT = _("IP address and browser for %(time)s, then removed from the proof")
    SUPPRESSION = _("for good, so that we do not write to you again")
    REGISTER = _("as long as we may have to show that we did what you asked")
    BRIEFLY = _("for a week, so that nobody can flood your mailbox through our forms")
    A_MONTH = _("for a month, so that whoever imported the file can see what was not taken")
    BRIEFLY_IMPORT = _("until the file is imported, for a week at most")
    SESSION = _("until you close “My data” or its time is up")


@dataclass(frozen=True)
class Personal:
    """One personal value: its label where it is shown and exported, its erasure, its time."""

    label: str | Promise
    erasure: Erasure
    kept: Kept
    #: Technical values are exported and not shown.
    shown: bool = True
    exported: bool = True


@dataclass(frozen=True)
class Declaration:
    """One table: what it is to the person, whose its rows are, and what each field is."""

    label: str | Promise
    personal: Mapping[str, Personal] = field(default_factory=dict)
    not_personal: frozenset[str] = frozenset()
    #: The ways from a row to the contact, as lookups; empty where only the hash leads there.
    whose: tuple[str, ...] = ()

    @property
    def fields(self) -> set[str]:
        return {*self.personal, *self.not_personal}

    def belonging_to(self, contact_pk: int) -> Q:
        """Which rows are that contact's; not for tables that only the hash leads to."""
        if not self.whose:
            raise LookupError(self.label)  # An empty condition would be everybody's.
        return Q(*((lookup, contact_pk) for lookup in self.whose), _connector=Q.OR)
