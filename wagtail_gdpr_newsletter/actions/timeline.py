"""What happened with a contact, one thing after the other?

What they did and what became of it stands in several tables: evidence, deliveries, what providers reported, the
register of requests, mails to them alone, and the audit log, which says who among staff looked or did something.
Staff see it in one line of time, the latest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from wagtail.log_actions import registry

from ..models import Contact, Delivery, DeliveryEvent
from ..models.declarations import DECLARATIONS
from ..models.statements import names_of_books
from .disclosure import WAYS

#: So many of each kind are looked at, and shown together.
MOST = 100


class Moment(NamedTuple):
    at: datetime
    what: str
    #: The address book or the campaign that it is about, or why staff did it, or what they printed.
    about: str = ""
    #: Who did it, or by which way it came.
    by: str = ""


class Timeline(NamedTuple):
    #: The latest first.
    moments: list[Moment]
    #: There are earlier ones.
    is_cut: bool


def timeline_of(contact: Contact) -> Timeline:
    """By a constant number of queries, however much has happened."""
    kinds = (_evidence, _deliveries, _reports, _requests, _mails, _staff)
    each = [list(kind(contact)) for kind in kinds]
    moments = sorted(chain(*each), key=lambda moment: moment.at, reverse=True)
    is_cut = len(moments) > MOST or any(len(few) == MOST for few in each)
    return Timeline(moments[:MOST], is_cut)


def _way(source: str) -> str:
    return str(WAYS.get(source, source))


def _evidence(contact: Contact) -> Iterator[Moment]:
    books = names_of_books()
    for record in contact.consent_records.order_by("-occurred_at", "-pk")[:MOST]:
        book = books.get(record.book_uuid, "")
        yield Moment(record.occurred_at, record.get_event_display(), book, _way(record.source))


def _of(contact: Contact, model: type[Delivery] | type[DeliveryEvent]) -> Q:
    return DECLARATIONS[model.__name__].belonging_to(contact.pk)


def _deliveries(contact: Contact) -> Iterator[Moment]:
    rows = (
        Delivery.objects.filter(_of(contact, Delivery))
        .filter(campaign__sending_started_at__isnull=False)
        .select_related("campaign")
        .order_by(Coalesce("sent_at", "campaign__sending_started_at").desc(), "-pk")
    )
    for row in rows[:MOST]:
        if at := row.sent_at or row.campaign.sending_started_at:
            outcome = " · ".join(filter(None, [str(row.get_status_display()), row.error]))
            said = _("Campaign: %(outcome)s") % {"outcome": outcome}
            yield Moment(at, said, row.campaign.subject)


def _reports(contact: Contact) -> Iterator[Moment]:
    rows = DeliveryEvent.objects.filter(_of(contact, DeliveryEvent))
    for row in rows.select_related("delivery__campaign").order_by("-occurred_at", "-pk")[:MOST]:
        what = ", ".join(filter(None, [row.type, row.reason]))
        said = _("Mail provider: %(what)s") % {"what": what}
        yield Moment(row.occurred_at, said, row.delivery.campaign.subject, _way("provider"))


def _requests(contact: Contact) -> Iterator[Moment]:
    """What staff did for them stands in the audit log, with a name."""
    for row in contact.rights_requests.exclude(source="staff")[:MOST]:
        yield Moment(row.received_at, row.get_kind_display(), by=_way(row.source))


def _mails(contact: Contact) -> Iterator[Moment]:
    for row in contact.service_mails.filter(sent_at__isnull=False).order_by("-sent_at")[:MOST]:
        if row.sent_at:
            yield Moment(row.sent_at, _("Mail: %(what)s") % {"what": row.get_kind_display()})


def _staff(contact: Contact) -> Iterator[Moment]:
    entries = registry.get_logs_for_instance(contact).select_related("user")
    for entry in entries.order_by("-timestamp", "-pk")[:MOST]:
        yield Moment(entry.timestamp, entry.message, entry.comment, entry.user_display_name)
