"""The search for traces finds what is packed, or every test that stands on it would prove nothing."""

from __future__ import annotations

import base64
import pickle

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache.backends.db import DatabaseCache
from django.core.management import call_command
from django.db import connection
from django_q.conf import Conf
from django_q.tasks import async_task

from tests.traces import spellings, traces_of, unpacked

pytestmark = pytest.mark.django_db

ADDRESS = "Ada@Bücher.example"


def test_in_a_queued_task(monkeypatch):
    monkeypatch.setattr(Conf, "SYNC", False)
    async_task("math.copysign", {"to": ADDRESS})
    assert any(trace.startswith("django_q_ormq.payload") for trace in traces_of(ADDRESS))


def test_in_a_session():
    session = SessionStore()
    session["address"] = ADDRESS
    session.save()
    assert any(trace.startswith("django_session") for trace in traces_of(ADDRESS))


def test_in_a_cache():
    call_command("createcachetable", "cache_table")
    DatabaseCache("cache_table", {}).set("who", ADDRESS)
    assert any(trace.startswith("cache_table") for trace in traces_of(ADDRESS))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cache_table")


@pytest.mark.parametrize(
    "packed",
    [
        ADDRESS.upper(),
        "ada@xn--bcher-kva.example",
        base64.b64encode(f"to: {ADDRESS}, cc: nobody".encode()).decode(),
        base64.b64encode(pickle.dumps({"to": ADDRESS})).decode(),
        "https://example.org/?to=Ada%40B%C3%BCcher.example",
        "To: Ada@B=C3=BCcher.example",
        ADDRESS.encode(),
    ],
)
def test_in_other_spellings(packed):
    found = "\n".join(unpacked(packed)).lower()
    assert any(spelling in found for spelling in spellings(ADDRESS))
