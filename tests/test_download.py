"""Everything in one file, for programs and for people (GDPR 15, 20; R1, A5)."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from django.apps import apps

from tests.conftest import EVERYTHING_KNOWN as ADDRESS
from tests.imports import STATED
from tests.test_import_leavers import invite
from wagtail_gdpr_newsletter.actions.disclosure import rows_by_address
from wagtail_gdpr_newsletter.actions.stored import as_stored
from wagtail_gdpr_newsletter.models import (
    SITE_SCOPE,
    Contact,
    RightsRequest,
)
from wagtail_gdpr_newsletter.models.declarations import DECLARATIONS

pytestmark = pytest.mark.django_db

MY_DATA = "/newsletter/my-data/"


@pytest.fixture
def ada(visitor, everything_known):
    everything_known.suppress(scope=SITE_SCOPE, reason="bounce")
    visitor.open(MY_DATA)
    return everything_known


def downloaded(visitor) -> zipfile.ZipFile:
    visitor.press("Download everything")
    assert visitor.response.headers["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(visitor.response.content))


def test_the_download_holds_every_row_field_by_field(visitor, ada):
    """R1. Compared with the database by the declarations."""
    archive = downloaded(visitor)
    data = json.loads(archive.read("my-data.json"))["data"]
    for name, declaration in DECLARATIONS.items():
        if not declaration.personal:
            continue
        model = apps.get_model("wagtail_gdpr_newsletter", name)
        rows = model._default_manager.order_by("pk")  # There is nobody else.
        if not declaration.whose:
            rows = rows_by_address(model, ada).order_by("pk")
        fields = [field for field, each in declaration.personal.items() if each.exported]
        expected = [{field: as_stored(getattr(row, field)) for field in fields} for row in rows]
        assert data[name] == json.loads(json.dumps(expected)), name
    assert data["ConsentRecord"][0]["statement"]["notice"], "evidence with every word of it"


def test_the_download_can_be_read_by_people(visitor, ada):
    archive = downloaded(visitor)
    html = archive.read("my-data.html").decode()
    assert "Ada Lovelace" in html
    assert "Lemons are out" in html
    assert "Once a month." in html
    assert "http-equiv" not in html
    assert "<script" not in html
    assert "<link" not in html
    rows = list(csv.reader(io.StringIO(archive.read("csv/your-details.csv").decode("utf-8-sig"))))
    assert rows[0][:1] == ["E-mail address"]
    assert rows[1][0] == ADDRESS
    about = json.loads(archive.read("my-data.json"))
    assert about["about"]["Who is responsible"].startswith("Orto dei Semi")
    assert RightsRequest.objects.latest("pk").kind == "download"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula_and_json_is_verbatim(visitor, ada, start):
    """A5."""
    Contact.objects.update(name=f"{start}1+1")
    archive = downloaded(visitor)
    table = archive.read("csv/your-details.csv").decode("utf-8-sig")
    row = list(csv.reader(io.StringIO(table)))[1]
    assert f"'{start}1+1" in row
    assert json.loads(archive.read("my-data.json"))["data"]["Contact"][0]["name"] == f"{start}1+1"


def test_no_program_finds_a_formula_within_a_cell(visitor, ada):
    """Where cells end at a semicolon, as in Italy."""
    Contact.objects.update(name="x;=1+1")
    archive = downloaded(visitor)
    table = archive.read("csv/your-details.csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(table), delimiter=";") for cell in row]
    assert not any(cell.startswith("=") for cell in cells)


@pytest.fixture
def asked(importer, visitor, book):
    """Brought by a file, and asked by the sender, who says where the address is from."""
    importer.take(f"email\n{ADDRESS}\n", book, basis="none", name="secret-list.csv")
    invite(importer)
    visitor.enter(ADDRESS)
    visitor.open(MY_DATA)
    return importer.imported


def test_where_an_imported_address_is_from_is_told_and_nothing_that_is_the_senders(visitor, asked):
    """GDPR 14(2)(f), 15(1)(g)."""
    assert "Where we have your address from" in visitor.text
    assert "You were a guest in 2023." in visitor.text
    archive = downloaded(visitor)
    told = json.loads(archive.read("my-data.json"))["data"]["Subscription"][0]["brought_by"]
    assert told == {
        "imported_at": asked.created_at.isoformat(),
        "where_they_agreed": "",
        "where_the_address_is_from": "You were a guest in 2023.",
    }
    assert "You were a guest in 2023." in archive.read("my-data.html").decode()
    for name in archive.namelist():
        for secret in (b"Legitimate interest", b"secret-list", b"importer"):
            assert secret not in archive.read(name), name


def test_what_they_agreed_to_elsewhere_is_not_said_to_have_been_seen_here(importer, visitor, book):
    importer.take(f"email\n{ADDRESS}\n", book, **STATED)
    visitor.enter(ADDRESS)
    visitor.open(MY_DATA)
    assert "a file that we imported on" in visitor.text
    assert "; Paper list at the stall" in visitor.text
    assert (
        "What you agreed to elsewhere, as we state it Yes, I want the seed letter." in visitor.text
    )
    for untrue in ("The text you saw", "☐"):
        assert untrue not in visitor.text.partition("How long we keep it")[0], untrue
