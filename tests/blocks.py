"""A site's own block for campaigns."""

from wagtail import blocks

from wagtail_gdpr_newsletter.blocks import CampaignBodyBlock, EmailBlock


class PoemBlock(EmailBlock, blocks.TextBlock):
    class Meta:
        template = "poem.mjml"
        text_template = "poem.txt"


class BodyWithPoem(CampaignBodyBlock):
    poem = PoemBlock()
