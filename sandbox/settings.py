"""Settings of the sandbox: one file, with the environment to turn it to other machines.

`DATABASE_URL`, `EMAIL_URL` (or `EMAIL_HOST` and `EMAIL_PORT`), `Q_REDIS_URL`, `Q_ALT_CLUSTERS`, `SECRET_KEY`
and `WAGTAIL_GDPR_NEWSLETTER_*` replace what is written here; without them the site needs nothing but Python.
"""

import os
from pathlib import Path

import django
from django.utils.translation import gettext_lazy as _

from .environment import database, env, mailer, newsletter_settings

BASE_DIR = Path(__file__).resolve().parent

#: Everything that the site writes: database, images, mails, logs. Two directories are two sites.
STATE_DIR = Path(env("SANDBOX_STATE", default=str(BASE_DIR / "var"))).resolve()
STATE_DIR.mkdir(parents=True, exist_ok=True)

#: Where the mail catcher puts what arrives, and the inbox looks for it.
MAIL_DIR = STATE_DIR / "mail"

#: Links in mails are absolute, so the site has to know its own address; `load_demo` writes it down.
SANDBOX_PORT = env.int("SANDBOX_PORT", default=8000)
SANDBOX_URL = env("SANDBOX_URL", default=f"http://127.0.0.1:{SANDBOX_PORT}")

# Public, and therefore worth nothing: a site of your own needs its own.
SECRET_KEY = env("SECRET_KEY", default="sandbox-only-0Jc2Wq8rT5nV1yLxA7eKzM4uHs9dPfGb")
DEBUG = env.bool("DEBUG", default=True)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])

INSTALLED_APPS = [
    "sandbox.home",
    "sandbox.inbox",
    "sandbox.demo",
    "wagtail_gdpr_newsletter",
    "anymail",
    "django_q",
    "wagtail.contrib.forms",
    "wagtail.contrib.settings",
    "wagtail.contrib.redirects",
    "wagtail.locales",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
]

ROOT_URLCONF = "sandbox.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "wagtail.contrib.settings.context_processors.settings",
            ],
        },
    },
]

DATABASES = {"default": database(STATE_DIR / "db.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [("en", _("English")), ("it", _("Italian"))]
TIME_ZONE = "Europe/Rome"
USE_I18N = True
USE_TZ = True
WAGTAIL_I18N_ENABLED = True

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
# Straight from the apps, so that nobody has to run collectstatic to look around.
WHITENOISE_USE_FINDERS = True
MEDIA_URL = "/media/"
MEDIA_ROOT = STATE_DIR / "media"

WAGTAIL_SITE_NAME = "Limonaia Sant’Aurelio"
WAGTAILADMIN_BASE_URL = SANDBOX_URL
# The sandbox calls nobody.
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None

DEFAULT_FROM_EMAIL = SERVER_EMAIL = env(
    "DEFAULT_FROM_EMAIL", default="Limonaia Sant’Aurelio <post@limonaia.example>"
)
MAILER = mailer(catcher_port=env.int("SANDBOX_SMTP_PORT", default=2525))
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": MAILER.backend, "OPTIONS": MAILER.options}}
else:
    EMAIL_BACKEND = MAILER.backend
    globals().update(MAILER.as_settings())

#: Providers report bounces and complaints at /anymail/…; public like everything here.
ANYMAIL = {"WEBHOOK_SECRET": env("ANYMAIL_WEBHOOK_SECRET", default="sandbox:only")}

Q_CLUSTER = {
    "name": "so",
    "workers": 2,
    "timeout": 300,
    "retry": 900,
    "max_attempts": 5,
    "bulk": 1,
    "queue_limit": 2,
    "save_limit": 100,
    "catch_up": False,
    # Seconds between two looks into the queue: somebody is watching.
    "poll": 0.3,
}
#: As JSON. A cluster of its own for campaigns is told to the newsletter, too:
#: Q_ALT_CLUSTERS='{"campaigns": {}}', WAGTAIL_GDPR_NEWSLETTER_CAMPAIGN_CLUSTER=campaigns.
if alt_clusters := env.json("Q_ALT_CLUSTERS", default={}):
    Q_CLUSTER["ALT_CLUSTERS"] = alt_clusters
if redis_url := env("Q_REDIS_URL", default=""):
    Q_CLUSTER["redis"] = redis_url
else:
    Q_CLUSTER["orm"] = "default"

WAGTAIL_GDPR_NEWSLETTER = {
    # Public like SECRET_KEY above. On a site of your own: its own secret, kept in its own place.
    "ERASURE_JOURNAL": str(STATE_DIR / "erasures.jsonl"),
    "SUPPRESSION_KEYS": {"2026": "sandbox-only-5bD1xQe7RkV9tYuWm3ZsGhJ0aLcNpF2i"},
    **newsletter_settings(os.environ),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"wagtail_gdpr_newsletter": {"handlers": ["console"], "level": "INFO"}},
}
