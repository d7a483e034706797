"""What happens when an import is taken back?

Whom only this import has brought loses their subscription, and whoever it had proven is without proof again. What people
have done by themselves since stays: a confirmation of their own, a withdrawal, an objection. The evidence stays and gets
a line that says so; who is left with nothing else is kept no longer, and the evidence is stripped of what names them. Some
are taken back by one transaction, until none is left.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from ..models import (
    ConsentRecord,
    Contact,
    ContactImport,
    Delivery,
    ImportStatus,
    LegalBasis,
    Origin,
    RecordedEvent,
    RightsRequest,
    Subscription,
    SubscriptionStatus,
)
from ..models.contacts import ContactQuerySet
from ..models.declarations import DECLARATIONS
from ..models.declaring import Erasure
from ..models.subscriptions import SubscriptionQuerySet

STEP = 500


@transaction.atomic
def undo_some(pk: int) -> bool:
    """Some people; False where there are no more."""
    imports = ContactImport.objects.select_for_update()
    here = imports.filter(pk=pk, status=ImportStatus.UNDOING).first()
    if here is None:
        return False
    concerned = _still_standing_on(here).order_by("contact").values_list("contact", flat=True)
    people = Contact.objects.select_for_update().filter(pk__in=list(concerned[:STEP]))
    numbers = [person.pk for person in people.order_by("pk")]
    if not numbers:
        here.status, here.finished_at = ImportStatus.UNDONE, now()
        here.save(update_fields=["status", "finished_at"])
        return False
    _take_back(here, _still_standing_on(here).filter(contact__in=numbers))
    let_go_who_was_brought(Contact.objects.filter(pk__in=numbers))
    return True


def _still_standing_on(contact_import: ContactImport) -> SubscriptionQuerySet:
    """What the import has brought or proven, but for what people have decided by themselves since."""
    theirs = Q(brought_by=contact_import) | Q(proven_by=contact_import)
    # Of whom the use of their data is restricted everything is kept, and nothing is sent on it (GDPR 18).
    kept = Q(contact__restricted=True, status=SubscriptionStatus.UNPROVEN, proven_by=None)
    return (
        Subscription.objects.filter(theirs, opted_in=False)
        .exclude(status=SubscriptionStatus.UNSUBSCRIBED)
        .exclude(kept)
    )


def _take_back(contact_import: ContactImport, subscriptions: SubscriptionQuerySet) -> None:
    others = _named_by_others(contact_import, subscriptions)
    asking = _asking(subscriptions)
    gone: list[int] = []
    records = []
    for each in subscriptions.select_related("contact", "book", "statement__version"):
        records.append(
            ConsentRecord.objects.draft(
                RecordedEvent.IMPORT_UNDONE,
                each.contact,
                each,
                origin=Origin(source="import", import_uuid=contact_import.uuid),
                occurred_at=now(),
            )
        )
        if each.brought_by_id == contact_import.pk:
            proven_elsewhere = each.proven_by_id != contact_import.pk and each.proven_by_id
            each.brought_by_id = proven_elsewhere or others.get(each.contact_id)
        if each.contact.restricted and each.pk not in asking:
            each.brought_by_id = each.brought_by_id or contact_import.pk
        is_kept = each.brought_by_id is not None or each.pk in asking
        if not is_kept:
            gone.append(each.pk)
            continue
        _without_proof_of(contact_import, each, asks=each.pk in asking)
        each.save()
    ConsentRecord.objects.bulk_create(records)
    Subscription.objects.filter(pk__in=gone).delete()


def _named_by_others(
    contact_import: ContactImport, subscriptions: SubscriptionQuerySet
) -> dict[int, int]:
    """{contact: the import that has brought them, too}"""
    imports = ContactImport.objects.exclude(pk=contact_import.pk).exclude(
        status__in=[ImportStatus.UNDOING, ImportStatus.UNDONE]
    )
    by_uuid = dict(imports.filter(book_uuid=contact_import.book_uuid).values_list("uuid", "pk"))
    records = ConsentRecord.objects.filter(
        contact__in=subscriptions.values("contact"),
        book_uuid=contact_import.book_uuid,
        event=RecordedEvent.IMPORTED,
        import_uuid__in=by_uuid,
    )
    return {
        contact: by_uuid[uuid] for contact, uuid in records.values_list("contact", "import_uuid")
    }


def _asking(subscriptions: SubscriptionQuerySet) -> set[int]:
    """Who waits for a confirmation that they have asked for by themselves."""
    asked = ConsentRecord.objects.filter(
        contact=OuterRef("contact"),
        book_uuid=OuterRef("book__uuid"),
        event=RecordedEvent.REQUESTED,
        occurred_at__gte=OuterRef("requested_at"),
    )
    return set(subscriptions.pending().filter(Exists(asked)).values_list("pk", flat=True))


def _without_proof_of(
    contact_import: ContactImport, subscription: Subscription, *, asks: bool
) -> None:
    """Not saved yet."""
    is_anothers = subscription.proven_by_id not in (None, contact_import.pk)
    if is_anothers:
        return
    subscription.proven_by = None
    brought = SubscriptionStatus.UNPROVEN if subscription.brought_by_id else ""
    if asks:
        subscription.previous_status, subscription.previous_statement = brought, None
        return
    subscription.settle(SubscriptionStatus.UNPROVEN)
    subscription.statement = subscription.confirmed_at = None
    subscription.basis = LegalBasis.CONSENT


def let_go_who_was_brought(contacts: ContactQuerySet) -> None:
    """Of those who are here for nothing else the proof stays, found by whoever supplies the address."""
    told = ConsentRecord.objects.filter(contact=OuterRef("pk"))
    # Where they have asked for nothing, the mail was the one that asked them.
    ours = [*RecordedEvent.of_imports(), *RecordedEvent.of_confirmation_mails()]
    only_this = contacts.filter(
        ~Exists(Subscription.objects.filter(contact=OuterRef("pk"))),
        ~Exists(Delivery.objects.filter(contact=OuterRef("pk"))),
        ~Exists(Delivery.objects.filter(second_copy_of=OuterRef("pk"))),
        ~Exists(RightsRequest.objects.filter(contact=OuterRef("pk"))),
        ~Exists(told.exclude(event__in=ours)),
        restricted=False,
    )
    numbers = list(only_this.values_list("pk", flat=True))
    emptied = {
        name: ""
        for name, personal in DECLARATIONS["ConsentRecord"].personal.items()
        if personal.erasure is Erasure.STRIP
    }
    ConsentRecord.objects.filter(contact__in=numbers).strip_person(**emptied)
    Contact.objects.filter(pk__in=numbers).delete()
