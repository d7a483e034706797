"""What the forms of campaigns, address books and senders share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.models import Site

from ..forms import AddressField
from ..links import default_site


class SiteForm(WagtailAdminModelForm):
    """A form for what belongs to one site: it asks for which one only where there are several."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.site_id:
            self.instance.site = default_site()
            self.initial["site"] = self.instance.site
        if Site.objects.count() == 1:
            self.fields.pop("site", None)


class FindForm(forms.Form):
    """The whole address: parts of it would show other people's."""

    address = AddressField(label=_("E-mail address"), max_length=320)
    site = forms.ModelChoiceField(Site.objects.all(), label=_("Site"), empty_label=None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["site"] = default_site()
        if Site.objects.count() == 1:
            del self.fields["site"]

    @property
    def chosen_site(self) -> Site | None:
        return self.cleaned_data.get("site") or default_site()


class DayInput(forms.DateInput):
    """The browser's own: it speaks the editor's language, and takes keys."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class WhyForm(forms.Form):
    why = forms.CharField(
        label=_("Why, and how you know"),
        max_length=255,
        help_text=_("It is written into the log. Do not name anybody."),
    )


class MaterialChangeForm(WagtailAdminModelForm):
    """Asks, once visitors may have agreed to a text, whether a change of it is material (C9)."""

    wording_change = forms.ChoiceField(
        required=False,
        label=_("If you changed what readers have agreed to"),
        widget=forms.RadioSelect,
        choices=[
            ("wording", _("I only said the same in other words, or corrected a detail.")),
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
        if not self.has_been_shown():
            del self.fields["wording_change"]

    def has_been_shown(self) -> bool:
        """Whether visitors may have agreed to an earlier version."""
        raise NotImplementedError

    def changes_what_was_shown(self) -> bool:
        raise NotImplementedError

    def is_valid(self) -> bool:
        if not super().is_valid():
            return False
        asked = "wording_change" in self.fields
        if asked and self.changes_what_was_shown() and not self.cleaned_data["wording_change"]:
            self.add_error(
                "wording_change",
                _("What readers have agreed to has changed: does it mean something new?"),
            )
        return not self.errors

    @property
    def is_material(self) -> bool:
        return self.cleaned_data.get("wording_change") == "material"
