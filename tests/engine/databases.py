"""An empty database for one run, where `DATABASE_URL` says, or a file of SQLite's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit


@contextmanager
def new_database(server: str, *, directory: Path) -> Iterator[str]:
    """Its URL. `server`: any database of the server, by its URL; empty for SQLite."""
    if not server:
        yield f"sqlite:///{directory / 'engine.sqlite3'}"
        return
    name = f"newsletter_engine_{secrets.token_hex(4)}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        force = " WITH (FORCE)" if server.startswith("postgres") else ""
        _execute(server, f"DROP DATABASE {name}{force}")


def _execute(server: str, statement: str) -> None:
    if server.startswith("postgres"):
        import psycopg

        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(statement)
        return
    import MySQLdb

    url = urlsplit(server)
    connection = MySQLdb.connect(
        host=url.hostname, port=url.port or 3306, user=url.username, password=url.password or ""
    )
    with connection.cursor() as cursor:
        cursor.execute(statement + (" CHARACTER SET utf8mb4" if "CREATE" in statement else ""))
    connection.close()
