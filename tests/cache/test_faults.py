"""Whatever happens to Redis is a miss, soon. Each test prints its figure after the name of its row."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import OutOfMemoryError

from service.cache.cache import Cache, Found
from service.cache.redis_tier import SECONDS, RedisTier
from tests.cache.caches import answer, ask, cache_at, fill, until_all_found, until_found
from tests.fault_proxy import FaultProxy, Toxics
from tests.redis_server import RedisServer, binaries

pytestmark = pytest.mark.anyio
KEYS = [f"answer:{number}" for number in range(20)]
BINARY = next(iter(binaries().values()), None)
REPLIES = {
    "unending": Toxics(garbage=b"\x00\xff garbage without an end"),
    "of HTTP": Toxics(garbage=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a number": Toxics(garbage=b":1\r\n"),
    "a list": Toxics(garbage=b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
    "a list without end": Toxics(garbage=b"*" + b"9" * 30 + b"\r\n"),
    "nested": Toxics(garbage=b"*1\r\n" * 16_000),
    "a huge value": Toxics(garbage=b"$99999999999\r\n"),
    "a negative length": Toxics(garbage=b"$-5\r\n"),
    "loading": Toxics(garbage=b"-LOADING Redis is loading the dataset in memory\r\n"),
    "moved": Toxics(garbage=b"-MOVED 1 127.0.0.1:1\r\n"),
    "too many": Toxics(garbage=b"$3\r\nabc\r\n" * 3),
    "cut at once": Toxics(cut=0),
    "cut within": Toxics(cut=40),
    "late": Toxics(latency=0.3),
}


def show(row: str, text: str) -> None:
    """One line of the report."""
    print(f"\n{row} {text}")  # noqa: T201 - the figure is what it is run for


async def test_killed_under_load(server: RedisServer) -> None:
    """A server that dies and comes back empty loses no answer and gives no wrong one."""
    async with cache_at(server.url, memory=0, seconds=SECONDS) as cache:
        await fill(cache, KEYS)
        ended = asyncio.Event()

        async def load() -> float:
            slowest = 0.0
            while not ended.is_set():
                figures = await ask(cache, KEYS)
                assert not figures.wrong
                slowest = max(slowest, figures.slowest)
                await asyncio.sleep(0)
            return slowest

        clients = [asyncio.create_task(load()) for _ in range(8)]
        await asyncio.sleep(0.1)
        killed = time.perf_counter()
        server.kill()
        while cache.breaker == "closed":
            await ask(cache, KEYS[:1])
        opened = time.perf_counter() - killed
        await asyncio.sleep(0.2)
        server.restart()
        await until_found(cache, "answer:back")
        ended.set()
        slowest = 1000 * max(await asyncio.gather(*clients))
    errors = dict(cache.counts.errors)
    show("F1", f"redis killed: slowest get {slowest:.0f} ms, breaker open after {1000 * opened:.1f} ms, {errors}")


async def test_hung(server: RedisServer) -> None:
    """A server that says nothing costs the first few one bound each, then nothing until it is asked again."""
    async with cache_at(server.url) as patient:
        await fill(patient, KEYS)
    async with cache_at(server.url, memory=0, seconds=SECONDS, longest=60.0) as cache:
        await ask(cache, KEYS[:1])
        before = sum(cache.counts.errors.values())
        server.stop()
        try:
            asked = 0
            slowest = 0.0
            while cache.breaker == "closed":
                figures = await ask(cache, KEYS[:1])
                assert figures.found == 0
                slowest = max(slowest, figures.slowest)
                asked += 1
            refused = await ask(cache, KEYS)
            assert refused.found == 0
            assert cache.counts.refused == len(KEYS)
            assert sum(cache.counts.errors.values()) == before + asked
            assert 1 <= asked <= 3
        finally:
            server.resume()
    show("F2", f"redis hung: slowest get {1000 * slowest:.0f} ms, breaker open after {asked}; then {refused}")


async def test_hung_while_much_is_written(server: RedisServer) -> None:
    """Megabytes that a hung server does not take hold nobody up, and are not left to be sent for ever."""
    async with cache_at(server.url, memory=0, seconds=SECONDS) as cache:
        server.stop()
        try:
            begun = time.perf_counter()
            for number in range(20):
                await cache.put(f"answer:large{number}", bytes(2**20))
            put = time.perf_counter() - begun
            await cache._background.drain()
            drained = time.perf_counter() - begun
        finally:
            server.resume()
        assert cache.counts.writes == 0
        await until_found(cache, "answer:1")
    show("F2", f"redis hung: 20 puts of 1 MiB {1000 * put:.0f} ms, given up after {1000 * drained:.0f} ms")


async def test_goes_on_after_a_hang(server: RedisServer) -> None:
    """When the server goes on, so does the cache, with what was there."""
    async with cache_at(server.url) as patient:
        await fill(patient, KEYS)
    async with cache_at(server.url, memory=0, seconds=SECONDS) as cache:
        server.stop()
        await ask(cache, KEYS)
        assert cache.breaker != "closed"
        server.resume()
        await until_all_found(cache, KEYS)


async def test_restarted_empty(server: RedisServer) -> None:
    """A server that forgot everything is one more miss per key, and no error, though every connection is dead."""
    async with cache_at(server.url, memory=0) as cache:
        await fill(cache, KEYS)
        server.restart()
        figures = await ask(cache, KEYS)
        assert figures.found == 0
        assert not cache.counts.errors
        show("F3", f"redis restarted empty: {figures}, breaker {cache.breaker}")


async def faulty(cache: Cache, row: str) -> None:
    """Asks a server that refuses, and shows how it went."""
    await fill(cache, KEYS)
    figures = await ask(cache, KEYS)
    assert not figures.found
    assert cache.counts.writes == 0
    assert sum(cache.counts.errors.values()) > 0
    show("F3", f"redis {row}: {figures}, breaker {cache.breaker}, errors {dict(cache.counts.errors)}")


@pytest.mark.parametrize("binary", [*binaries()] or ["absent"])
async def test_a_password_is_wanted(binary: str) -> None:
    """A server that does not know us is as good as none."""
    with RedisServer(binaries().get(binary), "--requirepass", "right") as server:
        for place in (server.url, server.url.replace("//", "//:wrong@")):
            async with cache_at(place, memory=0) as cache:
                await faulty(cache, "requirepass")
        async with cache_at(server.url.replace("//", "//:right@"), memory=0) as cache:
            await fill(cache, KEYS)
            assert (await ask(cache, KEYS)).found == len(KEYS)


@pytest.mark.parametrize("binary", [*binaries()] or ["absent"])
async def test_a_full_server(binary: str) -> None:
    """A server without room keeps what it has, and takes nothing more."""
    with RedisServer(binaries().get(binary), "--maxmemory", "1mb", "--maxmemory-policy", "noeviction") as server:
        with server.client() as client, suppress(OutOfMemoryError):
            for number in range(2000):
                client.set(f"filler:{number}", bytes(1000))
        async with cache_at(server.url, memory=0) as cache:
            await fill(cache, KEYS)
            figures = await ask(cache, KEYS)
            assert set(cache.counts.errors) == {"OutOfMemoryError"}
            assert (figures.found, figures.wrong) == (cache.counts.writes, 0)
            show("F3", f"redis full: {figures}, breaker {cache.breaker}, errors {dict(cache.counts.errors)}")


async def test_a_replica_that_is_not_to_be_written(server: RedisServer) -> None:
    """What a read-only server has is still found."""
    async with cache_at(server.url, memory=0) as cache:
        await fill(cache, KEYS[:1])
        with server.client() as client:
            client.replicaof("127.0.0.1", 1)
        await cache.put(KEYS[1], answer(KEYS[1]))
        await cache._background.drain()
        assert cache.counts.errors["ReadOnlyError"] == 1
        figures = await ask(cache, KEYS)
        assert (figures.found, figures.wrong) == (1, 0)
        show("F3", f"redis read-only: {figures}, breaker {cache.breaker}")


async def test_another_kind_of_value(server: RedisServer) -> None:
    """A list under our key is a miss, and the next put replaces it."""
    async with cache_at(server.url, memory=0) as cache:
        with server.client() as client:
            client.lpush("fluxion:1:answer:0", "a", "b")
        figures = await ask(cache, KEYS[:1])
        assert figures.found == 0
        assert cache.counts.errors["ResponseError"] == 1
        assert await until_found(cache, KEYS[0]) == Found(answer(KEYS[0]), "redis")
        show("F3", f"redis wrong type: {figures}, breaker {cache.breaker}")


@pytest.mark.parametrize("row", REPLIES)
async def test_replies_that_are_none(row: str) -> None:
    """Whatever comes back in place of a reply is a miss, and once it stops, values are found again."""
    with RedisServer(BINARY) as server:
        async with (
            FaultProxy(server.port, REPLIES[row]) as proxy,
            cache_at(server.url) as honest,
            cache_at(proxy.url, memory=0, seconds=SECONDS) as cache,
        ):
            await fill(honest, KEYS)
            figures = await ask(cache, KEYS)
            assert (figures.found, figures.wrong) == (0, 0)
            assert cache.counts.errors or cache.counts.corrupt
            proxy.toxics = Toxics()
            await until_found(cache, "answer:back")
    show("F3", f"replies {row}: {figures}, {cache.counts.corrupt} corrupt, errors {dict(cache.counts.errors)}")


async def test_replies_in_slices() -> None:
    """A reply that comes byte by byte is a reply."""
    with RedisServer(BINARY) as server:
        async with FaultProxy(server.port, Toxics(slices=7)) as proxy, cache_at(proxy.url, memory=0) as cache:
            await fill(cache, KEYS)
            figures = await ask(cache, KEYS)
            assert figures.wrong == 0
            assert figures.found + sum(cache.counts.errors.values()) >= len(KEYS)
    show("F3", f"replies in slices: {figures}")


async def test_nothing_listens(tmp_path: Path) -> None:
    """The cache starts without its server, over TCP and over a socket that is not there."""
    for place in ("redis://127.0.0.1:1", f"unix://{tmp_path}/none", "redis://name.invalid", "rediss://127.0.0.1:1"):
        async with cache_at(place, memory=0, seconds=SECONDS) as cache:
            figures = await ask(cache, KEYS)
            assert figures.found == 0
            show("F1", f"nothing at {place.split(':')[0]}: {figures}, errors {dict(cache.counts.errors)}")


async def test_a_cancelled_question_leaves_no_reply_behind(server: RedisServer) -> None:
    """Who asks after someone else was cancelled never gets the other's value (T35)."""
    async with cache_at(server.url) as patient:
        await fill(patient, KEYS)
    async with cache_at(server.url, memory=0, seconds=SECONDS, longest=0.001) as cache:
        wrong = 0
        for turn in range(20):
            server.stop()
            asked = [asyncio.create_task(cache.get(key)) for key in KEYS]
            await asyncio.sleep(0.001 * (turn % 4))
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            server.resume()
            wrong += (await ask(cache, KEYS[::-1])).wrong
        await until_all_found(cache, KEYS)
        assert wrong == 0
        assert cache.counts.corrupt == 0
        assert not cache.counts.errors["MaxConnectionsError"]
    show("T35", f"20 turns of cancelled questions: {wrong} wrong, {cache.counts.corrupt} told by their envelope")


async def test_who_is_cancelled_ends(server: RedisServer) -> None:
    """At whatever moment of a question: a task that holds a lease or takes jobs must not go on unheard."""
    tier = RedisTier(server.url)

    async def asks_for_ever() -> None:
        while True:
            await tier.get("fluxion:a")

    for turns in range(300):
        asking = asyncio.create_task(asks_for_ever())
        for _ in range(turns % 30):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking}, timeout=5)
        assert asking.cancelled()
    await tier.close()
