"""The sign-up form as a block for any page."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.blocks.struct_block import StructBlockValidationError
from wagtail.snippets.blocks import SnippetChooserBlock


class SignupBlock(blocks.StructBlock):
    """A sign-up form for one or more address books, for use on any page."""

    heading = blocks.CharBlock(required=False, max_length=200, label=_("Heading"))
    introduction = blocks.RichTextBlock(
        required=False, features=["bold", "italic", "link"], label=_("Introduction")
    )
    books = blocks.ListBlock(
        SnippetChooserBlock("wagtail_gdpr_newsletter.AddressBook", label=_("Address book")),
        min_num=1,
        label=_("Address books"),
        help_text=_("Each gets a box of its own, and no box is ever ticked beforehand."),
    )
    button_label = blocks.CharBlock(
        max_length=60, required=False, label=_("Button label"), help_text=_("“Sign up” if empty.")
    )
    success_message = blocks.CharBlock(
        max_length=300,
        required=False,
        label=_("Success message"),
        help_text=_("Shown after the form was sent, above the hint to look into the inbox."),
    )
    thank_you_page = blocks.PageChooserBlock(
        required=False,
        label=_("Thank-you page"),
        help_text=_("Visitors go there instead of reading the success message."),
    )

    def clean(self, value: blocks.StructValue) -> blocks.StructValue:
        """A form that would not be lawful cannot be published; the editor reads why (I1)."""
        cleaned = super().clean(value)
        books = [book for book in cleaned["books"] if book]
        reasons = [reason for book in books for reason in book.reasons_against_a_form()]
        if reasons and not self.is_deferred_validation:
            message = ValidationError(" ".join(dict.fromkeys(map(str, reasons))))
            raise StructBlockValidationError(block_errors={"books": message})
        return cleaned

    class Meta:
        icon = "mail"
        label = _("Newsletter sign-up")
        group = _("Newsletter")
        description = _("A form with a consent box for each address book.")
        template = "wagtail_gdpr_newsletter/blocks/signup.html"
        preview_template = "wagtail_gdpr_newsletter/blocks/signup_preview.html"
        preview_value = {
            "heading": _("Our newsletter"),
            "introduction": "",
            "books": [],
            "button_label": "",
            "success_message": "",
            "thank_you_page": None,
        }
