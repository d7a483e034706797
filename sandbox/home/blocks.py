"""What editors may put into a page."""

from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.images.blocks import ImageBlock

from wagtail_gdpr_newsletter.blocks import SignupBlock


class QuoteBlock(blocks.StructBlock):
    text = blocks.TextBlock(rows=2)
    source = blocks.CharBlock(required=False)

    class Meta:
        icon = "openquote"
        label = _("Quotation")
        template = "home/blocks/quote.html"


class FactsBlock(blocks.StructBlock):
    """Short facts side by side: opening hours, prices, how to get there."""

    facts = blocks.ListBlock(
        blocks.StructBlock([("label", blocks.CharBlock()), ("text", blocks.RichTextBlock())])
    )

    class Meta:
        icon = "list-ul"
        label = _("Facts")
        template = "home/blocks/facts.html"


class BodyBlock(blocks.StreamBlock):
    """The body of every page of the sandbox."""

    paragraph = blocks.RichTextBlock(
        features=["h2", "h3", "bold", "italic", "link", "ul", "ol", "hr"],
        template="home/blocks/paragraph.html",
    )
    image = ImageBlock(template="home/blocks/image.html")
    quote = QuoteBlock()
    facts = FactsBlock()
    newsletter_signup = SignupBlock()

    class Meta:
        block_counts = {"newsletter_signup": {"max_num": 2}}
