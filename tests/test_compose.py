"""Compiled messages: valid byte for byte, whatever readers are called, and equal to what Django would build."""

from __future__ import annotations

import email
import email.policy
import re
from html import escape

import dkim
import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.mailers import use_server
from tests.smtp_server import serving
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import AddressBook, FrozenMessage
from wagtail_gdpr_newsletter.rendering.merge import MergeTemplate, one_line
from wagtail_gdpr_newsletter.sending.compose import Composer, Recipient

pytestmark = pytest.mark.django_db

HTML = (
    "<html lang='de'><body><p>.Liebe {name|Leserin &amp; Leser},</p>"
    "<p>" + "Die Zitronen blühen, und wir freuen uns. " * 60 + "</p>\n"
    ".<p>{name} {email} {books}</p>"
    '<a href="{unsubscribe_url}">Abmelden</a> <a href="{my_data_url}">Meine Daten</a>'
    "</body></html>\n"
)
TEXT = (
    "Liebe {name|Leute},\n\n..ein Punkt. Trailing \n"
    "From here on {books}\n{email}. Bis bald!\n\nAbmelden: {unsubscribe_url}\nDaten: {my_data_url}\n"
)

#: What has broken mail before, and anything else that a name can be.
HOSTILE = [
    "Ada\r\nBcc: everybody@example.org",
    "\r\n\r\n<h1>",
    "\n.\n",
    ".",
    "..\r\n.",
    "\"Ada\" <ada@example.org>, 'x'",
    "=?utf-8?q?Ada?=",
    "=?utf-8?b?////?= =3D= =\n",
    "👩🏽‍🌾🍋" * 20,
    "x" * 300,
    "ä" * 300,
    "<script>alert(1)</script>",
    "{{ name }} {% now 'Y' %} {email} {unsubscribe_url}",
    "&amp; &lt;b&gt;",
    "a =",
    " leading and trailing ",
    "\t\ttabs\t",
    "--=_",
    "\x00\x1b[31m",
    "%(name)s %s \\n",
    "\u2028\u2029\u0085",
    # As long as a line of quoted-printable may be, or nearly.
    *("a" * length + end for length in range(72, 79) for end in ("", " ", "ä")),
]
names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
)
within_tests = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def composer(book):
    campaign = factories.make_campaign(book, subject="For {name|all}: {name}")
    frozen = FrozenMessage(
        campaign=campaign,
        subject=campaign.subject,
        html=HTML,
        text=TEXT,
        from_header='"Orto dei Semi – è qui" <news@example.org>',
        reply_to="hello@example.org",
    )
    return Composer(frozen)


def recipient(book, name: str) -> Recipient:
    return Recipient(
        address="ada@Bücher.example",
        mailbox="ada@xn--bcher-kva.example",
        name=name,
        link_token="0123456789abcdef" * 2,
        books=(book.uuid,),
        delivery_id="f" * 32 + ".17",
    )


def parsed(octets: bytes):
    return email.message_from_bytes(octets, policy=email.policy.default)


def lines_of(text: str) -> list[str]:
    """Line ends are the wire's own."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")


def undoubled(octets: bytes) -> bytes:
    """As a server reads it (RFC 5321, 4.5.2)."""
    return re.sub(rb"(?m)^\.", b"", octets)


@within_tests
@example("")
@given(names)
def test_every_copy_is_valid_and_says_what_it_should(composer, book, name):
    copy = composer.copy(recipient(book, name))
    octets = undoubled(copy.lines)
    assert not re.search(rb"(?m)^\.(?!\.)", copy.lines), "no line ends the message before its end"
    assert b"\r" not in octets.replace(b"\r\n", b"")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert octets.isascii()
    message = parsed(octets)
    assert message.defects == []
    assert [part.defects for part in message.walk()] == [[], [], []]
    text, html = message.iter_parts()
    values = composer.values(recipient(book, name))
    assert lines_of(text.get_content()) == lines_of(MergeTemplate.read(TEXT).fill(values))
    filled = MergeTemplate.read(HTML).fill(values, escape=escape_as_django)
    assert lines_of(html.get_content()) == lines_of(filled)
    assert "<script>" not in html.get_content()
    assert message.get_all("Bcc") is None
    assert message["To"] == "ada@xn--bcher-kva.example"
    for each in octets.partition(b"\r\n\r\n")[2].split(b"\r\n"):
        assert len(each) <= 76, "quoted-printable keeps to short lines (RFC 2045, 6.7 (5))"


@pytest.mark.parametrize(
    "local",
    ["{name}", "!#$%&'*+/?=^_`{|}~-", "x" * 64, "=3D=", "%recipient.name%"],
)
def test_every_address_that_may_be_typed_stands_where_it_should(composer, book, local):
    address = Address.parse(f"{local}@Bücher.example")
    to = recipient(book, "Ada")._replace(address=address.typed, mailbox=address.mailbox)
    copy = composer.copy(to)
    assert copy.recipient == f"{local}@xn--bcher-kva.example"
    message = parsed(undoubled(copy.lines))
    assert message.defects == []
    assert message["To"].addresses[0].addr_spec == copy.recipient
    text, html = (part.get_content() for part in message.iter_parts())
    assert f"\n{address.typed}. Bis bald!" in text
    assert f"Ada {escape(address.typed)} " in html


@within_tests
@given(names)
def test_a_book_may_have_any_name(composer, book, name):
    name = name.replace("\x00", "").replace("\r", "\n")[:200]
    AddressBook.objects.filter(pk=book.pk).update(name=name)
    named, to = Composer(composer.frozen), recipient(book, "Ada")
    message = parsed(undoubled(named.copy(to).lines))
    text, html = (part.get_content() for part in message.iter_parts())
    values = named.values(to) | {"books": name}
    assert lines_of(text) == lines_of(MergeTemplate.read(TEXT).fill(values))
    assert lines_of(html) == lines_of(MergeTemplate.read(HTML).fill(values, escape=escape))


def escape_as_django(text: str) -> str:
    return escape(text)


@within_tests
@given(names)
def test_the_subject_is_shown_as_it_is_meant(composer, book, name):
    """Also where it looks like an encoded word: nobody's name is read as something else (RFC 2047)."""
    octets = undoubled(composer.copy(recipient(book, name)).lines)
    values = composer.values(recipient(book, name))
    wanted = one_line(MergeTemplate.read("For {name|all}: {name}").fill(values))
    shown = str(email.header.make_header(email.header.decode_header(raw_subject(octets))))
    assert one_line(shown) == wanted


