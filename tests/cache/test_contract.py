"""What the cache promises, in memory and against real servers."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from service.cache.cache import SENT_BYTES, Cache, Found, Made
from service.cache.redis_tier import RedisTier
from service.settings import Settings
from tests.cache.caches import cache_at
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio
MEBIBYTE = 2**20


async def test_what_is_put_is_found_in_memory_at_once() -> None:
    """Without a server, memory alone is a cache."""
    cache = Cache(MEBIBYTE, None, 60.0)
    assert await cache.get("answer:1") is None
    await cache.put("answer:1", b"one")
    assert cache.recall("answer:1") == b"one"
    assert await cache.get("answer:1") == Found(b"one", "memory")
    await cache.close()


async def test_what_one_replica_puts_another_finds(server: RedisServer) -> None:
    """The second tier is shared, and fills the first."""
    async with cache_at(server.url) as one, cache_at(server.url) as other:
        for value in (b"", b"one", bytes(range(256)) * 400):
            key = f"answer:{len(value)}"
            await one.put(key, value)
            await one._background.drain()
            assert await other.get(key) == Found(value, "redis")
            assert await other.get(key) == Found(value, "memory")
        assert one.counts.writes == 3
        assert not one.counts.errors
        assert not other.counts.errors


async def test_rulesets_and_secrets_do_not_meet(server: RedisServer) -> None:
    """A new version of the rules, or another secret, starts from nothing."""
    async with (
        cache_at(server.url) as old,
        cache_at(server.url, ruleset="2") as new,
        cache_at(server.url, secret=b"s") as keyed,
    ):
        await old.put("answer:1", b"one")
        await old._background.drain()
        assert await new.get("answer:1") is None
        assert new.counts.corrupt == 0
        assert await keyed.get("answer:1") is None
        assert keyed.counts.corrupt == 1


async def test_values_expire(server: RedisServer) -> None:
    """Every name in Redis has an end."""
    async with cache_at(server.url) as cache:
        await cache.put("answer:1", b"one")
        await cache._background.drain()
    with server.client() as client:
        names = client.keys("*")
        assert names == [b"fluxion:1:answer:1"]
        assert 50_000 < client.pttl(names[0]) <= 60_000


async def test_a_large_value_stays_here(server: RedisServer) -> None:
    """What would hold Redis up is not sent; the largest that is sent arrives."""
    async with cache_at(server.url, memory=4 * SENT_BYTES) as cache, cache_at(server.url) as other:
        await cache.put("answer:more", bytes(SENT_BYTES + 1))
        await cache._background.drain()
        assert cache.recall("answer:more") is not None
        with server.client() as client:
            assert client.dbsize() == 0
        assert await other.get("answer:more") is None


async def test_writes_never_wait(server: RedisServer) -> None:
    """What cannot be written soon is dropped and counted, and the rest arrives."""
    async with cache_at(server.url) as cache:
        for number in range(500):
            await cache.put(f"answer:{number}", b"value")
        await cache._background.drain()
        counts = cache.counts
        assert counts.dropped > 0
        assert counts.writes + counts.dropped + counts.errors["Busy"] == 500


async def test_a_closed_connection_costs_nothing(server: RedisServer) -> None:
    """A connection that the server closed while it was idle is replaced, not reported."""
    async with cache_at(server.url, memory=0) as cache:
        await cache.put("answer:1", b"one")
        await cache._background.drain()
        with server.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.01)
        assert await cache.get("answer:1") == Found(b"one", "redis")
        assert not cache.counts.errors


async def test_three_rights_suffice(server: RedisServer) -> None:
    """A user who may GET, SET and DEL under our prefix, and nothing else, is all that is needed."""
    rights = ("resetkeys", "~fluxion:*", "-@all", "+get", "+set", "+del")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "fluxion", "on", ">word", *rights)
    async with cache_at(server.url.replace("//", "//fluxion:word@"), memory=0) as cache:

        async def make() -> Made:
            return Made(b"one")

        assert (await cache.fetch("answer:1", make, shared=True)).how == "miss"
        await cache._background.drain()
        assert await cache.get("answer:1") == Found(b"one", "redis")
        assert not cache.counts.errors
        with server.client() as client:
            assert client.keys("*") == [b"fluxion:1:answer:1"]
            client.set("fluxion:1:answer:1", b"corrupt")
            assert await cache.get("answer:1") is None
            await cache._background.drain()
            assert client.dbsize() == 0


@pytest.mark.parametrize("url", ["http://:secret@h", "redis://:sec/secret@h:1", "redis-sentinel://secret", "secret"])
async def test_a_wrong_address_is_told_without_it(url: str) -> None:
    """The password of an address is in no message."""
    with pytest.raises(ValueError, match="the URL of Redis") as caught:
        RedisTier(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_settings_keep_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the address nor what is wrong with it shows a password."""
    monkeypatch.setenv("FLUXION_CACHE_SECRET", "s3cret")
    monkeypatch.setenv("FLUXION_REDIS_URL", "redis://:s3cret@host")
    assert "s3cret" not in repr(Settings())
    monkeypatch.setenv("FLUXION_REDIS_URL", "http://:s3cret@host")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "s3cret" not in str(caught.value)
    assert "redis_url" in str(caught.value)
