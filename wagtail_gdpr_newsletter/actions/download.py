"""What does somebody get who downloads their data?

One zip file, at once: `my-data.json` with everything as it is stored, one CSV file a table for people who
like tables, and `my-data.html`, a page to read without us. The evidence is in all three (GDPR 15, 20; R1).
"""

from __future__ import annotations

import csv
import json
import re
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.text import slugify
from django.utils.timezone import now

from ..models import Contact, RightsKind, RightsRequest, SenderSettings
from .disclosure import Disclosure, Section, disclose
from .staff_log import note

if TYPE_CHECKING:
    from django.contrib.auth.models import _User as User  # The site's own user model.

#: What makes a spreadsheet take a cell for a formula (A5), and where programs let a cell begin.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+\-@\t\r\0])")


@transaction.atomic
def as_zip(
    *, contact: Contact, language: str, source: str, user: User | None = None
) -> bytes | None:
    """The file, in that language, or `None` where they were erased; the download stands in the register."""
    here = Contact.objects.lock(contact.pk)
    if here is None:
        return None
    RightsRequest.objects.register(here, RightsKind.DOWNLOAD, source=source)
    note(here, "export_contact", user)
    with translation.override(language):
        disclosure = disclose(here)
        file = BytesIO()
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            archive.writestr("my-data.json", _as_json(disclosure))
            archive.writestr("my-data.html", _as_html(disclosure))
            for section in disclosure.sections:
                if section.entries:
                    archive.writestr(
                        f"csv/{slugify(section.label) or section.name}.csv", _as_csv(section)
                    )
    return file.getvalue()


def _as_json(disclosure: Disclosure) -> str:
    everything = {
        "made_at": now().isoformat(),
        "about": dict(disclosure.about),
        "kept": dict(disclosure.kept),
        "fields": disclosure.fields,
        "data": {
            section.name: [
                {fact.name: fact.value for fact in entry.facts} for entry in section.entries
            ]
            for section in disclosure.sections
        },
    }
    return json.dumps(everything, indent=2, ensure_ascii=False)


def _as_html(disclosure: Disclosure) -> str:
    sender = SenderSettings.for_site(disclosure.contact.site).as_sender()
    return render_to_string(
        "wagtail_gdpr_newsletter/pages/my_data/download.html",
        {"disclosure": disclosure, "contact": disclosure.contact, "sender": sender, "now": now()},
    )


def _as_csv(section: Section) -> bytes:
    """With a byte order mark, by which spreadsheets know UTF-8."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([fact.label for fact in section.entries[0].facts])
    for entry in section.entries:
        writer.writerow([as_cell(fact.text or fact.value or "") for fact in entry.facts])
    return text.getvalue().encode("utf-8-sig")


def as_cell(value: Any) -> str:
    """For a spreadsheet, where nothing is taken for a formula (A5)."""
    return FORMULA.sub(r"\1'", "" if value is None else str(value))
