from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import actions, conf
from ...importing.columns import LABELS
from ...importing.files import Unreadable
from ...links import default_site
from ...models import AddressBook, ContactImport, ImportBasis, ImportKind, RowOutcome

CHOICES = ", ".join(LABELS)
DELIMITERS = {"tab": "\t"}


class Command(BaseCommand):
    help = (
        "Import people into an address book, with their proof or without, or people who must not be "
        "written to. Shows what would come of it first; --yes goes on from there. Does the work itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or XLSX")
        parser.add_argument("--book", help="UUID or name of the address book")
        parser.add_argument(
            "--leavers",
            choices=[each.value for each in actions.ADDED_BY_STAFF],
            metavar="REASON",
            help="the file is of people who must not be written to: %(choices)s",
        )
        parser.add_argument(
            "--basis", choices=ImportBasis.values, help="by which right: %(choices)s"
        )
        parser.add_argument("--told", default="", help="what they agreed to, in the words they saw")
        parser.add_argument("--where", default="", help="where they did")
        parser.add_argument("--when", default="", help="when they did")
        parser.add_argument("--document", type=Path, help="a document that shows it")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="HEADER=HOLDS",
            help=f"what a column holds, if it is not recognised: {CHOICES}; nothing for none",
        )
        parser.add_argument("--language", default=conf.default_language())
        parser.add_argument("--month-first", action="store_true", help="03/04/2024 is 4 March")
        parser.add_argument("--time-zone", default="UTC", help="of times without a zone")
        parser.add_argument("--encoding", default="", help="if it is not found out")
        parser.add_argument(
            "--delimiter",
            default="",
            choices=[",", ";", "|", "tab", ""],
            help="if it is not found out",
        )
        parser.add_argument("--yes", action="store_true", help="import, do not only check")
        parser.add_argument(
            "--not-taken", type=Path, help="write the rows that were left out there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        left_out = options["not_taken"]
        if left_out:
            self.write(left_out, [])  # Where that is not possible, better know it before.
        contact_import = self.read(options)
        try:
            self.check_file(contact_import, options)
            if options["yes"]:
                actions.start_import(contact_import=contact_import)
        except (actions.CannotImport, OSError) as error:
            actions.cancel_import(contact_import=contact_import)
            raise CommandError(str(error)) from error
        if not options["yes"]:
            actions.cancel_import(contact_import=contact_import)
            self.stdout.write("Nothing is imported. --yes imports.")
            return
        self.work_off(contact_import)
        self.report(contact_import, "Imported")
        if left_out:
            self.write(left_out, actions.export_left_out(contact_import=contact_import).chunks)

    def read(self, options: dict[str, Any]) -> ContactImport:
        book = self.book(options["book"])
        if book is None and not options["leavers"]:
            raise CommandError("Name the address book that they join: --book.")
        site = book.site if book else default_site()
        if site is None:
            raise CommandError("There is no default site.")
        try:
            with options["file"].open("rb") as file:
                return actions.read_import(
                    file=file,
                    name=options["file"].name,
                    kind=ImportKind.LEAVERS if options["leavers"] else ImportKind.PEOPLE,
                    site=site,
                    book=book,
                    encoding=options["encoding"],
                    delimiter=DELIMITERS.get(options["delimiter"], options["delimiter"]),
                )
        except (OSError, Unreadable) as error:
            raise CommandError(f"{options['file']}: {error}") from error

    def book(self, named: str | None) -> AddressBook | None:
        if named is None:
            return None
        found = AddressBook.objects.filter(uuid=named) or AddressBook.objects.filter(name=named)
        if len(found) != 1:
            known = ", ".join(f"{book.name} ({book.uuid})" for book in AddressBook.objects.all())
            raise CommandError(f"Which address book is {named}? There are: {known or 'none'}.")
        return found[0]

    def check_file(self, contact_import: ContactImport, options: dict[str, Any]) -> None:
        told = actions.Told(
            basis=options["basis"] or "",
            text=options["told"],
            where=options["where"],
            when=options["when"],
            document=self.document(options["document"]),
        )
        actions.check_import(
            contact_import=contact_import,
            told=told,
            columns=self.columns(contact_import, options["column"]),
            language=options["language"],
            month_first=options["month_first"],
            time_zone=options["time_zone"],
            reason=options["leavers"] or contact_import.reason,
        )
        self.work_off(contact_import)
        self.report(contact_import, "Checked")

    def document(self, path: Path | None) -> Any:
        if path is None:
            return None
        return actions.keep_document(name=path.name, content_type="", content=path.read_bytes())

    def columns(self, contact_import: ContactImport, said: list[str]) -> dict[str, str]:
        columns = {str(number): holds for number, holds in contact_import.columns.items()}
        for each in said:
            header, _equals, holds = each.rpartition("=")
            if header not in contact_import.headers or holds not in (*LABELS, ""):
                there_are = ", ".join(contact_import.headers)
                raise actions.CannotImport(
                    [f"{each}: the columns are {there_are}; they may hold {CHOICES}."]
                )
            columns[str(contact_import.headers.index(header))] = holds
        return {number: holds for number, holds in columns.items() if holds}

    def work_off(self, contact_import: ContactImport) -> None:
        while contact_import.is_at_work:
            actions.work_on_import(contact_import.pk)
        contact_import.refresh_from_db()

    def report(self, contact_import: ContactImport, done: str) -> None:
        self.stdout.write(f"{done}: {contact_import}, {contact_import.size} rows")
        for outcome in RowOutcome:
            if number := contact_import.counts.get(outcome):
                self.stdout.write(f"{number:>9}  {outcome.label}")

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        try:
            with path.open("wb") as file:
                file.writelines(chunks)
        except OSError as error:
            raise CommandError(f"{path}: {error}") from error
