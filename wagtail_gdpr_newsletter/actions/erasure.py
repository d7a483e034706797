"""What happens when somebody has their data erased?

In one transaction every table does what `models/declarations.py` says of it: rows go with the contact,
evidence loses what names the person and is re-keyed to the keyed hash (S6), deliveries stay as a number,
and a suppression remembers that nobody may write there (S1); or, where the person wants that, no hash and
no evidence stays either (S2). Once that is committed the journal, a file outside the database, is told, so
that it can be done again after a restore (R6), and other apps are told on a worker: again every hour until
none of them fails, or a month is over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models, transaction
from django.utils.timezone import localdate, now
from django_q.tasks import async_task
from wagtail.models import Site

from .. import conf, pseudonyms, signals
from ..addresses import Address
from ..models import (
    AskedMailbox,
    ConsentRecord,
    Contact,
    MailKind,
    Origin,
    RightsKind,
    RightsOutcome,
    RightsRequest,
    SenderSettings,
    ServiceMail,
    Suppression,
    SuppressionReason,
)
from ..models.consent import ConsentRecordQuerySet
from ..models.declarations import DECLARATIONS
from ..models.declaring import Declaration, Erasure
from ..models.imports import forget_in_files, in_files
from ..models.suppressions import SuppressionQuerySet
from . import erasure_journal
from .patience import patiently
from .staff_log import note
from .unsubscription import unsubscribe

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

DONE, FAILED, BY_HAND, LAPSED = "done", "failed", "by hand", "lapsed"

#: What can only be done by somebody who knows the address.
NEED_ADDRESS = ("other apps", "mail provider")

logger = logging.getLogger(__name__)


def erase(
    *,
    contact: Contact,
    origin: Origin,
    keep_hash: bool = True,
    user: User | None = None,
    why: str = "",
) -> RightsRequest | None:
    """Erase everything; the line in the register, or `None` where they were erased before.

    `keep_hash=False` forgets them altogether, so that nothing keeps an import from bringing them back.
    """
    return patiently(lambda: _erase(contact, origin, keep_hash, user, why))


@transaction.atomic
def _erase(
    contact: Contact, origin: Origin, keep_hash: bool, user: User | None, why: str
) -> RightsRequest | None:
    here = _lock_with_those_who_typed_it(contact)
    if here is None:
        return None
    here.rekey()
    # Campaigns under way notice, and other code learns that the subscriptions have ended.
    unsubscribe(contact=here, books=None, origin=origin, reason=SuppressionReason.ERASURE)
    _settle_unsent_messages(here)
    request = RightsRequest.objects.register(here, RightsKind.ERASURE, source=origin.source)
    request.places = {"here": DONE}
    line = erasure_journal.line_about(here, keeps_hash=keep_hash)
    _forget_in_rows_of_others(here)
    if not keep_hash:
        _forget(here, but=request)
    for model in apps.get_app_config("wagtail_gdpr_newsletter").get_models():
        _let_go(model, DECLARATIONS[model.__name__], here)
    _leave_to_others(here, request, line)
    request.contact = None
    if not keep_hash:
        request.subject = request.subject_key_id = ""
    request.save()
    note(here, "erase_contact", user, why=why)
    here.delete()
    return request


def _lock_with_those_who_typed_it(contact: Contact) -> Contact | None:
    """In one order, so that two who once typed each other's address can be erased at the same moment."""
    typed = ServiceMail.objects.filter(
        contact__site=contact.site_id, address_digest=contact.address_digest
    )
    concerned = {contact.pk, *typed.values_list("contact", flat=True)}
    locked = Contact.objects.select_for_update().filter(pk__in=concerned).order_by("pk")
    return {each.pk: each for each in locked}.get(contact.pk)


def _settle_unsent_messages(contact: Contact) -> None:
    """What they wrote a moment ago goes with everything else, so there is nothing to be answered."""
    unsent = contact.service_mails.filter(kind=MailKind.MESSAGE, attempted_at__isnull=True)
    waiting = contact.rights_requests.filter(kind=RightsKind.MESSAGE, outcome=RightsOutcome.OPEN)
    for request in waiting.order_by("-pk")[: unsent.count()]:
        RightsRequest.objects.filter(pk=request.pk).update(
            outcome=RightsOutcome.DONE, settled_at=now()
        )


