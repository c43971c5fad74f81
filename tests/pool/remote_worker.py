"""A Celery worker that does what tests/pool/work.py says: `python -m tests.pool.remote_worker URL`."""

from __future__ import annotations

import asyncio
import sys

from service.cache.cache import Cache, Values
from service.cache.exchange import RedisExchange
from service.cache.redis_tier import RedisTier
from service.pool.bounds import PoolBounds
from service.pool.broker import Broker
from service.pool.celery_worker import serve

FUNCTION = "tests.pool.work:run"
BOUNDS = PoolBounds(workers=2, large_workers=1, worker_bytes=1 << 30)


class Kept:
    """Shared values in the cache, written when `put` returns; `never` takes for ever, and `broken` fails."""

    def __init__(self, url: str) -> None:
        self._cache = Cache(1 << 20, RedisTier(url), 60)
        self._values = Values(self._cache)

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        if key == "never":
            await asyncio.Event().wait()
        if key == "broken":
            raise ConnectionError
        return await self._values.get(key)

    async def put(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        await self._values.put(key, value)
        await self._cache._background.drain()


def main(url: str) -> int:
    """Works until it is stopped by a signal; the exit status."""
    return serve(FUNCTION, Broker(url, "test"), BOUNDS, lambda: RedisExchange(url), lambda: Kept(url))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
