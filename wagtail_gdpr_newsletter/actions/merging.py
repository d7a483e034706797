"""What happens when two contacts turn out to be one person?

The mailbox of the one address has confirmed that the other's contact moves there, and was told by name
which newsletters will come (R3). One contact goes on, with everything that both had: subscriptions,
evidence, deliveries, requests. Links in old newsletters of both keep working.
"""

from __future__ import annotations

from django.db.models import Q

from ..addresses import Address
from ..models import (
    BookField,
    ConsentRecord,
    Contact,
    Delivery,
    FormerLink,
    Lane,
    Ledger,
    MailKind,
    RightsRequest,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from .events import GRAVITY

#: Of two subscriptions to one book the one further up stays. What is confirmed stays so: the mailbox
#: that confirmed the move was told of it. Beyond that, whoever left has left.
STANDING = [
    SubscriptionStatus.CONFIRMED,
    SubscriptionStatus.UNSUBSCRIBED,
    SubscriptionStatus.PENDING,
    SubscriptionStatus.UNPROVEN,
]


def carry_suppressions(contact: Contact, address: Address) -> None:
    """What was remembered of the old address is remembered of the new; before the address changes.

    But for a bounce: the new mailbox has just answered.
    """
    for suppression in contact.suppressions.exclude(reason=SuppressionReason.BOUNCE):
        Suppression.objects.remember(
            address.canonical,
            site=contact.site,
            scope=suppression.scope,
            reason=suppression.reason,
        )
    at_new = Suppression.objects.of(address.canonical, site=contact.site)
    at_new.filter(reason=SuppressionReason.BOUNCE).delete()


def merge(contact: Contact, other: Contact) -> None:
    """Make `contact` both; `other` is deleted. Both are locked."""
    _merge_subscriptions(contact, other)
    _merge_deliveries(contact, other)
    ConsentRecord.objects.filter(contact=other).hand_over(to=contact)
    RightsRequest.objects.filter(contact=other).update(contact=contact)
    FormerLink.objects.filter(contact=other).update(contact=contact)
    FormerLink.objects.create(
        contact=contact,
        link_token=other.link_token,
        number=other.pk,
        subject=other.keyed_hash,
        subject_key_id=other.key_id,
    )
    # What a reader said, and what a provider may still report of.
    spoken_or_sent = Q(kind__in=MailKind.of_readers()) | ~Q(message_id="")
    other.service_mails.filter(spoken_or_sent).update(contact=contact)
    # In the words of whoever has just confirmed.
    contact.name, contact.language = other.name or contact.name, other.language
    contact.restricted = contact.restricted or other.restricted
    contact.created_at = min(contact.created_at, other.created_at)
    other.delete()


def _merge_subscriptions(contact: Contact, other: Contact) -> None:
    both = Subscription.objects.filter(contact__in=[contact, other])
    valid = set(both.standing_on_a_valid_basis().values_list("pk", flat=True))

    def rank(subscription: Subscription) -> tuple[int, bool]:
        status = (
            subscription.previous_status or subscription.status
        )  # What a request falls back to.
        return STANDING.index(SubscriptionStatus(status)), subscription.pk not in valid

    mine = {each.book_id: each for each in contact.subscriptions.all()}
    for theirs in other.subscriptions.all():
        ours = mine.get(theirs.book_id)
        if ours is None:
            Subscription.objects.filter(pk=theirs.pk).update(contact=contact)
            continue
        stays, goes = (theirs, ours) if rank(theirs) < rank(ours) else (ours, theirs)
        _merge_answers(stays, goes)
        goes.delete()
        Subscription.objects.filter(pk=stays.pk).update(contact=contact, answers=stays.answers)


def _merge_answers(stays: Subscription, goes: Subscription) -> None:
    """What the one has not been told, the other may have; not saved yet."""
    answers = {**goes.answers, **stays.answers}
    if answers:  # The fields are held, so that none is removed meanwhile.
        fields = BookField.objects.select_for_update().filter(book=stays.book_id)
        stays.answers = {each.uuid: answers[each.uuid] for each in fields if each.uuid in answers}


def _merge_deliveries(contact: Contact, other: Contact) -> None:
    """Nobody gets a second copy because they were two: of two deliveries the further one stays theirs.

    The other one is not sent any more, or stays known as the second copy that it was.
    """
    mine = {each.campaign_id: each for each in contact.deliveries.all()}
    twice = other.deliveries.filter(campaign__in=mine)
    at_work = _at_work(set(twice.values_list("campaign", flat=True)))
    for theirs in twice:
        ours = mine[theirs.campaign_id]
        less, more = sorted((ours, theirs), key=lambda each: _progress(each, at_work))
        Delivery.objects.filter(pk=less.pk).update(contact=None, second_copy_of=contact)
        Delivery.objects.filter(pk=more.pk).update(contact=contact)
    other.deliveries.update(contact=contact)
    other.second_copies.update(second_copy_of=contact)


def _at_work(campaigns: set[int]) -> set[int]:
    """The deliveries that lanes have claimed; held, so that nobody claims another one meanwhile."""
    list(Ledger.objects.select_for_update().filter(campaign__in=campaigns).order_by("campaign"))
    lanes = Lane.objects.filter(campaign__in=campaigns)
    return {number for lane in lanes for number in lane.claimed}


def _progress(delivery: Delivery, at_work: set[int]) -> tuple[int, bool]:
    """How far it is; what a lane has in its hands may be on the wire by now."""
    status = [status.value for status in GRAVITY].index(delivery.status)
    return status, delivery.pk in at_work
