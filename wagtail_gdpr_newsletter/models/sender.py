"""The controller behind a site: who writes, who answers, who is responsible (GDPR 13(1)(a))."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import swapper
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.contrib.settings.models import BaseSiteSetting, register_setting
from wagtail.images import get_image_model_string
from wagtail.images.models import SourceImageIOError
from wagtail.models import Page

from ..rendering.merge import one_line
from ..rendering.newsletter import Sender


class SenderSettingsQuerySet(models.QuerySet["SenderSettings"]):
    def complete(self) -> SenderSettingsQuerySet:
        """Those of which `missing()` names nothing."""
        unwritten = models.Q(
            *[(field, "") for field in SenderSettings.TO_WRITE], _connector=models.Q.OR
        )
        return self.filter(privacy_page__live=True).exclude(unwritten)


def white_is_readable_on(color: str) -> None:
    """Contrast of 4.5 to 1 or more, as WCAG 2.2, 1.4.3 defines it (W2)."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        return  # Said by another validator.
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    if 1.05 / (luminance + 0.05) < 4.5:
        raise ValidationError(_("White text cannot be read on this colour: choose a darker one."))


@register_setting(icon="user", name="newsletter-sender")
class SenderSettings(BaseSiteSetting):
    """One site's sender, as the forms, the footers and the notices name it."""

    name = models.CharField(
        _("sender"),
        max_length=200,
        blank=True,
        help_text=_("The organisation or person responsible, with its legal form."),
    )
    postal_address = models.TextField(
        _("postal address"), blank=True, help_text=_("Stands at the foot of every newsletter.")
    )
    email = models.EmailField(
        _("e-mail for readers"),
        blank=True,
        help_text=_("Answers to newsletters and requests from readers arrive here."),
    )
    phone = models.CharField(_("telephone"), max_length=50, blank=True)
    data_protection_officer = models.CharField(
        _("data protection officer"),
        max_length=200,
        blank=True,
        help_text=_("Name and contact, where there is one."),
    )
    supervisory_authority = models.CharField(
        _("supervisory authority"),
        max_length=200,
        blank=True,
        help_text=_("Where readers can complain, for example the Garante in Italy."),
    )
    mail_provider = models.CharField(
        _("mail provider"),
        max_length=200,
        blank=True,
        help_text=_(
            "Whoever delivers your mail, by name: readers are told that it gets their address. Leave "
            "it empty only where your own server delivers it."
        ),
    )
    privacy_page = models.ForeignKey(
        swapper.get_model_name("wagtailcore", "Page"),
        verbose_name=_("privacy page"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    imprint_page = models.ForeignKey(
        swapper.get_model_name("wagtailcore", "Page"),
        verbose_name=_("imprint page"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    from_name = models.CharField(
        _("From name"),
        max_length=100,
        blank=True,
        help_text=_("What inboxes show; the sender's name where this is empty."),
    )
    from_address = models.EmailField(
        _("From address"),
        blank=True,
        help_text=_("Its domain must allow your mail server to send for it (SPF, DKIM, DMARC)."),
    )
    logo = models.ForeignKey(
        get_image_model_string(),
        verbose_name=_("logo"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    accent_color = models.CharField(
        _("accent colour"),
        max_length=7,
        default="#1f5d50",
        validators=[
            RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Write the colour as #rrggbb.")),
            white_is_readable_on,
        ],
        help_text=_("For buttons and links; white text must be readable on it."),
    )

    per_second = models.PositiveIntegerField(
        _("messages a second"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    per_hour = models.PositiveIntegerField(
        _("messages an hour"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    per_day = models.PositiveIntegerField(
        _("messages a day"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    connections = models.PositiveSmallIntegerField(
        _("connections at once"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("With the mail server, or calls to the provider, over all workers together."),
    )

    objects = SenderSettingsQuerySet.as_manager()

    #: What Wagtail loads along with the settings.
    select_related = ["site", "privacy_page", "imprint_page", "logo"]

    class Meta:
        verbose_name = _("newsletter sender")
        verbose_name_plural = _("newsletter senders")

    #: What the law asks to be named (I1, I3), beside a privacy page that readers can open.
    TO_WRITE = ("name", "postal_address", "email", "from_address")

    def __str__(self) -> str:
        return self.name or str(_("Sender without a name"))

    @property
    def is_written(self) -> bool:
        """Whether the notices beside the boxes can name whoever is responsible."""
        return all(getattr(self, field) for field in self.TO_WRITE)

    def missing(self) -> list[str]:
        """The labels of what must be filled in before anything is asked of, or sent to, a reader."""
        missing = [field for field in self.TO_WRITE if not getattr(self, field)]
        if self.privacy_page is None or not self.privacy_page.live:
            missing.append("privacy_page")
        return [str(self._meta.get_field(field).verbose_name) for field in missing]

    def reasons_against_use(self) -> list[str]:
        """The same as a sentence for editors; empty when nothing is missing."""
        if not (missing := self.missing()):
            return []
        lacks = gettext("The newsletter sender of this site lacks: %(fields)s.")
        return [lacks % {"fields": ", ".join(missing)}]

    @property
    def from_header(self) -> str:
        name = one_line(self.from_name or self.name).replace("\\", "").replace('"', "'")
        return f'"{name}" <{self.from_address}>'

    @property
    def privacy_url(self) -> str:
        return _url(self.privacy_page)

    def as_sender(self) -> Sender:
        """What rendering needs: links absolute on the contact's own site, pages in the active language."""
        return Sender(
            name=self.name,
            postal_address=self.postal_address,
            email=self.email,
            phone=self.phone,
            data_protection_officer=self.data_protection_officer,
            supervisory_authority=self.supervisory_authority,
            mail_provider=self.mail_provider,
            root_url=self.site.root_url,
            privacy_url=self.privacy_url,
            imprint_url=_url(self.imprint_page),
            **self._logo(),
            accent_color=self.accent_color,
        )

    def _logo(self) -> dict[str, Any]:
        """At most 160 by 60 pixels, drawn at twice that for sharp screens."""
        without = {"logo_url": "", "logo_width": 0}
        if not self.logo:
            return without
        try:
            rendition = self.logo.get_rendition("max-320x120|format-png")
        except SourceImageIOError:  # Its file is gone; nobody's unsubscription may fail for that.
            return without
        return {
            "logo_url": urljoin(self.site.root_url, rendition.url),
            "logo_width": rendition.width // 2,
        }


def _url(page: Page | None) -> str:
    return (page.localized.full_url or "") if page else ""
