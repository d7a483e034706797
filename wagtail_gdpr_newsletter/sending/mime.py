"""A message becomes a template of bytes: everything is encoded once, and a copy is one join.

Bodies are quoted-printable with a soft line break round each slot (RFC 2045, 6.7), so that what a reader's
own values are cannot move anything else: rich text makes lines far beyond the 998 octets that a server must
take (RFC 5322, 2.1.1), and 8bit would need a server that offers it.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from email import quoprimime
from email.header import Header
from email.headerregistry import HeaderRegistry
from email.policy import SMTP

from ..rendering.merge import MergeTemplate, Slot

CRLF = b"\r\n"
SOFT_BREAK = b"=\r\n"

#: Headers that are one long word. Folded like text they become encoded words, which mailbox
#: providers do not read; a line may have 998 octets (RFC 5322, 2.1.1).
ONE_WORD = {"list-unsubscribe", "list-id", "message-id", "feedback-id"}

_as_structured = HeaderRegistry()


@dataclass(frozen=True)
class Place:
    """Where a copy's own bytes go, and what stands there where it has none."""

    name: str
    fallback: bytes = b""


class MimeTemplate:
    """Bytes and places, in order."""

    def __init__(self, *parts: bytes | Place) -> None:
        self._parts: list[bytes | Place] = []
        for part in parts:
            if isinstance(part, bytes) and self._parts and isinstance(self._parts[-1], bytes):
                self._parts[-1] += part
            else:
                self._parts.append(part)

    def with_doubled_dots(self) -> MimeTemplate:
        """As SMTP wants lines that begin with a dot (RFC 5321, 4.5.2): done here, not in each copy.

        Every part but those of the header begins a line.
        """
        return MimeTemplate(
            *(
                Place(part.name, double_dots(part.fallback))
                if isinstance(part, Place)
                else double_dots(part)
                for part in self._parts
            )
        )

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        return b"".join(
            [
                part if type(part) is bytes else values[part.name] or part.fallback  # type: ignore[union-attr]
                for part in self._parts
            ]
        )


def alternatives(
    *, headers: Mapping[str, str | Place], text: MergeTemplate, html: MergeTemplate, boundary: str
) -> MimeTemplate:
    """A multipart/alternative message (RFC 2046, 5.1.4) with CRLF line endings.

    `headers` are in order; a `Place` in them takes the value as `header_value` or `one_word` makes it. The
    places in the bodies are called `text:<slot>` and `html:<slot>`, and take what `body_value` makes.
    """
    parts: list[bytes | Place] = []
    for name, value in headers.items():
        if isinstance(value, Place):
            parts += [f"{name}: ".encode("ascii"), value, CRLF]
        else:
            parts.append(header(name, value))
    content_type = f'multipart/alternative; boundary="{boundary}"'
    parts.append(header("Content-Type", content_type) + header("MIME-Version", "1.0") + CRLF)
    for kind, template in (("plain", text), ("html", html)):
        parts.append(
            f"--{boundary}\r\n"
            f'Content-Type: text/{kind}; charset="utf-8"\r\n'
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode("ascii")
        )
        parts += _body("text" if kind == "plain" else kind, template)
        parts.append(CRLF)
    parts.append(f"--{boundary}--\r\n".encode("ascii"))
    return MimeTemplate(*parts)


def _body(kind: str, template: MergeTemplate) -> list[bytes | Place]:
    *parts, last = template.parts  # The last one is text, and no slot follows it.
    encoded: list[bytes | Place] = []
    for part in parts:
        if isinstance(part, Slot):
            encoded.append(Place(f"{kind}:{part.name}", body_value(part.fallback)))
        elif part:
            encoded.append(quoted_printable(part) + SOFT_BREAK)
    return [*encoded, quoted_printable(str(last))]


def body_value(text: str) -> bytes:
    """For a place in a body: begins at a line of its own, none of which begins with a dot, and ends one."""
    if not text:
        return b""
    if len(text) < 75 and text.isascii() and text.isalnum():  # Most are.
        return text.encode("ascii") + SOFT_BREAK
    quoted = quoted_printable(text)
    if quoted.startswith(b".") or b"\n." in quoted:
        quoted = (b"\n" + _exactly(text, width=70)).replace(b"\n.", b"\n=2E")[1:]
    return quoted + SOFT_BREAK


def double_dots(lines: bytes) -> bytes:
    if lines.startswith(b"."):
        lines = b"." + lines
    return lines.replace(b"\n.", b"\n..")


def quoted_printable(text: str) -> bytes:
    """Lines of at most 76 characters, the last one of 75, so that a soft break may follow it."""
    lines = binascii.b2a_qp(_octets(text), istext=True).split(b"\n")
    if len(lines[-1]) > 75 or max(map(len, lines)) > 76:
        return _exactly(text, width=75)  # It lets a line that ends in a space grow.
    return CRLF.join(lines)


def _exactly(text: str, *, width: int) -> bytes:
    """The same, slowly."""
    octets = _octets(text).decode("latin-1")
    return quoprimime.body_encode(octets, maxlinelen=width, eol="\r\n").encode("ascii")


def _octets(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")


def header(name: str, value: str) -> bytes:
    """The whole line, folded, words beyond ASCII encoded (RFC 2047)."""
    if name.lower() in ONE_WORD:
        return f"{name}: {value}\r\n".encode("ascii")
    return _as_structured(name, value).fold(policy=SMTP).encode("ascii")


def subject_value(text: str) -> bytes:
    """A subject without its name: as it is, folded, or as encoded words where it needs them (RFC 2047).

    What looks like an encoded word is encoded, too, so that it is shown and not read.
    """
    plain = text.isascii() and text.isprintable() and "=?" not in text
    if plain and len(text) < 66:
        return text.encode("ascii")
    folded = Header(text, "us-ascii" if plain else "utf-8", header_name="Subject")
    return folded.encode(linesep="\r\n").encode("ascii")
