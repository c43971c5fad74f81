"""How much one client may ask in a while, in units of cost: a request is one, and a second of computing a hundred."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any

import structlog

from service.errors import RateLimitedError

UNITS_PER_SECOND = 100
REDIS_SECONDS = 0.1  # for one question to Redis
AWAY_SECONDS = 5.0  # in which Redis is not asked again after it has failed

log = structlog.get_logger("fluxion.rates")


@dataclass
class RateCounts:
    """Units since the start, requests that were refused, and questions that Redis did not answer."""

    units: int = 0
    refused: int = 0
    unanswered: int = 0


class Rates:
    """What each client has asked for in the last window, which slides; in this process, or in Redis for all processes.

    Args:
        rate: such as `1000/minute`; empty for no limit.
        redis: where to count; empty for here. While it is away, each process counts for itself.

    Raises:
        ValueError: the rate cannot be read.
    """

    def __init__(self, rate: str = "", redis: str = "") -> None:
        self._limit: Any = None
        self._here: Any = None
        self._redis: Any = None
        self._all: Any = None
        if rate:
            self._count(rate, redis)
        self._away_until = 0.0
        self.counts = RateCounts()

    def _count(self, rate: str, redis: str) -> None:
        import limits  # a tenth of the start, for those who have no rates
        from limits.aio.storage import MemoryStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter
        from limits.storage import storage_from_string

        self._limit = limits.parse(rate)
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        if redis:
            options = {"implementation": "redispy", "protocol": 2, "socket_connect_timeout": REDIS_SECONDS}
            self._redis = storage_from_string("async+" + redis, key_prefix="fluxion:rates", **options)  # type: ignore[arg-type]
            self._all = SlidingWindowCounterRateLimiter(self._redis)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._limit is not None

    async def check(self, client: str) -> None:
        """Takes one unit.

        Raises:
            RateLimitedError: there is none left; says when there will be.
        """
        if self._limit is None or await self._ask("hit", client, cost=1):
            self.counts.units += 1
            return
        self.counts.refused += 1
        stats = await self._ask("get_window_stats", client)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        detail = f"rate_limit: the client has used up the {self._limit}; a request costs 1 and its computing more."
        raise RateLimitedError(detail, seconds)

    async def charge(self, client: str, seconds: float) -> None:
        """Takes further units for so much computing, but no more than are left: one request costs a window at most."""
        cost = round(UNITS_PER_SECOND * seconds)
        if self._limit is None or cost < 1:
            return
        left = (await self._ask("get_window_stats", client)).remaining
        if left:
            await self._ask("hit", client, cost=min(cost, left))
            self.counts.units += min(cost, left)

    async def close(self) -> None:
        """Leaves Redis."""
        if self._redis is not None:
            await self._redis.bridge.storage.aclose()

    async def _ask(self, question: str, client: str, **options: int) -> Any:
        now = time.monotonic()
        if self._all is not None and now >= self._away_until:
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    return await getattr(self._all, question)(self._limit, client, **options)
            except Exception as error:  # noqa: BLE001 - whatever it is, requests go on
                self.counts.unanswered += 1
                self._away_until = now + AWAY_SECONDS
                log.warning("rates are counted by each process: Redis does not answer", error=repr(error))
        return await getattr(self._here, question)(self._limit, client, **options)
