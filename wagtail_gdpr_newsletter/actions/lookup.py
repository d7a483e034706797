"""What happens when staff look somebody up by their address?

The whole address, never a part of it; that somebody was looked for is logged, whether they were found or not
(P3). Where no contact has the address, what an erasure or a move left of it is found all the same: only for
whoever supplies the address (S1, S6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log
from wagtail.models import Site

from ..addresses import Address
from ..models import Contact
from .erasure import Traces, traces

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


@dataclass(frozen=True)
class Found:
    """A contact, or what is remembered without one, or nothing."""

    contact: Contact | None
    traces: Traces | None


@sensitive_variables("address")
def look_up(*, address: Address, site: Site, user: User) -> Found:
    log(instance=site, action="wagtail_gdpr_newsletter.look_up", user=user)
    if contact := Contact.objects.known_as(address, site=site).first():
        return Found(contact, None)
    return Found(None, traces(address=address, site=site) or None)
