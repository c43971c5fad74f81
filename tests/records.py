"""Both stores of records, empty, and what is run on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from service.cache.records import MemoryRecords, Records
from service.cache.redis_records import RedisRecords
from service.cache.redis_tier import RedisTier
from tests.redis_server import RedisServer

STORES = ("memory", "redis")
Scenario = Callable[[Records], Awaitable[None]]


@asynccontextmanager
async def _opened(store: str) -> AsyncIterator[Records]:
    if store == "memory":
        yield MemoryRecords(2**20)
        return
    with RedisServer() as server:
        records = RedisRecords(RedisTier(server.url, seconds=5.0), b"secret")  # in time on a busy machine, too
        yield records
        await records.close()


def run(store: str, scenario: Scenario) -> None:
    """Runs a scenario on a store, which is empty and its own."""

    async def whole() -> None:
        async with _opened(store) as records:
            await scenario(records)

    asyncio.run(whole())
