"""What happens when people who came without proof are asked whether they want the newsletter?

Only where staff say on which ground they may be asked at all, and where the address is from, which the mail tells them
(GDPR 14(2)(f)). Each is asked once, by one mail of the same kind as any confirmation; nothing else is sent before they
confirm. Whoever does not answer is forgotten when the time of a request is over, but for the proof that they were asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import now
from wagtail.log_actions import log

from ..models import (
    ConsentRecord,
    ConsentStatement,
    Contact,
    ContactImport,
    ImportStatus,
    Origin,
    RecordedEvent,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from ..models.subscriptions import SubscriptionQuerySet
from .offering import current_statement

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

STEP = 500


def may_be_invited(contact_import: ContactImport) -> SubscriptionQuerySet:
    """Those without proof, whom nobody has asked before and who have never left."""
    asked = ConsentRecord.objects.filter(
        site=OuterRef("contact__site"),
        subject=OuterRef("contact__keyed_hash"),
        book_uuid=OuterRef("book__uuid"),
        event=RecordedEvent.INVITED,
    )
    left = Suppression.objects.filter(
        site=OuterRef("contact__site"), hash=OuterRef("contact__keyed_hash")
    )
    return Subscription.objects.filter(
        ~Exists(asked),
        ~Exists(left),
        brought_by=contact_import,
        status=SubscriptionStatus.UNPROVEN,
        contact__restricted=False,
    )


@transaction.atomic
def invite(*, contact_import: ContactImport, ground: str, source: str, user: User | None) -> bool:
    """Have a worker ask them; False where it is being done, or the import was taken back."""
    here = ContactImport.objects.select_for_update().filter(pk=contact_import.pk).first()
    if here is None or here.book is None or here.book.reasons_against_a_form():
        return False  # No mail would leave.
    is_over = here.status in (ImportStatus.DONE, ImportStatus.CANCELLED)
    if here.is_inviting or not is_over or not may_be_invited(here).exists():
        return False
    here.ground, here.source, here.is_inviting = ground, source, True
    here.save(update_fields=["ground", "source", "is_inviting"])
    data = {"why": ground, "source": source}
    log(instance=here, action="wagtail_gdpr_newsletter.invite_imported", user=user, data=data)
    return True


INVITED_FIELDS = (
    *("status", "statement", "requested_at", "mail_wanted_at"),
    *("previous_status", "previous_statement"),
)


@transaction.atomic
def invite_some(pk: int) -> bool:
    """Some people; False where there are no more. The mails leave a thousand a minute at most."""
    here = ContactImport.objects.select_for_update().filter(pk=pk, is_inviting=True).first()
    if here is None:
        return False
    people = may_be_invited(here).order_by("contact").values_list("contact", flat=True)
    contacts = Contact.objects.select_for_update().filter(pk__in=list(people[:STEP]))
    numbers = [contact.pk for contact in contacts.order_by("pk")]
    asking = may_be_invited(here).filter(contact__in=numbers).select_related("contact", "book")
    statements: dict[str, ConsentStatement | None] = {}
    invited, records = [], []
    for each in asking:
        language = each.contact.language
        if language not in statements:
            statements[language] = current_statement(each.book, language)
        each.begin_request()
        each.statement, each.mail_wanted_at = statements[language], now()
        origin = Origin(source="import", import_uuid=here.uuid)
        records.append(
            ConsentRecord.objects.draft(
                RecordedEvent.INVITED, each.contact, each, origin=origin, occurred_at=now()
            )
        )
        invited.append(each)
    Subscription.objects.bulk_update(
        invited,
        INVITED_FIELDS,
        batch_size=200,
    )
    ConsentRecord.objects.bulk_create(records)
    if not invited:
        here.is_inviting = False
        here.save(update_fields=["is_inviting"])
    return bool(invited)
