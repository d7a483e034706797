"""Runs the sandbox as it would run on a server: web, worker and mail as processes of their own.

    with running_site(directory) as site:
        site.base_url, site.mailbox, site.manage("newsletter_status")

Nothing here imports Django, so that a test can use it beside any settings.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .inbox.mailbox import Mailbox

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
MAIL_VARIABLES = ("EMAIL_URL", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD")

Say = Callable[[str], None]


class SiteFailed(RuntimeError):
    """A process did not come up, or died; the message holds its last words."""


class Process:
    """A child in a session of its own, so that Ctrl-C reaches us alone and we end it in good order."""

    def __init__(self, name: str, *arguments: str, env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, str(ROOT / "sandbox" / "manage.py"), *arguments],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise `SiteFailed` if it runs no longer."""
        if self.popen.poll() is not None:
            raise SiteFailed(
                f"The {self.name} ended with {self.popen.returncode}. It said:\n{tail(self.log)}"
            )

    def stop(self, *, grace: float = 10) -> None:
        """Ask the leader alone: a worker's children that are asked as well leave it hanging."""
        if self.popen.poll() is None:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(grace)
        self.kill()

    def kill(self) -> None:
        """As a machine that loses its power."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


def tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def free_port(wanted: int, *, name: str, say: Say) -> int:
    """`wanted`, or the next one that nobody uses, and a word about it; 0 is any."""
    for port in range(wanted, wanted + 50) if wanted else [0]:
        with socket.socket() as candidate:
            # As servers do; otherwise a port stays taken for a minute after its last connection.
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            free: int = candidate.getsockname()[1]
        if wanted and free != wanted:
            say(f"Port {wanted} is taken, so the {name} listens on {free}.")
        return free
    raise SiteFailed(f"No port between {wanted} and {wanted + 49} is free for the {name}.")


@dataclass
class RunningSite:
    """A site that answers at `base_url` until its context ends."""

    state_dir: Path
    port: int
    smtp_port: int
    env: dict[str, str]
    #: What `load_demo --json` told.
    demo: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(self.state_dir / "mail")

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end; what it printed, or `SiteFailed` with it."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "sandbox" / "manage.py"), *arguments],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise SiteFailed(f"manage.py {' '.join(arguments)} failed:\n{said[-3000:]}")
        return done.stdout

    def start(self, name: str, *arguments: str) -> Process:
        log = self.state_dir / "log" / f"{name.replace(' ', '-')}.log"
        log.parent.mkdir(exist_ok=True)
        process = Process(name, *arguments, env=self.env, log=log)
        self.processes[name] = process
        return process

    def start_catcher(self) -> None:
        process = self.start("mail catcher", "catch_mail", "--port", str(self.smtp_port))
        _wait_for_port(self.smtp_port, process)

    def start_web(self) -> None:
        address = f"{HOST}:{self.port}"
        process = self.start("web server", "runserver", "--noreload", "--skip-checks", address)
        _wait_for_port(self.port, process)

    def start_worker(self) -> None:
        self.start("worker", "qcluster")

    def check(self) -> None:
        for process in self.processes.values():
            process.check()

    def stop(self) -> None:
        """The worker first: what it is sending still finds a mail server."""
        for name in ("worker", "web server", "mail catcher"):
            if process := self.processes.pop(name, None):
                process.stop()


def _wait_for_port(port: int, process: Process, *, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        process.check()
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise SiteFailed(f"The {process.name} does not answer:\n{tail(process.log)}")


@contextmanager
def running_site(
    state_dir: Path,
    *,
    port: int = 0,
    smtp_port: int = 0,
    worker: bool = True,
    catch: bool = True,
    unsent: bool = False,
    env: Mapping[str, str] | None = None,
    say: Say = lambda line: None,
) -> Iterator[RunningSite]:
    """Set up the site in `state_dir`, start it, and stop all of it again, whatever happens.

    `catch` sends its mail to the built-in catcher, whatever the environment says; `unsent` has a
    campaign ready to be sent; `env` is added to the environment of every process.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    port = free_port(port, name="site", say=say)
    smtp_port = free_port(smtp_port, name="mail catcher", say=say)
    site = RunningSite(state_dir, port, smtp_port, _environment(state_dir, port, smtp_port, catch))
    site.env |= env or {}
    with ExitStack() as stack:
        stack.callback(site.stop)
        say("Setting up the database and the demo content …")
        site.manage("migrate", "--verbosity", "0")
        site.demo = json.loads(
            site.manage("load_demo", "--json", *(["--unsent"] if unsent else []))
        )
        say("Starting web server, worker and mail …")
        if worker:
            site.start_worker()
        if catch:
            site.start_catcher()
        site.start_web()
        yield site


def _environment(state_dir: Path, port: int, smtp_port: int, catch: bool) -> dict[str, str]:
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "sandbox.settings",
        "DJANGO_RUNSERVER_HIDE_WARNING": "true",
        "PYTHONUNBUFFERED": "1",
        "SANDBOX_STATE": str(state_dir.resolve()),
        "SANDBOX_URL": f"http://{HOST}:{port}",
        "SANDBOX_PORT": str(port),
        "SANDBOX_SMTP_PORT": str(smtp_port),
    }
    if catch:
        for name in MAIL_VARIABLES:
            env.pop(name, None)
    return env
