"""Memory, then Redis, then computing, once for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from service.cache.background import Background
from service.cache.breaker import State
from service.cache.counts import Counts
from service.cache.envelope import Envelope
from service.cache.flights import Flights
from service.cache.lease import Lease, pauses
from service.cache.memory import Memory

if TYPE_CHECKING:  # without a server its client is not loaded
    from service.cache.redis_tier import RedisTier

SENT_BYTES = 4 * 2**20  # the largest value that Redis is given
UNSHARED_SECONDS = 60.0  # in which nobody waits for a value that is not sent
INLINE_BYTES = 2**16  # what is sealed and opened on the event loop; more goes to a thread

T = TypeVar("T")
Tier = Literal["memory", "redis"]
How = Literal["memory", "redis", "miss", "collapsed"]


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and where it was."""

    value: bytes
    tier: Tier


@dataclass(frozen=True, slots=True)
class Made:
    """What was computed, and whether the next one who asks may have it."""

    value: bytes | memoryview
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Fetched:
    """A value, and how it was come by: `collapsed` is another's, who was at it already."""

    value: bytes | memoryview
    how: How


Make = Callable[[], Awaitable[Made]]


class Cache:
    """Opaque bytes under keys that name their content, on one event loop. `ruleset` names all that answers depend on.

    Without `redis`, memory alone. Redis is a hint: its faults are misses, and what it returns is what was put under the
    key by the same ruleset, or nothing.
    """

    def __init__(
        self, memory_bytes: int, redis: RedisTier | None, seconds: float, ruleset: str = "", secret: bytes = b""
    ) -> None:
        self.counts = redis.counts if redis else Counts()
        self._memory = Memory(memory_bytes, seconds)
        self._redis = redis
        self._seconds = seconds
        self._prefix = f"fluxion:{ruleset}:"
        self._envelope = Envelope(ruleset, secret)
        self._flights: Flights[Fetched] = Flights()
        self._background = Background()

    @property
    def memory_bytes(self) -> int:
        """The bytes in use."""
        return self._memory.size

    @property
    def breaker(self) -> State | None:
        """Whether Redis is asked; None without one."""
        return self._redis.breaker.state if self._redis else None

    @property
    def is_whole(self) -> bool:
        """Whether Redis answers, if there is one."""
        return self.breaker in {None, "closed"}

    def recall(self, key: str) -> bytes | None:
        """What is in memory; it neither waits nor costs more than a look-up."""
        value = self._memory.get(key)
        if value is not None:
            self.counts.memory_hits += 1
        return value

    def remember(self, key: str, value: bytes) -> None:
        """Keeps a value in memory alone: one that is made again sooner than Redis answers."""
        self._memory.put(key, value)

    async def get(self, key: str) -> Found | None:
        """What is in memory, or in Redis, from where it goes into memory."""
        if (value := self.recall(key)) is not None:
            return Found(value, "memory")
        if (value := await self._read(key)) is not None:
            return Found(value, "redis")
        self.counts.misses += 1
        return None

    async def put(self, key: str, value: bytes) -> None:
        """Keeps a value: in memory at once, in Redis soon, if it gets there."""
        self._memory.put(key, value)
        self._begin(lambda: self._write(key, value), value)

    async def fetch(self, key: str, make: Make, *, shared: bool) -> Fetched:
        """What is kept under the key, or what `make` answers, made once for all who ask meanwhile.

        `shared` asks Redis too, and waits where another replica is at the same work: for what costs more than a few
        questions to Redis. A caller's deadline is its own to keep: when the last caller is cancelled, so is `make`.
        What `make` raises, all who wait in this process get.
        """
        if (value := self.recall(key)) is not None:
            return Fetched(value, "memory")
        fetched, joined = await self._flights.run(key, lambda: self._obtain(key, make, shared=shared))
        if joined:
            self.counts.collapsed += 1
            return replace(fetched, how="collapsed")
        return fetched

    async def close(self) -> None:
        """Ends what is being made, finishes what is being written, and closes the connections."""
        await self._flights.close()
        await self._background.drain()
        if self._redis:
            await self._redis.close()

    async def _obtain(self, key: str, make: Make, *, shared: bool) -> Fetched:
        if self._redis is None or not shared:
            return Fetched((await self._compute(key, make)).value, "miss")
        lease = Lease(self._redis, f"{self._prefix}lease:{key}")
        how: How = "redis"
        claimed = None
        waits = pauses()
        value = await self._read(key)
        while value is None and (claimed := await lease.claim()) is False:
            if await self._redis.get(self._unshared(key)):
                break
            await asyncio.sleep(next(waits))
            how = "collapsed"
            value = await self._read(key)
        if claimed and (value := await self._read(key)) is not None:  # put there between the two questions
            self._begin(lease.release)
        if value is None:
            return Fetched((await self._lead(key, make, lease if claimed else None)).value, "miss")
        self.counts.collapsed += how == "collapsed"
        return Fetched(value, how)

    async def _compute(self, key: str, make: Make) -> Made:
        self.counts.misses += 1
        made = await make()
        if not made.keep:
            return made
        value = bytes(made.value)  # a view may be of memory that its owner uses again
        self._memory.put(key, value)
        return Made(value)

    async def _lead(self, key: str, make: Make, lease: Lease | None) -> Made:
        """Computes for every replica; they are told when the answer is on its way."""
        holding = asyncio.create_task(lease.hold()) if lease else None
        made = None
        try:
            made = await self._compute(key, make)
        finally:
            if holding:
                holding.cancel()
            value = bytes(made.value) if made is not None and made.keep else b""
            told = None if made is None else replace(made, value=value)
            self._begin(partial(self._tell, key, told, lease), value)
        return made

    async def _tell(self, key: str, made: Made | None, lease: Lease | None) -> None:
        if made is not None and made.keep and len(made.value) <= SENT_BYTES:
            await self._write(key, bytes(made.value))
        elif made is not None and self._redis:
            await self._redis.set(self._unshared(key), b"1", UNSHARED_SECONDS)
        if lease:  # last, so that who sees it gone finds the value
            await lease.release()

    def _unshared(self, key: str) -> str:
        """The name that says that replicas do not get the value from each other: else they would make it in turn."""
        return f"{self._prefix}unshared:{key}"

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]], value: bytes = b"") -> None:
        held = len(value) if len(value) <= SENT_BYTES else 0  # more is not sent
        if self._redis and not self._background.begin(work, held):
            self.counts.dropped += 1

    async def _read(self, key: str) -> bytes | None:
        data = await self._redis.get(self._prefix + key) if self._redis else None
        if self._redis is None or data is None:
            return None
        value = await _aside(len(data), self._envelope.open, key, data)
        if value is None:
            self.counts.corrupt += 1
            self._begin(partial(self._redis.delete, self._prefix + key))
            return None
        self.counts.redis_hits += 1
        self.counts.read_bytes += len(data)
        self._memory.put(key, value)
        return value

    async def _write(self, key: str, value: bytes) -> None:
        if self._redis is None or len(value) > SENT_BYTES:
            return
        data = await _aside(len(value), self._envelope.seal, key, value)
        if await self._redis.set(self._prefix + key, data, self._seconds):
            self.counts.writes += 1
            self.counts.written_bytes += len(data)


class Values:
    """A cache for those who only want the bytes, as workers do."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        found = await self._cache.get(key)
        return found.value if found else None

    async def put(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        await self._cache.put(key, value)


async def _aside(size: int, work: Callable[[str, bytes], T], key: str, data: bytes) -> T:
    """In a thread where it would hold the event loop up."""
    return work(key, data) if size <= INLINE_BYTES else await asyncio.to_thread(work, key, data)
