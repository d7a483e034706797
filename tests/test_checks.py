"""Each forgotten or wrong step of the installation is named by `manage.py check`, with what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.db import connections
from django.db.utils import ConnectionHandler
from django.test import override_settings
from django.urls import include, path, re_path
from django.utils.timezone import now
from django_q.models import Schedule
from wagtail import urls as wagtail_urls

from tests.mailers import use_mailer
from wagtail_gdpr_newsletter import conf

ROOT = Path(__file__).parent.parent
JOURNAL = {"ERASURE_JOURNAL": "/tmp/erasures-of-a-test.jsonl"}
KEYS = {"SUPPRESSION_KEYS": {"1": "x" * 32}, **JOURNAL}
SAFE = {
    "name": "x",
    "orm": "default",
    "workers": 2,
    "timeout": 300,
    "retry": 900,
    "max_attempts": 5,
    "bulk": 1,
    "queue_limit": 2,
    "catch_up": False,
}


@pytest.fixture(autouse=True)
def _safe_queue(settings):
    """The tests' own queue runs tasks at once, which a check warns of."""
    settings.Q_CLUSTER = SAFE


def found() -> dict[str, checks.CheckMessage]:
    messages = checks.run_checks(tags=["wagtail_gdpr_newsletter"], databases=[])
    return {message.id.partition(".")[2]: message for message in messages}


def urlconf(*patterns) -> types.ModuleType:
    module = types.ModuleType("urls_of_a_test")
    module.urlpatterns = list(patterns)
    return module


OURS = path("newsletter/", include("wagtail_gdpr_newsletter.urls"))
CATCH_ALL = re_path(r"", include(wagtail_urls))


def test_a_right_installation_has_nothing_to_say():
    assert found() == {}


@pytest.mark.parametrize(
    ("changed", "expected", "said"),
    [
        ({**KEYS, "CONFIRMATION_EXPRY": timedelta(1)}, "E001", "CONFIRMATION_EXPRY"),
        ({**KEYS, "CONFIRMATION_EXPIRY": 7}, "E002", "timedelta"),
        ({**KEYS, "RECORD_CLIENT": "everything"}, "E002", "'full'"),
        ({**KEYS, "PROXY_COUNT": -1}, "E002", "PROXY_COUNT"),
        ({"SUPPRESSION_KEYS": {"1": "short"}}, "E002", "32 characters"),
        ({**KEYS, "ERASURE_JOURNAL": "erasures.jsonl"}, "E002", "absolute path"),
        ({**KEYS, "ERASURE_JOURNAL": 5}, "E002", "absolute path"),
        ({**KEYS, "ERASURE_JOURNAL": "/nowhere/at/all.jsonl"}, "W014", "cannot be written"),
        ({"SUPPRESSION_KEYS": KEYS["SUPPRESSION_KEYS"]}, "W013", "once a backup is restored"),
        ({**KEYS, "DIRECT_ACCESS": 7}, "E002", "or None"),
        ({**KEYS, "CAMPAIGN_CLUSTER": ["campaigns"]}, "E002", "ALT_CLUSTERS"),
        ({}, "E003", "who has left"),
        ({"SUPPRESSION_KEYS": {"1": "s" * 50}}, "E004", "SECRET_KEY"),
        ({**KEYS, "SIGNUP_FORM": "nowhere.Form"}, "E005", "nowhere"),
        ({**KEYS, "CAMPAIGN_BODY": "django.forms.Form"}, "E006", "StreamBlock"),
        ({**KEYS, "CONFIRMATION_EXPIRY": timedelta(days=60)}, "W001", "30 days"),
    ],
)
def test_wrong_settings_are_named(changed, expected, said):
    with override_settings(WAGTAIL_GDPR_NEWSLETTER=changed, SECRET_KEY="s" * 50):
        message = found()[expected]
    assert said in f"{message.msg} {message.hint}"
    assert message.hint


@pytest.mark.parametrize("app", ["anymail", "wagtail.contrib.settings"])
def test_a_forgotten_app_is_named(app):
    """In a process of its own: apps are set up once."""
    program = (
        "import django, os; from django.conf import settings; settings.INSTALLED_APPS.remove(os.environ['APP']);"
        "django.setup(); from django.core.management import call_command; call_command('check')"
    )
    checked = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "APP": app, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
    )
    assert checked.returncode != 0
    assert f"{app} is not installed" in checked.stderr
    assert "INSTALLED_APPS" in checked.stderr


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [([CATCH_ALL], "E008"), ([CATCH_ALL, OURS], "E009"), ([OURS, CATCH_ALL], None)],
)
def test_forgotten_and_misplaced_urls_are_named(patterns, expected):
    with override_settings(ROOT_URLCONF=urlconf(*patterns)):
        ids = found()
    assert list(ids) == ([expected] if expected else [])


