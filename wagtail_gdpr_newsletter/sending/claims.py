"""What a lane has claimed, and nobody else touches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from .compose import Recipient


class Claim(NamedTuple):
    """A delivery that is this lane's: its number, attempts before, and contact, if there still is one."""

    delivery: int
    attempts: int
    contact: int | None
    #: It is looked after that whom it goes to.
    looked_at: datetime


class Claimed(NamedTuple):
    """The same, once it is known whom it goes to."""

    claim: Claim
    recipient: Recipient
    #: It leaves by then, by the monotonic clock, or not this time: they may have left.
    latest: float

    @property
    def delivery(self) -> int:
        return self.claim.delivery


@dataclass
class Batch:
    """What was claimed together, as far as it has no outcome yet."""

    looked_at: datetime
    #: When the sender's limits granted it, by the clock that they go by; `None` where there are none.
    granted_at: float | None
    deliveries: set[int]

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Batch:
        looked_at = datetime.fromisoformat(told["looked_at"])
        return cls(looked_at, told["granted_at"], set(told["deliveries"]))

    def as_json(self) -> dict[str, Any]:
        return {
            "looked_at": self.looked_at.isoformat(),
            "granted_at": self.granted_at,
            "deliveries": sorted(self.deliveries),
        }
