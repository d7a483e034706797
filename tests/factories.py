"""Makes what a test needs to begin with, through the same doors as the product where there is one."""

from __future__ import annotations

import itertools
from io import BytesIO
from typing import Any

import PIL.Image
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.files.images import ImageFile
from django.db import transaction
from django.test import TestCase
from django.utils.timezone import now
from wagtail.images import get_image_model
from wagtail.models import Page, Site

from sandbox.home.models import StandardPage
from tests.mailers import use_mailer
from tests.mails import token_in
from wagtail_gdpr_newsletter import actions
from wagtail_gdpr_newsletter.actions.offering import current_statement
from wagtail_gdpr_newsletter.addresses import Address
from wagtail_gdpr_newsletter.models import (
    AddressBook,
    BookField,
    Campaign,
    ConsentWording,
    Contact,
    Ledger,
    Origin,
    SenderSettings,
    Subscription,
    SubscriptionStatus,
)

_numbers = itertools.count(1)

ORIGIN = Origin(source="test")


def make_site(**kwargs: Any) -> Site:
    root = Page.objects.get(depth=1)
    page = root.add_child(instance=Page(title=f"Site {next(_numbers)}"))
    return Site.objects.create(
        **{"hostname": f"site{page.pk}.example.org", "port": 443, "root_page": page, **kwargs}
    )


def make_sender(site: Site, **kwargs: Any) -> SenderSettings:
    sender = SenderSettings.for_site(site)
    details = {
        "name": "Orto dei Semi",
        "postal_address": "Via Micheli 3\n50121 Firenze",
        "email": "hello@example.org",
        "from_address": "news@example.org",
        "privacy_page": site.root_page,
        **kwargs,
    }
    for field, value in details.items():
        setattr(sender, field, value)
    sender.save()
    return sender


def make_book(
    site: Site, name: str = "", *, languages: tuple[str, ...] = ("en",), **kwargs: Any
) -> AddressBook:
    """A book as an editor makes it: with a wording a language, and its first version."""
    book = AddressBook(site=site, name=name or f"Book {next(_numbers)}", **kwargs)
    book.wordings = [
        ConsentWording(
            language=language, label=f"Yes, {book.name} ({language})", notice="Once a month."
        )
        for language in languages
    ]
    book.save()
    actions.version_wording(book=book)
    return book


def make_field(
    book: AddressBook, label: str = "Company", field_type: str = "singleline", **kwargs: Any
) -> BookField:
    """As an editor adds it: what visitors are asked stands in the newest version of the wording."""
    details = {"purpose": f"To know your {label.lower()}.", **kwargs}
    number = book.fields.count()
    field = BookField(book=book, label=label, field_type=field_type, sort_order=number, **details)
    field.full_clean(exclude=["clean_name"])
    field.save()
    actions.version_wording(book=AddressBook.objects.get(pk=book.pk))
    return field


def change_wording(book: AddressBook, label: str, *, material: bool = False) -> None:
    wording = book.wordings.first()
    wording.label = label
    wording.save()
    actions.version_wording(book=AddressBook.objects.get(pk=book.pk), material=material)


def make_page(site: Site, *, body: list[Any], title: str = "Newsletter") -> StandardPage:
    page = StandardPage(title=title, slug=f"page-{next(_numbers)}", body=body)
    site.root_page.add_child(instance=page)
    return page


def make_signup_page(site: Site, *books: AddressBook, **block: Any) -> StandardPage:
    value = {
        "heading": "Stay in touch",
        "introduction": "",
        "books": list(books),
        "button_label": "",
        "success_message": "Lovely!",
        "thank_you_page": None,
        **block,
    }
    return make_page(
        site,
        body=[
            (
                "newsletter_signup",
                StandardPage.body.field.stream_block.child_blocks["newsletter_signup"].normalize(
                    value
                ),
            )
        ],
    )


def make_subscription(book: AddressBook, address: str, **contact: Any) -> Subscription:
    """Somebody who has confirmed long ago; their sign-up itself is not what the test is about."""
    parsed = Address.parse(address)
    with transaction.atomic():
        person = Contact.objects.lock_or_add(site=book.site, address=parsed, language="en")
    for field, value in contact.items():
        setattr(person, field, value)
    person.save()
    return Subscription.objects.create(
        contact=person,
        book=book,
        status=SubscriptionStatus.CONFIRMED,
        requested_at=now(),
        confirmed_at=now(),
        statement=current_statement(book, "en"),
    )


def sign_up(book: AddressBook, address: str) -> None:
    """Somebody asks by themselves; nobody has confirmed yet."""
    actions.sign_up(
        site=book.site,
        address=Address.parse(address),
        name="",
        statements=[current_statement(book, "en")],
        origin=ORIGIN,
    )


def join(book: AddressBook, address: str) -> Contact:
    """With evidence, by the double opt-in."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        sign_up(book, address)
    actions.confirm(token=token_in(mail.outbox[-1], "confirm"), origin=ORIGIN)
    return Contact.objects.get(address=address)


def make_image(name: str = "picture.jpg", *, size: tuple[int, int] = (1400, 700), mode="RGB"):
    """The ending of the name says in which format."""
    file = BytesIO()
    PIL.Image.new(mode, size, "white").save(file, "PNG" if name.endswith("png") else "JPEG")
    image = get_image_model().objects.create(
        title="A picture", description="A lemon tree", file=ImageFile(file, name=name)
    )
    image.file.close()
    return image


def make_campaign(*books: AddressBook, **kwargs: Any) -> Campaign:
    """A draft as the editor saves it."""
    details = {
        "site": books[0].site,
        "subject": "Spring is here",
        "preheader": "What blooms now",
        "language": "en",
        "body": [
            ("heading", "Spring is here"),
            ("text", "<p>Dear {name|reader},</p><p>the <b>lemons</b> are out.</p>"),
        ],
        **kwargs,
    }
    campaign = Campaign(**details)
    campaign.live = False
    campaign.save()
    campaign.books.set(books)
    campaign.save()
    campaign.save_revision(clean=False)  # As the editor saves drafts.
    return campaign


def write_ledger(campaign: Campaign) -> None:
    """Send it as far as its ledger: everybody is written down, nobody has got anything."""
    with use_mailer("tests.mailers.Unreachable"):
        actions.send_campaign(campaign=campaign)
        actions.run_lane()
    Ledger.objects.update(rests_until=None)
    campaign.refresh_from_db()


def make_editor(name: str = "editor", *permissions: str, superuser: bool = False):
    """A member of staff with the admin and these permissions of ours, nothing else."""
    from django.contrib.auth.models import Permission

    user = get_user_model().objects.create_user(
        name, f"{name}@example.org", "password", is_superuser=superuser
    )
    user.user_permissions.add(
        Permission.objects.get(codename="access_admin"),
        *Permission.objects.filter(
            content_type__app_label="wagtail_gdpr_newsletter", codename__in=permissions
        ),
    )
    return user
