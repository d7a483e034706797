"""The sandbox's settings, made quiet and quick for tests; `DATABASE_URL` chooses the database."""

import os
import tempfile

os.environ.setdefault("SANDBOX_STATE", tempfile.mkdtemp(prefix="newsletter-tests-"))

from sandbox.settings import *  # noqa: F403
from sandbox.settings import DATABASES, Q_CLUSTER

if "DATABASE_URL" not in os.environ:
    DATABASES["default"] |= {"NAME": ":memory:", "OPTIONS": {}}

SECRET_KEY = "tests-only"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
#: In the test's own process; what a site should write is in the sandbox's settings.
Q_CLUSTER = {**Q_CLUSTER, "orm": "default", "sync": True}
WAGTAIL_GDPR_NEWSLETTER = {
    "SUPPRESSION_KEYS": {"1": "a key that is only good for tests, 32+"},
    "ERASURE_JOURNAL": os.path.join(os.environ["SANDBOX_STATE"], "erasures.jsonl"),
}
