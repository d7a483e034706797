"""Who among staff looked at a reader's data, or did something with them?

A line in Wagtail's audit log, with the label “Contact #12” (P3). Readers who do it themselves stand in the
register of requests alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wagtail.log_actions import log

from ..links import default_site
from ..models import Contact, RightsRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


def note_export(*, user: User) -> None:
    """The register was taken away as a table."""
    log(instance=default_site(), action="wagtail_gdpr_newsletter.export_requests", user=user)


def note_list(*, user: User, narrowed_by: dict[str, str], shown: int) -> None:
    """So many contacts were looked at, in the list of those."""
    log(
        instance=default_site(),
        action="wagtail_gdpr_newsletter.list_contacts",
        user=user,
        data={"narrowed_by": narrowed_by, "contacts": shown},
    )


def note(about: Contact | RightsRequest, action: str, user: User | None, *, why: str = "") -> None:
    """`action`: one that `wagtail_hooks` registers, without its prefix; nothing where it was no staff.

    `why`: what they gave as their reason, where they were asked for one.
    """
    if user is not None:
        data = {"why": why} if why else None
        log(instance=about, action=f"wagtail_gdpr_newsletter.{action}", user=user, data=data)
