"""Sets up the sandbox, does the main job once, and serves: `make sandbox`. With --exit: `make demo`."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from sandbox.browser import Unexpected  # noqa: E402
from sandbox.inbox.mailbox import NoSuchMail  # noqa: E402
from sandbox.main_job import run_main_job  # noqa: E402
from sandbox.supervisor import (  # noqa: E402
    MAIL_VARIABLES,
    RunningSite,
    SiteFailed,
    running_site,
)

VAR = ROOT / "sandbox" / "var"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--exit", action="store_true", help="Use a state of its own, and end after the main job."
    )
    arguments = parser.parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # A log is read while it grows.
    for ending in ENDINGS:
        signal.signal(ending, _end)
    try:
        return demo() if arguments.exit else sandbox()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except (SiteFailed, Unexpected, NoSuchMail, OSError) as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """An exception, so that every context on the way out stops its children."""
    # `make` and terminals tell us twice, and the second must not stop the stopping.
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def demo() -> int:
    """The main job in a directory of its own, which stays only where something went wrong."""
    began = time.monotonic()
    if _has_own_mail_server():
        print("EMAIL_* is set, but these readers are invented: their mail goes to the catcher.")
    with (
        _throw_away_directory() as state_dir,
        running_site(
            state_dir, port=_port(), smtp_port=_smtp_port(), unsent=True, say=print
        ) as site,
    ):
        run_main_job(site, say=print)
    print(f"\nAll of it happened, in {time.monotonic() - began:.0f} seconds.")
    return 0


@contextmanager
def _throw_away_directory() -> Iterator[Path]:
    VAR.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="demo-", dir=VAR))
    try:
        yield directory
    except Exception:
        print(f"\nThe logs stay in {directory.relative_to(ROOT)}/log", file=sys.stderr)
        raise
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)


def sandbox() -> int:
    """The main job where it has not been done yet, and then the site, until Ctrl-C."""
    own_server = _has_own_mail_server()
    with _only_one(VAR):
        if own_server:
            print("EMAIL_* is set. First a round with invented readers, whose mail is caught.")
            with running_site(VAR, port=_port(), smtp_port=_smtp_port(), say=print) as site:
                _do_main_job_once(site)
            print("\nAnd now with your mail server.")
        with running_site(
            VAR, port=_port(), smtp_port=_smtp_port(), catch=not own_server, say=print
        ) as site:
            if not own_server:
                _do_main_job_once(site)
            _serve(site)
    return 0


def _do_main_job_once(site: RunningSite) -> None:
    if site.demo["send_status"] == "draft":
        run_main_job(site, say=print)
    else:
        print("The demo campaign has gone out before; `make demo` does it all again.")


def _serve(site: RunningSite) -> None:
    print(
        f"""
    Site    {site.base_url}/
    Admin   {site.base_url}/admin/   (admin / admin)
    Inbox   {site.base_url}/inbox/
    Logs    {(site.state_dir / "log").relative_to(ROOT)}

    Ctrl-C stops everything.
"""
    )
    while True:
        time.sleep(1)
        site.check()


@contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Two sandboxes in one directory would take each other's worker and address."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "running.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SiteFailed("A sandbox is already running from this directory.") from error
        yield


def _has_own_mail_server() -> bool:
    return any(os.environ.get(name) for name in MAIL_VARIABLES)


def _port() -> int:
    return int(os.environ.get("SANDBOX_PORT", "8000"))


def _smtp_port() -> int:
    return int(os.environ.get("SANDBOX_SMTP_PORT", "2525"))


if __name__ == "__main__":
    sys.exit(main())
