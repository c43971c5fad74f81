"""Redis between processes that give work to each other: not a hint but the way itself, so that its faults are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.cache.redis_tier import connections, milliseconds

PREFIX = "fluxion:exchange:"
SECONDS = 3.0  # an operation may take, waiting for a connection included; a piece of a long body is one operation
CONNECTIONS = 32
PIECE = 4 << 20  # bytes


class RedisExchange:
    """Messages, marks and long bodies under names; each goes by itself after some seconds.

    Every method raises ConnectionError where Redis does not answer in time, or answers an error.

    Raises:
        ValueError: the URL is not one of `redis://`, `rediss://` or `unix://`; the message does not repeat it.
    """

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._client: Redis = Redis.from_pool(connections(url, seconds, CONNECTIONS + 1))  # one waits for messages

    async def hold(self, name: str, body: bytes | memoryview, seconds: float) -> None:
        """Keeps a long body, piece by piece."""
        view = memoryview(body).cast("B")
        for piece, start in _pieces(name, view.nbytes):
            await self._ask("SET", piece, view[start : start + PIECE], "PX", milliseconds(seconds))

    async def held(self, name: str, size: int) -> memoryview | None:
        """The body of so many bytes again, or None if it is not there any more."""
        whole = memoryview(bytearray(size))
        for piece, start in _pieces(name, size):
            found = await self._ask("GET", piece)
            if found is None or len(found) != min(PIECE, size - start):
                return None
            whole[start : start + PIECE] = found
        return whole.toreadonly()

    async def drop(self, name: str, size: int) -> None:
        """Forgets a body."""
        names = [piece for piece, _ in _pieces(name, size)]
        if names:
            await self._ask("UNLINK", *names)

    async def push(self, inbox: str, message: bytes, seconds: float) -> None:
        """Puts a message behind all others of an inbox, which then stays for so many seconds."""
        await self._ask("RPUSH", PREFIX + inbox, message)
        await self._ask("PEXPIRE", PREFIX + inbox, milliseconds(seconds))

    async def pop(self, inbox: str, seconds: float) -> bytes | None:
        """The first message of an inbox, waiting for one for at most so many seconds, which are less than any bound."""
        with _told():
            async with asyncio.timeout(seconds + self._seconds):
                found = await self._client.execute_command(  # type: ignore[no-untyped-call]
                    "BLPOP", PREFIX + inbox, min(seconds, self._seconds / 2)
                )
        return None if found is None else bytes(found[1])

    async def mark(self, name: str, seconds: float) -> None:
        """Sets a mark."""
        await self._ask("SET", PREFIX + name, b"1", "PX", milliseconds(seconds))

    async def unmark(self, name: str) -> None:
        """Removes a mark."""
        await self._ask("DEL", PREFIX + name)

    async def marks(self, *names: str) -> list[float]:
        """For how many seconds each mark is still set; 0 for one that is not."""
        async with self._slot():
            line = self._client.pipeline(transaction=False)
            for name in names:
                line.pttl(PREFIX + name)
            return [max(left, 0) / 1000 for left in await line.execute()]

    async def count(self, name: str, seconds: float) -> int:
        """How often this was called with the name; forgotten so many seconds after the last time."""
        number: int = await self._ask("INCR", PREFIX + name)
        await self._ask("PEXPIRE", PREFIX + name, milliseconds(seconds))
        return number

    async def length(self, queue: str) -> int:
        """How many messages wait in a queue of the broker."""
        found: int = await self._ask("LLEN", queue)
        return found

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    async def _ask(self, *command: Any) -> Any:
        async with self._slot():
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        with _told():
            async with asyncio.timeout(self._seconds), self._slots:
                yield


@contextmanager
def _told() -> Iterator[None]:
    """Faults of every kind as one; a timeout is an OSError."""
    try:
        yield
    except (RedisError, OSError) as error:
        message = f"Redis: {type(error).__name__}"
        raise ConnectionError(message) from None


def _pieces(name: str, size: int) -> Iterator[tuple[str, int]]:
    for number, start in enumerate(range(0, size, PIECE)):
        yield f"{PREFIX}{name}:{number}", start
