"""Plants the pages of the demo site. What stands already stays as it is, with whatever you changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.core.files.base import ContentFile
from wagtail.images import get_image_model
from wagtail.models import Locale, Page, Site

from sandbox.home.models import ArticlePage, HomePage, JournalPage, StandardPage

from . import english, english_privacy, illustrations, italian
from .illustrations import Illustration
from .writing import Article, Block, Plain


def plant_site(url: str) -> Site:
    """The English tree and its site; the address is the one that links in mails will begin with."""
    home = HomePage.objects.filter(slug="limonaia").first() or _plant_home()
    address = urlsplit(url)
    site, _created = Site.objects.update_or_create(
        is_default_site=True,
        defaults={
            "hostname": address.hostname,
            "port": address.port or (443 if address.scheme == "https" else 80),
            "site_name": "Limonaia Sant’Aurelio",
            "root_page": home,
        },
    )
    # Wagtail's own welcome page, which no site looks for any more.
    Page.objects.filter(depth=2, slug="home", content_type__model="page").delete()
    return site


def plant_english(home: HomePage) -> dict[str, Page]:
    """Everything below the home page, by slug."""
    journal = plant(
        home,
        JournalPage,
        slug="journal",
        title="Journal",
        introduction=english.JOURNAL_INTRODUCTION,
        show_in_menus=True,
    )
    articles = [_plant_article(journal, article) for article in english.ARTICLES]
    plain = [
        _plant_plain(home, page)
        for page in (english.VISIT, english_privacy.PRIVACY, english.IMPRINT)
    ]
    return {page.slug: page for page in [journal, *articles, *plain]}


def plant_italian(home: HomePage, english_pages: dict[str, Page], signup: Block) -> HomePage:
    """A smaller tree in Italian; each page knows its English twin."""
    locale, _created = Locale.objects.get_or_create(language_code="it")
    casa = plant(
        home.get_parent(),
        HomePage,
        slug="limonaia-it",
        title="Limonaia",
        headline=italian.HEADLINE,
        introduction=italian.HOME_INTRODUCTION,
        image=home.image,
        body=[signup, *italian.HOME_BODY],
        **_translation_of(home, locale),
    )
    journal = plant(
        casa,
        JournalPage,
        slug="diario",
        title="Diario",
        introduction=italian.JOURNAL_INTRODUCTION,
        show_in_menus=True,
        **_translation_of(english_pages["journal"], locale),
    )
    twins = {"i-limoni-sono-di-nuovo-fuori": "the-lemons-are-out-again"}
    for article in italian.ARTICLES:
        twin = english_pages[twins[article.slug]]
        _plant_article(journal, article, **_translation_of(twin, locale))
    _plant_plain(casa, italian.PRIVACY, **_translation_of(english_pages["privacy"], locale))
    return casa


def add_signup(page: HomePage, signup: Block) -> None:
    """The form needs its address books, and these need the site: so it comes last."""
    if any(block.block_type == "newsletter_signup" for block in page.body):
        return
    page.body = [signup, *((block.block_type, block.value) for block in page.body)]
    page.save_revision().publish()


def signup_block(books: Iterable[Any], words: dict[str, str]) -> Block:
    return "newsletter_signup", {**words, "books": list(books), "thank_you_page": None}


def plant(parent: Page, model: type[Page], *, slug: str, **values: Any) -> Any:
    """The child of that name, published as an editor would have done it, or the one that is there."""
    if existing := model.objects.child_of(parent).filter(slug=slug).first():
        return existing
    page = model(slug=slug, **values)
    parent.add_child(instance=page)
    page.save_revision().publish()
    return model.objects.get(pk=page.pk)


def image_of(illustration: Illustration) -> Any:
    """The painted illustration, from the image library."""
    model = get_image_model()
    image = model.objects.filter(title=illustration.title).first()
    if image is None:
        image = model(title=illustration.title, description=illustration.description)
    elif image.file.storage.exists(image.file.name):
        return image
    else:  # A database that outlived the directory of its pictures.
        image.renditions.all().delete()
    image.file = ContentFile(illustration.paint(), name=illustration.file_name)
    image.save()
    return image


def described_image(illustration: Illustration) -> Any:
    """As the value of an image block, which wants its own words for those who cannot see it."""
    image = image_of(illustration)
    image.contextual_alt_text = illustration.description
    image.decorative = False
    return image


def _plant_home() -> HomePage:
    home: HomePage = plant(
        Page.get_first_root_node(),
        HomePage,
        slug="limonaia",
        title="Limonaia",
        headline=english.HEADLINE,
        introduction=english.HOME_INTRODUCTION,
        image=image_of(illustrations.HOME),
        body=english.HOME_BODY,
        locale=Locale.get_default(),
    )
    return home


def _plant_article(journal: Page, article: Article, **values: Any) -> Page:
    page: Page = plant(
        journal,
        ArticlePage,
        slug=article.slug,
        title=article.title,
        date=article.date,
        introduction=article.introduction,
        search_description=article.introduction,
        image=image_of(article.illustration),
        body=_with_images(article.body),
        **values,
    )
    return page


def _plant_plain(home: Page, page: Plain, **values: Any) -> Page:
    planted: Page = plant(
        home,
        StandardPage,
        slug=page.slug,
        title=page.title,
        introduction=page.introduction,
        body=page.body,
        show_in_menus=page.in_menu,
        **values,
    )
    return planted


def _with_images(body: list[Block]) -> list[Block]:
    return [
        (name, described_image(value)) if isinstance(value, Illustration) else (name, value)
        for name, value in body
    ]


def _translation_of(page: Page, locale: Locale) -> dict[str, Any]:
    return {"locale": locale, "translation_key": page.translation_key}
