"""Everything in one file, for programs and for people (GDPR 15, 20; R1, A5)."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from django.apps import apps

from tests.conftest import EVERYTHING_KNOWN as ADDRESS
from wagtail_gdpr_newsletter.actions.disclosure import as_stored, rows_by_address
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
