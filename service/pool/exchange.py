"""What executors on many machines need between them: a place for messages, marks and long bodies that all can reach."""

from __future__ import annotations

from typing import Protocol


class Exchange(Protocol):
    """Everything in it goes by itself after some seconds. Each method raises ConnectionError where it is away."""

    async def hold(self, name: str, body: bytes | memoryview, seconds: float) -> None:
        """Keeps a long body."""

    async def held(self, name: str, size: int) -> memoryview | None:
        """The body of so many bytes again, or None if it is not there any more."""

    async def drop(self, name: str, size: int) -> None:
        """Forgets a body."""

    async def push(self, inbox: str, message: bytes, seconds: float) -> None:
        """Puts a message behind all others of an inbox, which then stays for so many seconds."""

    async def pop(self, inbox: str, seconds: float) -> bytes | None:
        """The first message of an inbox, waiting for one for at most so many seconds."""

    async def mark(self, name: str, seconds: float) -> None:
        """Sets a mark."""

    async def unmark(self, name: str) -> None:
        """Removes a mark."""

    async def marks(self, *names: str) -> list[float]:
        """For how many seconds each mark is still set; 0 for one that is not."""

    async def count(self, name: str, seconds: float) -> int:
        """How often this was called with the name; forgotten so many seconds after the last time."""

    async def length(self, queue: str) -> int:
        """How many messages wait in a queue of the broker."""

    async def close(self) -> None:
        """Closes every connection."""
