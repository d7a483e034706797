"""Sender, address books and campaigns of the demo site, made through the package's own verbs."""

from __future__ import annotations

from typing import Any

from wagtail.models import Page, Site
from wagtail.rich_text import RichText

from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.models import AddressBook, Campaign, ConsentWording, SenderSettings

from . import illustrations
from .pages import described_image, image_of
from .writing import Block

#: Goes out when the sandbox is set up.
SENT_SUBJECT = "The kitchen smells of lemons"
#: Stays behind as a draft, to be tried on.
DRAFT_SUBJECT = "The boards go up on Saturday"

LETTER = {
    "en": (
        "Yes, send me “La Lettera” by e-mail: news from the lemon house, about once a month.",
        "We use your address, and your name if you give it, to send you “La Lettera”: what is ripe, "
        "what is in flower, a recipe, opening times. We measure neither opens nor clicks.",
    ),
    "it": (
        "Sì, inviatemi «La Lettera» per e-mail: notizie dalla limonaia, circa una volta al mese.",
        "Usiamo il tuo indirizzo, e il tuo nome se lo indichi, per inviarti «La Lettera»: che cosa è "
        "maturo, che cosa fiorisce, una ricetta, gli orari. Non misuriamo né aperture né clic.",
    ),
}
EVENINGS = {
    "en": (
        "Yes, tell me by e-mail when there is a date for “Le Serate”, the evenings in the garden.",
        "We use your address to announce evenings and workshops, six to eight times a year, because "
        "places are few. We measure neither opens nor clicks.",
    ),
    "it": (
        "Sì, avvisatemi per e-mail quando c’è una data per «Le Serate» in giardino.",
        "Usiamo il tuo indirizzo per annunciare serate e laboratori, da sei a otto volte l’anno, perché "
        "i posti sono pochi. Non misuriamo né aperture né clic.",
    ),
}


def plant_sender(site: Site, pages: dict[str, Page]) -> None:
    sender = SenderSettings.for_site(site)
    if sender.name:
        return
    sender.name = "Associazione Limonaia Sant’Aurelio ETS"
    sender.postal_address = "Via dei Cedri 12\n25080 Sant’Aurelio sul Lago (BS)\nItaly"
    sender.email = "post@limonaia.example"
    sender.phone = "+39 030 555 0142"
    sender.data_protection_officer = "Giulia Ferrari, privacy@limonaia.example"
    sender.supervisory_authority = (
        "Garante per la protezione dei dati personali, Piazza Venezia 11, 00187 Roma"
    )
    sender.privacy_page = pages["privacy"]
    sender.imprint_page = pages["imprint"]
    sender.from_name = "Limonaia Sant’Aurelio"
    sender.from_address = "lettera@limonaia.example"
    sender.logo = image_of(illustrations.LOGO)
    sender.accent_color = "#24523f"
    sender.save()


def plant_books(site: Site) -> list[AddressBook]:
    """Two purposes, so two books and two boxes."""
    return [
        _plant_book(site, "La Lettera", LETTER, ask_name=True),
        _plant_book(site, "Le Serate", EVENINGS),
    ]


def _plant_book(
    site: Site, name: str, wordings: dict[str, tuple[str, str]], *, ask_name: bool = False
) -> AddressBook:
    book = AddressBook.objects.filter(site=site, name=name).first()
    if book is None:
        book = AddressBook(site=site, name=name, ask_name=ask_name)
        book.wordings = [
            ConsentWording(language=language, label=label, notice=notice)
            for language, (label, notice) in wordings.items()
        ]
        book.save()
    actions.version_wording(book=book)
    return book


def plant_campaigns(
    site: Site, books: list[AddressBook], pages: dict[str, Page], *, unsent: bool
) -> tuple[Campaign, Campaign]:
    """One to send, approved, and a draft; `unsent` makes another one where that has gone out already."""
    existing = Campaign.objects.filter(site=site, subject=SENT_SUBJECT).first()
    if existing is None or (unsent and existing.send_status != "draft"):
        existing = _plant_campaign(site, books[:1], SENT_SUBJECT, **_autumn(pages))
        existing.latest_revision.publish()
    draft = Campaign.objects.filter(site=site, subject=DRAFT_SUBJECT).first()
    draft = draft or _plant_campaign(site, books, DRAFT_SUBJECT, **_november(pages))
    return Campaign.objects.get(pk=existing.pk), draft


def _plant_campaign(
    site: Site, books: list[AddressBook], subject: str, *, preheader: str, body: list[Block]
) -> Campaign:
    campaign = Campaign(
        site=site, subject=subject, preheader=preheader, language="en", body=body, live=False
    )
    campaign.books = books
    campaign.save()
    campaign.save_revision()
    return campaign


def _autumn(pages: dict[str, Page]) -> dict[str, Any]:
    return {
        "preheader": "Nine jars, three days, and how you get one of them.",
        "body": [
            ("image", described_image(illustrations.LEMON_HOUSE)),
            ("heading", "The kitchen smells of lemons"),
            (
                "text",
                RichText(
                    "<p>Dear {name|reader},</p>"
                    "<p>the gate is still open until the end of October, but the work has moved "
                    "indoors: since Tuesday Teresa has had the big pot on the stove. There will be "
                    "<b>about two hundred jars</b>, on sale from the first Sunday of the month, and "
                    "by Christmas there will be none.</p>"
                ),
            ),
            (
                "page_teaser",
                {"page": pages["marmalade-the-slow-way"], "link_label": "To the recipe"},
            ),
            (
                "text",
                RichText(
                    "<p>And in four weeks we put the house to sleep: 640 boards, from east to west. "
                    "Whoever can hold a ladder is welcome.</p>"
                ),
            ),
            (
                "button",
                {"label": "Opening times and the way here", "page": pages["visit"], "url": ""},
            ),
        ],
    }


def _november(pages: dict[str, Page]) -> dict[str, Any]:
    return {
        "preheader": "We need twelve people, four ladders and one dry day.",
        "body": [
            ("image", described_image(illustrations.WINTER)),
            ("heading", "The boards go up on Saturday"),
            (
                "text",
                RichText(
                    "<p>Dear {name|reader},</p>"
                    "<p>the forecast speaks of frost from Monday, so on Saturday at nine we close "
                    "the lemon house for the winter. There is soup at noon and something stronger "
                    "at four.</p>"
                ),
            ),
            ("divider", None),
            ("page_teaser", {"page": pages["a-winter-under-glass"], "link_label": ""}),
        ],
    }
