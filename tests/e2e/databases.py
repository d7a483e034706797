"""The served site's database as text: dumped, and put back, by each database's own tools."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.supervisor import RunningSite


@dataclass(frozen=True)
class Database:
    """What `DATABASE_URL` names, or the sandbox's own SQLite file."""

    site: RunningSite

    @property
    def _url(self) -> str:
        return self.site.env.get("DATABASE_URL", "")

    @property
    def _file(self) -> Path:
        return self.site.state_dir / "db.sqlite3"

    @property
    def files(self) -> set[Path]:
        """Those of the database itself, which hold what was deleted until it is overwritten."""
        return set(self.site.state_dir.glob("db.sqlite3*"))

    def dump(self) -> str:
        if self._url.startswith("postgres"):
            return _run("pg_dump", "--clean", "--if-exists", "--inserts", f"--dbname={self._url}")
        if self._url.startswith("mysql"):
            return _run("mariadb-dump", *self._mysql_arguments())
        with sqlite3.connect(self._file) as connection:
            return "\n".join(connection.iterdump())

    def back_up(self, to: Path) -> None:
        """While the site runs."""
        if self._url:
            to.write_text(self.dump())
        else:  # Its dump leaves out how the tables of the search index are made.
            with sqlite3.connect(self._file) as source, sqlite3.connect(to) as target:
                source.backup(target)

    def restore(self, backup: Path) -> None:
        """Nobody may be connected."""
        if self._url.startswith("postgres"):
            options = ["--quiet", "--set=ON_ERROR_STOP=1", f"--file={backup}"]
            _run("psql", *options, f"--dbname={self._url}")
        elif self._url.startswith("mysql"):
            _run("mariadb", *self._mysql_arguments(), said=backup.read_text())
        else:
            for file in self.files:
                file.unlink()
            shutil.copy(backup, self._file)

    def _mysql_arguments(self) -> list[str]:
        url = urlsplit(self._url)
        return [
            f"--host={url.hostname}",
            f"--port={url.port or 3306}",
            f"--user={url.username}",
            url.path.strip("/"),
        ]


def _run(*command: str, said: str | None = None) -> str:
    env = {**os.environ, "PGOPTIONS": "--client-min-messages=warning"}
    done = subprocess.run(command, input=said, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
