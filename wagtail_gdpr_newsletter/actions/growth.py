"""How do address books grow?

Joins and leaves are counted from the evidence, which stays when a person is erased, so that what was
once reported stays true. Who confirmed, took a withdrawal back, or was brought with proof has joined; who withdrew,
by whatever way, or whose import was taken back while no other keeps them in has left. Only what changes something
counts: not a second confirmation of somebody who is in, nor a withdrawal of somebody who never confirmed.

How many were confirmed is counted back from how many are now. So the last number is that of the list of
address books, and whoever came in without such evidence was there from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, Lag

from .. import days, pseudonyms
from ..models import AddressBook, ConsentRecord, RecordedEvent, Subscription, SubscriptionStatus

#: Seconds for which a count of the evidence is good: of a million records it takes a while.
CACHED = 600
#: So many days, weeks, months are told of at most.
MOST_DAYS, MOST_WEEKS, MOST_MONTHS = 31, 26, 36


class Step(Enum):
    """What a period is; an address book that is young is looked at more closely."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    begins: date
    joined: int
    left: int
    #: At its end, or now where that is still to come.
    confirmed: int


@dataclass(frozen=True)
class Growth:
    step: Step
    #: The last one is today's.
    periods: list[Period]


def growth_of(books: Sequence[AddressBook]) -> Growth:
    """Of all these books together; whoever is in two of them counts twice."""
    step, begins = _periods(min((days.day_of(book.created_at) for book in books), default=None))
    changes = _changes(sorted(book.uuid for book in books), begins)
    confirmed = Subscription.objects.filter(book__in=books, status=SubscriptionStatus.CONFIRMED)
    number, periods = confirmed.count(), []
    for index in reversed(range(len(begins))):
        joined, left = changes[index, True], changes[index, False]
        periods.append(Period(begins[index], joined, left, number))
        number = max(number - joined + left, 0)
    return Growth(step, periods[::-1])


def _periods(first: date | None) -> tuple[Step, list[date]]:
    """The days on which they begin, up to today."""
    today = days.today()
    first = first or today
    age = (today - first).days
    if age < MOST_DAYS:
        return Step.DAY, [first + timedelta(days=each) for each in range(age + 1)]
    monday = today - timedelta(days=today.weekday())
    weeks = -(-(monday - first).days // 7) + 1
    if weeks <= MOST_WEEKS:
        return Step.WEEK, [monday - timedelta(weeks=each) for each in reversed(range(weeks))]
    this, that = _month(today), _month(first)
    months = range(max(that, this - MOST_MONTHS + 1), this + 1)
    return Step.MONTH, [date(month // 12, month % 12 + 1, 1) for month in months]


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _changes(books: list[str], begins: list[date]) -> Counter[tuple[int, bool]]:
    """How many joined (True) and left (False) in each of the periods, by its index."""
    asked = pseudonyms.digest_of([books, [day.isoformat() for day in begins]])
    key = f"gdpr-newsletter:growth:{asked}"
    rows = cache.get(key)
    if rows is None:
        rows = _count_changes(books, begins)
        cache.set(key, rows, CACHED)
    return Counter({(period, bool(is_in)): number for period, is_in, number in rows})


def _count_changes(books: list[str], begins: list[date]) -> list[tuple[int, int, int]]:
    """[(period, 1 for joined and 0 for left, number)], in one query, which Django has no words for."""
    records = _memberships(books, begins)
    select, parameters = records.query.sql_with_params()
    named = {
        name: connection.ops.quote_name(name) for name in ("period", "is_in", "was_in", "counts")
    }
    with connection.cursor() as cursor:
        cursor.execute(CHANGES.format(memberships=select, **named), parameters)
        return [(period, is_in, number) for period, is_in, number in cursor.fetchall()]


#: Of what differs from what the same person did before.
CHANGES = """
SELECT {period}, {is_in}, COUNT(*) FROM ({memberships}) memberships
WHERE {is_in} <> {was_in} AND {counts} = 1 GROUP BY {period}, {is_in}
"""


def _memberships(books: list[str], begins: list[date]) -> QuerySet[ConsentRecord, Any]:
    """Who was in an address book or not from when on, and before that.

    A person is a contact, and once erased a hash. Under a former address an erased one is another hash; whoever
    came from there was in when the address changed, and did not join by that.
    """
    first, *later = (days.beginning_of(day) for day in begins)
    in_them = Q(event__in=RecordedEvent.of_being_in()) | _proven()
    undone = When(event=RecordedEvent.IMPORT_UNDONE, then=_as_number(Exists(_standing_imports())))
    told = {
        "period": _period_of(later, first=0),
        "is_in": Case(undone, default=_as_number(in_them), output_field=IntegerField()),
        "counts": _as_number(Q(occurred_at__gte=first) & ~Q(event=RecordedEvent.ADDRESS_CHANGED)),
        "erased": Case(When(contact__isnull=True, then="subject"), default=Value("")),
    }
    before = Window(
        Lag("is_in"),
        partition_by=[F("contact"), F("erased"), F("book_uuid")],
        order_by=["occurred_at", "pk"],
    )
    records = ConsentRecord.objects.filter(
        book_uuid__in=books, event__in=RecordedEvent.of_membership()
    )
    memberships = records.order_by().annotate(**told).annotate(was_in=Coalesce(before, 0))
    return memberships.values("period", "is_in", "was_in", "counts")


def _proven() -> Q:
    return Q(event=RecordedEvent.IMPORTED, statement__isnull=False)


def _standing_imports() -> QuerySet[ConsentRecord]:
    """Those that have brought the same person with a proof, and are not taken back by then.

    An import that only names somebody again has the statement of the one that has brought them.
    """
    person = Q(contact=OuterRef("contact")) | Q(contact=None, subject=OuterRef("subject"))
    earlier = ConsentRecord.objects.filter(
        person, book_uuid=OuterRef("book_uuid"), pk__lte=OuterRef("pk")
    )
    undone_person = Q(contact=OuterRef(OuterRef("contact"))) | Q(
        contact=None, subject=OuterRef(OuterRef("subject"))
    )
    undone = ConsentRecord.objects.filter(
        undone_person,
        event=RecordedEvent.IMPORT_UNDONE,
        book_uuid=OuterRef("book_uuid"),
        import_uuid=OuterRef("import_uuid"),
        pk__lte=OuterRef(OuterRef("pk")),
    )
    own = Q(statement__stated_in="") | Q(statement__stated_in=F("import_uuid"))
    return earlier.filter(_proven(), own, ~Exists(undone)).order_by()


def _as_number(condition: Q | Exists) -> Case:
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _period_of(limits: list[datetime], *, first: int) -> Case | Value:
    """Which period a record belongs to, by as few comparisons as there can be."""
    if not limits:
        return Value(first)
    middle = len(limits) // 2
    earlier = When(occurred_at__lt=limits[middle], then=_period_of(limits[:middle], first=first))
    later = _period_of(limits[middle + 1 :], first=first + middle + 1)
    return Case(earlier, default=later, output_field=IntegerField())