def raw_subject(octets: bytes) -> str:
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    return message["Subject"]


def django_s_own(composer, to: Recipient) -> bytes:
    """What a site would send that had only Django."""
    values = composer.values(to)
    message = EmailMultiAlternatives(
        one_line(MergeTemplate.read(composer.frozen.subject).fill(values)),
        MergeTemplate.read(TEXT).fill(values),
        composer.frozen.from_header,
        [to.mailbox],
        reply_to=[composer.frozen.reply_to],
        headers=composer.headers(to, values),
    )
    message.attach_alternative(MergeTemplate.read(HTML).fill(values, escape=escape), "text/html")
    return message.message().as_bytes()


@within_tests
@given(
    st.one_of(
        st.sampled_from(["Ada", "Björk", "<b>", "'", "x" * 300, "", "👩🏽‍🌾 & Co."]),
        st.text("abcäöü <>&'\"", max_size=60),
    )
)
def test_a_copy_equals_what_django_s_own_classes_build(composer, book, name):
    to = recipient(book, name)
    ours, theirs = (
        parsed(octets)
        for octets in (undoubled(composer.copy(to).lines), django_s_own(composer, to))
    )
    assert set(ours.keys()) == set(theirs.keys())
    for header in set(ours.keys()) - {"Content-Type", "Date"}:
        assert one_line(ours[header]) == one_line(theirs[header]), header
    assert ours.get_content_type() == theirs.get_content_type() == "multipart/alternative"
    for mine, other in zip(ours.iter_parts(), theirs.iter_parts(), strict=True):
        assert mine.get_content_type() == other.get_content_type()
        assert mine.get_content_charset() == other.get_content_charset()
        assert lines_of(mine.get_content()) == lines_of(other.get_content())


@given(names)
@within_tests
def test_other_backends_get_the_same_bytes(composer, book, name):
    to = recipient(book, name)
    message = composer.message(to, provider="")
    wire = undoubled(composer.copy(to).lines)
    assert dateless(message.octets) == dateless(wire)
    assert dateless(message.message().as_bytes(linesep="\r\n")) == dateless(wire)
    assert message.message().as_bytes().count(b"\r\n") == 0


def dateless(octets: bytes) -> bytes:
    return re.sub(rb"(?m)^Date: .*$", b"", octets)


def test_what_a_backend_adds_to_a_message_is_written(composer, book):
    """One that signs, say."""
    message = composer.message(recipient(book, "Ada"), provider="").message()
    message["X-Signed"] = "yes"
    assert parsed(message.as_bytes())["X-Signed"] == "yes"


@pytest.fixture(scope="module")
def signing_key():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem, public


def test_what_a_server_receives_can_be_signed_and_verified(book, readers, send, signing_key):
    """DKIM as mailbox providers ask for it, List-Unsubscribe and its Post among what is signed (M1)."""
    import base64

    pem, public = signing_key
    covered = [
        b"from",
        b"to",
        b"subject",
        b"message-id",
        b"list-unsubscribe",
        b"list-unsubscribe-post",
    ]
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    with serving() as server, use_server(server):
        send(factories.make_campaign(book))
    assert len(server.received) == 3
    for received in server.received:
        signature = dkim.sign(
            received.octets,
            b"s",
            b"example.org",
            pem,
            include_headers=covered,
            canonicalize=(b"relaxed", b"simple"),
        )
        assert dkim.verify(signature + received.octets, dnsfunc=lambda *_a, **_k: record)
        message = parsed(received.octets)
        assert message.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
        raw = re.search(rb"(?m)^List-Unsubscribe: <(\S+)>\r$", received.octets)
        assert raw
        assert raw[1].startswith(b"https://testserver/newsletter/unsubscribe/")
        assert message["Message-ID"].startswith("<")
        assert message["List-Id"]
        assert message["Feedback-ID"]
