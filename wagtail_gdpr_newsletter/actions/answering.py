"""What becomes of what readers have answered?

With a request answers are kept apart, and a mailbox confirms them with it (`signup`). From then on readers
correct them in “My data”, and staff do it for them. Without its field no answer is kept: whoever removes one is
told how many answers go, before they go. Another type, or a choice less, changes no answer: it stays what the
reader has said, until they say something else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from wagtail.log_actions import log

from ..forms import AnswersForm
from ..models import (
    AddressBook,
    BookField,
    Campaign,
    Comparison,
    Contact,
    RightsKind,
    RightsRequest,
    SendStatus,
    Subscription,
    answering,
)
from ..models.answers import WithoutKey
from ..models.subscriptions import SubscriptionQuerySet
from ..rendering.answers import in_words
from ..sending.conditions import conditions_of
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
    asking = AddressBook.objects.filter(subscriptions__contact=contact, fields__isnull=False)
    return set(asking.values_list("uuid", flat=True))


def answers_form(
    subscription: Subscription, data: Mapping[str, Any] | None = None, **kwargs: Any
) -> AnswersForm:
    """What the book asks, with what they have answered."""
    questions = [field.as_question() for field in subscription.book.fields.all()]
    return AnswersForm(data, questions=questions, answers=subscription.answers, **kwargs)


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
    fields = BookField.objects.select_for_update().filter(book=subscription.book_id)
    wanted = {field.uuid: answers[field.uuid] for field in fields if field.uuid in answers}
    here = Subscription.objects.filter(pk=subscription.pk, contact=contact).first()
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
    """What an editor is about to do to a field, and how many answers it is about."""

    field: BookField
    removed: bool
    #: Of those who have answered: all where it is removed, or those whose answers do not fit any more.
    answers: int


def consequences_for_answers(
    *, removed: Collection[BookField], changed: Collection[BookField]
) -> list[Change]:
    """Where there are any; `changed` are as they will be. One query a field."""
    changes = [Change(field, True, _answering(field).count()) for field in removed]
    changes += [Change(field, False, _misfits(field)) for field in changed]
    return [change for change in changes if change.answers]


def _answering(field: BookField) -> SubscriptionQuerySet:
    return Subscription.objects.filter(answering(field, Comparison.ANSWERED))


def _misfits(field: BookField) -> int:
    found: dict[str, bool] = {}
    misfits = 0
    kept = _answering(field).values_list(KeyTransform(field.uuid, "answers"), flat=True)
    for answer in kept.iterator():
        if (key := repr(answer)) not in found:
            found[key] = field.fits(answer)
        misfits += not found[key]
    return misfits


def reasons_against_removing(fields: Collection[BookField]) -> list[str]:
    """For editors; empty where nothing is against it. Drafts say it themselves, before they are sent."""
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
    list(BookField.objects.select_for_update().filter(book=book))


@transaction.atomic
def forget_answers(*, book: AddressBook, removed: Iterable[BookField], user: User | None) -> None:
    """Delete all answers to fields that have been removed, in the same transaction, whoever gave them."""
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
    """What waits for a confirmation: few, and of these only those who have answered."""
    waiting = Subscription.objects.filter(book=book).exclude(asked_answers=[]).order_by("pk")
    last = 0
    while step := list(waiting.filter(pk__gt=last)[:STEP]):
        last = step[-1].pk
        for subscription in step:
            subscription.asked_answers = [
                [key, {other: answers[other] for other in answers if other != uuid}]
                for key, answers in subscription.asked_answers
            ]
        Subscription.objects.bulk_update(step, ["asked_answers"])
