"""What the cache has done so far, as plain numbers for whoever shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Events since the process started; `errors` are Redis' by the name of their kind, `busy` for no free connection.

    `refused` were not sent because Redis had failed before, `dropped` are writes that were given up.
    """

    memory_hits: int = 0
    redis_hits: int = 0
    misses: int = 0
    collapsed: int = 0
    corrupt: int = 0
    refused: int = 0
    writes: int = 0
    dropped: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
