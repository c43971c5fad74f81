"""What an executor has done, in plain numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from service.pool.orders import Lane

Ending = Literal["done", "failed", "deadline", "cancelled", "crashed", "overloaded"]
Reason = Literal["deadline", "cancelled", "moved", "crashed", "memory", "recycled", "spare", "stuck"]


@dataclass
class Counts:
    """Sums since the start, and how long the queues are now.

    `orders` counts by the lane that was asked for and by how `run` ended; `ends` counts workers by why they were ended,
    `promoted` those that went on in the large lane with what they had begun.
    `queued_seconds`, `computed_seconds` and `predicted_seconds` are summed over `computed` stretches of work.
    """

    orders: Counter[tuple[Lane, Ending]] = field(default_factory=Counter, metadata={"labels": ("lane", "ending")})
    ends: Counter[Reason] = field(default_factory=Counter, metadata={"labels": ("reason",)})
    promoted: int = 0
    starts: int = 0
    failed_starts: int = 0
    computed: int = 0
    queued_seconds: float = 0.0
    computed_seconds: float = 0.0
    predicted_seconds: float = 0.0
    queued: dict[Lane, int] = field(default_factory=dict, metadata={"labels": ("lane",), "gauge": True})
    queued_bytes: int = field(default=0, metadata={"gauge": True})