def _forget_in_rows_of_others(contact: Contact) -> None:
    """Somebody may have typed an address of theirs as their own new one; and earlier proof may name it.

    The proof of somebody else who had the address before is theirs, and stays as it is.
    """
    others = ServiceMail.objects.filter(contact__site=contact.site).exclude(contact=contact)
    digests = [pseudonyms.digest(canonical) for canonical in _addresses_of(contact)]
    others.filter(address_digest__in=digests).delete()
    forget_in_files(_addresses_of(contact), site=contact.site)
    AskedMailbox.objects.of(contact.canonical_address, site=contact.site).delete()
    earlier = traces(address=contact.as_address(), site=contact.site).records
    earlier.filter(contact__isnull=True).strip_person(address="", address_salt="")


def _addresses_of(contact: Contact) -> set[str]:
    """Canonical; the former ones as far as the proof still names them."""
    typed = contact.consent_records.exclude(address="").values_list("address", flat=True)
    return {
        contact.canonical_address,
        *(Address.parse(address).canonical for address in typed.distinct()),
    }


def _forget(contact: Contact, *, but: RightsRequest) -> None:
    """Without the hash nobody would ever find the evidence again, so it is of no use to anybody."""
    _forget_in_journal(contact.every_suppression)
    contact.every_suppression.delete()
    ConsentRecord.objects.filter(contact=contact).forget()
    RightsRequest.objects.filter(contact=contact).exclude(pk=but.pk).delete()
    # Of an earlier time, after which they had been erased and came back.
    forget_traces(address=contact.as_address(), site=contact.site)


def _forget_in_journal(suppressions: SuppressionQuerySet) -> None:
    try:
        erasure_journal.forget(set(suppressions.values_list("hash", flat=True)))
    except OSError:
        logger.exception("The journal of erasures could not be rewritten.")


def _let_go(model: type[models.Model], declaration: Declaration, contact: Contact) -> None:
    """Change what stays of one table; what is declared to go goes with the contact."""
    if not declaration.whose:
        return
    theirs = model._default_manager.filter(declaration.belonging_to(contact.pk))
    changes: dict[str, Any] = {}
    for name, personal in declaration.personal.items():
        if personal.erasure is Erasure.REKEY:
            _rekey(theirs, name, contact)
        elif personal.erasure is Erasure.STRIP:
            changes[name] = ""
        elif (
            personal.erasure is Erasure.DETACH
            and model._meta.get_field(name).related_model is Contact
        ):
            changes[name] = None
    if changes:
        models.QuerySet.update(theirs, **changes)


def _rekey(rows: models.QuerySet[Any], name: str, contact: Contact) -> None:
    """To the current key (S3, S6). Each row stays with the address that it was about: who has it finds it."""
    for canonical in _addresses_of(contact):
        current, *older = pseudonyms.keyed_hashes(canonical)
        outdated = rows.filter(**{f"{name}__in": [each.value for each in older]})
        models.QuerySet.update(outdated, **{name: current.value, f"{name}_key_id": current.key_id})


def _leave_to_others(contact: Contact, request: RightsRequest, line: erasure_journal.Line) -> None:
    """What is not done by this transaction. Only for that is the address kept, while it takes."""
    if conf.erasure_journal():
        # Once it is committed: a line about somebody who stayed would have a replay erase them.
        request.places["journal"], request.journal_line = FAILED, line.as_json()
        transaction.on_commit(lambda: _tell_journal(request.pk), robust=True)
    if SenderSettings.for_site(contact.site).mail_provider:
        request.places["mail provider"] = BY_HAND
        request.address = contact.address
    if signals.contact_erased.has_listeners(Contact):
        request.places["other apps"] = FAILED  # Until they have answered.
        request.address = contact.address
        transaction.on_commit(lambda: _ring(request.pk), robust=True)
    if set(request.places.values()) != {DONE}:
        request.outcome, request.settled_at = RightsOutcome.UNFINISHED, None


def _ring(request_pk: int) -> None:
    async_task(finish_erasure, request_pk, q_options={"save": False, "ack_failure": True})


def finish_erasure(request_pk: int) -> None:
    """Tell the journal and the other apps; what failed is shown and done again. Runs on a worker."""
    _tell_journal(request_pk)
    request = RightsRequest.objects.select_related("site").filter(pk=request_pk).first()
    if request and request.places.get("other apps") == FAILED and request.address:
        _settle(request_pk, **{"other apps": _tell_other_apps(request)})


