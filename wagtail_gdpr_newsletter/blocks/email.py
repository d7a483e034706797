"""The blocks of a campaign. Each has two sides: an MJML template and a plain-text one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.blocks.struct_block import StructBlockValidationError
from wagtail.images.blocks import ImageBlock
from wagtail.models import Page
from wagtail.rich_text import RichText

from .html import for_mail, to_text

#: Pixels of a mail's column; pictures are drawn at twice that for sharp screens.
COLUMN = 600
PHOTO_FILTER = f"width-{2 * COLUMN}|format-jpeg|jpegquality-82"
#: JPEG would put what is transparent on white, which glares on a dark screen.
TRANSPARENT_FILTER = f"width-{2 * COLUMN}|format-png"

RICH_TEXT_FEATURES = ["bold", "italic", "h2", "ol", "ul", "link", "document-link"]


class EmailBlock(blocks.Block):
    """What a block inside a campaign has beyond an ordinary one: `Meta.text_template`."""

    def render_text(self, value: Any, context: Mapping[str, Any]) -> str:
        """The block in plain text, readable in itself; `context` as for `render`.

        The template switches autoescaping off: plain text has nothing to escape.
        """
        block_context = self.get_context(value, parent_context=context)
        return render_to_string(self.meta.text_template, block_context).strip()


class HeadingBlock(EmailBlock, blocks.CharBlock):
    class Meta:
        icon = "title"
        label = _("Heading")
        description = _("A line in large letters.")
        template = "wagtail_gdpr_newsletter/emails/blocks/heading.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/heading.txt"


class TextBlock(EmailBlock, blocks.RichTextBlock):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"features": RICH_TEXT_FEATURES, **kwargs})

    def get_context(
        self, value: RichText, parent_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        html = for_mail(value, root_url=context.get("root_url", ""))
        # Wagtail has cleaned the rich text when it was saved.
        return {**context, "html": mark_safe(html), "text": to_text(html)}  # noqa: S308

    class Meta:
        icon = "pilcrow"
        label = _("Text")
        description = _("Paragraphs, lists and links; {name|reader} greets readers by their name.")
        template = "wagtail_gdpr_newsletter/emails/blocks/text.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/text.txt"


class EmailImageBlock(EmailBlock, ImageBlock):
    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        if cleaned and cleaned.is_svg():
            message = ValidationError(
                _("Mail programs show no SVG: choose a picture of another kind.")
            )
            raise StructBlockValidationError(block_errors={"image": message})
        return cleaned

    def get_context(
        self, value: Any, parent_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        return {**context, "image": mail_image(value, root_url=context.get("root_url", ""))}

    class Meta:
        icon = "image"
        label = _("Image")
        description = _("As wide as the mail. Describe it, or mark it as decorative.")
        template = "wagtail_gdpr_newsletter/emails/blocks/image.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/image.txt"


class ButtonBlock(EmailBlock, blocks.StructBlock):
    label = blocks.CharBlock(max_length=80, label=_("Label"))
    page = blocks.PageChooserBlock(required=False, label=_("Page"))
    url = blocks.URLBlock(required=False, label=_("Or another address"))

    def clean(self, value: blocks.StructValue) -> blocks.StructValue:
        cleaned = super().clean(value)
        if self.is_deferred_validation:  # A draft is saved as it is.
            return cleaned
        if bool(cleaned["page"]) == bool(cleaned["url"]):
            message = ValidationError(_("Choose a page or write an address: one of the two."))
            raise StructBlockValidationError(block_errors={"url": message})
        if cleaned["page"]:
            _refuse_page_that_readers_cannot_open(cleaned["page"])
        return cleaned

    def get_context(
        self, value: blocks.StructValue, parent_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        page = value.get("page")
        return {**context, "link": (page.full_url if page else value.get("url")) or ""}

    class Meta:
        icon = "link"
        label = _("Button")
        description = _("Leads to a page of your site or to another address.")
        template = "wagtail_gdpr_newsletter/emails/blocks/button.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/button.txt"


class DividerBlock(EmailBlock, blocks.StaticBlock):
    class Meta:
        icon = "minus"
        label = _("Divider")
        description = _("A thin line between two parts.")
        admin_text = _("A thin line.")
        template = "wagtail_gdpr_newsletter/emails/blocks/divider.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/divider.txt"


class SpacerBlock(EmailBlock, blocks.ChoiceBlock):
    choices = [("16", _("Small")), ("32", _("Medium")), ("64", _("Large"))]

    class Meta:
        icon = "order"
        label = _("Spacer")
        description = _("Empty room between two parts.")
        default = "32"
        template = "wagtail_gdpr_newsletter/emails/blocks/spacer.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/spacer.txt"


@dataclass(frozen=True)
class Teaser:
    """What a page says of itself in a newsletter; a page may return its own from `newsletter_teaser()`."""

    title: str
    summary: str = ""
    image: Any = None


class PageTeaserBlock(EmailBlock, blocks.StructBlock):
    """Title, image and summary are read when the campaign is rendered, never copied before."""

    SUMMARY_FIELDS = ("introduction", "intro", "summary", "search_description")
    IMAGE_FIELDS = ("teaser_image", "image", "hero_image", "feed_image", "search_image")

    page = blocks.PageChooserBlock(label=_("Page"))
    link_label = blocks.CharBlock(
        max_length=80,
        required=False,
        label=_("Link label"),
        help_text=_("The title leads to the page as well: leave it empty to do without."),
    )

    def clean(self, value: blocks.StructValue) -> blocks.StructValue:
        cleaned = super().clean(value)
        if not self.is_deferred_validation:
            _refuse_page_that_readers_cannot_open(cleaned["page"])
        return cleaned

    def get_context(
        self, value: blocks.StructValue, parent_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        context = super().get_context(value, parent_context=parent_context)
        if not value.get("page"):  # A draft in the making, or the page was deleted since.
            return {**context, "teaser": None}
        page = value["page"].specific
        teaser = self.teaser_of(page)
        return {
            **context,
            "teaser": teaser,
            "link": page.full_url or "",
            "image": mail_image(teaser.image, root_url=context.get("root_url", "")),
        }

    def teaser_of(self, page: Page) -> Teaser:
        if hasattr(page, "newsletter_teaser"):
            return page.newsletter_teaser()
        summary = _first(page, self.SUMMARY_FIELDS) or ""
        return Teaser(
            title=page.title,
            summary=to_text(str(getattr(summary, "source", summary))),
            image=_first(page, self.IMAGE_FIELDS),
        )

    class Meta:
        icon = "doc-full"
        label = _("Page teaser")
        description = _("Title, picture and summary of a page, as they are when you send.")
        template = "wagtail_gdpr_newsletter/emails/blocks/page_teaser.mjml"
        text_template = "wagtail_gdpr_newsletter/emails/blocks/page_teaser.txt"


class CampaignBodyBlock(blocks.StreamBlock):
    """Subclass it, name yours in `CAMPAIGN_BODY`, and it has a block more."""

    heading = HeadingBlock()
    text = TextBlock()
    image = EmailImageBlock()
    button = ButtonBlock()
    page_teaser = PageTeaserBlock()
    divider = DividerBlock()
    spacer = SpacerBlock(default="32")


@dataclass(frozen=True)
class MailImage:
    """A picture in a format that every mail program shows."""

    #: Absolute.
    url: str
    #: Pixels, never more than there are.
    width: int


def mail_image(image: Any, *, root_url: str) -> MailImage | None:
    """`None` for none; raises Wagtail's `SourceImageIOError` where the file is gone."""
    if image is None or image.is_svg():  # Which no mail program shows.
        return None
    rendition = image.get_rendition(TRANSPARENT_FILTER if _has_alpha(image) else PHOTO_FILTER)
    return MailImage(urljoin(root_url, rendition.url), min(COLUMN, rendition.width))


def _has_alpha(image: Any) -> bool:
    if image.file.name.lower().endswith((".jpg", ".jpeg")):
        return False
    with image.get_willow_image() as willow:
        return willow.has_alpha()


def _refuse_page_that_readers_cannot_open(page: Page) -> None:
    if not page.live or page.get_view_restrictions().exists():
        message = _("Readers cannot open “%(page)s”: it is not published, or it is private.")
        error = ValidationError(message % {"page": page.title})
        raise StructBlockValidationError(block_errors={"page": error})


def _first(page: Page, names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := getattr(page, name, None))), None)
