"""Many copies in one call, where a provider puts each reader's own words into place (Anymail's batch sending).

That is left to providers that replace our marks by what we give them, each copy its own, and read nothing
else: the template languages of the others would read the editor's words, too, or escape ours once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import NamedTuple

from django.utils.html import escape

from ..rendering.merge import MergeTemplate, Slot
from . import messages
from .claims import Claimed
from .compose import ONE_CLICK, Composer, Recipient

#: Copies in one call, so that no more are in doubt where its answer gets lost. Providers take more.
MOST = 100


class Marks(NamedTuple):
    """How a mark looks in the message, and what Anymail wants to be told for it."""

    form: str
    options: Mapping[str, str] = {}


#: By Anymail's name of the provider. In each a copy has headers of its own (M1), and metadata; both take 1,000
#: copies in a call.
PROVIDERS = {
    # documentation.mailgun.com: Batch Sending.
    "Mailgun": Marks("%recipient.{}%"),
    # twilio.com/docs/sendgrid: Personalizations, Substitution Tags.
    "SendGrid": Marks("[[{}]]", {"merge_field_format": "[[{}]]"}),
}

#: What everybody reads alike, as it stands. A copy's values are found by its address, so that any other one goes
#: alone. No two contacts of a site have the same one, whatever the case (`Address.canonical`).
PLAIN_MAILBOX = re.compile(r"[A-Za-z0-9._+-]+@[a-z0-9.-]+")


def grouped(claimed: Iterable[Claimed], most: int) -> Iterator[list[Claimed]]:
    """As many in a call as it takes."""
    group: list[Claimed] = []
    for each in claimed:
        if not PLAIN_MAILBOX.fullmatch(each.recipient.mailbox):
            yield [each]
            continue
        group.append(each)
        if len(group) == most:
            yield group
            group = []
    if group:
        yield group


@dataclass
class BatchComposer:
    """Fills a message with marks, once, and tells for any readers what stands at each."""

    composer: Composer
    provider: str
    #: What each mark stands for.
    _fillings: dict[str, Callable[[Mapping[str, str]], str]] = field(default_factory=dict)

    def message(self, recipients: Sequence[Recipient]) -> messages.NewsletterMessage:
        """One that is for all of them, and shows nobody another; no two have one mailbox."""
        frozen, composer = self.composer.frozen, self.composer
        subject, text, html = self._marked
        message = messages.BatchMessage(
            subject,
            text,
            frozen.from_header,
            [recipient.mailbox for recipient in recipients],
            reply_to=[frozen.reply_to],
            headers=dict(ONE_CLICK),
            merge_data={},
            merge_headers={},
            metadata={},
            merge_metadata={},
            esp_extra=dict(PROVIDERS[self.provider].options),
            tags=[messages.TAG],
            **messages.provider_options(self.provider),
        )
        message.attach_alternative(html, "text/html")
        for recipient in recipients:
            mailbox, values = recipient.mailbox, composer.values(recipient)
            headers = composer.headers(recipient, values)
            # The provider gives one of its own (M5).
            own = {name: headers[name] for name in headers.keys() - {"Message-ID", *ONE_CLICK}}
            message.merge_data[mailbox] = {
                mark: filling(values) for mark, filling in self._fillings.items()
            }
            message.merge_headers[mailbox] = own
            message.merge_metadata[mailbox] = {"delivery": recipient.delivery_id}
        return message

    @cached_property
    def _marked(self) -> tuple[str, str, str]:
        """Subject, text and HTML."""
        subject = self.composer.frozen.subject
        if self.composer.subject.names:
            subject = self._mark(self.composer.subject_for)
        return (
            subject,
            self._with_marks(self.composer.text, escape=str),
            self._with_marks(self.composer.html, escape=escape),
        )

    def _with_marks(self, template: MergeTemplate, *, escape: Callable[[str], str]) -> str:
        marks: dict[Slot, str] = {}
        for part in template.parts:
            if isinstance(part, Slot) and part not in marks:
                alone = MergeTemplate((part,))
                marks[part] = self._mark(partial(alone.fill, escape=escape))
        return "".join(part if isinstance(part, str) else marks[part] for part in template.parts)

    def _mark(self, filling: Callable[[Mapping[str, str]], str]) -> str:
        # No editor writes that, and no reader is called so.
        name = f"{self.composer.frozen.campaign.uuid.hex[:8]}_{len(self._fillings)}"
        self._fillings[name] = filling
        return PROVIDERS[self.provider].form.format(name)
