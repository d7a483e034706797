"""The sandbox with its mail going to a provider's API: `ANYMAIL` is JSON in the environment, `PROVIDER` a name."""

import json
import os

import django

from tests.engine.settings import *  # noqa: F403
from tests.engine.settings import ANYMAIL

ANYMAIL = {**ANYMAIL, **json.loads(os.environ["ANYMAIL"])}
BACKEND = f"anymail.backends.{os.environ['PROVIDER'].lower()}.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": BACKEND}}
else:
    EMAIL_BACKEND = BACKEND
