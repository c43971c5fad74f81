"""Computing once, in one process and over replicas on one server."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from service.cache.cache import Cache, Fetched, Made, Values
from service.cache.lease import SECONDS
from service.cache.redis_tier import RedisTier
from service.pool.orders import Shared
from tests.cache.caches import MEBIBYTE, answer, cache_at
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio
KEY = "answer:1"


class Work:
    """What is computed, as often as it is counted."""

    def __init__(self, seconds: float = 0.2, *, keep: bool = True, fails: bool = False) -> None:
        self.begun = 0
        self.ended = 0
        self._seconds = seconds
        self._keep = keep
        self._fails = fails

    async def __call__(self) -> Made:
        """The right value, after a while."""
        self.begun += 1
        await asyncio.sleep(self._seconds)
        self.ended += 1
        if self._fails:
            raise ValueError(KEY)
        return Made(answer(KEY), self._keep)


async def fetched(cache: Cache, work: Work) -> Fetched:
    """One shared fetch."""
    return await cache.fetch(KEY, work, shared=True)


async def test_alone() -> None:
    """Made once for all who ask, then remembered."""
    cache = Cache(MEBIBYTE, None, 60.0)
    work = Work(0.01)
    hows = [each.how for each in await asyncio.gather(*(fetched(cache, work) for _ in range(64)))]
    assert sorted(hows) == 63 * ["collapsed"] + ["miss"]
    assert await fetched(cache, work) == Fetched(answer(KEY), "memory")
    assert work.begun == 1
    assert (cache.counts.misses, cache.counts.collapsed, cache.counts.memory_hits) == (1, 63, 1)


async def test_what_is_not_to_be_kept_is_not() -> None:
    """It is shared with those who wait, and made again for the next."""
    cache = Cache(MEBIBYTE, None, 60.0)
    work = Work(0.01, keep=False)
    await asyncio.gather(*(fetched(cache, work) for _ in range(8)))
    assert work.begun == 1
    assert (await fetched(cache, work)).how == "miss"


async def test_two_replicas_make_it_once(server: RedisServer) -> None:
    """64 who ask on two replicas at once cost one computation."""
    async with cache_at(server.url) as one, cache_at(server.url) as other:
        work = Work(2.5 * SECONDS)  # longer than a lease, which is renewed
        results = await asyncio.gather(*(fetched(cache, work) for cache in (one, other) * 32))
        assert work.begun == 1
        assert {each.value for each in results} == {answer(KEY)}
        assert sorted(each.how for each in results) == 63 * ["collapsed"] + ["miss"]
        await one._background.drain()
        await other._background.drain()
        with server.client() as client:
            assert client.keys("*") == [b"fluxion:1:answer:1"]
    print(f"\n64 fetches over two replicas: made {work.begun} times")  # noqa: T201


@pytest.mark.parametrize("long", [False, True])
async def test_replicas_do_not_queue_for_what_they_do_not_share(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    """What is not kept, or too long to be sent, all others make at the same time once the first is known to be so."""
    monkeypatch.setattr("service.cache.cache.SENT_BYTES", 4 if long else 2**20)
    async with AsyncExitStack() as stack:
        caches = [await stack.enter_async_context(cache_at(server.url)) for _ in range(4)]
        work = Work(0.5, keep=long)
        asking = [asyncio.create_task(fetched(cache, work)) for cache in caches]
        most = 0
        while not all(task.done() for task in asking):
            await asyncio.sleep(0.01)
            most = max(most, work.begun - work.ended)
    assert [task.result().how for task in asking] == 4 * ["miss"]
    assert most >= 2


async def test_many_keys_on_many_replicas(server: RedisServer) -> None:
    """However they meet, each key is made once."""
    made: list[str] = []

    async def ask(cache: Cache, key: str) -> None:
        async def make() -> Made:
            made.append(key)
            await asyncio.sleep(0.001 * (len(made) % 5))
            return Made(answer(key))

        assert (await cache.fetch(key, make, shared=True)).value == answer(key)

    async with cache_at(server.url) as one, cache_at(server.url) as two, cache_at(server.url) as three:
        for turn in range(20):
            keys = [f"answer:{turn}:{number}" for number in range(3)]
            await asyncio.gather(*(ask(cache, key) for key in keys for cache in (one, two, three) * 2))
    assert sorted(made) == sorted(set(made))
    assert len(made) == 60


async def test_a_hit_of_another_replica(server: RedisServer) -> None:
    """What one has made, another finds."""
    async with cache_at(server.url) as one, cache_at(server.url) as other:
        work = Work(0.01)
        await fetched(one, work)
        await one._background.drain()
        assert await fetched(other, work) == Fetched(answer(KEY), "redis")
        assert await other.fetch(KEY, work, shared=False) == Fetched(answer(KEY), "memory")
        assert work.begun == 1


async def test_what_is_not_shared_stays_here(server: RedisServer) -> None:
    """Cheap work asks no server, and leaves nothing there."""
    async with cache_at(server.url) as one:
        assert (await one.fetch(KEY, Work(0.0), shared=False)).how == "miss"
        await one._background.drain()
        assert one.recall(KEY) == answer(KEY)
        with server.client() as client:
            assert client.dbsize() == 0


class Overtaken(RedisTier):
    """A server's tier to whom it happens that another replica answers just before it claims a lease."""

    def __init__(self, url: str, other: Cache) -> None:
        super().__init__(url, seconds=10.0)
        self._other = other

    async def claim(self, name: str, token: str, seconds: float) -> bool | None:
        """As ever, but late."""
        await fetched(self._other, Work(0.0))
        await self._other._background.drain()
        return await super().claim(name, token, seconds)


