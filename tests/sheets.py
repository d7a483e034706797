"""Takes the proof of somebody's consent as staff do, and reads what stands on it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pypdf

from wagtail_gdpr_newsletter.models import Contact

CONTACTS = "/admin/newsletter/contacts/"
TRACES = f"{CONTACTS}evidence/"
MAY_PRINT = ("view_contact", "export_contact")


def page_of(contact: Contact, verb: str = "") -> str:
    return f"{CONTACTS}{contact.pk}/{verb and verb + '/'}"


@dataclass(frozen=True)
class Sheet:
    """A PDF, without the line breaks that no reader minds."""

    pdf: pypdf.PdfReader
    pages: list[str]

    @property
    def text(self) -> str:
        return " ".join(self.pages)

    @property
    def attachment(self) -> dict[str, Any]:
        return json.loads(self.pdf.attachments["evidence.json"][0])


def read(response: Any) -> Sheet:
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"].startswith('attachment; filename="evidence-')
    pdf = pypdf.PdfReader(BytesIO(response.content))
    return Sheet(pdf, [re.sub(r"\s+", " ", page.extract_text()) for page in pdf.pages])


def take(browser: Any, contact: Contact, of: str = "") -> Sheet:
    browser.open(page_of(contact))
    browser.press(f"Print as PDF({of}")
    return read(browser.response)


def take_json(browser: Any, contact: Contact, of: str = "") -> dict[str, Any]:
    browser.open(page_of(contact))
    browser.press(f"Save as JSON({of}")
    assert browser.response["Content-Type"] == "application/json"
    return browser.response.json()


def find(browser: Any, address: str) -> None:
    browser.open(CONTACTS)
    browser.press("Find", address=address)
