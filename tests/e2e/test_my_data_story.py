"""One reader's whole story: from the foot of a newsletter to being forgotten, and what is left of them.

On the sandbox's SQLite file, or on whatever `DATABASE_URL` names.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sandbox.readers import become_reader
from sandbox.supervisor import RunningSite, running_site
from tests.e2e.databases import Database
from tests.e2e.readers import MY_DATA, enter, follow_link
from tests.traces import spellings, unpacked

NEW = "Countess.Lovelace@Bücher.example"
#: As a mail program writes it.
NEW_MAILBOX = "Countess.Lovelace@xn--bcher-kva.example"
NAMES = ("Ada Byron", "Ada King", "I should like to know")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """A site of its own: its database is stopped, dumped and put back."""
    with running_site(tmp_path_factory.mktemp("story"), unsent=True) as site:
        yield site


def test_from_the_foot_of_a_newsletter_to_being_forgotten(
    served: RunningSite, new_page, tmp_path: Path
):
    reader = new_page(viewport={"width": 375, "height": 812}, accept_downloads=True)
    old = become_reader(served)
    gets_a_newsletter_and_asks_from_its_foot(served, reader, old)
    sees_everything(reader, old)
    corrects_their_name(reader)
    changes_the_address(served, reader, new_page(), old)
    enter(reader, served, NEW_MAILBOX)
    leaves_a_newsletter(reader)
    joins_another(served, reader, new_page())
    writes_to_the_sender(served, reader)
    downloads_everything(served, reader)
    Database(served).back_up(tmp_path / "backup")
    assert found_in(Database(served).dump(), NEW), "there is something to be forgotten"
    is_forgotten(served, reader)
    assert what_is_left(served, old, NEW) == []
    an_import_stays_unmailable(served)
    a_new_double_opt_in_works(served, reader)
    a_restored_backup_is_clean_after_a_replay(served, tmp_path / "backup", old)


def gets_a_newsletter_and_asks_from_its_foot(site: RunningSite, reader: Page, old: str) -> None:
    site.manage("newsletter_send", str(site.demo["campaign"]))
    newsletter = site.mailbox.wait_for(old, subject=site.demo["subject"])
    reader.goto(newsletter.link("/my-data/"))
    expect(reader.locator("main")).to_contain_text("Who is responsible")
    expect(reader.locator("main")).not_to_contain_text("reader-")
    reader.get_by_role("button", name="Send me the link").click()
    expect(reader.get_by_role("heading", name="Check your inbox")).to_be_visible()
    follow_link(reader, site, old)
    assert reader.url == f"{site.base_url}{MY_DATA}", "the token has left the address"


def sees_everything(reader: Page, old: str) -> None:
    main = reader.locator("main")
    for text in (old, "Ada Byron", "confirmed", "asked for the newsletter", "sent"):
        expect(main).to_contain_text(text)
    reader.get_by_text("Every word of it").first.click()
    expect(reader.get_by_text("What we use your address for").first).to_be_visible()


def corrects_their_name(reader: Page) -> None:
    reader.get_by_text("Correct name or language").click()
    reader.get_by_label("Name (optional)").fill("Ada King")
    reader.get_by_role("button", name="Save").click()
    expect(reader.get_by_role("status")).to_have_text("Your details are changed.")
    expect(reader.locator("#details")).to_contain_text("Ada King")


def changes_the_address(site: RunningSite, reader: Page, other: Page, old: str) -> None:
    reader.get_by_text("Change the address").click()
    reader.get_by_label("New e-mail address").fill(NEW)
    reader.get_by_role("button", name="Send the link").click()
    expect(reader.get_by_role("status")).to_contain_text("Look into the mailbox")
    other.goto(site.mailbox.wait_for_link(NEW_MAILBOX, "/my-data/new-address/"))
    other.get_by_role("button", name="Yes, that is my address").click()
    expect(other.get_by_role("heading", name="Your address is changed")).to_be_visible()
    note = site.mailbox.wait_for(old, subject="Your newsletters now go to another address")
    assert "Countess" not in note.text
    reader.reload()
    expect(reader.locator("main")).not_to_contain_text("Ada King")


def leaves_a_newsletter(reader: Page) -> None:
    reader.get_by_role("button", name="Leave").first.click()
    expect(reader.get_by_role("status")).to_contain_text("You have left.")
    expect(reader.locator("#newsletters")).to_contain_text("unsubscribed")


def joins_another(site: RunningSite, reader: Page, other: Page) -> None:
    box = reader.locator("#newsletters").get_by_role("checkbox").last
    expect(box).not_to_be_checked()
    box.check()
    reader.get_by_role("button", name="Join").click()
    expect(reader.get_by_role("status")).to_contain_text("Look into your inbox")
    expect(reader.locator("#newsletters")).to_contain_text("pending")
    other.goto(site.mailbox.wait_for_link(NEW_MAILBOX, "/confirm/"))
    other.get_by_role("button", name="Confirm").click()
    expect(other.get_by_role("heading", name="Welcome, you are in")).to_be_visible()


def writes_to_the_sender(site: RunningSite, reader: Page) -> None:
    reader.get_by_role("link", name="Write a message").click()
    reader.get_by_label("Your message").fill("I should like to know who reads this.")
    reader.get_by_role("button", name="Send").click()
    expect(reader.get_by_role("status")).to_contain_text("Your message is on its way")
    copy = site.mailbox.wait_for(NEW_MAILBOX, subject="Copy of your message")
    message = next(
        mail for mail in site.mailbox.mails() if mail.subject.startswith("A reader of your")
    )
    assert message.reply_to == NEW_MAILBOX
    assert "who reads this" in message.text
    assert "who reads this" in copy.text


#: What the download must hold, read by the declarations from the rows themselves.
EXPECTED = """
import json
from django.apps import apps
from wagtail_gdpr_newsletter.actions.disclosure import rows_by_address
from wagtail_gdpr_newsletter.actions.stored import as_stored
from wagtail_gdpr_newsletter.models import Contact
from wagtail_gdpr_newsletter.models.declarations import DECLARATIONS
contact = Contact.objects.get(canonical_address__startswith="countess")
told = {}
for name, declaration in DECLARATIONS.items():
    model = apps.get_model("wagtail_gdpr_newsletter", name)
    rows = model._default_manager.none()
    if declaration.personal:
        rows = (model._default_manager.filter(declaration.belonging_to(contact.pk))
                if declaration.whose else rows_by_address(model, contact))
    told[name] = [
        {field: as_stored(getattr(row, field)) for field, each in declaration.personal.items() if each.exported}
        for row in rows.order_by("pk")
    ]