def _tell_journal(request_pk: int) -> None:
    request = RightsRequest.objects.filter(pk=request_pk, journal_line__isnull=False).first()
    if request and erasure_journal.write(erasure_journal.Line.from_json(request.journal_line)):
        _settle(request_pk, journal=DONE)


def _tell_other_apps(request: RightsRequest) -> str:
    answers = signals.contact_erased.send_robust(
        Contact, site=request.site, address=request.address
    )
    failed = [receiver for receiver, answer in answers if isinstance(answer, Exception)]
    for receiver in failed:  # Django has logged why, and where.
        logger.error("The erasure %s is not finished by %r.", request.pk, receiver)
    return FAILED if failed else DONE


@transaction.atomic
def _settle(request_pk: int, **places: str) -> None:
    """What has come of these places; once nothing is left to do there, the address goes."""
    request = RightsRequest.objects.select_for_update().get(pk=request_pk)
    request.places |= places
    outcomes = set(request.places.values())
    if request.places.get("journal") == DONE:
        request.journal_line = None
    if not {FAILED, BY_HAND} & outcomes:
        request.outcome = RightsOutcome.LAPSED if LAPSED in outcomes else RightsOutcome.DONE
        request.settled_at = now()
    if not {FAILED, BY_HAND} & {request.places.get(place) for place in NEED_ADDRESS}:
        request.address = ""
    request.save()


@transaction.atomic
def mark_done_at_provider(*, request: RightsRequest, user: User) -> bool:
    """A member of staff has deleted the address there; False where somebody said so before."""
    here = RightsRequest.objects.select_for_update().get(pk=request.pk)
    if here.places.get("mail provider") != BY_HAND:
        return False
    RightsRequest.objects.filter(pk=here.pk).update(settled_by=user)
    _settle(here.pk, **{"mail provider": DONE})
    note(here, "done_at_provider", user)
    return True


def ring_for_erasures() -> None:
    """Every hour: what another app, or the journal, has not taken yet."""
    unfinished = RightsRequest.objects.filter(
        kind=RightsKind.ERASURE, outcome=RightsOutcome.UNFINISHED
    )
    for request in unfinished:
        if FAILED in request.places.values():
            _ring(request.pk)


def give_up_elsewhere() -> None:
    """The address is not kept for longer than the law gives for the whole request (GDPR 12(3))."""
    late = RightsRequest.objects.filter(
        kind=RightsKind.ERASURE, outcome=RightsOutcome.UNFINISHED, due_on__lt=localdate()
    )
    for request in late:
        open_still = [
            place for place in NEED_ADDRESS if request.places.get(place) in (FAILED, BY_HAND)
        ]
        if open_still:
            logger.error("Erasure %s was not finished in time by: %s.", request.pk, open_still)
            _settle(request.pk, **dict.fromkeys(open_still, LAPSED))


@dataclass(frozen=True)
class Traces:
    """What is remembered of an address that no contact has: found by whoever supplies it."""

    suppressions: SuppressionQuerySet
    records: ConsentRecordQuerySet
    #: How many rows of files that wait to be imported, or were not taken.
    rows: int = 0

    def __bool__(self) -> bool:
        return self.suppressions.exists() or self.records.exists() or self.rows > 0


def traces(*, address: Address, site: Site) -> Traces:
    """After an erasure, or where somebody has moved away from it."""
    hashes = [each.value for each in pseudonyms.keyed_hashes(address.canonical)]
    left_out, waiting = in_files({address.canonical}, site=site)
    return Traces(
        Suppression.objects.of(address.canonical, site=site),
        ConsentRecord.objects.filter(site=site, subject__in=hashes),
        left_out.count() + sum(len(part.rows_of({address.canonical})) for part in waiting),
    )


@transaction.atomic
def forget_traces(*, address: Address, site: Site) -> None:
    """Also what an earlier erasure had kept; not the proof of somebody who only has another address now."""
    found = traces(address=address, site=site)
    _forget_in_journal(found.suppressions)
    found.suppressions.delete()
    found.records.filter(contact__isnull=True).forget()
    forget_in_files({address.canonical}, site=site)
    hashes = [each.value for each in pseudonyms.keyed_hashes(address.canonical)]
    asked = RightsRequest.objects.filter(site=site, contact=None, subject__in=hashes)
    asked.update(subject="", subject_key_id="")


def replay(lines: Sequence[erasure_journal.Line]) -> int:
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
