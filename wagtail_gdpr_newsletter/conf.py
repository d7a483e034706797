"""Every setting of the package: `WAGTAIL_GDPR_NEWSLETTER = {...}` in the site's settings, read here alone.

Each setting is called to get its value (`conf.confirmation_expiry()`), so that nothing is frozen
at import; a check walks `SETTINGS` and names a wrong key or value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.utils.translation import get_supported_language_variant

NAME = "WAGTAIL_GDPR_NEWSLETTER"

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One key of the dictionary: its default, what it is for, and what a right value looks like."""

    key: str
    default: T
    help: str
    expected: str
    is_valid: Callable[[object], bool]

    def __call__(self) -> T:
        return configured().get(self.key, self.default)


def configured() -> dict[str, Any]:
    """What the site wrote, untouched; a check complains of what is no dictionary."""
    written = getattr(settings, NAME, {})
    return written if isinstance(written, dict) else {}


def _is_duration(value: object) -> bool:
    return isinstance(value, timedelta) and value > timedelta(0)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number_or_zero(value: object) -> bool:
    return _is_count(value) or (value == 0 and not isinstance(value, bool))


def _is_dotted_path(value: object) -> bool:
    return isinstance(value, str) and "." in value


def _are_keys(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(key_id, str) and 0 < len(key_id) <= 16 for key_id in value)
        and all(isinstance(key, str) and len(key) >= 32 for key in value.values())
    )


suppression_keys: Setting[dict[str, str]] = Setting(
    "SUPPRESSION_KEYS",
    {},
    "The secrets that hash the addresses of people who left, by key id; the last one is current, "
    "the others stay readable. Keep them apart from SECRET_KEY and never throw one away.",
    "a dictionary of key ids (at most 16 characters) to secrets of at least 32 characters",
    _are_keys,
)
confirmation_expiry: Setting[timedelta] = Setting(
    "CONFIRMATION_EXPIRY",
    timedelta(days=7),
    "How long a sign-up may wait for its confirmation before it is deleted.",
    "a timedelta above zero",
    _is_duration,
)
record_client: Setting[str] = Setting(
    "RECORD_CLIENT",
    "truncated",
    "What the proof keeps of a visitor's connection: nothing ('off'), the network of the IP "
    "address ('truncated': /24 or /48), or IP address and user agent ('full').",
    "'off', 'truncated' or 'full'",
    lambda value: value in ("off", "truncated", "full"),
)
client_retention: Setting[timedelta] = Setting(
    "CLIENT_RETENTION",
    timedelta(days=365),
    "How long IP address and user agent stay in the proof.",
    "a timedelta above zero",
    _is_duration,
)
proxy_count: Setting[int] = Setting(
    "PROXY_COUNT",
    0,
    "How many trusted proxies stand before the site and write X-Forwarded-For.",
    "a whole number, 0 or more",
    _is_number_or_zero,
)
signups_per_hour_and_ip: Setting[int] = Setting(
    "SIGNUPS_PER_HOUR_AND_IP",
    20,
    "How many sign-ups one IP address may post in an hour.",
    "a whole number above zero",
    _is_count,
)
signups_per_hour: Setting[int] = Setting(
    "SIGNUPS_PER_HOUR",
    1000,
    "How many sign-ups all visitors together may post in an hour before the forms pause.",
    "a whole number above zero",
    _is_count,
)
access_link_expiry: Setting[timedelta] = Setting(
    "ACCESS_LINK_EXPIRY",
    timedelta(hours=1),
    "How long the mailed link to somebody's data can be opened.",
    "a timedelta above zero",
    _is_duration,
)
access_session: Setting[timedelta] = Setting(
    "ACCESS_SESSION",
    timedelta(minutes=30),
    "How long somebody's data stay open in the browser in which they opened them.",
    "a timedelta above zero",
    _is_duration,
)
direct_access: Setting[timedelta | None] = Setting(
    "DIRECT_ACCESS",
    None,
    "How long after a newsletter its My data link opens the data without another mail. Newsletters "
    "get forwarded: whoever has one then has the data, too. None: never.",
    "a timedelta above zero, or None",
    lambda value: value is None or _is_duration(value),
)
erasure_journal: Setting[str] = Setting(
    "ERASURE_JOURNAL",
    "",
    "The file that remembers erasures, so that they can be done again after a backup was restored. "
    "Keep it apart from the database; it holds keyed hashes and no address.",
    "the absolute path of a file",
    lambda value: value == "" or (isinstance(value, str | Path) and Path(value).is_absolute()),
)
signup_form: Setting[str] = Setting(
    "SIGNUP_FORM",
    "wagtail_gdpr_newsletter.forms.SignupForm",
    "The form of the sign-up block; subclass ours to add a CAPTCHA.",
    "the dotted path of a form class",
    _is_dotted_path,
)
campaign_body: Setting[str] = Setting(
    "CAMPAIGN_BODY",
    "wagtail_gdpr_newsletter.blocks.CampaignBodyBlock",
    "The blocks of a campaign; subclass ours to add your own.",
    "the dotted path of a StreamBlock class",
    _is_dotted_path,
)
batch_size: Setting[int] = Setting(
    "BATCH_SIZE",
    5000,
    "How many deliveries a worker claims at once, at most; it claims no more than it can send in two seconds "
    "or so.",
    "a whole number above zero",
    _is_count,
)
connections: Setting[int] = Setting(
    "CONNECTIONS",
    8,
    "How many conversations with the mail server, or calls to the provider, a worker keeps at once.",
    "a whole number above zero",
    _is_count,
)
campaign_cluster: Setting[str] = Setting(
    "CAMPAIGN_CLUSTER",
    "",
    "The cluster of django-q2 whose workers send campaigns and do nothing else. Empty: all workers do all.",
    "the name of one of Q_CLUSTER['ALT_CLUSTERS'], or an empty text",
    lambda value: isinstance(value, str),
)
soft_bounce_limit: Setting[int] = Setting(
    "SOFT_BOUNCE_LIMIT",
    5,
    "After how many campaigns in a row that came back from a mailbox which exists, but is full, say, nothing "
    "is sent there any more.",
    "a whole number above zero",
    _is_count,
)
test_send_limit: Setting[int] = Setting(
    "TEST_SEND_LIMIT",
    5,
    "How many addresses one test of a campaign may go to.",
    "a whole number above zero",
    _is_count,
)

SETTINGS: dict[str, Setting[Any]] = {
    setting.key: setting for setting in list(globals().values()) if isinstance(setting, Setting)
}


def languages() -> list[tuple[str, str]]:
    """The languages editors may write in: Wagtail's content languages, else Django's."""
    return list(getattr(settings, "WAGTAIL_CONTENT_LANGUAGES", None) or settings.LANGUAGES)


def default_language() -> str:
    """What editors most likely write in: the site's own language."""
    codes = [code for code, _name in languages()]
    return best_language(_site_language(), codes) or codes[0]


def best_language(wanted: str, offered: Iterable[str]) -> str | None:
    """The offered language nearest to `wanted`: itself, its base language, the site's own, else the first."""
    offered = list(offered)
    for candidate in (wanted, wanted.split("-")[0], _site_language()):
        if candidate in offered:
            return candidate
    return offered[0] if offered else None


def served_language(wanted: str) -> str:
    """`wanted`, or what the site speaks instead: pages in other languages do not exist."""
    spoken = [code for code, _name in settings.LANGUAGES]
    return best_language(wanted, spoken) or _site_language()


def _site_language() -> str:
    return get_supported_language_variant(settings.LANGUAGE_CODE)
