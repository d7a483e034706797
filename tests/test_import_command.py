"""`newsletter_import`: the same as in the admin, from a terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.imports import MAILCHIMP
from wagtail_gdpr_newsletter.models import (
    Contact,
    ContactImport,
    ProofDocument,
    Subscription,
    Suppression,
)

pytestmark = pytest.mark.django_db

STATED = ["--basis=stated", "--told=Yes", "--where=At the stall", "--when=May 2024"]


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "people.csv"
        path.write_text(text)
        return path

    return write


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("newsletter_import", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_without_yes_it_only_shows_what_would_come_of_it(file, book):
    said = run(file(MAILCHIMP), "--book", book.name, "--basis=columns", "--told=Yes", "--where=Web")
    assert "1  new, with proof" in said
    assert "Nothing is imported. --yes imports." in said
    assert not Contact.objects.exists()
    assert not ContactImport.objects.exists()


def test_with_yes_it_imports_and_writes_down_what_was_left_out(file, book, tmp_path):
    (tmp_path / "form.txt").write_text("The form")
    left_out = tmp_path / "left-out.csv"
    path = file("Kontakt,x\nada@example.org,1\nbob@,2\n")
    said = run(
        *(path, "--book", book.uuid, "--yes", "--column=Kontakt=address", *STATED),
        *("--document", tmp_path / "form.txt", "--not-taken", left_out),
    )
    assert "1  cannot be read" in said
    assert Subscription.objects.mailable().get().contact.address == "ada@example.org"
    assert ProofDocument.objects.get().digest in str(Subscription.objects.get().statement.notice)
    assert "bob@" in left_out.read_text()


def test_people_who_have_left_are_remembered(file):
    run(file("email\nada@example.org\n"), "--leavers=complaint", "--yes")
    assert Suppression.objects.get().reason == "complaint"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name the address book that they join"),
        (["--book=Nothing"], r"Which address book is Nothing\? There are: Seed letter"),
        (["--book=Seed letter"], "Say by which right"),
        (["--book=Seed letter", "--basis=stated"], "Say what they agreed to"),
        (["--book=Seed letter", *STATED, "--column=Nothing=address"], "the columns are email"),
        (["--book=Seed letter", *STATED, "--column=email=nothing"], "they may hold address"),
        (["--book=Seed letter", *STATED, "--encoding=nothing"], "There is no encoding"),
        (["--book=Seed letter", *STATED, "--time-zone=Nowhere"], "There is no time zone Nowhere"),
        (["--book=Seed letter", *STATED, "--document=/nowhere"], "No such file"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_kept(file, book, arguments, said):
    with pytest.raises(CommandError, match=said):
        run(file("email\nada@example.org\n"), *arguments)
    assert not ContactImport.objects.exists()


def test_a_file_that_is_not_there_is_named(book):
    with pytest.raises(CommandError, match="nowhere"):
        run("/nowhere.csv", "--book", book.name)
