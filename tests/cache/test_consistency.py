"""Whatever happens, in whatever order: what comes back is the right value, or nothing (F18)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import Redis

from service.cache.breaker import Breaker
from service.cache.cache import Cache
from service.cache.redis_tier import RedisTier
from tests.cache.caches import answer
from tests.redis_server import RedisServer

KEYS = [f"answer:{number}" for number in range(4)]
RULESETS = ("1", "2")
keys = st.sampled_from(KEYS)
replicas = st.integers(0, 1)


def strings(client: Redis, key: str = "*") -> list[bytes]:
    """The names of the values stored for a key, whatever the ruleset."""
    names = [name for name in client.keys(f"fluxion:*:{key}") if isinstance(name, bytes)]
    return sorted(name for name in names if client.type(name) == b"string")


def stored(client: Redis, name: bytes) -> bytes:
    """What is stored under a name."""
    value = client.get(name)
    return value if isinstance(value, bytes) else b"-"


class Consistency(RuleBasedStateMachine):
    """Two replicas, one that remembers and one that asks Redis each time, and a server to which all kinds happen."""

    server: RedisServer
    found = 0

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.replicas = [self.replica(0, "1"), self.replica(1, "1")]
        self.rulesets = ["1", "1"]
        with self.meddling() as client:
            client.flushall()

    def replica(self, number: int, ruleset: str) -> Cache:
        """A fresh process' cache, which takes nothing amiss for long."""
        tier = RedisTier(self.server.url, Breaker(shortest=1e-6, longest=1e-6))
        return Cache(number * 2**20, tier, 60.0, ruleset)

    @contextmanager
    def meddling(self) -> Iterator[Redis]:
        """A client behind their backs, with the server awake."""
        self.server.resume()
        with self.server.client() as client:
            yield client

    @initialize()
    def fill(self) -> None:
        """There is something to lose."""
        for key in KEYS:
            self.put(0, key)

    @rule(number=replicas, key=keys)
    def put(self, number: int, key: str) -> None:
        """A value is kept."""
        self.server.resume()

        async def put() -> None:
            await self.replicas[number].put(key, answer(key, self.rulesets[number]))
            await self.replicas[number]._background.drain()

        self.runner.run(put())

    @rule(number=replicas, key=keys)
    def get(self, number: int, key: str) -> None:
        """A value is looked up."""
        self.server.resume()
        self.look_up(number, key)

    @rule(key=keys)
    def get_from_both(self, key: str) -> None:
        """A value is looked up by both, whether the server is awake or not."""
        self.look_up(0, key)
        self.look_up(1, key)

    def look_up(self, number: int, key: str) -> None:
        """One look-up."""
        found = self.runner.run(self.replicas[number].get(key))
        assert found is None or found.value == answer(key, self.rulesets[number])
        Consistency.found += found is not None

    @rule(number=replicas, key=keys)
    def cancel(self, number: int, key: str) -> None:
        """A look-up is given up at once or soon."""

        async def cancel() -> None:
            task = asyncio.create_task(self.replicas[number].get(key))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.runner.run(cancel())

    @rule(number=replicas, ruleset=st.sampled_from(RULESETS))
    def upgrade(self, number: int, ruleset: str) -> None:
        """A replica is replaced by one of another release."""
        self.runner.run(self.replicas[number].close())
        self.rulesets[number] = ruleset
        self.replicas[number] = self.replica(number, ruleset)

    @rule(pause=st.booleans())
    def restart(self, *, pause: bool) -> None:
        """The server is killed, or hangs; it comes back empty, or goes on."""
        if pause:
            self.server.stop()
        else:
            self.server.restart()

    @rule(key=keys, place=st.integers(0, 300), bit=st.integers(0, 7), size=st.sampled_from((50, 120, 1000)))
    def corrupt(self, key: str, place: int, bit: int, size: int) -> None:
        """One bit of a stored value changes, and the rest may be cut."""
        with self.meddling() as client:
            for name in strings(client, key):
                data = bytearray(stored(client, name))
                data[place % len(data)] ^= 1 << bit
                client.set(name, bytes(data[:size]))
        self.look_up(0, key)

    @rule()
    def swap(self) -> None:
        """Every value goes to the next name, of other keys and other rulesets."""
        with self.meddling() as client:
            names = strings(client)
            values = [stored(client, name) for name in names]
            for name, value in zip(names, values[1:] + values[:1], strict=True):
                client.set(name, value)
        for key in KEYS:
            self.look_up(0, key)

    @rule(key=keys, flush=st.booleans())
    def lose(self, key: str, *, flush: bool) -> None:
        """The server loses a value, or holds something of another kind in its place."""
        with self.meddling() as client:
            for name in strings(client, key):
                client.delete(name)
                if not flush:
                    client.lpush(name, "a")

    @invariant()
    def all_are_right(self) -> None:
        """Memory holds nothing but right values."""
        for ruleset, cache in zip(self.rulesets, self.replicas, strict=True):
            assert all(cache.recall(key) in {None, answer(key, ruleset)} for key in KEYS)

    def teardown(self) -> None:
        """Closes the replicas."""
        self.server.resume()
        for cache in self.replicas:
            self.runner.run(cache.close())
        self.runner.close()


def test_what_comes_back_is_right(server: RedisServer) -> None:
    """Puts, look-ups, crashes, hangs, corruption, swaps and upgrades in any order."""
    Consistency.server = server
    Consistency.found = 0
    plain = (Phase.generate,)  # a shorter example would take minutes of hangs and restarts to find
    bounds = settings(max_examples=50, stateful_step_count=40, deadline=None, phases=plain)
    run_state_machine_as_test(Consistency, settings=bounds)
    assert Consistency.found
    print(f"\nF18 {Consistency.found} values found, all right")  # noqa: T201 - the figure is what it is run for
