"""What happens when a reader writes to the sender?

The message goes to the sender's mailbox with the reader as Reply-To, and a copy to the reader. It may be a
request that the law wants answered within a month, so it stands in the register until somebody says there
that it was.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables

from ..models import Contact, MailKind, RightsKind, RightsOutcome, RightsRequest
from . import service_mail
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: How many messages one reader may send in a day.
A_DAY = 5


@sensitive_variables("text")
@transaction.atomic
def write_to_sender(*, contact: Contact, text: str) -> bool:
    """False where they have written too often today; nothing is sent then."""
    here = Contact.objects.lock(contact.pk)
    if here is None:
        return False
    today = here.service_mails.filter(
        kind=MailKind.MESSAGE, wanted_at__gt=now() - timedelta(days=1)
    )
    if today.count() >= A_DAY:
        return False
    for kind in (MailKind.MESSAGE, MailKind.MESSAGE_COPY):
        service_mail.owe(here, kind, text=text)
    RightsRequest.objects.register(
        here, RightsKind.MESSAGE, source="my data", outcome=RightsOutcome.OPEN
    )
    return True


def mark_as_answered(*, request: RightsRequest, user: User) -> bool:
    """A member of staff has answered; False where somebody said so before."""
    open_still = RightsRequest.objects.filter(pk=request.pk, outcome=RightsOutcome.OPEN)
    if not open_still.update(outcome=RightsOutcome.DONE, settled_at=now(), settled_by=user):
        return False
    note(request, "answer_request", user)
    return True
