"""A frozen message becomes one contact's own: links, words and headers.

Everything that all copies share is done once: the message is compiled, the addresses of the personal pages
are split at their token, book names are looked up. A copy is then one join of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property, lru_cache
from time import time
from types import MappingProxyType
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.html import escape
from wagtail.models import Site

from .. import links
from ..addresses import Address
from ..models import AddressBook, FrozenMessage
from ..rendering.answers import in_words
from ..rendering.merge import MergeTemplate, Slot, one_line
from ..tokens import SAMPLE_LINK_TOKEN
from . import messages, mime


class Recipient(NamedTuple):
    """Whom one copy goes to."""

    address: str
    #: Where mail goes: `Address.mailbox`.
    mailbox: str
    name: str
    link_token: str
    #: UUIDs of the books through which they get it.
    books: tuple[str, ...]
    #: Opaque (M5): `Delivery.opaque_id`, or one that no ledger knows.
    delivery_id: str
    #: {UUID of a field: answer}; read only where the message has a place for one.
    answers: Mapping[str, Any] = MappingProxyType({})


class Copy(NamedTuple):
    """A finished message and whom its envelope names (RFC 5321, 2.3.1); all come from `Composer.sender`."""

    recipient: str
    #: As they are written to the wire, but for the dot at the end (4.5.2).
    lines: bytes


def sample_recipient(address: Address, *, books: tuple[str, ...]) -> Recipient:
    """Somebody who is in no table: tests of a campaign go to them."""
    return Recipient(
        address=address.typed,
        mailbox=address.mailbox,
        name="",
        link_token=SAMPLE_LINK_TOKEN,
        books=books,
        delivery_id=messages.new_delivery_id(),
    )


@dataclass
class Composer:
    """Reads a frozen message once and fills it for any number of recipients."""

    frozen: FrozenMessage

    def copy(self, recipient: Recipient) -> Copy:
        """For whoever speaks SMTP."""
        values = self.values(recipient)
        lines = self._wire_template.fill(self._places(recipient, values))
        return Copy(recipient.mailbox, lines)

    def message(self, recipient: Recipient, *, provider: str) -> messages.ComposedMessage:
        """For mail backends, Anymail's among them; `provider` as `messages.provider_of` has it."""
        values = self.values(recipient)
        message = messages.ComposedMessage(
            self.subject_for(values),
            self.text.fill(values),
            self.frozen.from_header,
            [recipient.mailbox],
            reply_to=[self.frozen.reply_to],
            headers=self.headers(recipient, values),
            octets=self._template.fill(self._places(recipient, values)),
            **messages.provider_options(provider, opaque_id=recipient.delivery_id),
        )
        message.attach_alternative(self.html.fill(values, escape=escape), "text/html")
        return message

    def _places(self, recipient: Recipient, values: Mapping[str, str]) -> dict[str, bytes]:
        headers = self.headers(recipient, values)
        places = {name: value.encode("ascii") for name, value in headers.items()}
        places["To"] = recipient.mailbox.encode("ascii")
        places["Date"] = _date(int(time()))
        places["Subject"] = mime.subject_value(self.subject_for(values))
        for name in self.text.names:
            places[f"text:{name}"] = mime.body_value(values[name])
        for name in self.html.names:
            places[f"html:{name}"] = mime.body_value(escape(values[name]))
        return places

    @cached_property
    def _wire_template(self) -> mime.MimeTemplate:
        return self._template.with_doubled_dots()

    @cached_property
    def _template(self) -> mime.MimeTemplate:
        place = mime.Place
        return mime.alternatives(
            headers={
                "Subject": place("Subject"),
                "From": self.frozen.from_header,
                "To": place("To"),
                "Reply-To": self.frozen.reply_to,
                "Date": place("Date"),
                "Message-ID": place("Message-ID"),
                "List-Unsubscribe": place("List-Unsubscribe"),
                **ONE_CLICK,
                "List-Id": place("List-Id"),
                "Feedback-ID": place("Feedback-ID"),
            },
            text=self.text,
            html=self.html,
            # "=_" cannot stand in quoted-printable (RFC 2045, 6.7).
            boundary=f"=_{self._campaign_id}",
        )

    def _with_split_urls(
        self, template: MergeTemplate, *, escape: Callable[[str], str] = str
    ) -> MergeTemplate:
        """Of a personal address only the token is personal: the rest is compiled like all other text."""
        urls = {"unsubscribe_url": self._unsubscribe_url, "my_data_url": self._my_data_url}
        parts: list[str | Slot] = []
        for part in template.parts:
            url = urls.get(part.name) if isinstance(part, Slot) else None
            parts += [escape(url.before), TOKEN, escape(url.after)] if url else [part]
        return MergeTemplate(tuple(parts))

    def headers(self, recipient: Recipient, values: Mapping[str, str]) -> dict[str, str]:
        """Of list and message (RFC 2369, 2919, 5322 and 8058; M1, M5)."""
        book = recipient.books[0] if recipient.books else self._campaign_id
        return {
            "Message-ID": messages.message_id(recipient.delivery_id, self.sender),
            "List-Unsubscribe": f"<{values['unsubscribe_url']}>",
            **ONE_CLICK,
            "List-Id": f"<{book}.newsletter.{self._host}>",
            "Feedback-ID": f"{self.frozen.campaign.pk}:{book}:campaign:{self._host}",
        }

    def values(self, recipient: Recipient) -> dict[str, str]:
        """Of every slot that there may be."""
        return {
            **self._answers_of(recipient),
            "name": recipient.name,
            "email": recipient.address,
            "books": self._names_of(recipient.books),
            "unsubscribe_url": self._unsubscribe_url.join(recipient.link_token),
            "my_data_url": self._my_data_url.join(recipient.link_token),
            TOKEN.name: recipient.link_token,
        }

    def _answers_of(self, recipient: Recipient) -> dict[str, str]:
        if not self.frozen.fields:
            return {}
        with translation.override(self.frozen.campaign.language):
            return {
                name: self._first_answer(recipient.answers, fields)
                for name, fields in self.frozen.fields.items()
            }

    @staticmethod
    def _first_answer(answers: Mapping[str, Any], fields: Sequence[Sequence[str]]) -> str:
        """Of the first book that has one."""
        told = (in_words(answers.get(uuid), field_type) for uuid, field_type in fields)
        return next(filter(None, told), "")

    def subject_for(self, values: Mapping[str, str]) -> str:
        return one_line(self.subject.fill(values))

    @cached_property
    def subject(self) -> MergeTemplate:
        return self._with_split_urls(self._read(self.frozen.subject))

    @cached_property
    def html(self) -> MergeTemplate:
        return self._with_split_urls(self._read(self.frozen.html), escape=escape)

    @cached_property
    def text(self) -> MergeTemplate:
        return self._with_split_urls(self._read(self.frozen.text))

    def _read(self, text: str) -> MergeTemplate:
        return MergeTemplate.read(text, fields=self.frozen.fields)

    @property
    def _site(self) -> Site:
        return self.frozen.campaign.site

    @cached_property
    def _host(self) -> str:
        return links.host(self._site)

    @cached_property
    def _campaign_id(self) -> str:
        return str(self.frozen.campaign.uuid)

    @cached_property
    def sender(self) -> str:
        """The address in From, as an envelope has it."""
        local, _at, domain = self.frozen.from_header.rpartition("<")[2].rstrip(">").rpartition("@")
        return f"{local}@{links.in_ascii(domain)}"

    @cached_property
    def _unsubscribe_url(self) -> PersonalUrl:
        return self._personal_url("unsubscribe")

    @cached_property
    def _my_data_url(self) -> PersonalUrl:
        return self._personal_url("my_data")

    def _personal_url(self, name: str) -> PersonalUrl:
        campaign = self.frozen.campaign
        with translation.override(campaign.language):  # For sites with i18n_patterns.
            url = links.absolute(self._site, name, SAMPLE_LINK_TOKEN, campaign.pk)
        before, _token, after = url.partition(SAMPLE_LINK_TOKEN)
        return PersonalUrl(before, after)

    @cached_property
    def _book_names(self) -> dict[str, str]:
        return dict(AddressBook.objects.filter(site=self._site).values_list("uuid", "name"))

    def _names_of(self, books: tuple[str, ...]) -> str:
        return ", ".join(filter(None, map(self._book_names.get, books)))


#: What stands in the place of a personal address, between what all of them share.
TOKEN = Slot("link_token", "")

#: RFC 8058, 3.1.
ONE_CLICK = MappingProxyType({"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})


@lru_cache(maxsize=1)
def _date(timestamp: int) -> bytes:
    """RFC 5322, 3.6.1, in the zone that Django would write it in."""
    return formatdate(timestamp, localtime=settings.EMAIL_USE_LOCALTIME).encode("ascii")


class PersonalUrl(NamedTuple):
    """The address of a page for whoever carries the token."""

    before: str
    after: str

    def join(self, link_token: str) -> str:
        return f"{self.before}{link_token}{self.after}"
