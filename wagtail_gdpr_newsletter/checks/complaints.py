"""A complaint says what is wrong, what to do, and by which number a site silences it."""

from __future__ import annotations

from django.core import checks


def error(number: int, message: str, hint: str) -> checks.Error:
    return checks.Error(message, hint=hint, id=f"wagtail_gdpr_newsletter.E{number:03}")


def warning(number: int, message: str, hint: str) -> checks.Warning:
    return checks.Warning(message, hint=hint, id=f"wagtail_gdpr_newsletter.W{number:03}")
