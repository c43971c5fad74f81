"""Records in Redis, sealed as the cache's values are, each command within a bound."""

from __future__ import annotations

import math
import time
from typing import Any

from service.cache.envelope import Envelope
from service.cache.redis_tier import AWAY, RedisTier
from service.errors import OverloadedError

TRIES = 2  # a busy moment is no reason to give up what is not a hint; each try has its bound
LAYOUT = "jobs:1"


class RedisRecords:
    """Satisfies `Records` for all processes that share a server.

    A value that was not put under its name, with the secret if there is one, counts as absent. Beside the commands of
    the cache, it takes MGET, PEXPIRE, and five that begin with Z.
    """

    def __init__(self, tier: RedisTier, secret: bytes = b"") -> None:
        self._tier = tier
        self._envelope = Envelope(LAYOUT, secret)

    @property
    def is_whole(self) -> bool:
        """Whether the server answers."""
        return self._tier.breaker.state == "closed"

    async def put(self, name: str, data: bytes, seconds: float) -> None:
        """Stores a value for so many seconds."""
        await self._ask("SET", _full(name), self._envelope.seal(name, data), "PX", _milliseconds(seconds))

    async def put_new(self, name: str, data: bytes, seconds: float) -> bool:
        """Stores a value if the name is free; whether this very value is there now."""
        sealed = self._envelope.seal(name, data)
        if await self._ask("SET", _full(name), sealed, "PX", _milliseconds(seconds), "NX") is True:
            return True
        return (await self.get(name))[0] == data  # a try of which no reply came may have stored it

    async def get(self, *names: str) -> list[bytes | None]:
        """The values, or None for what is not there."""
        found = await self._ask("MGET", *map(_full, names))
        return [self._opened(name, data) for name, data in zip(names, found, strict=True)]

    async def extend(self, seconds: float, *names: str) -> None:
        """Keeps what is there for so many seconds from now."""
        for name in names:
            await self._ask("PEXPIRE", _full(name), _milliseconds(seconds))

    async def delete(self, *names: str) -> None:
        """Removes values."""
        if names:
            await self._ask("DEL", *map(_full, names))

    async def enlist(self, roll: str, member: str, until: float) -> int:
        """Puts a member on a roll; how many are on it then."""
        await self._ask("ZREMRANGEBYSCORE", _full(roll), "-inf", repr(time.time()))
        await self._ask("ZADD", _full(roll), repr(until), member)
        await self._ask("PEXPIRE", _full(roll), _milliseconds(2 * max(until - time.time(), 1)))
        return int(await self._ask("ZCARD", _full(roll)))

    async def strike(self, roll: str, member: str) -> None:
        """Takes a member off a roll."""
        await self._ask("ZREM", _full(roll), member)

    async def enlisted(self, roll: str, most: int) -> list[str]:
        """The members of a roll, those that end first at the front."""
        found = await self._ask("ZRANGE", _full(roll), 0, most - 1)
        return [member.decode("ascii", "replace") for member in found]

    async def close(self) -> None:
        """Closes every connection."""
        await self._tier.close()

    def _opened(self, name: str, data: Any) -> bytes | None:
        return self._envelope.open(name, data) if isinstance(data, bytes) else None

    async def _ask(self, *command: str | bytes | int) -> Any:
        for _ in range(TRIES):
            reply = await self._tier.ask(*command)
            if reply is not AWAY:
                return reply
        message = "redis: the store of jobs does not answer; try again in 1 s"
        raise OverloadedError(message, 1)


def _full(name: str) -> str:
    return f"fluxion:{LAYOUT}:{name}"


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
