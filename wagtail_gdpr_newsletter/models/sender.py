"""The controller behind a site: who writes, who answers, who is responsible (GDPR 13(1)(a))."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import swapper
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, HelpPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseSiteSetting, register_setting
from wagtail.images import get_image_model_string
from wagtail.models import Page

from ..rendering.newsletter import Sender


class SenderSettingsQuerySet(models.QuerySet["SenderSettings"]):
    def complete(self) -> SenderSettingsQuerySet:
        """Those of which `missing()` names nothing."""
        return self.filter(privacy_page__isnull=False).exclude(
            models.Q(name="")
            | models.Q(postal_address="")
            | models.Q(email="")
            | models.Q(from_address="")
        )


@register_setting(icon="mail", name="newsletter-sender")
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
            "Whoever delivers the mail for you; readers are told that it gets their address."
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
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Write the colour as #rrggbb."))],
        help_text=_("For buttons and links, as #rrggbb; white text must be readable on it."),
    )

    objects = SenderSettingsQuerySet.as_manager()

    panels = [
        HelpPanel(
            content=_(
                "Without name, postal address, e-mail, From address and privacy page no sign-up "
                "form is shown and no campaign can be sent."
            )
        ),
        MultiFieldPanel(
            [
                FieldPanel("name"),
                FieldPanel("postal_address"),
                FieldPanel("email"),
                FieldPanel("phone"),
                FieldPanel("data_protection_officer"),
                FieldPanel("supervisory_authority"),
                FieldPanel("mail_provider"),
            ],
            heading=_("Who is responsible"),
        ),
        MultiFieldPanel(
            [FieldPanel("privacy_page"), FieldPanel("imprint_page")], heading=_("Pages")
        ),
        MultiFieldPanel(
            [
                FieldPanel("from_name"),
                FieldPanel("from_address"),
                FieldPanel("logo"),
                FieldPanel("accent_color"),
            ],
            heading=_("How your mail looks"),
        ),
    ]

    class Meta:
        verbose_name = _("newsletter sender")
        verbose_name_plural = _("newsletter senders")

    #: What the law asks to be named (I1, I3); the label of each missing one is shown to editors.
    REQUIRED = ("name", "postal_address", "email", "from_address", "privacy_page")

    def __str__(self) -> str:
        return self.name or str(_("Sender without a name"))

    def missing(self) -> list[str]:
        """The labels of what must be filled in before anything is asked of, or sent to, a reader."""
        return [
            str(self._meta.get_field(field).verbose_name)
            for field in self.REQUIRED
            if not getattr(self, field)
        ]

    @property
    def from_header(self) -> str:
        name = (self.from_name or self.name).replace("\\", "").replace('"', "'")
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
        if not self.logo:
            return {"logo_url": "", "logo_width": 0}
        rendition = self.logo.get_rendition("max-320x120|format-png")
        return {
            "logo_url": urljoin(self.site.root_url, rendition.url),
            "logo_width": rendition.width // 2,
        }


def _url(page: Page | None) -> str:
    return (page.localized.full_url or "") if page else ""
