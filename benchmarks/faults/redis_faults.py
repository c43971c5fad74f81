"""F1, F2 and F4: Redis is killed, says nothing, or says what is not true, while the service answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from functools import cache

from benchmarks.faults.asking import POOL, compare, counter, stored, truth
from benchmarks.faults.finding import Finding, broken, milliseconds
from benchmarks.faults.load import Answer, late, open_loop
from tests.redis_server import RedisServer
from tests.server.processes import Served, service

RATE = 40.0  # requests a second
EXCHANGED = 0.3  # of the values that are spoilt become those of other keys
ADJUSTING = 0.1  # seconds after a fault in which the breaker has not opened yet
Step = tuple[float, Callable[[], object]]  # when in the load, and what happens


def during(served: Served, seconds: float, steps: Sequence[Step]) -> list[Answer]:
    """The answers to a steady load in which things happen."""

    async def happen() -> None:
        start = time.perf_counter()
        for when, action in steps:
            await asyncio.sleep(max(0.0, start + when - time.perf_counter()))
            await asyncio.to_thread(action)

    async def both() -> list[Answer]:
        events = asyncio.create_task(happen())
        try:
            return await open_loop(served.port, RATE, seconds, lambda number: stored(number % POOL))
        finally:
            await events

    return asyncio.run(both())


@cache
def right_answers() -> list[bytes]:
    """Those of a service without a cache."""
    with service(log_level="critical", cache_bytes=0) as plain:
        return truth(plain, [stored(number) for number in range(POOL)])


def away(begin: Callable[[RedisServer], None], end: Callable[[RedisServer], None], *, lasts: float) -> Finding:
    """Redis is away for some seconds in the middle of a load."""
    right, quiet = right_answers(), lasts
    with RedisServer() as redis, service(log_level="critical", redis_url=redis.url, cache_bytes=0) as served:
        during(served, POOL / RATE, ())  # the answers are stored
        back = quiet + lasts
        steps = [(quiet, lambda: begin(redis)), (back, lambda: end(redis))]
        answers = during(served, back + quiet, steps)
        before = counter(served, "cache_redis_hits_total")
        during(served, POOL / RATE, ())
        hits = counter(served, "cache_redis_hits_total") - before
    failed, wrong = compare(answers, right)
    idle = [answer for answer in answers if answer.due < quiet]
    first = [answer for answer in answers if quiet <= answer.due < quiet + ADJUSTING]
    gone = [answer for answer in answers if quiet + ADJUSTING <= answer.due < back]
    after = [answer for answer in answers if answer.due >= back]
    figure = (
        f"{lasts:g} s: {len(answers)} requests, {failed} failed, {wrong} wrong; p99 {milliseconds(late(idle))} before,"
        f" {milliseconds(late(gone))} while it is away ({milliseconds(late(first, 1))} at worst in the first 100 ms),"
        f" {milliseconds(late(after))} afterwards; then {hits:.0f} answers come from it again"
    )
    return Finding(figure, broken(failed=failed, wrong=wrong, not_found_again=int(not hits)))


def killed(*, quick: bool) -> Finding:
    """F1: kill -9, and a new and empty server later."""
    return away(RedisServer.kill, RedisServer.restart, lasts=2 if quick else 10)


def hung(*, quick: bool) -> Finding:
    """F2: SIGSTOP, and SIGCONT later."""
    return away(RedisServer.stop, RedisServer.resume, lasts=2 if quick else 20)


def corrupted(*, quick: bool) -> Finding:
    """F4: every stored value is altered, or exchanged for another, again and again."""
    right, chance, changed = right_answers(), random.Random(0), 0  # noqa: S311 - which byte is hit is no secret
    seconds = 5.0 if quick else 60.0

    def spoil() -> None:
        nonlocal changed
        with redis.client() as client:
            keys = [key for key in client.scan_iter(count=1000) if client.type(key) == b"string"]
            values = client.mget(keys) if keys else []
            for key, value, other in zip(keys, values, values[1:] + values[:1], strict=True):
                if value:
                    client.set(
                        key, other if chance.random() < EXCHANGED and other else _flipped(value, chance), keepttl=True
                    )
                    changed += 1

    with RedisServer() as redis, service(log_level="critical", redis_url=redis.url, cache_bytes=0) as served:
        answers = during(served, seconds, [(when / 2, spoil) for when in range(2, int(2 * seconds))])
        corrupt, hits = (counter(served, f"cache_{name}_total") for name in ("corrupt", "redis_hits"))
    failed, wrong = compare(answers, right)
    figure = (
        f"{len(answers)} requests while {changed} stored values were altered or exchanged: {failed} failed,"
        f" {wrong} wrong; {corrupt:.0f} told by their envelope, {hits:.0f} sound ones served"
    )
    return Finding(figure, broken(failed=failed, wrong=wrong, unseen=int(not corrupt)))


def _flipped(value: bytes, chance: random.Random) -> bytes:
    changed = bytearray(value)
    for _ in range(chance.randint(1, 2)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed) if changed != value else value[:-1]
