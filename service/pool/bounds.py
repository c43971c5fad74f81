"""How many workers there are, and what each may take."""

from __future__ import annotations

import os
from dataclasses import dataclass

from service.pool.orders import Lane


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class PoolBounds:
    """The bounds of one executor; zero workers are as many as the processors suggest."""

    workers: int = 0
    large_workers: int = 0
    small_seconds: float = 0.25
    worker_bytes: int = 2 << 30
    worker_orders: int = 10_000
    queue: int = 1000
    queue_bytes: int = 256 << 20
    quarantine_seconds: float = 600.0

    def slots(self, lane: Lane) -> int:
        """How many orders of a lane are worked on at a time; two small ones at least, one large one at least."""
        if lane == "small":
            return self.workers or max(2, processors())
        return self.large_workers or max(1, processors() // 2)
