"""Records in Redis, sealed as the cache's values are, each command within a bound."""

from __future__ import annotations

import math
import time
from typing import Any

from service.cache.envelope import Envelope
from service.cache.redis_tier import AWAY, RedisTier
from service.errors import OverloadedError

TRIES = 2  # a busy moment is no reason to give up what is not a hint; each try has its bound


class RedisRecords:
    """Satisfies `Records` for all processes that share a server.

    A value that was not put under its name, with the secret if there is one, counts as absent. Beside the commands of
    the cache, it takes MGET, PEXPIRE, and five that begin with Z.
    """

    def __init__(self, tier: RedisTier, secret: bytes = b"", layout: str = "jobs:1") -> None:
        """`layout` says what is kept, and in which way; it is part of every name."""
        self._tier = tier
        self._layout = layout
        self._envelope = Envelope(layout, secret)

    @property
    def is_whole(self) -> bool:
        """Whether the server answers."""
        return self._tier.breaker.state == "closed"

    async def put(self, name: str, data: bytes, seconds: float) -> None:
        """Stores a value for so many seconds."""
        await self._ask("SET", self._full(name), self._envelope.seal(name, data), "PX", _milliseconds(seconds))

    async def put_new(self, name: str, data: bytes, seconds: float) -> bool:
        """Stores a value if the name is free; whether this very value is there now."""
        sealed = self._envelope.seal(name, data)
        if await self._ask("SET", self._full(name), sealed, "PX", _milliseconds(seconds), "NX") is True:
            return True
        return (await self.get(name))[0] == data  # a try of which no reply came may have stored it

    async def get(self, *names: str) -> list[bytes | None]:
        """The values, or None for what is not there."""
        found = await self._ask("MGET", *map(self._full, names))
        return [self._opened(name, data) for name, data in zip(names, found, strict=True)]

    async def extend(self, seconds: float, *names: str) -> None:
        """Keeps what is there for so many seconds from now."""
        for name in names:
            await self._ask("PEXPIRE", self._full(name), _milliseconds(seconds))

    async def delete(self, *names: str) -> None:
        """Removes values."""
        if names:
            await self._ask("DEL", *map(self._full, names))

    async def enlist(self, roll: str, member: str, until: float) -> int:
        """Puts a member on a roll; how many are on it then."""
        await self._ask("ZREMRANGEBYSCORE", self._full(roll), "-inf", repr(time.time()))
        await self._ask("ZADD", self._full(roll), repr(until), member)
        await self._ask("PEXPIRE", self._full(roll), _milliseconds(2 * max(until - time.time(), 1)))
        return int(await self._ask("ZCARD", self._full(roll)))

    async def strike(self, roll: str, member: str) -> None:
        """Takes a member off a roll."""
        await self._ask("ZREM", self._full(roll), member)

    async def enlisted(self, roll: str, most: int) -> list[str]:
        """The members of a roll, those that end first at the front."""
        found = await self._ask("ZRANGE", self._full(roll), 0, most - 1)
        return [member.decode("ascii", "replace") for member in found]

    async def close(self) -> None:
        """Closes every connection."""
        await self._tier.close()

    def _full(self, name: str) -> str:
        return f"fluxion:{self._layout}:{name}"

    def _opened(self, name: str, data: Any) -> bytes | None:
        return self._envelope.open(name, data) if isinstance(data, bytes) else None

    async def _ask(self, *command: str | bytes | int) -> Any:
        for _ in range(TRIES):
            reply = await self._tier.ask(*command)
            if reply is not AWAY:
                return reply
        message = f"redis: the store of {self._layout.partition(':')[0]} does not answer; try again in 1 s"
        raise OverloadedError(message, 1)


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
