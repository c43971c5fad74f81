"""Values in this process' memory: the least recently used go first, by bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from operator import itemgetter

from cachetools import LRUCache

ENTRY_BYTES = 512  # of the interpreter's, for an entry's key, value, place in two tables and place in the order

Entry = tuple[bytes, float, int]  # value, when it expires, what it counts


class Memory:
    """At most so many bytes, for at most so many seconds. For one thread."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: LRUCache[str, Entry] = LRUCache(limit, getsizeof=itemgetter(2))
        self._seconds = seconds
        self._clock = clock

    @property
    def size(self) -> int:
        """The bytes in use."""
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        try:
            value, expires, _ = self._entries[key]
        except KeyError:
            return None
        if self._clock() < expires:
            return value
        del self._entries[key]
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keeps the value, unless it alone is more than all may be."""
        size = len(key) + len(value) + ENTRY_BYTES
        if size <= self._entries.maxsize:
            self._entries[key] = (value, self._clock() + self._seconds, size)
        else:
            self._entries.pop(key, None)
