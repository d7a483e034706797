"""What is written once, and never edited."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

EvidenceT = TypeVar("EvidenceT", bound="Evidence", covariant=True)


class EvidenceIsImmutable(TypeError):
    """Somebody tried to change or delete evidence."""


class EvidenceQuerySet(models.QuerySet[EvidenceT]):
    """Reads and appends; the few lawful removals have methods of their own."""

    def update(self, **kwargs: Any) -> int:
        raise EvidenceIsImmutable(self.model.__name__)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise EvidenceIsImmutable(self.model.__name__)


class Evidence(models.Model):
    """Written once (C9)."""

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise EvidenceIsImmutable(type(self).__name__)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise EvidenceIsImmutable(type(self).__name__)
