"""Measures, interleaved, and prints medians and ratios: `python -m tests.benchmarks [--full] [--write]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.engine.databases import new_database

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"

Results = dict[str, dict[str, float]]


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def child(module: str, *arguments: object, **env: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "sandbox.settings", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{module} {arguments} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def sink() -> Iterator[int]:
    """Debian's smtp-sink where there is one, else a server of our own: a process of its own, on any port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = os.environ.get("SMTP_SINK") or shutil.which("smtp-sink")
    if found:
        command = [
            found,
            *(["-u", "nobody"] if os.geteuid() == 0 else []),
            f"127.0.0.1:{port}",
            "1000",
        ]
    else:
        command = [sys.executable, "-m", "tests.smtp_server", str(port)]
    with running(command, port):
        yield port


@contextmanager
def server(**manners: object) -> Iterator[int]:
    """Our own mail server with these manners."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running([sys.executable, "-m", "tests.smtp_server", str(port), json.dumps(manners)], port):
        yield port


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        for _attempt in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def spinning() -> Iterator[None]:
    """Cores kept awake at idle priority: waking one up costs more than the exchange that is measured."""
    code = "import os; os.nice(19)\nwhile True: pass"
    spinners = [
        subprocess.Popen([sys.executable, "-c", code]) for _core in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


class Bench:
    def __init__(self, directory: Path, rounds: int) -> None:
        self.directory, self.rounds = directory, rounds
        self.results: Results = {}

    def site(self, database: str, messages: int, size: int) -> dict[str, str]:
        """The environment of a site with so many readers."""
        state = self.directory / (f"{database.partition(':')[0] or 'sqlite'}-{messages}-{size}")
        state.mkdir(exist_ok=True)
        url = self.stack.enter_context(new_database(database, directory=state))
        env = {"DATABASE_URL": url, "SANDBOX_STATE": str(state)}
        say(f"  {messages} readers in {url.partition(':')[0]} ...")
        child("tests.benchmarks.measure", "prepare", "--messages", messages, "--size", size, **env)
        return env

    def run(self, cases: dict[str, tuple[str, dict[str, str], list[object]]]) -> None:
        """Each case once a round, one after the other; the medians are kept."""
        measured: dict[str, list[dict[str, float]]] = defaultdict(list)
        for number in range(self.rounds):
            for name, (what, env, options) in cases.items():
                answer = child("tests.benchmarks.measure", what, *options, **env)
                measured[name].append(answer)
                say(f"  {number + 1}/{self.rounds} {name}: {answer['rate']:.0f}/s")
        for name, answers in measured.items():
            self.results[name] = {
                key: statistics.median(answer[key] for answer in answers) for key in answers[0]
            }


def near(bench: Bench, servers: list[str], messages: int, connections: int) -> None:
    """A relay on the same machine."""
    with sink() as port:
        mail = {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
        many = mail | {"WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": str(connections)}
        common = ["--port", port, "--connections", connections]
        sites = [bench.site(server, messages, 20_000) for server in servers]
        few = messages // 5
        cases = {
            "loop": ("loop", sites[0] | mail, [*common, "--messages", few]),
            "smtplib": ("smtplib", sites[0] | mail, [*common, "--messages", few]),
            "wire": ("wire", sites[0] | mail, [*common, "--messages", messages]),
        }
        for site, server_url in zip(sites, servers, strict=True):
            name = f"engine, {server_url.partition(':')[0] or 'sqlite'}"
            cases[name] = ("engine", site | many, [*common, "--messages", messages])
        bench.run(cases)


def far(bench: Bench, messages: int) -> None:
    """A relay 20 ms away, one connection; with pipelining and without, and secured."""
    env = bench.site("", messages, 20_000)
    one = {"WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": "1"}
    common = ["--messages", messages]
    with ExitStack() as stack:
        stack.enter_context(spinning())
        piped = stack.enter_context(server(delay=0.02))
        plain = stack.enter_context(server(delay=0.02, pipelining=False))

        urls = {
            "piped": f"smtp://127.0.0.1:{piped}",
            "plain": f"smtp://127.0.0.1:{plain}",
        }
        site = {name: env | one | {"EMAIL_URL": url} for name, url in urls.items()}
        bench.run(
            {
                "far, smtplib": ("smtplib", site["piped"], [*common, "--port", piped]),
                "far, engine": ("engine", site["piped"], common),
                "far, engine, no pipelining": ("engine", site["plain"], common),
                "far, smtplib, no pipelining": (
                    "smtplib",
                    site["plain"],
                    [*common, "--port", plain],
                ),
            }
        )


def table(results: Results) -> str:
    lines = ["| | messages a second | CPU s per 1,000 | peak MB | statements a message |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for name, row in results.items():
        statements = f"{row['statements']:.2f}" if "statements" in row else "–"
        lines.append(
            f"| {name} | {row['rate']:,.0f} | {row['cpu']:.2f} | {row['peak']:.0f} | {statements} |"
        )
    return "\n".join(lines)


def ratios(results: Results) -> list[tuple[str, float, float]]:
    """What is promised, what was measured, and whether it is at least that."""
    found = []
    loop, smtplib, wire = (results[name] for name in ("loop", "smtplib", "wire"))
    for name in [each for each in results if each.startswith("engine")]:
        engine = results[name]
        found += [
            (f"{name}: times the loop", 8, engine["rate"] / loop["rate"]),
            (f"{name}: times smtplib", 2, engine["rate"] / smtplib["rate"]),
            (f"{name}: of the wire", 0.55, engine["rate"] / wire["rate"]),
            (f"{name}: the loop's CPU, times ours", 8, loop["cpu"] / engine["cpu"]),
        ]
    if "far, engine" in results:
        far_rate = results["far, engine"]["rate"] / results["far, smtplib"]["rate"]
        plain = results["far, engine, no pipelining"]["rate"]
        found += [
            ("20 ms away: times smtplib", 3, far_rate),
            (
                "20 ms away, no PIPELINING: times smtplib",
                1,
                plain / results["far, smtplib, no pipelining"]["rate"],
            ),
        ]
    return found


def report(results: Results) -> str:
    promises = ["| | promised | measured |", "| --- | ---: | ---: |"]
    promises += [
        f"| {what} | {least:g} | {measured:.2f} |" for what, least, measured in ratios(results)
    ]
    where = (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    )
    return f"{where}.\n\n{table(results)}\n\n" + "\n".join(promises)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write the tables into {DOCS.name}")
    options = parser.parse_args()
    servers = [*filter(None, [os.environ.get("DATABASE_URL", "")]), ""]
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        bench = Bench(Path(directory), options.rounds)
        bench.stack = stack
        say("A mail server on this machine, messages of 20 kB:")
        near(bench, servers, options.messages, options.connections)
        say("A mail server 20 ms away, one connection:")
        far(bench, 200)
    text = report(bench.results)
    say(f"\n{text}")
    if options.write:
        before, _begin, rest = DOCS.read_text().partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
    missed = [what for what, least, measured in ratios(bench.results) if measured < least]
    if missed:
        raise SystemExit(f"Less than promised: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
