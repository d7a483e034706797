"""The sandbox's settings, made quiet and quick for tests; `DATABASE_URL` chooses the database."""

import os
import tempfile

os.environ.setdefault("SANDBOX_STATE", tempfile.mkdtemp(prefix="newsletter-tests-"))

from sandbox.settings import *  # noqa: F403
from sandbox.settings import DATABASES

if "DATABASE_URL" not in os.environ:
    DATABASES["default"] |= {"NAME": ":memory:", "OPTIONS": {}}

SECRET_KEY = "tests-only"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
Q_CLUSTER = {"name": "tests", "orm": "default", "sync": True, "timeout": 300, "retry": 900}
WAGTAIL_GDPR_NEWSLETTER = {"SUPPRESSION_KEYS": {"1": "a key that is only good for tests, 32+"}}
