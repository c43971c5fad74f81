"""Both stores of jobs keep the same promises."""

from __future__ import annotations

import asyncio
import time

import pytest

from service.cache.records import SMALL, MemoryRecords, Records
from service.cache.redis_records import RedisRecords
from service.cache.redis_tier import RedisTier
from service.errors import OverloadedError
from tests.records import STORES, run
from tests.redis_server import RedisServer


@pytest.mark.parametrize("store", STORES)
def test_values(store: str) -> None:
    """They are what was put, for as long as was said; a name that is taken is not new."""

    async def scenario(records: Records) -> None:
        await records.put("a", b"1", 60)
        assert not await records.put_new("a", b"2", 60)
        assert await records.put_new("a", b"1", 60)
        assert await records.put_new("b", b"\x00" * 100_000, 60)
        assert await records.get("b", "none", "a") == [b"\x00" * 100_000, None, b"1"]
        await records.put("brief", b"3", 0.2)
        await records.put("longer", b"4", 0.2)
        await records.extend(60, "longer", "none")
        await asyncio.sleep(0.3)
        assert await records.get("brief", "longer") == [None, b"4"]
        assert await records.put_new("brief", b"5", 60)
        await records.delete("a", "none")
        await records.delete()
        assert await records.get("a") == [None]

    run(store, scenario)


@pytest.mark.parametrize("store", STORES)
def test_rolls(store: str) -> None:
    """Members are counted once, in the order of their ends, until these."""

    async def scenario(records: Records) -> None:
        now = time.time()
        assert await records.enlist("r", "b", now + 20) == 1
        assert await records.enlist("r", "a", now + 10) == 2
        assert await records.enlist("r", "c", now - 10) == 3
        assert await records.enlist("r", "a", now + 30) == 2
        assert await records.enlisted("r", 9) == ["b", "a"]
        assert await records.enlisted("r", 1) == ["b"]
        await records.strike("r", "b")
        await records.strike("r", "none")
        await records.strike("none", "b")
        assert await records.enlisted("r", 9) == ["a"]
        assert await records.enlisted("none", 9) == []

    run(store, scenario)


def test_memory_is_bounded() -> None:
    """What is over the bound is refused, but for small values, and there is room again after the end of others."""

    async def scenario() -> None:
        now = 0.0
        records = MemoryRecords(100_000, lambda: now)
        await records.put("a", bytes(60_000), 10)
        with pytest.raises(OverloadedError, match="job_bytes"):
            await records.put("b", bytes(60_000), 10)
        await records.put("small", bytes(SMALL), 100)
        now = 11.0
        await records.put("b", bytes(60_000), 10)
        assert await records.get("a") == [None]
        assert records.size == len("smallb") + SMALL + 60_000
        await records.put("b", b"", 10)
        await records.delete("b", "small")
        assert records.size == 0

    asyncio.run(scenario())


def test_a_server_that_is_away() -> None:
    """Killed or halted, it is no server that has nothing: every question is refused, each within a bound."""

    async def scenario() -> None:
        with RedisServer() as server:
            records = RedisRecords(RedisTier(server.url))
            await records.put("a", b"1", 60)
            server.stop()
            slowest = 0.0
            for ask in (
                lambda: records.get("a"),
                lambda: records.put("a", b"1", 1),
                lambda: records.put_new("a", b"1", 1),
                lambda: records.delete("a"),
                lambda: records.extend(1, "a"),
                lambda: records.enlist("r", "m", 1),
                lambda: records.strike("r", "m"),
                lambda: records.enlisted("r", 1),
            ):
                start = time.monotonic()
                with pytest.raises(OverloadedError, match="does not answer"):
                    await ask()
                slowest = max(slowest, time.monotonic() - start)
            print(f"redis halted: the slowest of 8 questions is refused after {1000 * slowest:.0f} ms")  # noqa: T201
            assert slowest < 5
            assert [records.is_whole] == [False]
            server.resume()
            assert await patiently(records, "a") == [b"1"]
            assert records.is_whole
            await records.close()

    asyncio.run(scenario())


async def patiently(records: Records, name: str) -> list[bytes | None]:
    """What is stored, once the store answers."""
    until = time.monotonic() + 30
    while True:
        try:
            return await records.get(name)
        except OverloadedError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


def test_foreign_values_are_absent() -> None:
    """What was altered, moved to another name, or written without the secret, is not there."""

    async def scenario() -> None:
        with RedisServer() as server, server.client() as client:
            records, other = (RedisRecords(RedisTier(server.url), secret) for secret in (b"one", b"two"))
            await records.put("a", b"value", 60)
            await other.put("b", b"value", 60)
            stored = client.get("fluxion:jobs:1:a")
            assert isinstance(stored, bytes)
            client.set("fluxion:jobs:1:c", stored)
            client.set("fluxion:jobs:1:d", stored[:-1] + bytes([stored[-1] ^ 1]))
            assert await records.get("a", "b", "c", "d") == [b"value", None, None, None]
            await records.close()
            await other.close()

    asyncio.run(scenario())
