"""What a process has done with jobs, as plain numbers for whoever shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from service.jobs.job import Status


@dataclass
class Counts:
    """Sums since the process started, and how many it runs now.

    `begun_again` are those of `begun` that were begun before, by a process that has ended most likely. `ended` counts
    the jobs that this process worked on to their end.
    """

    submitted: int = 0
    begun: int = 0
    begun_again: int = 0
    cancelled: int = 0
    ended: Counter[Status] = field(default_factory=Counter, metadata={"labels": ("status",)})
    running: int = field(default=0, metadata={"gauge": True})
