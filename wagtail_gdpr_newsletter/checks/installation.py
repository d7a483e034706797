"""What is wrong or forgotten in the settings, the URLs, the way mail leaves, and the cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.forms import Form
from django.urls import NoReverseMatch, Resolver404, get_resolver, resolve, reverse
from django.utils.module_loading import import_string
from wagtail.blocks import StreamBlock

from .. import conf
from ..links import NAMESPACE
from ..sending import messages
from .complaints import error, warning

#: A confirmation that may wait longer than this is no fresh consent.
LONGEST_EXPIRY = timedelta(days=30)

#: Mail backends of Django that show or keep mail instead of sending it.
SENDS_NOTHING = {f"django.core.mail.backends.{name}" for name in ("console", "dummy", "filebased")}

REQUIRED_APPS = {
    "anymail": "django-anymail, whose webhooks bring bounces and complaints",
    "django_q": "django-q2, whose worker sends",
    "wagtail.contrib.settings": "Wagtail's settings, where the sender is written",
    "wagtail.snippets": "Wagtail's snippets, where campaigns and address books live",
}


def _settings() -> Iterator[checks.CheckMessage]:
    if not isinstance(getattr(settings, conf.NAME, {}), dict):
        yield error(12, f"{conf.NAME} is no dictionary.", f"Write {conf.NAME} = {{…}}.")
    configured = conf.configured()
    for key, value in configured.items():
        setting = conf.SETTINGS.get(key)
        if setting is None:
            known = ", ".join(sorted(conf.SETTINGS))
            yield error(1, f'{conf.NAME}["{key}"] is no setting.', f"Known are: {known}.")
        elif not setting.is_valid(value):
            yield error(
                2,
                f'{conf.NAME}["{key}"] is not {setting.expected}.',
                f"{setting.help} Default: {setting.default!r}.",
            )
    expiry = conf.confirmation_expiry()
    if isinstance(expiry, timedelta) and expiry > LONGEST_EXPIRY:
        yield warning(
            1,
            "Unconfirmed sign-ups are kept for more than 30 days.",
            f'Lower {conf.NAME}["CONFIRMATION_EXPIRY"].',
        )


def _keys() -> Iterator[checks.CheckMessage]:
    keys = conf.configured().get("SUPPRESSION_KEYS")
    if not keys:
        yield error(
            3,
            "There is no key to remember by who has left.",
            f'Add {conf.NAME} = {{"SUPPRESSION_KEYS": {{"1": "…"}}}} with a secret of at least 32 '
            "characters, kept with your other secrets and in your backups.",
        )
    elif isinstance(keys, dict) and settings.SECRET_KEY in keys.values():
        yield error(
            4,
            "SECRET_KEY is used to remember who has left.",
            "Make a secret of its own: SECRET_KEY has to be replaced when it leaks, this key never.",
        )


def _journal() -> Iterator[checks.CheckMessage]:
    if not conf.erasure_journal.is_valid(conf.erasure_journal()):
        return  # Said above.
    journal = Path(conf.erasure_journal())
    if not conf.erasure_journal():
        if not settings.DEBUG:
            yield warning(
                13,
                "There is no journal of erasures: once a backup is restored, nobody knows who had "
                "been erased since it was made.",
                f'Name a file in {conf.NAME}["ERASURE_JOURNAL"], apart from the database, and keep it '
                "as long as your oldest backup.",
            )
    elif not os.access(journal if journal.exists() else journal.parent, os.W_OK):
        yield warning(
            14,
            f"The journal of erasures {journal} cannot be written.",
            "Make its directory, and let the user of the web server and of the worker write there.",
        )


def _classes() -> Iterator[checks.CheckMessage]:
    for setting, base in ((conf.signup_form, Form), (conf.campaign_body, StreamBlock)):
        try:
            found = import_string(setting())
        except (ImportError, AttributeError) as fault:
            yield error(
                5, f'{conf.NAME}["{setting.key}"] cannot be imported: {fault}', setting.help
            )
            continue
        if not (isinstance(found, type) and issubclass(found, base)):
            yield error(6, f'{conf.NAME}["{setting.key}"] is not {setting.expected}.', setting.help)


def _apps() -> Iterator[checks.CheckMessage]:
    for app, purpose in REQUIRED_APPS.items():
        if not apps.is_installed(app):
            yield error(7, f"{app} is not installed.", f'Add "{app}" to INSTALLED_APPS: {purpose}.')


def _urls() -> Iterator[checks.CheckMessage]:
    try:
        address = reverse(f"{NAMESPACE}:unsubscribe", args=["0" * 32])
    except (NoReverseMatch, ImproperlyConfigured):
        yield error(
            8,
            "The public pages (confirm, unsubscribe, My data) have no addresses.",
            f'Add path("newsletter/", include("{NAMESPACE}.urls")) to your urlpatterns, before '
            "Wagtail's catch-all.",
        )
        return
    if _resolves_to_wagtail(address):
        yield error(
            9,
            "Wagtail's catch-all stands before the public pages of the newsletter.",
            f'Move path("newsletter/", include("{NAMESPACE}.urls")) above include(wagtail_urls).',
        )


def _resolves_to_wagtail(address: str) -> bool:
    try:
        return resolve(address).namespace != NAMESPACE
    except Resolver404:
        return False


def _mail() -> Iterator[checks.CheckMessage]:
    try:
        mailer = messages.open_mailer()
    except Exception as fault:  # noqa: BLE001 -- backends raise what they like when misconfigured
        yield error(
            10, f"The mail backend cannot be used: {fault}", "Mend EMAIL_BACKEND or MAILERS."
        )
        return
    provider = messages.provider_of(mailer)
    if provider in messages.NO_TRACKING_SWITCH:
        yield warning(
            2,
            f"{provider} cannot be told per message not to track opens and clicks.",
            "Switch tracking off in its own settings: your readers have not agreed to it.",
        )
    if provider and not _has_webhooks():
        yield warning(
            3,
            "Bounces and complaints do not arrive.",
            'Include "anymail.urls", set ANYMAIL["WEBHOOK_SECRET"], and register the webhook with '
            f"{provider}.",
        )
    backend = type(mailer).__module__
    if backend in SENDS_NOTHING and not settings.DEBUG:
        yield warning(
            9,
            f"Mail is not sent: {backend} is for development.",
            "Set EMAIL_BACKEND or MAILERS to your mail server or provider.",
        )
    if isinstance(mailer, SmtpBackend) and mailer.timeout is None and not settings.DEBUG:
        yield warning(
            10,
            "A mail server that falls silent would hold a worker for as long as it likes.",
            "Set EMAIL_TIMEOUT, or the option timeout in MAILERS, to 30 seconds or so.",
        )


def _has_webhooks() -> bool:
    return "anymail" in get_resolver().namespace_dict


def _webhooks() -> Iterator[checks.CheckMessage]:
    """Whoever reads their own newsletter's headers could otherwise report complaints of all others."""
    anymail = getattr(settings, "ANYMAIL", {})
    if _has_webhooks() and not (
        anymail.get("WEBHOOK_SECRET") or getattr(settings, "ANYMAIL_WEBHOOK_SECRET", "")
    ):
        yield error(
            11,
            "Anybody could report bounces and complaints, and so unsubscribe your readers.",
            'Set ANYMAIL["WEBHOOK_SECRET"] = "user:password", or leave "anymail.urls" out.',
        )


def _cache() -> Iterator[checks.CheckMessage]:
    if isinstance(caches["default"], DummyCache):
        yield warning(
            11,
            "The cache keeps nothing, so nobody counts how often a visitor signs up.",
            "Set CACHES to a cache that all your web processes share.",
        )


CHECKS = [_settings, _keys, _journal, _classes, _apps, _urls, _mail, _webhooks, _cache]
