"""What readers have answered, in words."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


def in_words(answer: Any, field_type: str) -> str:
    """In the active language; `answer` may have been given when the field was of another type."""
    if isinstance(answer, list):
        return ", ".join(map(str, answer))
    if answer is True:
        return _("yes")
    try:
        if field_type == "date":
            return formats.date_format(date.fromisoformat(answer), "DATE_FORMAT")
        if field_type == "datetime":
            return formats.date_format(localtime(datetime.fromisoformat(answer)), "DATETIME_FORMAT")
    except (OverflowError, TypeError, ValueError):
        pass
    return "" if answer is None else str(answer)
