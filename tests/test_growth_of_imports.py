"""How imports make address books grow, and what is left when they are taken back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.imports import STATED
from tests.test_growth import at, growth_page, table_of
from tests.test_import_undoing import undo
from wagtail_gdpr_newsletter.models import AddressBook, ContactImport

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_book(book):
    AddressBook.objects.update(created_at=datetime(2026, 1, 10, tzinfo=UTC))
    return AddressBook.objects.get()


@pytest.fixture
def boss(staff):
    return staff("view_addressbook")


def imported_twice(importer, book) -> ContactImport:
    """Without proof, then with one; the first of the two."""
    with at(2026, 2, 1):
        importer.take("email\nada@example.org\n", book, basis="none")
    first = importer.imported
    with at(2026, 3, 1):
        importer.take("email\nada@example.org\n", book, **STATED)
    return first


def test_an_import_that_is_taken_back_has_left_only_whom_no_other_keeps(importer, old_book, boss):
    first = imported_twice(importer, old_book)
    with at(2026, 6, 1):
        undo(importer, first)
    with at(2026, 8, 1):
        told = table_of(boss, growth_page(old_book))
    assert told["March 2026"] == ["1", "0", "1"]
    assert told["June 2026"] == ["0", "0", "1"]
    with at(2026, 9, 1):
        undo(importer)
        told = table_of(boss, growth_page(old_book))
    assert told["June 2026"] == ["0", "0", "1"]
    assert told["September 2026, so far"] == ["0", "1", "0"]


def test_whom_another_import_only_names_has_left_with_the_one_that_had_the_proof(
    importer, old_book, boss
):
    with at(2026, 2, 1):
        importer.take("email\nada@example.org\n", old_book, **STATED)
        first = importer.imported
        importer.take("email\nada@example.org\n", old_book, basis="none")
    with at(2026, 6, 1):
        undo(importer, first)
    with at(2026, 8, 1):
        told = table_of(boss, growth_page(old_book))
    assert told["February 2026"] == ["1", "0", "1"]
    assert told["June 2026"] == ["0", "1", "0"]