print(json.dumps(told))
"""


def in_shell(site: RunningSite, code: str) -> str:
    return site.manage("shell", "--verbosity", "0", "--command", code)


def downloads_everything(site: RunningSite, reader: Page) -> None:
    with reader.expect_download() as download:
        reader.get_by_role("button", name="Download everything").click()
    archive = zipfile.ZipFile(download.value.path())
    data = json.loads(archive.read("my-data.json"))["data"]
    expected = json.loads(in_shell(site, EXPECTED).strip().splitlines()[-1])
    assert {name for name, rows in data.items() if rows} >= {
        "Contact",
        "Subscription",
        "ConsentRecord",
        "Delivery",
        "RightsRequest",
        "ServiceMail",
        "Suppression",
    }
    assert data == {name: expected[name] for name in data}
    page = archive.read("my-data.html").decode()
    assert "Ada King" in page
    assert len([name for name in archive.namelist() if name.startswith("csv/")]) >= 6


def is_forgotten(site: RunningSite, reader: Page) -> None:
    reader.get_by_role("link", name="Delete my data…").click()
    expect(reader.get_by_role("heading", name="What goes")).to_be_visible()
    before = len(site.mailbox.mails(to=NEW_MAILBOX))
    reader.get_by_role("button", name="Delete my data now").click()
    expect(reader.get_by_role("heading", name="Your data are deleted")).to_be_visible()
    reader.goto(MY_DATA)
    expect(reader.get_by_role("button", name="Send me the link")).to_be_visible()
    assert len(site.mailbox.mails(to=NEW_MAILBOX)) == before, "no further mail"


def found_in(text: str, *wanted: str) -> set[str]:
    lowered = text.lower()
    return {each for one in wanted for each in spellings(one) if each in lowered}


def what_is_left(site: RunningSite, *addresses: str) -> list[str]:
    """In the SQL, in what is packed in the tables, and in every file that the site has written."""
    database = Database(site)
    left = [f"SQL: {each}" for each in found_in(database.dump(), *addresses, *NAMES)]
    wanted = [*addresses, *NAMES]
    packed = in_shell(
        site,
        f"import json; from tests.traces import traces_of; print(json.dumps(traces_of(*{wanted!r})))",
    )
    left += json.loads(packed.strip().splitlines()[-1])
    if redis_url := site.env.get("Q_REDIS_URL"):
        left += [f"Redis: {each}" for each in found_in(in_redis(redis_url), *wanted)]
    mails = site.state_dir / "mail"  # Other people's mailboxes.
    for file in site.state_dir.rglob("*"):
        if file.is_file() and mails not in file.parents and file not in database.files:
            left += [f"{file.name}: {each}" for each in found_in(_readable(file), *wanted)]
    return left


def in_redis(url: str) -> str:
    """Everything that the queue keeps there."""
    import redis

    connection = redis.Redis.from_url(url)
    return "\n".join(
        text
        for key in connection.scan_iter()
        if connection.type(key) == b"list"
        for value in connection.lrange(key, 0, -1)
        for text in unpacked(value)
    )


def _readable(file: Path) -> str:
    return "\n".join(unpacked(file.read_bytes()))


IMPORT = """
from tests import factories
from wagtail_gdpr_newsletter.models import AddressBook, Contact, Subscription
for book in AddressBook.objects.all():
    factories.make_subscription(book, {address!r})
