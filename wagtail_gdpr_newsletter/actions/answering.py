"""What becomes of what readers have answered?

With a request answers are kept apart, and a mailbox confirms them with it (`signup`). From then on readers
correct them in “My data”, and staff do it for them. Without its field no answer is kept: whoever removes one is
told how many answers go, and which campaigns name it, before they go; and does not remove it while somebody who
has answered has restricted the use of their data (GDPR 18). Another type, or a choice less, changes no answer: it
stays what the reader has said, until they say something else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log

from ..forms import AnswersForm
from ..models import (
    AddressBook,
    BookField,
    Campaign,
    Contact,
    RightsKind,
    RightsRequest,
    SendStatus,
    Subscription,
)
from ..models.answers import WithoutKey
from ..models.subscriptions import SubscriptionQuerySet
from ..rendering.answers import in_words
from ..rendering.newsletter import RenderingFailed
from ..sending.conditions import conditions_of
from .book_deletion import CannotBeDeleted
from .patience import patiently
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: So many requests that wait are gone through by one statement.
STEP = 1000


def answers_in_words(subscription: Subscription) -> list[tuple[str, str]]:
    """[(label, answer), ...] in the order of the form, in the active language."""
    answers = subscription.answers
    return [
        (field.label, in_words(answers[field.uuid], field.field_type))
        for field in (subscription.book.fields.all() if answers else ())
        if field.uuid in answers
    ]


def books_that_ask(contact: Contact) -> set[str]:
    """The UUIDs of those that they have a place in and that ask something."""
    theirs = Subscription.objects.active().filter(contact=contact)
    asking = AddressBook.objects.filter(subscriptions__in=theirs, fields__isnull=False)
    return set(asking.values_list("uuid", flat=True))


def answers_form(
    subscription: Subscription,
    data: Mapping[str, Any] | None = None,
    *,
    user: User | None = None,
    **kwargs: Any,
) -> AnswersForm:
    """What the book asks, with what they have answered; `user` is a member of staff who looks at it."""
    note(subscription.contact, "view_contact", user)
    answers, fields = subscription.answers, list(subscription.book.fields.all())
    for field in fields:
        field.required = False  # Nobody has to give one answer to correct another.
    misfits = {
        field.uuid: in_words(answers[field.uuid], field.field_type)
        for field in fields
        if field.uuid in answers and not field.fits(answers[field.uuid])
    }
    questions = [field.as_question() for field in fields]
    return AnswersForm(data, questions=questions, answers=answers, misfits=misfits, **kwargs)


@sensitive_variables("answers")
def correct_answers(
    *,
    subscription: Subscription,
    answers: Mapping[str, Any],
    source: str,
    user: User | None = None,
) -> bool:
    """Make these the answers, by the UUIDs of their fields; False where nothing is different.

    What somebody has typed with a request that waits counts for nothing then: this is their own word.
    """
    return patiently(lambda: _correct(subscription, answers, source, user))


@sensitive_variables("answers", "wanted")
@transaction.atomic
def _correct(
    subscription: Subscription, answers: Mapping[str, Any], source: str, user: User | None
) -> bool:
    contact = Contact.objects.lock(subscription.contact_id)
    # Held, so that none of them is removed meanwhile.
    fields = _held(subscription.book_id)
    wanted = {field.uuid: answers[field.uuid] for field in fields if field.uuid in answers}
    here = Subscription.objects.active().filter(pk=subscription.pk, contact=contact).first()
    if contact is None or here is None:
        return False
    if here.answers == wanted and not here.asked_answers:
        return False
    here.answers, here.asked_answers = wanted, []
    here.save(update_fields=["answers", "asked_answers"])
    RightsRequest.objects.register(contact, RightsKind.CORRECTION, source=source)
    note(contact, "correct_answers", user)
    return True


@dataclass(frozen=True)
class Change:
    """What an editor is about to do to a field, and what that means."""

    field: BookField
    removed: bool
    #: Of those who have answered: all where it is removed, or those whose answers do not fit any more.
    answers: int
    #: Those that are not over and name the field, where it is removed.
    campaigns: tuple[str, ...] = ()


def consequences_for_answers(
    *, removed: Collection[BookField], changed: Collection[BookField]
) -> list[Change]:
    """Where there are any; `changed` are as they will be. One query a field."""
    named = _named_by_campaigns(removed)
    changes = [
        Change(field, True, _answering(field).count(), tuple(named.get(field.uuid, ())))
        for field in removed
    ]
    changes += [Change(field, False, _misfits(field)) for field in changed]
    return [change for change in changes if change.answers or change.campaigns]


def _named_by_campaigns(fields: Collection[BookField]) -> dict[str, list[str]]:
    """{UUID of a field: campaigns that go out, or will, and have a place for it}."""
    named: dict[str, list[str]] = {}
    books = {field.book_id for field in fields}
    for campaign in Campaign.objects.filter(books__in=books).not_over().distinct():
        try:
            places = campaign.fields_in(campaign.render())
        except RenderingFailed:  # Nothing of it goes out anyway.
            continue
        for uuid in {uuid for asked in places.values() for uuid, _field_type in asked}:
            named.setdefault(uuid, []).append(str(campaign))
    return named


def reasons_against_removing(fields: Collection[BookField]) -> list[str]:
    """For editors; empty where nothing is against it."""
    return [*_needed_by_campaigns(fields), *_kept_by_restrictions(fields)]


def _kept_by_restrictions(fields: Iterable[BookField]) -> list[str]:
    """As with a whole book (`reasons_against_deleting`)."""
    reasons = []
    for field in fields:
        if number := _answering(field).filter(contact__restricted=True).count():
            said = ngettext(
                "“%(field)s”: %(number)s person who has answered has restricted the use of their data: the answer has to be kept until they lift that.",
                "“%(field)s”: %(number)s people who have answered have restricted the use of their data: the answers have to be kept until they lift that.",
                number,
            )
            reasons.append(said % {"field": field.label, "number": number})
    return reasons


def _answering(field: BookField) -> SubscriptionQuerySet:
    """Whatever type the field was of when they did."""
    return Subscription.objects.filter(book=field.book_id, answers__has_key=field.uuid)


def _misfits(field: BookField) -> int:
    found: dict[str, bool] = {}
    misfits = 0
    kept = _answering(field).values_list(KeyTransform(field.uuid, "answers"), flat=True)
    for answer in kept.iterator():
        if (key := repr(answer)) not in found:
            found[key] = field.fits(answer)
        misfits += not found[key]
    return misfits


def _needed_by_campaigns(fields: Collection[BookField]) -> list[str]:
    """Drafts say it themselves, before they are sent."""
    waiting = [SendStatus.SCHEDULED, SendStatus.PREPARING]
    campaigns = Campaign.objects.filter(send_status__in=waiting) if fields else ()
    said = _(
        "The campaign “%(campaign)s” is narrowed by the field “%(field)s”: remove the field when it has been "
        "sent, or take the campaign off the schedule."
    )
    return [
        said % {"campaign": campaign, "field": field.label}
        for campaign in campaigns
        for asked in [conditions_of(campaign)]
        for field in fields
        if any(condition.is_about(field) for condition in asked)
    ]


def hold_fields(book: AddressBook) -> None:
    """Before one of them is deleted, in the same transaction: as those hold them who take answers."""
    list(_held(book.pk))


def _held(book: int) -> QuerySet[BookField]:
    """In one order, so that no two of those who hold them wait for each other."""
    return BookField.objects.select_for_update().filter(book=book).order_by("pk")


@transaction.atomic
def forget_answers(*, book: AddressBook, removed: Iterable[BookField], user: User | None) -> None:
    """Delete all answers to fields that have been removed, in the same transaction, whoever gave them.

    Raise `CannotBeDeleted` with the reasons; the transaction is to be given up then.
    """
    removed = list(removed)
    if reasons := _kept_by_restrictions(removed):
        raise CannotBeDeleted(reasons)
    for field in removed:
        number = _answering(field).update(answers=WithoutKey("answers", field.uuid))
        _forget_asked(book, field.uuid)
        log(
            instance=book,
            action="wagtail_gdpr_newsletter.remove_field",
            user=user,
            data={"field": field.label, "answers": number},
        )


def _forget_asked(book: AddressBook, uuid: str) -> None:
    """What waits for a confirmation: few, and of these only those who have answered; held, as others may ask."""
    waiting = Subscription.objects.filter(book=book, contact__restricted=False)
    numbers = waiting.exclude(asked_answers=[]).order_by("pk").values_list("pk", flat=True)
    last = 0
    while found := list(numbers.filter(pk__gt=last)[:STEP]):
        last = found[-1]
        # Apart, so that no contact is held: others hold the contact first.
        step = list(Subscription.objects.select_for_update().filter(pk__in=found).order_by("pk"))
        for subscription in step:
            subscription.asked_answers = [
                [key, {other: answers[other] for other in answers if other != uuid}]
                for key, answers in subscription.asked_answers
            ]
        Subscription.objects.bulk_update(step, ["asked_answers"])
