"""Who of several replicas works on a key. It saves work and guards nothing: two at work get the same answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.cache.redis_tier import RedisTier

SECONDS = 1.0  # that a replica's death goes unnoticed
RENEWALS = 4  # in that time
PAUSES = (0.005, 0.2)  # seconds between questions: the first, and the longest
LONGEST = 5.0  # seconds of waiting for another replica, which may be none: whoever can write to Redis can take a lease


class Lease:
    """A name in Redis that holds our token while we work, and vanishes soon after we do.

    Neither renewal nor release compares and changes in one step. Had another replica come to hold the lease between the
    two, it would lose it, and a third might do the same work once more.
    """

    def __init__(self, redis: RedisTier, name: str, seconds: float = SECONDS) -> None:
        self._redis = redis
        self._name = name
        self._seconds = seconds
        self._token = secrets.token_hex(16)

    async def claim(self) -> bool | None:
        """Whether it is ours now; None where Redis does not say."""
        return await self._redis.claim(self._name, self._token, self._seconds)

    async def hold(self) -> None:
        """Renews it until cancelled."""
        while True:
            await asyncio.sleep(self._seconds / RENEWALS)
            await self._redis.renew(self._name, self._token, self._seconds)

    async def release(self) -> None:
        """Lets others have it."""
        if await self._redis.get(self._name) == self._token.encode():
            await self._redis.delete(self._name)


def pauses() -> Iterator[float]:
    """How long to sleep between questions, in seconds, endlessly."""
    pause, longest = PAUSES
    while True:
        yield pause
        pause = min(1.5 * pause, longest)
