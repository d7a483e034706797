"""One database for all of these tests, and for each a site of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine.databases import new_database
from tests.engine.world import World, world
from tests.smtp_server import Manners

#: For tests that look for the workers of a cluster; none of them runs beside another one.
on_linux = [
    pytest.mark.xdist_group("engine"),
    pytest.mark.skipif(
        not Path("/proc/self/task").exists(),
        reason="How to find the workers of a cluster is Linux's way.",
    ),
]


@pytest.fixture(scope="session")
def database(tmp_path_factory) -> Iterator[str]:
    """Its URL. To write its tables takes longer than any of these tests."""
    server = os.environ.get("DATABASE_URL", "")
    with new_database(server, directory=tmp_path_factory.mktemp("engine")) as url:
        yield url


@pytest.fixture
def begin(database, tmp_path) -> Iterator[Callable[..., World]]:
    """Begin a site with so many readers and a campaign, and a mail server with such manners."""
    with ExitStack() as stack:

        def begin(readers: int, manners: Manners | None = None, **env: str) -> World:
            here = world(tmp_path, database=database, readers=readers, manners=manners, **env)
            return stack.enter_context(here)

        yield begin
