"""Address books, and the consent wording that editors write for them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from modelcluster.models import ClusterableModel
from wagtail.models import Orderable, Site
from wagtail.search import index

from .. import conf
from .sender import SenderSettings


def new_uuid() -> str:
    """Kept as text, so that it compares alike with a suppression's scope on every database."""
    return str(uuid.uuid4())


class AddressBook(index.Indexed, ClusterableModel):
    """Holds subscriptions for one purpose: several purposes are several books, several boxes (C2)."""

    uuid = models.CharField(max_length=36, unique=True, default=new_uuid, editable=False)
    site = models.ForeignKey(
        "wagtailcore.Site",
        verbose_name=_("site"),
        on_delete=models.PROTECT,
        related_name="newsletter_address_books",
    )
    name = models.CharField(
        _("name"), max_length=200, help_text=_("Visitors see it: what do they sign up for?")
    )
    description = models.TextField(
        _("description"),
        blank=True,
        help_text=_("A sentence for visitors: what comes, and how often."),
    )
    ask_name = models.BooleanField(
        _("ask for a name"),
        default=False,
        help_text=_("Answering stays voluntary: only the address is needed."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    search_fields = [
        index.SearchField("name"),
        index.AutocompleteField("name"),
        index.FilterField("site"),
    ]

    class Meta:
        ordering = ["name"]
        verbose_name = _("address book")
        verbose_name_plural = _("address books")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name"], name="%(app_label)s_addressbook_name_once_a_site"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def reasons_against_a_form(self) -> list[str]:
        """What must be settled before visitors may see a form for this book; for editors."""
        return reasons_against_form(self.site, [self])


class ConsentWording(Orderable):
    """What the editor writes, per language; what visitors see are its versions."""

    book = ParentalKey(AddressBook, on_delete=models.CASCADE, related_name="wordings")
    language = models.CharField(
        _("language"), max_length=16, choices=conf.languages, default=conf.default_language
    )
    label = models.CharField(
        _("text beside the box"),
        max_length=500,
        help_text=_(
            "For example: “Yes, I would like to receive the monthly newsletter by e-mail.”"
        ),
    )
    notice = models.TextField(
        _("what you use the address for"),
        help_text=_(
            "What you send, how often, and whatever else a reader should know. Sender, rights, "
            "recipients and how to leave are added automatically."
        ),
    )

    class Meta(Orderable.Meta):
        verbose_name = _("consent wording")
        verbose_name_plural = _("consent wordings")
        constraints = [
            models.UniqueConstraint(
                fields=["book", "language"],
                name="%(app_label)s_consentwording_one_a_language",
            )
        ]

    def __str__(self) -> str:
        return f"{self.book} ({self.language})"


def reasons_against_form(site: Site, books: Sequence[AddressBook]) -> list[str]:
    """What must be settled before visitors of that site may see a form for these books (I1)."""
    if not books:
        return [gettext("No address book is chosen.")]
    reasons = SenderSettings.for_site(site).reasons_against_use()
    # Every saved wording has a version, once the sender that it names is written.
    worded = AddressBook.objects.filter(pk__in=[book.pk for book in books], wordings__isnull=False)
    if not reasons:
        worded = worded.filter(wording_versions__isnull=False)
    worded_pks = set(worded.values_list("pk", flat=True))
    reasons += [
        gettext("The address book “%(book)s” has no consent wording yet.") % {"book": book.name}
        for book in books
        if book.pk not in worded_pks
    ]
    reasons += [
        gettext("The address book “%(book)s” belongs to another site.") % {"book": book.name}
        for book in books
        if book.site_id != site.pk
    ]
    return reasons
