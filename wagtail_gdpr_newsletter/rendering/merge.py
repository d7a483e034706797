"""Personal slots: `{name|reader}` and the few others. Filled by joining strings, never evaluated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import unescape

from bs4 import BeautifulSoup

#: What editors may write.
PERSONAL = ("name", "email")
#: What the engine writes below every message.
ENGINE = ("books", "unsubscribe_url", "my_data_url")

_SLOT = re.compile(
    r"\{(?P<name>" + "|".join(PERSONAL + ENGINE) + r")(?:\|(?P<fallback>[^{}<>\n]*))?\}"
)
#: What looks like one: anything in double braces, words in single ones, or one of ours whose brace
#: was never closed.
_ANY_TOKEN = re.compile(
    r"\{\{[^{}\n]{1,80}\}\}"
    r"|\{ *[^\W\d][\w .-]*(?:\|[^{}<>\n]*)?\}"
    r"|\{(?:" + "|".join(PERSONAL) + r")\b(?![^{}\n]*\})[^{}\n]{0,30}"
)


@dataclass(frozen=True)
class Slot:
    """A place for a contact's own value; the fallback stands where there is none."""

    name: str
    fallback: str


@dataclass(frozen=True)
class MergeTemplate:
    """A text read once, filled many times."""

    parts: tuple[str | Slot, ...]

    @classmethod
    def read(cls, text: str) -> MergeTemplate:
        parts: list[str | Slot] = []
        end = 0
        for match in _SLOT.finditer(text):
            parts += [text[end : match.start()], Slot(match["name"], match["fallback"] or "")]
            end = match.end()
        return cls((*parts, text[end:]))

    @cached_property
    def names(self) -> frozenset[str]:
        """Of the slots that it has."""
        return frozenset(part.name for part in self.parts if isinstance(part, Slot))

    def fill(self, values: Mapping[str, str], *, escape: Callable[[str], str] = str) -> str:
        """`escape` guards the values; fallbacks are the editor's text and escaped as the text around."""
        return "".join(
            part
            if isinstance(part, str)
            else (escape(values[part.name]) if values.get(part.name) else part.fallback)
            for part in self.parts
        )


def one_line(text: str) -> str:
    """What stands in a header carries no line breaks, whoever wrote it (A6)."""
    return " ".join(text.split())


def torn_tokens(html: str) -> list[str]:
    """Tokens that a reader would see as such: with markup inside, as where only the name is bold."""
    soup = BeautifulSoup(html, "html.parser")
    seen = Counter(match.group(0) for match in _SLOT.finditer(soup.get_text()))
    whole = Counter(match.group(0) for match in _SLOT.finditer(unescape(html)))
    return sorted(token for token, times in seen.items() if times > whole[token])


def unknown_tokens(texts: Iterable[str]) -> list[str]:
    """What looks like a token but is none: mostly a slip of the editor's hand."""
    found = (match.group(0) for text in texts for match in _ANY_TOKEN.finditer(text))
    return sorted({token for token in found if not _SLOT.fullmatch(token)})
