"""Files as people have them: taken rightly, or refused with a sentence and nothing kept."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import pytest
from openpyxl import Workbook

from tests.imports import IN_COLUMNS, STATED
from wagtail_gdpr_newsletter.models import (
    ConsentRecord,
    Contact,
    ContactImport,
    ImportPart,
    Subscription,
)

pytestmark = pytest.mark.django_db

NAMES = "E-Mail,Name\nada@example.org,Zoë Müller\nbob@example.org,Čapek\n"


def workbook(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def people() -> dict[str, str]:
    return dict(Contact.objects.values_list("address", "name"))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_unicode_is_recognised(importer, book, encoding):
    importer.take(NAMES.encode(encoding), book, **STATED)
    assert people() == {"ada@example.org": "Zoë Müller", "bob@example.org": "Čapek"}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "mac_roman"])
def test_older_encodings_are_recognised_or_told(importer, book, encoding):
    text = NAMES.replace("Čapek", "René Lévêque, propriétaire à Besançon").replace(
        "René Lévêque, propriétaire à Besançon", '"René Lévêque, propriétaire à Besançon"'
    )
    importer.take(
        text.encode(encoding), book, encoding="mac_roman" if "mac" in encoding else "", **STATED
    )
    assert people()["bob@example.org"] == "René Lévêque, propriétaire à Besançon"
    assert people()["ada@example.org"] == "Zoë Müller"


def test_the_editor_sees_how_the_file_was_read_and_can_say_otherwise(importer, book):
    importer.upload(
        "E-Mail;Name\nada@example.org;Дмитрий\n".encode("cp1251"), book, encoding="cp1251"
    )
    assert "CP1251, columns divided by: semicolon" in importer.browser.text
    assert "Дмитрий" in importer.browser.text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_common_delimiter_is_recognised(importer, book, delimiter):
    text = f'E-Mail{delimiter}Name\nada@example.org{delimiter}"Byron{delimiter} Ada"\n'
    importer.take(text, book, **STATED)
    assert people() == {"ada@example.org": f"Byron{delimiter} Ada".replace("\t", "")}


def test_line_breaks_in_quotes_belong_to_the_cell(importer, book):
    importer.take(
        'email,name,note\nada@example.org,"Ada\nByron","a\r\nb"\nbob@example.org,,\n',
        book,
        **STATED,
    )
    assert people() == {"ada@example.org": "Ada Byron", "bob@example.org": ""}


def test_a_file_without_names_of_columns_is_read_from_its_first_row(importer, book):
    importer.upload("ada@example.org\nbob@example.org\n", book)
    assert "Column 1" in importer.browser.text
    importer.check(column__0="address", **STATED).start()
    assert set(people()) == {"ada@example.org", "bob@example.org"}


def test_a_workbook_is_read_with_its_dates_and_without_its_formulas(importer, book):
    at = datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001  # Workbooks know no zones.
    rows = (
        ["Email", "Name", "confirmed_at", "optin_ip"],
        ["ada@example.org", '=HYPERLINK("x")', at, "203.0.113.9"],
    )
    importer.take(workbook(*rows), book, name="people.xlsx", **IN_COLUMNS)
    assert people() == {"ada@example.org": ""}
    assert (
        Subscription.objects.mailable().get().confirmed_at.isoformat()
        == "2024-05-06T07:08:09+00:00"
    )


def test_cells_that_spreadsheets_take_for_formulas_stay_text(importer, book):
    importer.take(
        "email,name\nada@example.org,=cmd|' /C calc'!A0\n'+bob@example.org,'-1\n", book, **STATED
    )
    assert people() == {"ada@example.org": "=cmd|' /C calc'!A0", "+bob@example.org": "-1"}


def test_null_bytes_are_left_out(importer, book):
    importer.take("email,name\nada@example.org,A\x00da\n", book, **STATED)
    assert people() == {"ada@example.org": "Ada"}


def bomb(*, texts: bool) -> bytes:
    """Small, and of more than a machine's memory when it is unpacked."""
    whole = workbook(["email"], ["ada@example.org"])
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for item in old.infolist():
            if not item.filename.endswith("sheet1.xml" if not texts else "sharedStrings.xml"):
                new.writestr(item, old.read(item))
        with new.open(
            "xl/sharedStrings.xml" if texts else "xl/worksheets/sheet1.xml", "w"
        ) as entry:
            for _chunk in range(70 if texts else 520):
                entry.write(b" " * 1024 * 1024)
    return file.getvalue()


def entities() -> bytes:
    """XML that would unfold to billions of letters."""
    whole = workbook(["email"], ["ada@example.org"])
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    xml = (
        f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row><c t="inlineStr"><is><t>a@example.org&l9;</t></is></c></row></sheetData></worksheet>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(file, "w") as new:
        for item in old.infolist():
            new.writestr(item, xml if item.filename.endswith("sheet1.xml") else old.read(item))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The submitted file is empty."),
        (b" \n\n", "The file is empty."),
        (b"email,name\n", "There is no row beneath the names of the columns."),
        (b"email,name\nada@example.org," + b"x" * 10_000_000, "is too long to be about a person"),
        (b'email,name\nada@example.org,"' + b"x\n" * 5_000_000, "is too long to be about a person"),
        (b"email\n" + b"," * 300, "has more than 200 columns"),
        (b"PK\x03\x04 is no archive\n", "This is no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is no workbook"),
        (workbook(["email"], ["ada@example.org"])[:-400], "This is no workbook"),
    ],
    ids=["nothing", "blank", "headers", "10 MB", "open quote", "columns", "torn", "xls", "half"],
)
def test_what_cannot_be_read_is_refused_with_a_sentence_and_nothing_is_kept(
    importer, book, content, said
):
    importer.upload(content, book)
    assert said in importer.browser.text
    assert not ContactImport.objects.exists()
    assert not ImportPart.objects.exists()


