"""What stands at the foot of every campaign message, whatever its template says (I3).

Written here and not in a template, so that no template, block or setting can take it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from .newsletter import Sender

#: The links that are each contact's own; `merge` fills them in.
PERSONAL_LINKS = ("{unsubscribe_url}", "{my_data_url}")


def _reason(sender: Sender) -> str:
    return _("You receive this e-mail because you signed up for {books} at %(sender)s.") % {
        "sender": sender.name
    }


def _links(sender: Sender) -> list[tuple[str, str]]:
    """Address and label of each link, in the order in which readers look for them."""
    links = [
        ("{unsubscribe_url}", _("Unsubscribe")),
        ("{my_data_url}", _("My data")),
        (f"mailto:{sender.email}", _("Contact the sender")),
        (sender.privacy_url, _("Privacy")),
        (sender.imprint_url, _("Imprint")),
    ]
    return [(address, label) for address, label in links if address]


def _imprint_lines(sender: Sender) -> list[str]:
    lines = [sender.name, *sender.postal_address.splitlines(), sender.phone, sender.email]
    return [line.strip() for line in lines if line.strip()]


def as_mjml(sender: Sender) -> SafeString:
    links = format_html_join(
        " · ",
        '<a href="{}" style="color:inherit;text-decoration:underline">{}</a>',
        _links(sender),
    )
    lines = format_html_join(" · ", "{}", ((line,) for line in _imprint_lines(sender)))
    return format_html(
        '<mj-section css-class="footer" padding="24px 0 32px"><mj-column>'
        '<mj-divider border-width="1px" border-color="#c9ced6" padding="0 24px 20px" />'
        '<mj-text css-class="footer-text" font-size="13px" line-height="22px" color="#555f6d"'
        ' padding="0 24px 10px">{}</mj-text>'
        '<mj-text css-class="footer-text" font-size="14px" line-height="28px" color="#333b46"'
        ' padding="0 24px 10px">{}</mj-text>'
        '<mj-text css-class="footer-text" font-size="13px" line-height="22px" color="#555f6d"'
        ' padding="0 24px">{}</mj-text>'
        "</mj-column></mj-section>",
        _reason(sender),
        links,
        lines,
    )


def as_text(sender: Sender) -> str:
    links = [f"{label}: {address.removeprefix('mailto:')}" for address, label in _links(sender)]
    return "\n".join(["-- ", _reason(sender), "", *links, "", *_imprint_lines(sender)])
