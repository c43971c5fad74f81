"""How many jobs there may be, how long each may take, and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JobBounds:
    """The bounds on jobs; `running_jobs` is 0 for as many as there are processes for long work."""

    job_seconds: float = 600.0
    job_keep_seconds: float = 3600.0
    jobs: int = 10_000
    job_queue: int = 1000
    jobs_per_client: int = 100
    job_bytes: int = 256 << 20
    job_streams: int = 100
    running_jobs: int = 0
