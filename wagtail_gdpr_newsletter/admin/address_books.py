"""Address books in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.utils import quote
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin import messages
from wagtail.admin.panels import FieldPanel, HelpPanel, InlinePanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.tables import Column, NumberColumn
from wagtail.admin.widgets import Button, HeaderButton
from wagtail.snippets.views.snippets import (
    CreateView,
    DeleteView,
    EditView,
    IndexView,
    SnippetViewSet,
)

from .. import actions
from ..models import AddressBook, SenderSettings, Subscription, SubscriptionStatus, WordingVersion
from . import ViewMixin
from .book_fields import FIELDS_PANEL, FieldsForm
from .forms import MaterialChangeForm, SiteForm
from .growth import GrowthView


class AddressBookForm(FieldsForm, MaterialChangeForm, SiteForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "site" in self.fields and self.instance.subscriptions.exists():
            self.fields["site"].disabled = True  # Its people are contacts of this site.
        for form in self.formsets["wordings"].forms:
            # Wagtail's page does not have the hidden value by which Django would see whether it has changed.
            form.fields["language"].show_hidden_initial = False

    def has_been_shown(self) -> bool:
        return bool(self.instance.pk) and self.instance.wording_versions.exists()

    def changes_what_was_shown(self) -> bool:
        changed = {"name", "description"} & set(self.changed_data)
        for form in self.formsets["wordings"].initial_forms:
            changed |= {"label", "notice", "language", "DELETE"} & set(form.changed_data)
        return bool(changed) or self.changes_what_is_asked()


class VersionsWording(ViewMixin):
    """Saving a book makes the version that visitors will see from now on, and no answer outlives its field."""

    def form_valid(self, form: AddressBookForm) -> HttpResponse:
        try:
            return super().form_valid(form)
        except (
            actions.CannotBeDeleted
        ) as error:  # Somebody has restricted the use of their data meanwhile.
            form.add_error(None, error.reasons)
            return self.form_invalid(form)

    def save_instance(self) -> AddressBook:
        if removed := self.form.removed_fields:
            actions.hold_fields(self.form.instance)
        book = super().save_instance()
        actions.forget_answers(book=book, removed=removed, user=self.request.user)
        version = actions.version_wording(
            book=book, material=self.form.is_material, user=self.request.user
        )
        if version and version.number > 1:
            messages.info(self.request, self._about(version))
        return book

    def _about(self, version: WordingVersion) -> str:
        said = _("From now on visitors see version %(number)s of the consent wording.")
        if version.material:
            said = _(
                "From now on visitors see version %(number)s of the consent wording, and whoever "
                "agreed to an earlier one gets no campaign until they agree again."
            )
        return str(said % {"number": version.number})


class AddressBookCreateView(VersionsWording, CreateView):
    pass


class AddressBookIndexView(IndexView):
    def get_list_more_buttons(self, instance: AddressBook) -> list[Button]:
        growth = Button(_("Growth"), url=_growth_url(instance), icon_name="group", priority=15)
        return [*super().get_list_more_buttons(instance), growth]


def _growth_url(book: AddressBook) -> str:
    return reverse(AddressBook.snippet_viewset.get_url_name("growth"), args=[quote(book.pk)])


class AddressBookEditView(VersionsWording, EditView):
    @cached_property
    def header_buttons(self) -> list[Button]:
        return [HeaderButton(_("Growth"), url=_growth_url(self.object), icon_name="group")]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if reasons := self.object.reasons_against_a_form():
            said = _("Visitors see no sign-up form for this book yet. %(reasons)s")
            messages.warning(request, said % {"reasons": " ".join(map(str, reasons))})
        return super().get(request, *args, **kwargs)


class DeleteBookForm(forms.Form):
    """Whoever types the name has read which book it is."""

    name = forms.CharField(
        label=_("Type the name of the address book to delete it"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, book: AddressBook, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._book = book

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.split() != self._book.name.split():
            raise forms.ValidationError(
                _("The address book is called “%(name)s”."), params={"name": self._book.name}
            )
        return name


class AddressBookDeleteView(DeleteView):
    form_class = DeleteBookForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "book": self.object}

    def form_valid(self, form: DeleteBookForm) -> HttpResponse:
        try:
            return super().form_valid(form)
        except actions.CannotBeDeleted:  # The page says why.
            return self.render_to_response(self.get_context_data(form=form))

    def delete_action(self) -> None:
        actions.delete_book(book=self.object, user=self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = actions.consequences_of_deleting(self.object)
        return {
            **super().get_context_data(**kwargs),
            "reasons_against": actions.reasons_against_deleting(self.object),
            "subscriptions": [
                (status.label, number) for status, number in found.subscriptions.items()
            ],
            "nowhere_else": found.nowhere_else,
            "suppressions": found.suppressions,
            "campaigns": found.campaigns,
        }


def delete_one_at_a_time(request: HttpRequest, instances: list[object]) -> HttpResponse | None:
    """Wagtail deletes what is ticked in a list by a page that knows neither the name nor what goes with a book."""
    books = [each for each in instances if isinstance(each, AddressBook)]
    if not books or _is_page_of_one(request):
        return None
    if len(books) > 1:
        messages.error(request, _("Delete address books one at a time: each page says what goes."))
        return redirect(AddressBook.snippet_viewset.get_url_name("list"))
    return redirect(AddressBook.snippet_viewset.get_url_name("delete"), books[0].pk)


def _is_page_of_one(request: HttpRequest) -> bool:
    """The page above, which asks the same hook."""
    here = request.resolver_match
    return here is not None and here.view_name == AddressBook.snippet_viewset.get_url_name("delete")


def form_readiness(book: AddressBook) -> str:
    """In a cell of the list: whether visitors see a form, or what is missing."""
    if not book.sender_is_complete:
        return str(_("no: the sender is not complete"))
    return str(_("yes")) if book.has_version else str(_("no: there is no consent wording"))


class AddressBookViewSet(SnippetViewSet):
    model = AddressBook
    icon = "group"
    menu_label = _("Address books")
    menu_order = 200
    copy_view_enabled = (
        False  # One purpose, one book; and a copy's form would save onto the original.
    )
    add_view_class = AddressBookCreateView
    index_view_class = AddressBookIndexView
    edit_view_class = AddressBookEditView
    delete_view_class = AddressBookDeleteView
    delete_template_name = "wagtail_gdpr_newsletter/admin/delete_book.html"
    list_filter = ["site"]
    search_fields = ["name"]
    ordering = ["name"]
    list_display = [
        "name",
        "site",
        NumberColumn("confirmed", label=_("Confirmed"), sort_key="confirmed"),
        NumberColumn("waiting", label=_("Waiting to confirm"), sort_key="waiting"),
        Column("form_readiness", label=_("Sign-up form"), accessor=form_readiness),
    ]
    edit_handler = ObjectList(
        [
            MultiFieldPanel(
                [
                    FieldPanel("site"),
                    FieldPanel("name"),
                    FieldPanel("description"),
                    FieldPanel("ask_name"),
                ],
                heading=_("What readers sign up for"),
            ),
            FIELDS_PANEL,
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
            confirmed=confirmed_readers(),
            waiting=_number(SubscriptionStatus.PENDING),
            sender_is_complete=Exists(
                SenderSettings.objects.complete().filter(site=OuterRef("site"))
            ),
            has_version=Exists(WordingVersion.objects.filter(book=OuterRef("pk"))),
        ).select_related("site")

    def get_urlpatterns(self) -> list[URLPattern]:
        growth = path(f"growth/<{self.pk_path_converter}:pk>/", GrowthView.as_view(), name="growth")
        return [*super().get_urlpatterns(), growth]


def confirmed_readers() -> Coalesce:
    return _number(SubscriptionStatus.CONFIRMED)


def _number(status: SubscriptionStatus) -> Coalesce:
    """Of each book that is shown; whoever counts the books need not count their readers."""
    here = Subscription.objects.filter(book=OuterRef("pk"), status=status).order_by()
    counted = here.values("book").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)
