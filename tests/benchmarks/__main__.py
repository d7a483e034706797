"""Measures, interleaved, and prints medians and ratios: `python -m tests.benchmarks [--full] [--write]`."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import cases
from tests.benchmarks.cases import Bench, say
from tests.benchmarks.servers import ROOT

DOCS = ROOT / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100_000, help="of the file that is imported")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--full", action="store_true", help="only what takes long: a million readers"
    )
    parser.add_argument("--many", type=int, default=1_000_000, help="how many that is")
    parser.add_argument("--imports", action="store_true", help="only imports")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {DOCS.name}")
    options = parser.parse_args()
    database = os.environ.get("DATABASE_URL", "")
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        bench = Bench(Path(directory), 1 if options.full else options.rounds, stack)
        if options.full:
            say("A mail server on this machine, small messages:")
            cases.million(bench, database, options.connections, many=options.many)
            where = "full"
        else:
            where = "measured"
            databases = [database, ""] if database else [""]
        if not (options.full or options.imports):
            say("A mail server on this machine, messages of 20 kB:")
            cases.near(bench, databases, options.messages, options.connections)
            say("A mail server 20 ms away, one connection:")
            cases.far(bench, 200)
            say("A provider's API, 100 ms a call:")
            cases.api(bench, options.messages)
        if not options.full:
            say("A file of people, with their proof:")
            cases.imports(bench, databases, options.rows)
    sections = {}
    if bench.results:
        sections[where] = [*results_of(bench), "", *promises_of(bench, imports=False)]
    if bench.imports:
        sections["imports"] = [*imports_of(bench), "", *promises_of(bench, imports=True)]
    for name, lines in sections.items():
        text = "\n".join([here(), "", *lines])
        say(f"\n{text}")
        if options.write:
            write(text, name)
    # To a hundredth, as they are printed: one run differs from the next by more.
    missed = [each.what for each in bench.promises if round(each.measured, 2) < each.least]
    if missed:
        raise SystemExit(f"Less than promised: {'; '.join(missed)}")


def here() -> str:
    cores, python = os.cpu_count(), platform.python_version()
    return f"{cores} cores, Python {python}, {time.strftime('%Y-%m-%d')}."


def results_of(bench: Bench) -> list[str]:
    lines = [
        "| | messages a second | CPU s per 1,000 | peak MB | statements a message | ledger, s |"
    ]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, row in bench.results.items():
        statements = f"{row['statements']:.2f}" if "statements" in row else "–"
        ledger = f"{row['ledger']:.1f}" if "ledger" in row else "–"
        measured = f"{row['rate']:,.0f} | {row['cpu']:.2f} | {row['peak']:.0f}"
        lines.append(f"| {name} | {measured} | {statements} | {ledger} |")
    if bench.pages:
        lines += ["", "| contacts in the admin, ms | few | many |", "| --- | ---: | ---: |"]
        lines += [
            f"| {page} | {' | '.join(f'{each:.0f}' for each in milliseconds)} |"
            for page, milliseconds in bench.pages.items()
        ]
    return lines


def imports_of(bench: Bench) -> list[str]:
    return [
        *("| | rows a second | CPU s per 1,000 | peak MB |", "| --- | ---: | ---: | ---: |"),
        *(
            f"| {name} | {row['rate']:,.0f} | {row['cpu']:.2f} | {row['peak']:.0f} |"
            for name, row in bench.imports.items()
        ),
    ]


def promises_of(bench: Bench, *, imports: bool) -> list[str]:
    return [
        *("| | promised | measured |", "| --- | ---: | ---: |"),
        *(
            f"| {each.what} | {each.least:.3g} | {each.measured:.2f} |"
            for each in bench.promises
            if each.what.startswith("Import") == imports
        ),
    ]


def write(text: str, where: str) -> None:
    begin, end = f"<!-- {where} -->", f"<!-- end of {where} -->"
    before, _begin, rest = DOCS.read_text().partition(begin)
    DOCS.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
