"""What is measured against what, and what is promised of it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tests import certificates, provider
from tests.benchmarks import servers
from tests.engine.databases import new_database

Env = dict[str, str]
Results = dict[str, dict[str, float]]
ONE = {"WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": "1"}
LOGIN = ["news", "s3cret"]


class Promise(NamedTuple):
    what: str
    least: float
    measured: float


class Case(NamedTuple):
    """What `measure.py` does, in which environment."""

    what: str
    env: Env
    options: dict[str, object]


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def child(what: str, env: Env, **options: object) -> dict[str, Any]:
    arguments = [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.measure", what, *arguments],
        cwd=servers.ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "sandbox.settings", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{what} {options} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Bench:
    """Databases, results, and what they promise; `stack` ends everything that was begun."""

    def __init__(self, directory: Path, rounds: int, stack: ExitStack) -> None:
        self.directory, self.rounds, self.stack = directory, rounds, stack
        self.results: Results = {}
        #: The same of rows instead of messages.
        self.imports: Results = {}
        self.promises: list[Promise] = []
        #: {page: milliseconds with each number of contacts}
        self.pages: dict[str, list[float]] = defaultdict(list)

    def site(self, database: str, *, messages: int, size: int) -> Env:
        """The environment of a site with so many readers."""
        state = Path(tempfile.mkdtemp(dir=self.directory))
        url = self.stack.enter_context(new_database(database, directory=state))
        env = {"DATABASE_URL": url, "SANDBOX_STATE": str(state)}
        say(f"  {messages:,} readers in {name_of(database)} ...")
        child("prepare", env, messages=messages, size=size)
        return env

    def run(self, cases: dict[str, Case], *, into: Results | None = None) -> None:
        """Each case once a round, one after the other and the next time backwards; the medians are kept."""
        results = self.results if into is None else into
        measured: dict[str, list[dict[str, float]]] = defaultdict(list)
        for number in range(self.rounds):
            order = list(cases.items())
            for name, case in order if number % 2 == 0 else order[::-1]:
                answer = child(case.what, case.env, **case.options)
                measured[name].append(answer)
                say(f"  {number + 1}/{self.rounds} {name}: {answer['rate']:,.0f}/s")
        for name, answers in measured.items():
            results[name] = {
                key: statistics.median(answer[key] for answer in answers) for key in answers[0]
            }

    def promise(self, what: str, least: float, measured: float) -> None:
        self.promises.append(Promise(what, least, measured))


def name_of(database: str) -> str:
    return database.partition(":")[0] or "sqlite"


def near(bench: Bench, databases: list[str], messages: int, connections: int) -> None:
    """A relay on the same machine."""
    port = bench.stack.enter_context(servers.sink())
    mail = {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    many = mail | {"WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": str(connections)}
    sites = {
        f"engine, {name_of(each)}": bench.site(each, messages=messages, size=20_000)
        for each in databases
    }
    any_site = next(iter(sites.values())) | mail
    few = {"port": port, "messages": messages // 5}
    all_of_them = {"port": port, "messages": messages, "connections": connections}
    bench.run(
        {
            "loop": Case("loop", any_site, few),
            "smtplib": Case("smtplib", any_site, few),
            "wire": Case("wire", any_site, all_of_them),
            **{name: Case("engine", site | many, all_of_them) for name, site in sites.items()},
        }
    )
    loop, smtplib, wire = (bench.results[name] for name in ("loop", "smtplib", "wire"))
    for name in sites:
        engine = bench.results[name]
        bench.promise(f"{name}: times the loop", 8, engine["rate"] / loop["rate"])
        bench.promise(f"{name}: times smtplib", 2, engine["rate"] / smtplib["rate"])
        bench.promise(f"{name}: of the wire", 0.55, engine["rate"] / wire["rate"])
        bench.promise(f"{name}: the loop's CPU, times ours", 8, loop["cpu"] / engine["cpu"])


def far(bench: Bench, messages: int) -> None:
    """A relay 20 ms away, one connection; with pipelining, without, and secured."""
    env = bench.site("", messages=messages, size=20_000) | ONE
    certificate = certificates.make(bench.directory)
    manners: dict[str, dict[str, object]] = {
        "": {},
        ", no PIPELINING": {"pipelining": False},
        ", TLS and login": {"tls": str(certificate), "login": LOGIN},
    }
    with ExitStack() as stack:
        stack.enter_context(servers.spinning())
        cases = {}
        for name, more in manners.items():
            port = stack.enter_context(servers.server(delay=0.02, **more))
            secured = "tls" in more
            scheme = "smtp+tls://{}:{}@".format(*LOGIN) if secured else "smtp://"
            here = env | {"EMAIL_URL": f"{scheme}127.0.0.1:{port}"}
            here |= {"SSL_CERT_FILE": str(certificate)} if secured else {}
            options = {
                "messages": messages,
                "port": port,
                "login": ":".join(LOGIN) if secured else "",
            }
            cases[f"20 ms away{name}: smtplib"] = Case("smtplib", here, options)
            cases[f"20 ms away{name}: engine"] = Case("engine", here, options)
            if "pipelining" in more:
                as_installed = here | {"WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": "8"}
                more_name = f"20 ms away{name}: engine, 8 connections"
                cases[more_name] = Case("engine", as_installed, options)
        bench.run(cases)
    for name in manners:
        engine, smtplib = (
            bench.results[f"20 ms away{name}: {which}"]["rate"] for which in ("engine", "smtplib")
        )
        if name != ", no PIPELINING":
            bench.promise(f"20 ms away{name}: times smtplib, per connection", 3, engine / smtplib)
            continue
        # Both wait for the same round trips; what a turn does of its own must not show beside them.
        bench.promise(f"20 ms away{name}: times smtplib, per connection", 1, engine / smtplib)
        as_installed = bench.results[f"20 ms away{name}: engine, 8 connections"]["rate"]
        bench.promise(f"20 ms away{name}: times smtplib, as installed", 1, as_installed / smtplib)


def api(bench: Bench, messages: int) -> None:
    """A provider whose calls take 100 ms: one after the other, several at once, and many readers in each."""
    calls = 8
    common = {
        "DJANGO_SETTINGS_MODULE": "tests.engine.api_settings",
        "WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": str(calls),
    }
    sites = {number: bench.site("", messages=number, size=20_000) for number in (500, messages)}

    def case(what: str, name: str, here: servers.Api, number: int) -> Case:
        anymail = {"PROVIDER": name, "ANYMAIL": json.dumps(provider.settings(here.port))}
        return Case(what, sites[number] | common | anymail, {"messages": number})

    with servers.api(delay=0.1) as one, servers.api(delay=0.1) as batches:
        bench.run(
            {
                "API: loop": case("loop", "Postmark", one, 500)._replace(options={"messages": 50}),
                "API: engine, a call a message": case("engine", "Postmark", one, 500),
                "API: engine, batches": case("engine", "Mailgun", batches, messages),
            }
        )
        seen = {"a call a message": one.seen, "batches": batches.seen}
    loop = bench.results["API: loop"]["rate"]
    for name, least in (("a call a message", 7), ("batches", 100)):
        rate = bench.results[f"API: engine, {name}"]["rate"]
        bench.promise(f"API, {name}: times the loop", least, rate / loop)
        bench.promise(f"API, {name}: calls at once", calls, seen[name]["most_at_once"])
    bench.promise("API, batches: copies in a call", 100, seen["batches"]["most_in_a_call"])
    with servers.api(delay=0.1, calls_a_second=20) as strict:
        told = case("engine", "Postmark", strict, 500)
        child(told.what, told.env, **told.options)
        said = strict.seen
    assert said["refused"], "it had no reason to say 429"
    kept = 1 - said["too_early"] / said["calls"]
    bench.promise("API: calls that kept to Retry-After, of all", 1, kept)


def million(bench: Bench, database: str, connections: int, *, many: int, few: int = 10_000) -> None:
    """A small message, once to so many and once to few."""
    port = bench.stack.enter_context(servers.sink())
    mail = {
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "WAGTAIL_GDPR_NEWSLETTER_CONNECTIONS": str(connections),
    }
    cases = {}
    for messages in (few, many):
        env = bench.site(database, messages=messages, size=2000) | mail
        cases[f"{messages:,} small messages, {name_of(database)}"] = Case(
            "engine", env, {"messages": messages, "size": 2000}
        )
    bench.run(cases)
    for case in cases.values():
        for page, milliseconds in child("pages", case.env).items():
            bench.pages[page].append(milliseconds)
    for page, (of_few, of_many) in bench.pages.items():
        bench.promise(
            f"Contacts, {page}: time with {few:,}, of that with {many:,}", 0.5, of_few / of_many
        )
    small, large = (bench.results[name] for name in cases)
    what = f"{many:,} readers, {name_of(database)}"
    bench.promise(f"{what}: rate, of that with {few:,}", 0.8, large["rate"] / small["rate"])
    bench.promise(f"{what}: 60 s, times writing the ledger", 1, 60 / large["ledger"])
    bench.promise(
        f"{what}: 30 MB, times the memory beyond that with {few:,}",
        1,
        30 / max(large["peak"] - small["peak"], 1),
    )


def imports(bench: Bench, databases: list[str], rows: int) -> None:
    """A file of people with their proof, from the upload to the report."""
    few = rows // 10
    for database in databases:
        name = name_of(database)
        # In debug Django keeps every statement in memory.
        env = bench.site(database, messages=1, size=2000) | {"DEBUG": "0"}
        cases = {
            f"bulk_create of ready-made rows, {name}": Case("bulk", env, {"messages": rows}),
            f"import of {rows:,} rows, {name}": Case("import", env, {"messages": rows}),
            f"import of {few:,} rows, {name}": Case("import", env, {"messages": few}),
        }
        bench.run(cases, into=bench.imports)
        bare, large, small = (bench.imports[case] for case in cases)
        bench.promise(f"Import, {name}: of bulk_create", 1 / 3, large["rate"] / bare["rate"])
        bench.promise(
            f"Import, {name}: 10 MB, times the memory beyond that of {few:,} rows",
            1,
            10 / max(large["peak"] - small["peak"], 1),
        )
