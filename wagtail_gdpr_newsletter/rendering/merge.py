"""Personal slots: `{name|reader}`, the fields of address books, and the few others of the engine.

Filled by joining strings, never evaluated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import unescape

from bs4 import BeautifulSoup

#: What editors may write.
PERSONAL = ("name", "email")
#: What the engine writes below every message.
ENGINE = ("books", "unsubscribe_url", "my_data_url")

#: What no field of an address book may be called; the last one is the composer's own.
TAKEN = frozenset((*PERSONAL, *ENGINE, "link_token"))

_FALLBACK = r"\|(?P<fallback>[^{}<>\n]*)"


@lru_cache(maxsize=64)
def _slots(fields: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted({*PERSONAL, *ENGINE, *fields})))
    return re.compile(r"\{(?P<name>" + names + ")(?:" + _FALLBACK + r")?\}")


@lru_cache(maxsize=64)
def _any_token(fields: frozenset[str]) -> re.Pattern[str]:
    """What looks like one: anything in double braces, words in single ones, or one of ours whose brace
    was never closed."""
    names = "|".join(map(re.escape, sorted({*PERSONAL, *fields})))
    return re.compile(
        r"\{\{[^{}\n]{1,80}\}\}"
        r"|\{ *[^\W\d][\w .-]*(?:\|[^{}<>\n]*)?\}"
        rf"|\{{(?:{names})\b(?![^{{}}\n]*\}})[^{{}}\n]{{0,30}}"
    )


#: With a fallback, whoever's token it is.
_WITH_FALLBACK = re.compile(r"\{\w+" + _FALLBACK + r"\}")


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
    def read(cls, text: str, *, fields: Collection[str] = ()) -> MergeTemplate:
        """`fields`: what the fields are called that may stand in it."""
        parts: list[str | Slot] = []
        end = 0
        for match in _slots(frozenset(fields)).finditer(text):
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


def names_in(texts: Iterable[str], *, fields: Collection[str] = ()) -> frozenset[str]:
    """Of the slots of all of them."""
    return frozenset().union(*(MergeTemplate.read(text, fields=fields).names for text in texts))


def by_fallbacks(text: str) -> str:
    """As somebody reads it of whom nothing is known."""
    return MergeTemplate.read(_WITH_FALLBACK.sub(r"\g<fallback>", text)).fill({})


def torn_tokens(html: str, *, fields: Collection[str] = ()) -> list[str]:
    """Tokens that a reader would see as such: with markup inside, as where only the name is bold."""
    slots = _slots(frozenset(fields))
    soup = BeautifulSoup(html, "html.parser")
    seen = Counter(match.group(0) for match in slots.finditer(soup.get_text()))
    whole = Counter(match.group(0) for match in slots.finditer(unescape(html)))
    return sorted(token for token, times in seen.items() if times > whole[token])


def unknown_tokens(texts: Iterable[str], *, fields: Collection[str] = ()) -> list[str]:
    """What looks like a token but is none: mostly a slip of the editor's hand."""
    known, tokens = _slots(frozenset(fields)), _any_token(frozenset(fields))
    found = (match.group(0) for text in texts for match in tokens.finditer(text))
    return sorted({token for token in found if not known.fullmatch(token)})
