"""The blocks: `SignupBlock` for pages, the others inside a campaign."""

from .email import (
    ButtonBlock,
    CampaignBodyBlock,
    DividerBlock,
    EmailBlock,
    EmailImageBlock,
    HeadingBlock,
    PageTeaserBlock,
    SpacerBlock,
    TextBlock,
)
from .signup import SignupBlock

__all__ = [
    "ButtonBlock",
    "CampaignBodyBlock",
    "DividerBlock",
    "EmailBlock",
    "EmailImageBlock",
    "HeadingBlock",
    "PageTeaserBlock",
    "SignupBlock",
    "SpacerBlock",
    "TextBlock",
]