async def test_an_answer_between_two_questions(server: RedisServer) -> None:
    """What another replica made after we looked, and before we began, is not made again."""
    async with cache_at(server.url) as other:
        cache = Cache(MEBIBYTE, Overtaken(server.url, other), 60.0, "1")
        work = Work(0.0)
        try:
            found = await fetched(cache, work)
        finally:
            await cache.close()
        assert found == Fetched(answer(KEY), "redis")
        assert work.begun == 0
        with server.client() as client:
            assert client.keys("*") == [b"fluxion:1:answer:1"]


@pytest.mark.parametrize("ending", ["cancelled", "cut off", "failed", "not kept"])
async def test_others_go_on_without_the_leader(server: RedisServer, ending: str) -> None:
    """Whatever becomes of who works on a key, those who wait elsewhere get their value."""
    async with cache_at(server.url) as one, cache_at(server.url) as other:
        leading = Work(60.0 if ending in {"cancelled", "cut off"} else 0.2, keep=ending != "not kept", fails=True)
        leader = asyncio.create_task(fetched(one, leading))
        await asyncio.sleep(0.1)
        work = Work(0.0)
        follower = asyncio.create_task(fetched(other, work))
        await asyncio.sleep(0.05)
        assert (leading.begun, work.begun) == (1, 0)
        begun = time.perf_counter()
        if ending == "cancelled":
            leader.cancel()
        elif ending == "cut off" and one._redis:
            for _ in range(3):
                one._redis.breaker.failed()
            one._redis.breaker._due = float("inf")  # it reaches the server no more, as if its process were gone
        assert await follower == Fetched(answer(KEY), "miss")
        print(f"\nleader {ending}: others after {1000 * (time.perf_counter() - begun):.0f} ms")  # noqa: T201
        assert work.begun == 1
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)


async def test_who_leaves_early_takes_nobody_along(server: RedisServer) -> None:
    """The first caller of each replica is cancelled; the rest get the value, made once."""
    async with cache_at(server.url) as one, cache_at(server.url) as other:
        work = Work(0.2)
        tasks = [asyncio.create_task(fetched(cache, work)) for cache in (one, other) * 4]
        await asyncio.sleep(0.05)
        for task in tasks[:2]:
            task.cancel()
        assert {each.value for each in await asyncio.gather(*tasks[2:])} == {answer(KEY)}
        assert work.begun == 1


@pytest.mark.parametrize("moment", ["before", "while waiting"])
async def test_a_server_that_hangs_stops_nobody(server: RedisServer, moment: str) -> None:
    """Who would ask whether others are at it computes instead."""
    async with cache_at(server.url) as one, cache_at(server.url, seconds=0.05, longest=60.0) as other:
        leader = asyncio.create_task(fetched(one, Work(60.0)))
        await asyncio.sleep(0.1)
        if moment == "before":
            server.stop()
        follower = asyncio.create_task(fetched(other, Work(0.0)))
        await asyncio.sleep(0.05)
        if moment == "while waiting":
            server.stop()
        try:
            assert await follower == Fetched(answer(KEY), "miss")
        finally:
            leader.cancel()
            await asyncio.gather(leader, return_exceptions=True)
            server.resume()


async def test_workers_see_bytes() -> None:
    """What workers are promised is a view of the cache."""
    cache = Cache(MEBIBYTE, None, 60.0)
    values: Shared = Values(cache)
    await values.put("program:1", b"one")
    assert (await values.get("program:1"), await values.get("program:2")) == (b"one", None)
