"""State that outlives a request: small values and rolls of names, each with an end. Unlike the cache, it is no hint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from service.errors import OverloadedError

SMALL = 4096  # bytes of a value for which there is always room, so that what is under way can be brought to an end


class Records(Protocol):
    """Values under names, and rolls of members in the order of their ends.

    Every method raises OverloadedError where the store does not answer, or has no room.
    """

    async def put(self, name: str, data: bytes, seconds: float) -> None:
        """Stores a value for so many seconds."""

    async def put_new(self, name: str, data: bytes, seconds: float) -> bool:
        """Stores a value if the name is free; whether this very value is there now."""

    async def get(self, *names: str) -> list[bytes | None]:
        """The values, or None for what is not there."""

    async def extend(self, seconds: float, *names: str) -> None:
        """Keeps what is there for so many seconds from now."""

    async def delete(self, *names: str) -> None:
        """Removes values."""

    async def enlist(self, roll: str, member: str, until: float) -> int:
        """Puts a member on a roll, until a time of the day; how many are on it then."""

    async def strike(self, roll: str, member: str) -> None:
        """Takes a member off a roll."""

    async def enlisted(self, roll: str, most: int) -> list[str]:
        """The members of a roll, those that end first at the front."""

    async def close(self) -> None:
        """Gives back what the store holds."""


class MemoryRecords:
    """Satisfies `Records` within this process and so many bytes: what is in it ends with the process."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.time, bound: str = "job_bytes") -> None:
        """`bound` is what errors call the limit."""
        self._limit = limit
        self._bound = bound
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}
        self._rolls: dict[str, dict[str, float]] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """The bytes in use."""
        return self._size

    async def put(self, name: str, data: bytes, seconds: float) -> None:
        """Stores a value for so many seconds."""
        self._make_room(name, data)
        self._drop(name)
        self._values[name] = (data, self._clock() + seconds)
        self._size += len(name) + len(data)

    async def put_new(self, name: str, data: bytes, seconds: float) -> bool:
        """Stores a value if the name is free; whether this very value is there now."""
        found = self._get(name)
        if found is None:
            await self.put(name, data, seconds)
        return found is None or found == data

    async def get(self, *names: str) -> list[bytes | None]:
        """The values, or None for what is not there."""
        return [self._get(name) for name in names]

    async def extend(self, seconds: float, *names: str) -> None:
        """Keeps what is there for so many seconds from now."""
        for name in names:
            if (data := self._get(name)) is not None:
                self._values[name] = (data, self._clock() + seconds)

    async def delete(self, *names: str) -> None:
        """Removes values."""
        for name in names:
            self._drop(name)

    async def enlist(self, roll: str, member: str, until: float) -> int:
        """Puts a member on a roll; how many are on it then."""
        now = self._clock()
        members = {name: end for name, end in self._rolls.get(roll, {}).items() if end > now}
        self._rolls[roll] = members | {member: until}
        return len(self._rolls[roll])

    async def strike(self, roll: str, member: str) -> None:
        """Takes a member off a roll."""
        members = self._rolls.get(roll, {})
        members.pop(member, None)
        if not members:
            self._rolls.pop(roll, None)

    async def enlisted(self, roll: str, most: int) -> list[str]:
        """The members of a roll, those that end first at the front."""
        now = self._clock()
        ends = {name: end for name, end in self._rolls.get(roll, {}).items() if end > now}
        return sorted(ends, key=ends.__getitem__)[:most]

    async def close(self) -> None:
        """Forgets everything."""
        self._values.clear()
        self._rolls.clear()
        self._size = 0

    def _get(self, name: str) -> bytes | None:
        data, end = self._values.get(name, (None, 0.0))
        if data is None or self._clock() < end:
            return data
        self._drop(name)
        return None

    def _drop(self, name: str) -> None:
        data, _ = self._values.pop(name, (None, 0.0))
        if data is not None:
            self._size -= len(name) + len(data)

    def _make_room(self, name: str, data: bytes) -> None:
        more = len(name) + len(data)
        if self._size + more > self._limit:
            now = self._clock()
            for old in [old for old, (_, end) in self._values.items() if end <= now]:
                self._drop(old)
        if self._size + more > self._limit and len(data) > SMALL:
            message = f"{self._bound}: what is kept leaves no room for {more} bytes more; try again later"
            raise OverloadedError(message, 10)
