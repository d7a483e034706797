"""What happens when an editor sends a test?

The campaign as last saved goes to a few typed addresses, marked as a test, with links that lead to
sample pages. Nothing of it is kept but a line in the log that says how many it were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from wagtail.log_actions import log
from wagtail.models import Site

from .. import conf
from ..addresses import Address
from ..models import Campaign, DeliveryStatus, FrozenMessage, Suppression
from ..rendering.newsletter import RenderingFailed
from ..sending import compose, messages, transport
from .campaigns import CannotSend
from .readiness import newest

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.


def send_test(*, campaign: Campaign, addresses: Sequence[Address], user: User | None) -> None:
    """Send now, in the request, so that the editor learns at once what the mail server says.

    Raise `CannotSend` with a sentence where it did not go out to all.
    """
    if len(addresses) > conf.test_send_limit():
        raise CannotSend(
            [_("A test may go to at most %(limit)s addresses.") % {"limit": conf.test_send_limit()}]
        )
    draft = newest(campaign)
    if reasons := draft.sender.reasons_against_use():
        raise CannotSend(reasons)
    if any(_said_never(address, draft.site) for address in addresses):
        raise CannotSend(
            [_("Whoever has one of these addresses has asked never to get mail from you.")]
        )
    tried: list[Address] = []
    try:
        _deliver(draft, addresses, tried)
    except (RenderingFailed, transport.MailerRefuses) as error:
        raise CannotSend([_("The test was not sent: %(error)s") % {"error": error}]) from error
    finally:
        if tried:  # Also where it reached only some of them.
            log(
                instance=campaign,
                action="wagtail_gdpr_newsletter.send_test",
                user=user,
                data={"addresses": len(tried)},
            )


def _said_never(address: Address, site: Site) -> bool:
    return Suppression.objects.of(address.canonical, site=site).final().exists()


def _deliver(draft: Campaign, addresses: Sequence[Address], tried: list[Address]) -> None:
    mailer = messages.open_mailer()
    composer = compose.Composer(_unsaved_message(draft))
    books = tuple(book.uuid for book in draft.books.all())
    try:
        transport.open_connection(mailer)
        for address in addresses:
            recipient = compose.sample_recipient(address, books=books)
            message = composer.message(recipient, provider=messages.provider_of(mailer))
            tried.append(address)
            outcome = transport.send(mailer, message)
            if outcome.status != DeliveryStatus.SENT:
                raise CannotSend([outcome.error])
    finally:
        mailer.close()


def _unsaved_message(draft: Campaign) -> FrozenMessage:
    rendered = draft.render()
    return FrozenMessage(
        campaign=draft,
        subject=_("[Test] %(subject)s") % {"subject": rendered.subject},
        html=rendered.html,
        text=rendered.text,
        fields=draft.fields_in(rendered),
        from_header=draft.sender.from_header,
        reply_to=draft.sender.email,
    )
