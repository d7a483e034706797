"""Address books in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail.admin import messages
from wagtail.admin.panels import FieldPanel, HelpPanel, InlinePanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.tables import BooleanColumn, NumberColumn
from wagtail.snippets.views.snippets import CreateView, EditView, SnippetViewSet

from .. import actions
from ..models import AddressBook, SenderSettings, SubscriptionStatus, WordingVersion
from . import ViewMixin
from .forms import SiteForm


class AddressBookForm(SiteForm):
    """Asks, once visitors may have agreed to a wording, whether a change of it is material (C9)."""

    wording_change = forms.ChoiceField(
        required=False,
        label=_("If you changed the consent wording"),
        widget=forms.RadioSelect,
        choices=[
            ("wording", _("I only said the same in other words.")),
            (
                "material",
                _(
                    "It means something new. Whoever agreed before gets no mail until they agree again."
                ),
            ),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "site" in self.fields and self.instance.subscriptions.exists():
            self.fields["site"].disabled = True  # Its people are contacts of this site.

    def is_valid(self) -> bool:
        if not super().is_valid():
            return False
        if self._changes_a_shown_wording() and not self.cleaned_data["wording_change"]:
            self.add_error(
                "wording_change",
                _("The consent wording has changed: does it mean something new?"),
            )
        return not self.errors

    def _changes_a_shown_wording(self) -> bool:
        if not self.instance.pk or not self.instance.wording_versions.exists():
            return False
        return any(
            {"label", "notice", "language", "DELETE"} & set(form.changed_data)
            for form in self.formsets["wordings"].initial_forms
        )

    @property
    def is_material(self) -> bool:
        return self.cleaned_data.get("wording_change") == "material"


class VersionsWording(ViewMixin):
    """Saving a book makes the version that visitors will see from now on."""

    def save_instance(self) -> AddressBook:
        book = super().save_instance()
        actions.version_wording(book=book, material=self.form.is_material, user=self.request.user)
        return book


class AddressBookCreateView(VersionsWording, CreateView):
    pass


class AddressBookEditView(VersionsWording, EditView):
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if reasons := self.object.reasons_against_a_form():
            said = _("Visitors see no sign-up form for this book yet. %(reasons)s")
            messages.warning(request, said % {"reasons": " ".join(map(str, reasons))})
        return super().get(request, *args, **kwargs)


class AddressBookViewSet(SnippetViewSet):
    model = AddressBook
    icon = "group"
    menu_label = _("Address books")
    menu_order = 200
    add_view_class = AddressBookCreateView
    edit_view_class = AddressBookEditView
    list_filter = ["site"]
    search_fields = ["name"]
    list_display = [
        "name",
        "site",
        NumberColumn("confirmed", label=_("Confirmed"), sort_key="confirmed"),
        NumberColumn("waiting", label=_("Waiting to confirm"), sort_key="waiting"),
        BooleanColumn("offers_a_form", label=_("Sign-up form")),
    ]
    edit_handler = ObjectList(
        [
            FieldPanel("site"),
            FieldPanel("name"),
            FieldPanel("description"),
            FieldPanel("ask_name"),
            MultiFieldPanel(
                [
                    HelpPanel(
                        content=_(
                            "What visitors agree to, in each language of your site. Every change "
                            "makes a new numbered version; what was shown before is kept as proof."
                        )
                    ),
                    InlinePanel(
                        "wordings",
                        min_num=1,
                        panels=[
                            FieldPanel("language"),
                            FieldPanel("label"),
                            FieldPanel("notice"),
                        ],
                        label=_("Consent wording"),
                    ),
                    FieldPanel("wording_change"),
                ],
                heading=_("Consent"),
            ),
        ],
        base_form_class=AddressBookForm,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AddressBook]:
        return AddressBook.objects.annotate(
            confirmed=_number(SubscriptionStatus.CONFIRMED),
            waiting=_number(SubscriptionStatus.PENDING),
            offers_a_form=Exists(SenderSettings.objects.complete().filter(site=OuterRef("site")))
            & Exists(WordingVersion.objects.filter(book=OuterRef("pk"))),
        ).select_related("site")


def _number(status: SubscriptionStatus) -> Count:
    return Count("subscriptions", filter=Q(subscriptions__status=status))
