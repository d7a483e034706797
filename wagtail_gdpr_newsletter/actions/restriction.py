"""What happens when somebody wants to be left in peace?

Restricting: everything is kept and nothing is sent until they lift it (GDPR 18). Objecting: every
subscription ends, and it is remembered that nobody may write to that address, not even to ask for a
confirmation (GDPR 21(3)); only the person themselves, from their own data, can take it back, and then gets
nothing that they do not ask for anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from ..models import (
    Contact,
    Origin,
    RightsKind,
    RightsRequest,
    SuppressionReason,
)
from .staff_log import note
from .unsubscription import unsubscribe

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


class CannotBeLifted(Exception):
    """The reader has restricted it themselves: only they can lift it (GDPR 18(3))."""


@transaction.atomic
def restrict(
    *, contact: Contact, restricted: bool, source: str, user: User | None = None, why: str = ""
) -> bool:
    """Restrict, or lift the restriction; False where it was so before.

    Raise `CannotBeLifted` where staff would lift what the reader restricted.
    """
    here = Contact.objects.lock(contact.pk)
    if here is None or here.restricted == restricted:
        return False
    by_staff = user is not None or source == "staff"
    if by_staff and not restricted and restricted_by_reader(here):
        raise CannotBeLifted
    here.restricted = restricted
    here.save(update_fields=["restricted"])
    kind = RightsKind.RESTRICTION if restricted else RightsKind.RESTRICTION_LIFTED
    RightsRequest.objects.register(here, kind, source=source)
    note(here, "restrict_contact" if restricted else "lift_restriction", user, why=why)
    return True


def restricted_by_reader(contact: Contact) -> bool:
    """Whether they did it themselves: then nobody else lifts it (GDPR 18(3))."""
    asked = contact.rights_requests.filter(kind=RightsKind.RESTRICTION).exclude(source="staff")
    lifted = contact.rights_requests.filter(kind=RightsKind.RESTRICTION_LIFTED).first()
    if lifted:
        asked = asked.filter(received_at__gt=lifted.received_at)
    return contact.restricted and asked.exists()


def has_objected(contact: Contact) -> bool:
    return contact.suppressions.filter(reason=SuppressionReason.OBJECTION).exists()


@transaction.atomic
def object_to_mail(
    *, contact: Contact, origin: Origin, user: User | None = None, why: str = ""
) -> None:
    """“Never write to me again.”"""
    here = Contact.objects.lock(contact.pk)
    if here is None or has_objected(here):
        return
    unsubscribe(contact=here, books=None, origin=origin, reason=SuppressionReason.OBJECTION)
    RightsRequest.objects.register(here, RightsKind.OBJECTION, source=origin.source)
    note(here, "record_objection", user, why=why)


@transaction.atomic
def withdraw_objection(*, contact: Contact, source: str) -> None:
    """What they had left they have left all the same: a withdrawal stays where the objection was (S5)."""
    here = Contact.objects.lock(contact.pk)
    if here is None or not has_objected(here):
        return
    for objection in here.suppressions.filter(reason=SuppressionReason.OBJECTION):
        here.suppress(scope=objection.scope, reason=SuppressionReason.WITHDRAWAL)
    here.every_suppression.filter(reason=SuppressionReason.OBJECTION).delete()
    RightsRequest.objects.register(here, RightsKind.OBJECTION_WITHDRAWN, source=source)
