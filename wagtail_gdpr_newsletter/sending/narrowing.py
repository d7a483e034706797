"""Whom of its books a campaign is for: what each criterion asks, how it is stored, and how it is said.

A criterion is a condition on subscriptions, so that it only ever takes somebody away. All of them are asked of
one and the same subscription. Another one is a line in `CRITERIA`, and its fields in `models.narrowing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import conf, days
from ..models import Campaign, Delivery, DeliveryStatus
from ..models.subscriptions import SubscriptionQuerySet
from . import conditions

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise


#: Criteria that cost nothing when they are asked once more, at the moment of sending.
OF_THE_PLACE = ("joined", "answers")


@dataclass(frozen=True)
class Criterion:
    name: str
    label: StrPromise
    #: What is stored of it, as JSON can write it and to be understood without us; empty where it narrows nothing.
    told: Callable[[Campaign], Any]
    lets_through: Callable[[Campaign], Q]
    #: Of what was stored.
    in_words: Callable[[Any], str]


def narrowed(subscriptions: SubscriptionQuerySet, campaign: Campaign) -> SubscriptionQuerySet:
    """Those of them that this campaign is for."""
    for criterion in CRITERIA:
        if criterion.told(campaign):
            subscriptions = subscriptions.filter(criterion.lets_through(campaign))
    return subscriptions


def still_narrowed(subscriptions: SubscriptionQuerySet, campaign: Campaign) -> SubscriptionQuerySet:
    """By what is asked of the place itself: whoever has left that one does not get it through another book."""
    for criterion in CRITERIA:
        if criterion.name in OF_THE_PLACE and criterion.told(campaign):
            subscriptions = subscriptions.filter(criterion.lets_through(campaign))
    return subscriptions


def definition_of(campaign: Campaign) -> dict[str, Any]:
    """The audience in itself, without a number of ours: it can be read when books and names have changed."""
    books = sorted((book.name, str(book.uuid)) for book in campaign.books.all())
    told = {criterion.name: criterion.told(campaign) for criterion in CRITERIA}
    return {"books": [{"uuid": uuid, "name": name} for name, uuid in books], **told}


def is_narrow(campaign: Campaign) -> bool:
    return any(criterion.told(campaign) for criterion in CRITERIA)


def in_words(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """[(what, which)]; the books first."""
    said = [
        (_("Address books"), ", ".join(book["name"] for book in definition["books"]) or _("none"))
    ]
    for criterion in CRITERIA:
        if told := definition.get(criterion.name):
            said.append((str(criterion.label), criterion.in_words(told)))
    return said


def _languages_in_words(told: list[str]) -> str:
    names = {code: str(name) for code, name in conf.languages()}
    return ", ".join(names.get(code, code) for code in told)


def _joined(campaign: Campaign) -> dict[str, str]:
    limits = {"from": campaign.joined_from, "before": campaign.joined_before}
    told = {name: day.isoformat() for name, day in limits.items() if day}
    return {**told, "time_zone": timezone.get_default_timezone_name()} if told else {}


def _has_joined(campaign: Campaign) -> Q:
    """By the clock of the site, and the confirmation that the subscription rests on: who left and came back has joined again."""
    joined = Q()
    if campaign.joined_from:
        joined &= Q(confirmed_at__gte=days.beginning_of(campaign.joined_from))
    if campaign.joined_before:
        joined &= Q(confirmed_at__lt=days.beginning_of(campaign.joined_before))
    return joined


def _joined_in_words(told: Mapping[str, str]) -> str:
    limits = {
        name: date_format(date.fromisoformat(told[name]), "DATE_FORMAT")
        for name in ("from", "before")
        if name in told
    }
    if len(limits) == 2:
        return _("on %(from)s or after, and before %(before)s") % limits
    return (_("on %(from)s or after") if "from" in limits else _("before %(before)s")) % limits


def _named(campaign: Campaign | None) -> dict[str, str]:
    return {"uuid": str(campaign.uuid), "subject": str(campaign)} if campaign else {}


def _has_received(campaign: Campaign) -> Q:
    mine, as_another = _copies(campaign.received, DeliveryStatus.of_arrival())
    return Q(mine) | Q(as_another)


def _has_not_received(campaign: Campaign) -> Q:
    mine, as_another = _copies(campaign.not_received, DeliveryStatus.of_possible_arrival())
    # Two conditions, so that each is a join of its own; of one with both, databases make lists first.
    return Q(~mine, ~as_another)


def _copies(campaign: Campaign | None, statuses: list[DeliveryStatus]) -> tuple[Exists, Exists]:
    """Theirs, and that of a contact who has become one with them."""
    copies = Delivery.objects.filter(campaign=campaign, status__in=statuses)
    return (
        Exists(copies.filter(contact=OuterRef("contact"))),
        Exists(copies.filter(second_copy_of=OuterRef("contact"))),
    )


def _subject(told: Mapping[str, str]) -> str:
    return f"“{told['subject']}”"


CRITERIA = (
    Criterion(
        "languages",
        gettext_lazy("Language"),
        lambda campaign: sorted(campaign.only_languages),
        lambda campaign: Q(contact__language__in=campaign.only_languages),
        _languages_in_words,
    ),
    Criterion("joined", gettext_lazy("Joined"), _joined, _has_joined, _joined_in_words),
    Criterion(
        "received",
        gettext_lazy("Received"),
        lambda campaign: _named(campaign.received),
        _has_received,
        _subject,
    ),
    Criterion(
        "not_received",
        gettext_lazy("Did not receive"),
        lambda campaign: _named(campaign.not_received),
        _has_not_received,
        _subject,
    ),
    Criterion(
        "answers",
        gettext_lazy("Answers"),
        conditions.told,
        conditions.lets_through,
        conditions.in_words,
    ),
)
