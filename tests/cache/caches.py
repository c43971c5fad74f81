"""Caches as replicas have them, and what they are asked."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.cache.breaker import Breaker
from service.cache.cache import Cache, Found
from service.cache.redis_tier import RedisTier

MEBIBYTE = 2**20


@asynccontextmanager
async def cache_at(
    url: str,
    *,
    memory: int = MEBIBYTE,
    ruleset: str = "1",
    secret: bytes = b"",
    seconds: float = 10.0,
    longest: float = 0.02,
) -> AsyncIterator[Cache]:
    """A replica's cache, which asks a failed server again after `longest` seconds at most.

    It is more patient than the service's, so that a busy machine is no fault, unless a test says `SECONDS`.
    """
    breaker = Breaker(shortest=min(0.1, longest), longest=longest)
    cache = Cache(memory, RedisTier(url, breaker, seconds), 60.0, ruleset, secret)
    try:
        yield cache
    finally:
        await cache.close()


def answer(key: str, ruleset: str = "1") -> bytes:
    """The one right value of a key: all a cache may ever return for it."""
    digest = hashlib.sha256(f"{ruleset} {key}".encode()).digest()
    return digest * (1 + digest[0] % 7)


@dataclass
class Figures:
    """What came of a number of look-ups."""

    found: int = 0
    wrong: int = 0
    slowest: float = 0.0

    def __str__(self) -> str:
        return f"slowest get {1000 * self.slowest:.0f} ms, {self.found} found, {self.wrong} wrong"


async def ask(cache: Cache, keys: Iterable[str]) -> Figures:
    """Gets each key, one after the other."""
    figures = Figures()
    for key in keys:
        begun = time.perf_counter()
        found = await cache.get(key)
        figures.slowest = max(figures.slowest, time.perf_counter() - begun)
        figures.found += found is not None
        figures.wrong += found is not None and found.value != answer(key)
    return figures


async def fill(cache: Cache, keys: Iterable[str]) -> None:
    """Puts the right value under each key, in Redis too."""
    for key in keys:
        await cache.put(key, answer(key))
        await cache._background.drain()


async def until_all_found(cache: Cache, keys: Sequence[str], patience: float = 30.0) -> None:
    """Gets the keys until all are found in one go, and none wrong."""
    deadline = time.monotonic() + patience
    figures = Figures()
    while figures.found < len(keys):
        assert time.monotonic() < deadline, figures
        figures = await ask(cache, keys)
        assert not figures.wrong
        await asyncio.sleep(0.005)


async def until_found(cache: Cache, key: str, patience: float = 30.0) -> Found:
    """Puts and gets until Redis serves it again."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        await fill(cache, [key])
        if found := await cache.get(key):
            return found
        await asyncio.sleep(0.005)
    message = f"the cache did not come back: {cache.breaker}, {cache.counts}"
    raise AssertionError(message)