def test_a_mail_backend_that_does_not_exist_is_named():
    with use_mailer("nowhere.EmailBackend"):
        assert "E010" in found()


def test_a_provider_that_tracks_anyway_is_named():
    """T1."""
    with (
        override_settings(ANYMAIL={"RESEND_API_KEY": "x"}),
        use_mailer("anymail.backends.resend.EmailBackend"),
    ):
        ids = found()
    assert "Resend" in ids["W002"].msg


def test_a_provider_whose_events_do_not_arrive_is_named():
    with (
        override_settings(ANYMAIL={"RESEND_API_KEY": "x"}, ROOT_URLCONF=urlconf(OURS, CATCH_ALL)),
        use_mailer("anymail.backends.resend.EmailBackend"),
    ):
        assert "W003" in found()


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        (None, ["W004"]),
        ({"name": "x", "timeout": 300, "retry": 900}, ["W004"]),
        (SAFE | {"retry": 60}, ["W005"]),
        (SAFE | {"timeout": None}, ["W005"]),
        (SAFE | {"sync": True}, ["W007"]),
        (SAFE | {"max_attempts": 0}, ["W008"]),
        (SAFE | {"queue_limit": 500}, ["W015"]),
        (SAFE | {"queue_limit": 0}, ["W015"]),
        (SAFE | {"bulk": 500}, ["W015"]),
        (SAFE | {"queue_limit": 16, "workers": 4, "timeout": 30, "retry": 60}, ["W015"]),
        (SAFE | {"queue_limit": 4, "workers": 2, "timeout": 30, "retry": 60}, []),
        (SAFE | {"queue_limit": 500, "redis": {}}, []),
        (SAFE | {"catch_up": True}, ["W019"]),
        (SAFE | {"scheduler": False}, ["W020"]),
        (SAFE | {"cluster_name": "other"}, ["W020"]),
        (SAFE, []),
    ],
)
def test_a_dangerous_queue_is_named(cluster, expected):
    with override_settings(Q_CLUSTER=cluster):
        assert list(found()) == expected


@pytest.mark.parametrize(("workers", "expected"), [(3, []), (4, ["W015"])])
def test_a_queue_without_a_limit_of_the_sites_has_django_q2s(workers, expected):
    """The square of the workers: with four of them the last of 16 is not done within a minute."""
    cluster = SAFE | {"workers": workers, "timeout": 30, "retry": 60}
    del cluster["queue_limit"]
    with override_settings(Q_CLUSTER=cluster):
        assert list(found()) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (None, "E013"),
        ([], "E013"),
        ({"others": {}}, "E013"),
        ({"campaigns": None}, "E013"),
        ({"x": {}, "campaigns": {}}, None),
        ({"campaigns": {"timeout": 1000}}, "W005"),
        ({"campaigns": {"queue_limit": 500}}, "W015"),
    ],
)
def test_a_cluster_for_campaigns_that_cannot_be_is_named(configure, others, expected):
    configure(CAMPAIGN_CLUSTER="campaigns")
    with override_settings(Q_CLUSTER=SAFE | {"ALT_CLUSTERS": others}):
        messages = found()
    assert list(messages) == ([expected] if expected else [])
    assert all("ALT_CLUSTERS" in f"{each.msg} {each.hint}" for each in messages.values())


def test_the_cluster_that_does_all_the_rest_cannot_be_the_one_for_campaigns(configure):
    """Then nobody would be left for confirmation mails."""
    configure(CAMPAIGN_CLUSTER="x")
    with override_settings(Q_CLUSTER=SAFE | {"ALT_CLUSTERS": {"x": {}}}):
        assert list(found()) == ["E013"]


@contextmanager
def database(engine: str, **config: Any) -> Iterator[None]:
    """A database of that kind, which no check asks anything."""
    kinds = {"sqlite3": "sqlite3", "postgresql": "psycopg", "mysql": "MySQLdb"}
    pytest.importorskip(kinds[engine], reason="The driver of that database is not installed.")
    config |= {"ENGINE": f"django.db.backends.{engine}", "NAME": "somewhere"}
    before = connections["default"]
    connections["default"] = ConnectionHandler({"default": config})["default"]
    try:
        yield
    finally:
        connections["default"] = before


IMMEDIATE = {"OPTIONS": {"transaction_mode": "IMMEDIATE"}}
POOL = {"OPTIONS": {"pool": True}}


