"""A value as it is stored, for whoever downloads it: what JSON can hold, complete."""

from __future__ import annotations

from typing import Any

from django.db import models

from ..models import AddressBook, Campaign, ConsentStatement, ContactImport, Delivery


def as_stored(value: Any) -> Any:
    """What JSON can hold, complete: a statement with every word of it."""
    if isinstance(value, ConsentStatement):
        return {
            "book": value.version.book_uuid,
            "version": value.version.number,
            "material": value.version.material,
            **{
                name: getattr(value, name)
                for name in ("language", "book_name", "description", "label", "notice", "digest")
            },
            "stated_by_us": bool(value.stated_in),
        }
    if isinstance(value, ContactImport):
        return {
            "imported_at": value.created_at.isoformat(),
            "where_they_agreed": value.agreed_where,
            "where_the_address_is_from": value.source,
        }
    if isinstance(value, AddressBook):
        return {"uuid": value.uuid, "name": value.name}
    if isinstance(value, Campaign):
        return {"uuid": str(value.uuid), "subject": value.subject}
    if isinstance(value, Delivery):
        return {"campaign": as_stored(value.campaign), "number": value.pk}
    if isinstance(value, models.Model):
        return value.pk
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value if isinstance(value, bool | int | str | list | dict | None) else str(value)
