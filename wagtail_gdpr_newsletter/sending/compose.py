"""A frozen message becomes one contact's own: links, words and headers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.utils import translation
from django.utils.html import escape
from wagtail.models import Site

from .. import links
from ..addresses import Address
from ..models import AddressBook, Contact, FrozenMessage
from ..rendering.merge import MergeTemplate, one_line
from ..tokens import SAMPLE_LINK_TOKEN
from . import messages


@dataclass
class Composer:
    """Reads a frozen message once and fills it for any number of contacts."""

    frozen: FrozenMessage
    provider: str

    @cached_property
    def _subject(self) -> MergeTemplate:
        return MergeTemplate.read(self.frozen.subject)

    @cached_property
    def _html(self) -> MergeTemplate:
        return MergeTemplate.read(self.frozen.html)

    @cached_property
    def _text(self) -> MergeTemplate:
        return MergeTemplate.read(self.frozen.text)

    @cached_property
    def _book_names(self) -> dict[str, str]:
        return dict(AddressBook.objects.filter(site=self._site).values_list("uuid", "name"))

    @property
    def _site(self) -> Site:
        return self.frozen.campaign.site

    @cached_property
    def _from_address(self) -> str:
        return self.frozen.from_header.rpartition("<")[2].rstrip(">")

    def for_contact(
        self, contact: Contact, *, books: list[str], delivery_id: str
    ) -> messages.NewsletterMessage:
        """`books`: UUIDs of those through which the contact gets it; `delivery_id`: opaque (M5)."""
        values = self._values(contact, books)
        message = messages.NewsletterMessage(
            one_line(self._subject.fill(values)),
            self._text.fill(values),
            self.frozen.from_header,
            [contact.mailbox],
            reply_to=[self.frozen.reply_to],
            headers={
                "Message-ID": messages.message_id(delivery_id, self._from_address),
                **self._list_headers(values["unsubscribe_url"], books),
            },
            **messages.provider_options(self.provider, opaque_id=delivery_id),
        )
        message.attach_alternative(self._html.fill(values, escape=escape), "text/html")
        return message

    def _values(self, contact: Contact, books: list[str]) -> dict[str, str]:
        campaign = self.frozen.campaign
        with translation.override(campaign.language):  # For sites with i18n_patterns.
            return {
                "name": contact.name,
                "email": contact.address,
                "books": ", ".join(filter(None, map(self._book_names.get, books))),
                "unsubscribe_url": links.absolute(
                    self._site, "unsubscribe", contact.link_token, campaign.pk
                ),
                "my_data_url": links.absolute(
                    self._site, "my_data", contact.link_token, campaign.pk
                ),
            }

    def _list_headers(self, unsubscribe_url: str, books: list[str]) -> dict[str, str]:
        """RFC 2369, 2919 and 8058 (M1, M5)."""
        campaign, host = self.frozen.campaign, links.host(self._site)
        book = books[0] if books else campaign.uuid
        return {
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"<{book}.newsletter.{host}>",
            "Feedback-ID": f"{campaign.pk}:{book}:campaign:{host}",
        }


def sample_contact(site: Site, *, address: Address, language: str) -> Contact:
    """Somebody who is in no table: tests of a campaign go to them."""
    return Contact(
        site=site,
        address=address.typed,
        canonical_address=address.canonical,
        language=language,
        link_token=SAMPLE_LINK_TOKEN,
    )