@pytest.mark.parametrize(
    ("engine", "config", "expected"),
    [
        ("postgresql", {}, ["W016"]),
        ("mysql", {"CONN_MAX_AGE": 0}, ["W016"]),
        ("postgresql", {"CONN_MAX_AGE": 60}, []),
        ("mysql", {"CONN_MAX_AGE": None}, []),
        ("postgresql", POOL, ["W017"]),
        ("sqlite3", {}, ["W018"]),
        ("sqlite3", {"OPTIONS": {"transaction_mode": "deferred"}}, ["W018"]),
        ("sqlite3", IMMEDIATE, []),
    ],
)
def test_a_database_that_workers_cannot_share_well_is_named(engine, config, expected):
    with database(engine, **config):
        assert list(found()) == expected


def test_many_workers_on_sqlite_are_named():
    with database("sqlite3", **IMMEDIATE), override_settings(Q_CLUSTER=SAFE | {"workers": 5}):
        assert list(found()) == ["W006"]


def samples(name: str) -> list[str]:
    """The blocks of Python in a guide that set it."""
    guides = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    blocks = [
        textwrap.dedent(block)
        for guide in guides
        for block in re.findall(r"^ *```python\n(.*?)```", guide.read_text(), re.S | re.M)
    ]
    return [block for block in blocks if re.search(rf"^{name} = ", block, re.M)]


@pytest.mark.parametrize("sample", samples("Q_CLUSTER"))
def test_the_queues_of_the_guides_are_safe(sample):
    told: dict[str, Any] = {}
    exec(sample, told)
    abridged = SAFE if "the rest as before" in sample else {}
    with override_settings(Q_CLUSTER=abridged | told["Q_CLUSTER"]):
        assert list(found()) == []


@pytest.mark.parametrize("sample", samples("DATABASES"))
def test_the_databases_of_the_guides_are_safe(sample):
    told: dict[str, Any] = {"BASE_DIR": ROOT}
    exec(sample, told)
    config = told["DATABASES"]["default"]
    with database(config.pop("ENGINE").rpartition(".")[2], **config):
        assert list(found()) == []


def test_the_sandbox_has_nothing_to_say():
    """With the settings that its own processes have."""
    checked = subprocess.run(
        [sys.executable, "sandbox/manage.py", "check", "--tag", "wagtail_gdpr_newsletter"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "sandbox.settings", "DEBUG": "false"},
        capture_output=True,
        text=True,
    )
    assert "no issues" in checked.stdout, checked.stderr


def test_a_worker_that_was_never_started_is_named(db):
    """By `check --database default`, which may ask the database."""

    def found_in_database() -> set[str]:
        messages = checks.run_checks(tags=["wagtail_gdpr_newsletter"], databases=["default"])
        return {message.id.partition(".")[2] for message in messages}

    Schedule.objects.update(next_run=now())
    assert found_in_database() == set()
    Schedule.objects.update(next_run=now() - timedelta(minutes=5))
    assert found_in_database() == {"W012"}
    assert found() == {}, "without a database nobody knows"


def test_webhooks_that_anybody_could_call_are_named():
    """M7: else one reader could end everybody's subscription."""
    with override_settings(ANYMAIL={}):
        assert list(found()) == ["E011"]


@pytest.mark.parametrize("name", ["console", "dummy", "filebased"])
def test_a_mailer_that_only_shows_mail_is_named(name, tmp_path, settings):
    if not hasattr(settings, "MAILERS"):
        settings.EMAIL_FILE_PATH = tmp_path
    options = {"file_path": tmp_path} if name == "filebased" else {}
    with use_mailer(f"django.core.mail.backends.{name}.EmailBackend", **options):
        assert "W009" in found()


def test_a_mail_server_that_may_be_silent_for_ever_is_named(settings):
    if not hasattr(settings, "MAILERS"):
        settings.EMAIL_TIMEOUT = None
    path = "django.core.mail.backends.smtp.EmailBackend"
    with use_mailer(path, host="127.0.0.1"):
        assert "W010" in found()


def test_a_cache_that_keeps_nothing_is_named():
    dummy = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with override_settings(CACHES=dummy):
        assert "W011" in found()


@pytest.mark.parametrize("value", [None, [], "text"])
def test_a_dictionary_that_is_none_is_named(value):
    with override_settings(WAGTAIL_GDPR_NEWSLETTER=value):
        assert {"E012", "E003"} <= set(found())


def test_every_setting_has_a_default_that_is_valid_and_a_sentence():
    for key, setting in conf.SETTINGS.items():
        assert setting.key == key
        assert setting.help.endswith(".")
        if setting is not conf.suppression_keys:
            assert setting.is_valid(setting.default), key
