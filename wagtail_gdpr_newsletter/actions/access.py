"""What happens when somebody wants to see what is kept of them?

They ask by the link at the foot of a newsletter or by typing their address; whoever it is, known or
not, gets the same answer, and the rest happens on a worker: a link is mailed to the address on file,
because whoever reads that mailbox is the person (R2). Its page has a button (GET changes nothing);
pressed once, within the link's time, it opens a session of its own in that browser, and the link is
spent. The session ends by itself, when it is closed, when the address changes, and with an erasure.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task
from wagtail.models import Site

from .. import conf, pseudonyms, tokens
from ..addresses import Address
from ..models import AccessSession, Contact, MailKind, RightsKind, RightsRequest, ServiceMail
from . import service_mail
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

logger = logging.getLogger(__name__)


class NotNow(Exception):
    """Nothing can be asked for at the moment; nobody in particular is meant."""


#: In the place of a contact's number, so that the queue gets a task whoever asks (A2).
NOBODY = 0


@sensitive_variables("address")
def ask_by_address(*, site: Site, address: Address) -> None:
    """Somebody typed an address."""
    _ask(Contact.objects.known_as(address, site=site).values_list("pk", flat=True).first())


def ask_by_link(*, link_token: str) -> None:
    """Somebody has a newsletter; perhaps it was forwarded, perhaps they were erased since."""
    _ask(Contact.objects.holding(link_token).values_list("pk", flat=True).first())


def ask_for(*, contact: Contact, user: User, why: str = "") -> None:
    """A member of staff has it sent, to the address on file as ever."""
    _ask(contact.pk)
    note(contact, "send_access_link", user, why=why)


def _ask(contact_pk: int | None) -> None:
    """Raise `NotNow`, whoever it is, where the queue does not take the task."""
    task = (mail_access_link, contact_pk or NOBODY)
    try:
        with transaction.atomic():
            async_task(*task, q_options={"save": False, "ack_failure": True})
    except Exception as error:  # Each broker fails with errors of its own.
        logger.exception("The queue takes no task, so nobody gets the link to their data.")
        raise NotNow from error


def mail_access_link(contact_pk: int) -> None:
    """Mail a link if there is such a contact and they did not get too many. Runs on a worker."""
    with transaction.atomic():
        contact = Contact.objects.lock(contact_pk)
        if contact is None or service_mail.too_many(
            contact.service_mails.filter(kind=MailKind.ACCESS)
        ):
            return
        service_mail.owe(contact, MailKind.ACCESS)


def read_link(token: str) -> ServiceMail:
    """The mail whose link it is. Raise `InvalidToken`, `ExpiredToken` or `SpentToken` from `tokens`."""
    return service_mail.behind(token, tokens.Purpose.ACCESS, max_age=conf.access_link_expiry())


@transaction.atomic
def open_by_link(*, token: str) -> tuple[Contact, str]:
    """Spend the link; the contact, and the key of the session, which only the browser may keep."""
    contact = Contact.objects.lock(read_link(token).contact_id)
    if contact is None or not read_link(token).spend():  # Read again: nobody can change it now.
        raise tokens.SpentToken
    return contact, _open(contact)


def may_open_directly(contact: Contact, *, link_token: str, campaign: int | None) -> bool:
    """Where the site has chosen so: a newsletter of the last days is key enough (R2).

    Not one that went to another address, which somebody else may have now.
    """
    period = conf.direct_access()
    if period is None or contact.link_token != link_token:
        return False
    since = max(now() - period, contact.address_since)
    return contact.deliveries.filter(campaign=campaign, sent_at__gt=since).exists()


@transaction.atomic
def open_directly(*, contact: Contact, link_token: str, campaign: int | None) -> str | None:
    """The key of a session, or `None` where that is not allowed."""
    here = Contact.objects.lock(contact.pk)
    if here and may_open_directly(here, link_token=link_token, campaign=campaign):
        return _open(here)
    return None


def _open(contact: Contact) -> str:
    key = secrets.token_urlsafe(32)
    AccessSession.objects.create(contact=contact, key_digest=pseudonyms.digest(key))
    RightsRequest.objects.register(contact, RightsKind.ACCESS, source="my data")
    return key


def session_of(key: str) -> AccessSession | None:
    """The session that is still open, with its contact."""
    return (
        AccessSession.objects.filter(
            key_digest=pseudonyms.digest(key), opened_at__gt=now() - conf.access_session()
        )
        .select_related("contact__site")
        .first()
    )


def form_key(key: str) -> str:
    """Stands in the session's forms: who posts without it did not see them."""
    return salted_hmac("wagtail_gdpr_newsletter.form_key", key, algorithm="sha256").hexdigest()


def close(session: AccessSession) -> None:
    """Nobody reads on in this browser."""
    session.delete()


def purge_sessions() -> int:
    """Delete those whose time is up; returns their number."""
    return AccessSession.objects.filter(opened_at__lt=now() - conf.access_session()).delete()[0]
