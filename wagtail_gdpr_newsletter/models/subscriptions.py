"""A contact's place in an address book, and who may be written to."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from .address_books import AddressBook
from .contacts import Contact
from .imports import ContactImport
from .statements import ConsentStatement, overtaken
from .suppressions import SITE_SCOPE, Suppression, SuppressionReason

#: No more confirmation mails than five go to an address while the link of the first is good; and what was
#: typed since the last of them.
KEPT_REQUESTS = 6


class SubscriptionStatus(models.TextChoices):
    PENDING = "pending", _("pending")
    CONFIRMED = "confirmed", _("confirmed")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    UNPROVEN = "unproven", _("unproven")


class LegalBasis(models.TextChoices):
    CONSENT = "consent", _("consent")
    SOFT_OPT_IN = "soft_opt_in", _("existing customer (soft opt-in)")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def mailable(self) -> SubscriptionQuerySet:
        """The one definition of whom a campaign may reach (GDPR 7(1), 18, 21(3))."""
        return (
            self.filter(status=SubscriptionStatus.CONFIRMED, contact__restricted=False)
            .standing_on_a_valid_basis()
            .not_suppressed()
        )

    def standing_on_a_valid_basis(self) -> SubscriptionQuerySet:
        """A consent whose statement no material change has overtaken (C9), or a soft opt-in (C13)."""
        consent = Q(statement__isnull=False) & ~overtaken("statement__version")
        return self.filter(Q(basis=LegalBasis.SOFT_OPT_IN) | consent)

    def not_suppressed(self, *, but_for: Sequence[str] = ()) -> SubscriptionQuerySet:
        """Those that no suppression of their book, or of the whole site, holds back.

        Whoever left everything and has opted in to a book since gets that book.
        """
        here = _suppressions().exclude(reason__in=but_for)
        gives_way = Q(scope=SITE_SCOPE, reason__in=SuppressionReason.giving_way_to_opt_in())
        left_everything = Q(Exists(here.filter(gives_way)), opted_in=False)
        return self.filter(~Exists(here.exclude(gives_way)), ~left_everything)

    def standing(self) -> SubscriptionQuerySet:
        """Those that a person has, but for a mailbox that bounced: what goes to a new address."""
        return (
            self.filter(status=SubscriptionStatus.CONFIRMED)
            .standing_on_a_valid_basis()
            .not_suppressed(but_for=[SuppressionReason.BOUNCE])
        )

    def falling_back(self) -> SubscriptionQuerySet:
        """Requests that give way to one of those when nobody confirms them."""
        return self.filter(
            ~overtaken("previous_statement__version"),
            status=SubscriptionStatus.PENDING,
            previous_status=SubscriptionStatus.CONFIRMED,
        ).not_suppressed(but_for=[SuppressionReason.BOUNCE])

    def pending(self) -> SubscriptionQuerySet:
        return self.filter(status=SubscriptionStatus.PENDING)

    def active(self) -> SubscriptionQuerySet:
        """Those that are to be left by somebody who leaves everything."""
        return self.filter(
            status__in=[
                SubscriptionStatus.PENDING,
                SubscriptionStatus.CONFIRMED,
                SubscriptionStatus.UNPROVEN,
            ]
        )


def _suppressions() -> models.QuerySet[Suppression]:
    return Suppression.objects.filter(
        site=OuterRef("contact__site"),
        hash=OuterRef("contact__keyed_hash"),
        scope__in=[SITE_SCOPE, OuterRef("book__uuid")],
    )


class Subscription(models.Model):
    """One contact's place in one address book."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="subscriptions")
    book = models.ForeignKey(AddressBook, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=16, choices=SubscriptionStatus.choices)
    basis = models.CharField(max_length=16, choices=LegalBasis.choices, default=LegalBasis.CONSENT)
    #: The statement that the last request was made under.
    statement = models.ForeignKey(
        ConsentStatement, on_delete=models.PROTECT, null=True, related_name="+"
    )
    #: When it last became pending; asking again while pending does not move it.
    requested_at = models.DateTimeField(null=True)
    #: Since when a confirmation mail is owed for it.
    mail_wanted_at = models.DateTimeField(null=True)
    #: What a request that nobody confirms gives way to: anybody may have sent it.
    previous_status = models.CharField(
        max_length=16, choices=SubscriptionStatus.choices, blank=True, default=""
    )
    previous_statement = models.ForeignKey(
        ConsentStatement, on_delete=models.PROTECT, null=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    #: By a double opt-in of their own since they last left; an import has none.
    opted_in = models.BooleanField(_("confirmed by a link"), default=False)
    unsubscribed_at = models.DateTimeField(null=True)
    #: Empty where they came by themselves, or were added by hand.
    brought_by = models.ForeignKey(
        ContactImport, on_delete=models.PROTECT, null=True, related_name="subscriptions"
    )
    #: The import that has given the proof; the same one, or a later one.
    proven_by = models.ForeignKey(
        ContactImport, on_delete=models.PROTECT, null=True, related_name="+"
    )
    #: {UUID of a field: answer}; what it may be, `forms.as_kept` says.
    answers = models.JSONField(default=dict)
    #: [[key, answers], ...] of the request under way: nobody's, until a mailbox has confirmed it.
    asked_answers = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [
            # Who is in a book, and what is waiting to be confirmed or to lapse. With the contact a campaign
            # finds its next few readers without reading all of them.
            models.Index(fields=["book", "status", "contact"], name="gdpr_newsletter_sub_in_book"),
            models.Index(fields=["status", "requested_at"], name="gdpr_newsletter_sub_waiting"),
            models.Index(fields=["mail_wanted_at"], name="gdpr_newsletter_sub_mail"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "book"], name="%(app_label)s_subscription_once_a_book"
            ),
            models.CheckConstraint(
                condition=Q(status__in=SubscriptionStatus.values),
                name="%(app_label)s_subscription_status",
            ),
            models.CheckConstraint(
                condition=Q(basis__in=LegalBasis.values), name="%(app_label)s_subscription_basis"
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.PENDING) | Q(requested_at__isnull=False),
                name="%(app_label)s_subscription_requested_at",
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.CONFIRMED) | Q(confirmed_at__isnull=False),
                name="%(app_label)s_subscription_confirmed_at",
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.CONFIRMED)
                | Q(basis=LegalBasis.SOFT_OPT_IN)
                | Q(statement__isnull=False),
                name="%(app_label)s_subscription_statement",
            ),
            models.CheckConstraint(
                condition=~Q(status=SubscriptionStatus.UNSUBSCRIBED)
                | Q(unsubscribed_at__isnull=False),
                name="%(app_label)s_subscription_unsubscribed_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact}, {self.book}"

    def begin_request(self) -> None:
        """Make it pending and remember what it was; not saved yet."""
        self.previous_status, self.previous_statement = self.status, self.statement
        self.status, self.requested_at = SubscriptionStatus.PENDING, now()

    def ask_with(self, answers: Mapping[str, Any], *, instead: bool) -> None:
        """Keep what was typed with a request, apart from what came with earlier ones; not saved yet.

        Or `instead` of what came last, where no mail names that: else a stranger could push out what one does.
        """
        if answers or self.asked_answers:
            earlier = self.asked_answers[:-1] if instead else self.asked_answers
            asked = [*earlier, [secrets.token_hex(4), dict(answers)]]
            self.asked_answers = asked[-KEPT_REQUESTS:]

    @property
    def asked_key(self) -> str:
        """Names what was typed last, so that a mail can say what it is about; empty for nothing."""
        return self.asked_answers[-1][0] if self.asked_answers else ""

    def take_answers(self, asked_key: str, fields: Iterable[str]) -> None:
        """What came with that request, beside what was answered before; not saved yet.

        `fields`: the UUIDs of those that the book has now. Nobody keeps answers to any others.
        """
        answers = {**self.answers, **dict(self.asked_answers).get(asked_key, {})}
        self.answers = {uuid: answers[uuid] for uuid in fields if uuid in answers}

    def settle(self, status: str) -> None:
        """Make it what was decided, with nothing to go back to; not saved yet."""
        self.status, self.mail_wanted_at = status, None
        self.previous_status, self.previous_statement = "", None
        self.asked_answers = []

    def take_request_back(self) -> None:
        """Make it what it was before the request; not saved yet."""
        self.statement = self.previous_statement
        self.settle(self.previous_status)
