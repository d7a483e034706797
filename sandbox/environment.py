"""What the environment may say about the sandbox, read for `settings.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.utils.dateparse import parse_duration

env = environ.Env()

NEWSLETTER_PREFIX = "WAGTAIL_GDPR_NEWSLETTER_"

#: What lets a web process and a worker share one SQLite file without "database is locked".
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def database(sqlite_file: Path) -> dict[str, Any]:
    """`DATABASE_URL`, or a SQLite file that bears a web process and a worker at once."""
    config: dict[str, Any] = env.db("DATABASE_URL", default=f"sqlite:///{sqlite_file}")
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = SQLITE_OPTIONS | config.get("OPTIONS", {})
    return config


#: The names of `MAILERS` (Django 6.1), and the settings that they replace.
MAIL_SETTINGS = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "file_path": "EMAIL_FILE_PATH",
    "timeout": "EMAIL_TIMEOUT",
}


@dataclass(frozen=True)
class Mailer:
    """One way out for mail, in the words of `MAILERS` or of Django's older settings."""

    backend: str
    options: dict[str, Any]

    def as_settings(self) -> dict[str, Any]:
        return {MAIL_SETTINGS[name]: value for name, value in self.options.items()}


def mailer(*, catcher_port: int) -> Mailer:
    """`EMAIL_URL`, else `EMAIL_HOST` and its companions, else the sandbox's own mail catcher."""
    if env("EMAIL_URL", default=""):
        config = env.email_url("EMAIL_URL")
    else:
        default_port = 25 if "EMAIL_HOST" in env.ENVIRON else catcher_port
        config = {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": env("EMAIL_HOST", default="127.0.0.1"),
            "EMAIL_PORT": env.int("EMAIL_PORT", default=default_port),
            "EMAIL_HOST_USER": env("EMAIL_HOST_USER", default=""),
            "EMAIL_HOST_PASSWORD": env("EMAIL_HOST_PASSWORD", default=""),
            "EMAIL_USE_TLS": env.bool("EMAIL_USE_TLS", default=False),
            "EMAIL_USE_SSL": env.bool("EMAIL_USE_SSL", default=False),
            "EMAIL_TIMEOUT": 30,
        }
    given = {name: config.get(setting) for name, setting in MAIL_SETTINGS.items()}
    return Mailer(config["EMAIL_BACKEND"], {name: value for name, value in given.items() if value})


def newsletter_settings(environment: Mapping[str, str]) -> dict[str, object]:
    """`WAGTAIL_GDPR_NEWSLETTER_BATCH_SIZE=50` is `{"BATCH_SIZE": 50}`, and so on for every key."""
    return {
        name.removeprefix(NEWSLETTER_PREFIX): _parsed(text)
        for name, text in environment.items()
        if name.startswith(NEWSLETTER_PREFIX)
    }


def _parsed(text: str) -> object:
    """JSON where it is JSON, a duration where it is written as ISO 8601 has it ("P7D"), else text."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    duration: timedelta | None = parse_duration(text) if text.startswith("P") else None
    return duration or text