@pytest.mark.parametrize("texts", [True, False])
def test_a_bomb_is_refused_before_it_is_unpacked(importer, book, texts):
    importer.upload(bomb(texts=texts), book, name="people.xlsx")
    assert "The workbook unpacks to more than can be read." in importer.browser.text
    assert not ContactImport.objects.exists()


def test_entities_that_unfold_for_ever_are_refused(importer, book):
    importer.upload(entities(), book, name="people.xlsx")
    assert "This is no workbook that can be read." in importer.browser.text
    assert not ContactImport.objects.exists()


def test_a_zip_of_files_is_refused_with_what_to_do(importer, book):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("subscribed.csv", "email\nada@example.org\n")
    importer.upload(file.getvalue(), book, name="export.zip")
    assert "take files out of a ZIP archive first" in importer.browser.text


def test_the_wrong_encoding_is_named(importer, book):
    importer.upload("email,name\nada@example.org,Zoë\n".encode("latin-1"), book, encoding="utf-8")
    assert "The file is not in the encoding utf-8." in importer.browser.text


BREVO = """\
CONTACT ID;EMAIL;FIRSTNAME;LASTNAME;SMS;DOUBLE_OPT-IN;EMAIL_BLACKLISTED;ADDED_TIME;MODIFIED_TIME
1;ada@example.org;Ada;Byron;;Yes;No;06-05-2024 07:08:09;07-05-2024 07:08:09
2;bob@example.org;Bob;;;No;No;06-05-2024 07:08:09;07-05-2024 07:08:09
3;cy@example.org;Cy;;;Yes;Yes;06-05-2024 07:08:09;07-05-2024 07:08:09
"""
LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
6f0e,ada@example.org,Ada,"{""city"": ""Firenze""}",enabled,2024-05-06 07:08:09.123+00:00,2024-05-06 07:08:09+00:00
6f0f,bob@example.org,Bob,{},blocklisted,2024-05-06 07:08:09+00:00,2024-05-06 07:08:09+00:00
"""
MAILPRO = """\
Email;Field1;Field2;Field24;Field25
ada@example.org;Ada;;Form https://example.org/join 06.05.2024 07:08 IP 203.0.113.9;Confirmed 06.05.2024 07:10:11 IP 203.0.113.9
bob@example.org;Bob;;;
"""


@pytest.mark.parametrize(
    ("text", "profile", "mailable"),
    [
        (BREVO, "Brevo", ["ada@example.org"]),
        (LISTMONK, "listmonk", []),
        (MAILPRO, "Mailpro", ["ada@example.org"]),
    ],
    ids=["brevo", "listmonk", "mailpro"],
)
def test_files_of_other_programs_are_recognised(importer, book, text, profile, mailable):
    importer.upload(text, book)
    assert f"Looks like a file from {profile}" in importer.browser.text
    importer.check(**IN_COLUMNS).start()
    reached = Subscription.objects.mailable().values_list("contact__address", flat=True)
    assert list(reached) == mailable


def test_what_mailpro_writes_into_fields_24_and_25_is_read_as_proof(importer, book):
    importer.take(MAILPRO, book, **IN_COLUMNS)
    asked, confirmed, _imported = ConsentRecord.objects.filter(address="ada@example.org")
    assert (asked.page_url, asked.ip) == ("https://example.org/join", "203.0.113.0/24")
    assert asked.occurred_at.isoformat() == "2024-05-06T07:08:00+00:00"
    assert confirmed.occurred_at.isoformat() == "2024-05-06T07:10:11+00:00"


def test_who_is_blocked_at_listmonk_is_remembered_here(importer, book):
    importer.take(LISTMONK, book, **STATED)
    assert importer.counts == {"proven": 1, "remembered": 1}


def test_the_order_of_day_and_month_and_the_zone_are_the_editors_to_say(importer, book):
    text = "email,confirm_time,optin_ip\nada@example.org,03/04/2024 11:30 PM,203.0.113.9\n"
    importer.take(text, book, month_first="1", time_zone="UTC", **IN_COLUMNS)
    at = Subscription.objects.mailable().get().confirmed_at
    assert at.isoformat() == "2024-03-04T23:30:00+00:00"


def test_our_own_export_comes_back_as_it_was(importer, staff, book, visitor, signup_page):
    """With what they agreed to, word by word, where it is known here."""
    visitor.join(signup_page, "ada@example.org")
    dpo = staff("view_contact", "export_list_contact")
    dpo.open("/admin/newsletter/contacts/export/")
    dpo.press("Export", why="Moving house", file_format="csv")
    table = b"".join(dpo.response.streaming_content)
    statement = Subscription.objects.get().statement
    Contact.objects.all().delete()
    importer.take(table, book, **IN_COLUMNS)
    assert importer.imported.profile == "own"
    assert Subscription.objects.mailable().get().statement == statement