theirs = Subscription.objects.filter(contact__canonical_address__startswith="countess")
print(theirs.count(), theirs.mailable().count())
Contact.objects.filter(canonical_address__startswith="countess").delete()
"""


def an_import_stays_unmailable(site: RunningSite) -> None:
    said = in_shell(site, IMPORT.format(address=NEW)).split()
    assert int(said[-2]) >= 2
    assert said[-1] == "0"


def a_new_double_opt_in_works(site: RunningSite, reader: Page) -> None:
    before = site.mailbox.mails(to=NEW_MAILBOX)
    reader.goto("/")
    form = reader.locator("[data-gdpr-newsletter-form]")
    form.get_by_label("E-mail address").fill(NEW)
    form.get_by_role("checkbox").first.check()
    form.get_by_role("button").click()
    expect(reader.get_by_role("status")).to_contain_text("Check your inbox")
    mail = site.mailbox.wait_for(NEW_MAILBOX, newer_than=len(before))
    reader.goto(mail.link("/confirm/"))
    reader.get_by_role("button", name="Confirm").click()
    expect(reader.get_by_role("heading", name="Welcome, you are in")).to_be_visible()
    said = in_shell(
        site,
        "from wagtail_gdpr_newsletter.models import Subscription as S; "
        'print(S.objects.mailable().filter(contact__canonical_address__startswith="countess").count())',
    )
    assert said.split()[-1] == "1"


def a_restored_backup_is_clean_after_a_replay(site: RunningSite, backup: Path, old: str) -> None:
    """R6. The last line of the story: the site is stopped for it."""
    site.stop()
    Database(site).restore(backup)
    assert found_in(Database(site).dump(), NEW)
    assert "1 erased again" in site.manage("newsletter_erase", "--replay")
    assert what_is_left(site, old, NEW) == []
