from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from wagtail.models import Site

from ... import actions, conf
from ...addresses import Address, InvalidAddress
from ...links import default_site
from ...models import Contact, Origin


class Command(BaseCommand):
    help = (
        "Erase everything that is kept of an address, or, after a backup was restored, everybody "
        "again whom the journal of erasures names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("address", nargs="?", help="the person's e-mail address")
        what.add_argument(
            "--replay",
            nargs="*",
            type=Path,
            metavar="JOURNAL",
            help="erase again; without a file: the one in the setting ERASURE_JOURNAL",
        )
        parser.add_argument("--site", help="the hostname, where it is not the default site")
        parser.add_argument(
            "--without-hash",
            action="store_true",
            help="keep no keyed hash and no proof either: an import may bring the address back",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replay"] is not None:
            if options["site"] or options["without_hash"]:
                raise CommandError("A replay does to everybody what was done before.")
            self.replay(options["replay"])
        else:
            self.erase(options["address"], options["site"], keep_hash=not options["without_hash"])

    def erase(self, text: str, hostname: str | None, *, keep_hash: bool) -> None:
        site = Site.objects.filter(hostname=hostname).first() if hostname else default_site()
        if site is None:
            raise CommandError(f"There is no site {hostname or ''}.")
        try:
            address = Address.parse(text)
        except InvalidAddress as error:
            raise CommandError(str(error)) from error
        contact = Contact.objects.known_as(address, site=site).first()
        if contact is None:
            self.forget(address, site, keep_hash=keep_hash)
            return
        request = actions.erase(
            contact=contact, origin=Origin(source="command"), keep_hash=keep_hash
        )
        for place, outcome in (request.places if request else {}).items():
            self.stdout.write(f"{place}: {outcome}")

    def replay(self, files: list[Path]) -> None:
        files = files or [Path(conf.erasure_journal())]
        if files == [Path()]:
            raise CommandError("Name the journal, or set ERASURE_JOURNAL.")
        try:
            journals = [(file, *actions.read_journal(file)) for file in files]
        except OSError as error:
            raise CommandError(f"The journal cannot be read: {error}.") from error
        lines = [line for _file, lines, _broken in journals for line in lines]
        again = actions.replay_erasures(lines)
        self.stdout.write(f"{len(lines)} erasures in the journal, {again} erased again.")
        if broken := [f"{file}, line {n}" for file, _lines, numbers in journals for n in numbers]:
            raise CommandError(f"These are no lines of a journal: {'; '.join(broken)}.")

    def forget(self, address: Address, site: Site, *, keep_hash: bool) -> None:
        """No contact has the address, but something may be remembered of it."""
        remembered = actions.traces(address=address, site=site)
        if not remembered:
            raise CommandError(f"Nothing is kept of that address on {site.hostname}.")
        if keep_hash:
            raise CommandError(
                f"No contact has that address on {site.hostname}. Remembered without it: "
                f"{', '.join({str(each) for each in remembered.suppressions}) or 'nothing'}; and "
                f"{remembered.records.count()} records of proof. --without-hash forgets these, too."
            )
        actions.forget_traces(address=address, site=site)
        self.stdout.write("What was remembered of that address is forgotten.")
