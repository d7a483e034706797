"""What happens when somebody has their data erased?

In one transaction every table does what `models/declarations.py` says of it: rows go with the contact,
evidence loses what names the person and is re-keyed to the keyed hash (S6), deliveries stay as a number,
and a suppression remembers that nobody may write there (S1); or, where the person wants that, no hash and
no evidence stays either (S2). The journal, a file outside the database, is told, so that it can be done
again after a restore (R6). Other apps are told on a worker, and again every hour until none of them fails.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models, transaction
from django.utils.timezone import now
from django_q.tasks import async_task

from .. import conf, signals
from ..models import (
    ConsentRecord,
    Contact,
    Origin,
    RightsKind,
    RightsOutcome,
    RightsRequest,
    SenderSettings,
    SuppressionReason,
)
from ..models.declarations import DECLARATIONS, Declaration, Erasure
from . import erasure_journal
from .staff_log import note
from .unsubscription import unsubscribe

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

DONE, FAILED, BY_HAND = "done", "failed", "by hand"

logger = logging.getLogger(__name__)


@transaction.atomic
def erase(
    *, contact: Contact, origin: Origin, keep_hash: bool = True, user: User | None = None
) -> RightsRequest | None:
    """Erase everything; the line in the register, or `None` where they were erased before.

    `keep_hash=False` forgets them altogether, so that nothing keeps an import from bringing them back.
    """
    here = Contact.objects.lock(contact.pk)
    if here is None:
        return None
    here.rekey()
    # Campaigns under way notice, and other code learns that the subscriptions have ended.
    unsubscribe(contact=here, books=None, origin=origin, reason=SuppressionReason.ERASURE)
    request = RightsRequest.objects.register(here, RightsKind.ERASURE, source=origin.source)
    request.places = {"here": DONE}
    if SenderSettings.for_site(here.site).mail_provider:
        request.places["mail provider"] = BY_HAND
    if not keep_hash:
        _forget(here, but=request)
    if conf.erasure_journal():
        request.places["journal"] = DONE if erasure_journal.write(here) else FAILED
    for model in apps.get_app_config("wagtail_gdpr_newsletter").get_models():
        _let_go(model, DECLARATIONS[model.__name__], here, keep_hash=keep_hash)
    _ask_other_apps(here, request)
    request.save(update_fields=["places", "address", "outcome", "settled_at"])
    note(here, "erase_contact", user)
    here.delete()
    return request


def _forget(contact: Contact, *, but: RightsRequest) -> None:
    """Without the hash nobody would ever find the evidence again, so it is of no use to anybody."""
    contact.suppressions.delete()
    ConsentRecord.objects.filter(contact=contact).forget()
    RightsRequest.objects.filter(contact=contact).exclude(pk=but.pk).delete()


def _let_go(
    model: type[models.Model], declaration: Declaration, contact: Contact, *, keep_hash: bool
) -> None:
    """Change what stays of one table; what is declared to go goes with the contact."""
    changes: dict[str, Any] = {}
    for name, personal in declaration.personal.items():
        field = model._meta.get_field(name)
        if personal.erasure is Erasure.STRIP:
            changes[name] = ""
        elif personal.erasure is Erasure.REKEY and declaration.whose:
            changes[name] = contact.keyed_hash if keep_hash else ""
            changes[f"{name}_key_id"] = contact.key_id if keep_hash else ""
        elif personal.erasure is Erasure.DETACH and field.related_model is Contact:
            changes[name] = None
    if changes:
        theirs = model._default_manager.filter(**{declaration.whose: contact.pk})
        models.QuerySet.update(theirs, **changes)


def _ask_other_apps(contact: Contact, request: RightsRequest) -> None:
    """Only where there are any is the address kept for the moment that it takes."""
    if signals.contact_erased.has_listeners(Contact):
        request.address, request.outcome = contact.address, RightsOutcome.UNFINISHED
        request.settled_at = None
        transaction.on_commit(lambda: _ring(request.pk), robust=True)


def _ring(request_pk: int) -> None:
    async_task(finish_erasure, request_pk, q_options={"save": False, "ack_failure": True})


def finish_erasure(request_pk: int) -> None:
    """Tell the other apps; what failed is shown in the register and done again. Runs on a worker."""
    request = (
        RightsRequest.objects.filter(pk=request_pk, outcome=RightsOutcome.UNFINISHED)
        .select_related("site")
        .first()
    )
    if request is None:
        return
    answers = signals.contact_erased.send_robust(
        Contact, site=request.site, address=request.address
    )
    for receiver, answer in answers:
        failed = isinstance(answer, Exception)
        request.places[_name_of(receiver)] = FAILED if failed else DONE
    if FAILED not in (request.places[_name_of(receiver)] for receiver, _answer in answers):
        request.outcome, request.address, request.settled_at = RightsOutcome.DONE, "", now()
    request.save(update_fields=["places", "outcome", "address", "settled_at"])


def _name_of(receiver: Any) -> str:
    return f"{receiver.__module__}.{receiver.__qualname__}"


def ring_for_erasures() -> None:
    """Every hour: what another app has not finished yet."""
    unfinished = RightsRequest.objects.filter(
        kind=RightsKind.ERASURE, outcome=RightsOutcome.UNFINISHED
    )
    for request_pk in unfinished.values_list("pk", flat=True):
        _ring(request_pk)


def replay(lines: list[erasure_journal.Line]) -> int:
    """After a restore: erase again whom the journal names; returns how many were there again (R6)."""
    erased = 0
    for line in lines:
        for contact in line.contacts():
            request = erase(
                contact=contact, origin=Origin(source="replay"), keep_hash=line.keeps_hash
            )
            erased += request is not None
        line.remember()
    return erased
