"""What many orders do to each other."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from service.errors import DeadlineError, OverloadedError
from service.pool.bounds import PoolBounds
from service.pool.local import LocalExecutor
from service.pool.orders import Lane
from tests.pool.executors import BOUNDS, FUNCTION, order, run, served, soon, tell

WORK = 0.025  # seconds of one order
CAPACITY = BOUNDS.workers / WORK
PATIENT = 2.0  # how long a client waits
LOAD_SECONDS = 6.0


def late(times: list[float], share: float = 0.99) -> float:
    """What so many of the times are not above."""
    return sorted(times)[int(share * (len(times) - 1))]


async def send(executor: LocalExecutor, rate: float, seconds: float) -> list[tuple[str, float]]:
    """Orders at a steady rate, whatever becomes of them: how each ended, and after how long."""

    async def one(number: int) -> tuple[str, float]:
        since = time.monotonic()
        try:
            await executor.run(order("sleep", called=str(number), seconds=WORK, predicted=WORK), since + PATIENT)
        except (OverloadedError, DeadlineError) as error:
            return type(error).__name__, time.monotonic() - since
        return "done", time.monotonic() - since

    sent: list[asyncio.Future[tuple[str, float]]] = []
    start = time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        while len(sent) < passed * rate:
            sent.append(asyncio.ensure_future(one(len(sent))))
        await asyncio.sleep(0.002)
    return await asyncio.gather(*sent)


def test_ten_times_too_much() -> None:
    """F9: what cannot be done in time is refused at once, the rest is done; afterwards all is as before."""

    async def scenario(executor: LocalExecutor) -> None:
        await executor.ready()
        since = time.monotonic()
        peak = Counter(how for how, _ in await send(executor, 1.5 * CAPACITY, 2))["done"] / (time.monotonic() - since)
        since = time.monotonic()
        ends = await send(executor, 10 * CAPACITY, LOAD_SECONDS)
        lasted = time.monotonic() - since
        count = Counter(how for how, _ in ends)
        refused = [after for how, after in ends if how == "OverloadedError"]
        done = [after for how, after in ends if how == "done"]
        rate = count["done"] / lasted
        tell(
            f"F9 {10 * CAPACITY:.0f} orders a second, {CAPACITY:.0f} at most: {rate:.1f} done a second, "
            f"{rate / peak:.0%} of the peak; {len(refused)} refused with p99 {late(refused) * 1000:.1f} ms, "
            f"{count['DeadlineError']} too late, done with p99 {late(done):.2f} s of {PATIENT:.0f}"
        )
        assert sum(count.values()) == len(ends)
        assert count["done"]
        assert refused
        await executor.run(order("echo"), soon())
        assert executor.counts.queued == {"small": 0, "large": 0}
        assert executor.counts.queued_bytes == 0

    run(served(LocalExecutor(FUNCTION, BOUNDS), scenario))


async def small_orders(executor: LocalExecutor, count: int) -> list[float]:
    """How long each of some small orders took, fifty a second."""

    async def one(number: int) -> float:
        since = time.monotonic()
        await executor.run(order("spin", called=str(number), seconds=0.001, predicted=0.001), soon())
        return time.monotonic() - since

    sent = []
    for number in range(count):
        sent.append(asyncio.ensure_future(one(number)))
        await asyncio.sleep(0.02)
    return await asyncio.gather(*sent)


def beside(lane: Lane) -> None:
    """Small orders while a long one is worked on, that was called small or large."""

    async def scenario(executor: LocalExecutor) -> None:
        await executor.ready()
        alone = await small_orders(executor, 50)
        long = asyncio.ensure_future(executor.run(order("spin", called="long", seconds=4, lane=lane), soon()))
        with_long = await small_orders(executor, 50)
        assert not long.done()
        await long
        tell(
            f"F10 small orders beside one of 4 s that came as {lane}: p99 {late(with_long) * 1000:.1f} ms, "
            f"{late(with_long) / late(alone):.1f} times that without it"
        )

    run(served(LocalExecutor(FUNCTION, BOUNDS), scenario))


def test_small_orders_do_not_wait_for_a_large_one() -> None:
    """F10: it has workers of its own."""
    beside("large")


def test_small_orders_do_not_wait_for_one_that_turns_out_large() -> None:
    """F10: its worker leaves the lane."""
    beside("small")


def test_what_turns_out_large_goes_on_where_it_is() -> None:
    """If the large lane has room; else it begins again there, when it is its turn."""

    async def scenario(executor: LocalExecutor) -> None:
        await executor.ready()
        orders = [order("sleep", called=str(number), seconds=0.6) for number in range(2)]
        await asyncio.gather(*(executor.run(each, soon()) for each in orders))
        assert executor.counts.promoted == 1
        assert executor.counts.ends["moved"] == 1
        assert executor.counts.orders["small", "done"] == 2

    run(served(LocalExecutor(FUNCTION, BOUNDS), scenario))


def test_workers_are_recycled() -> None:
    """What leaks in a library does not add up."""

    async def scenario(executor: LocalExecutor) -> None:
        pids = {(await executor.run(order("sleep", seconds=0), soon())).head["pid"] for _ in range(12)}
        assert len(pids) >= 4
        assert executor.counts.ends["recycled"] >= 3
        assert not executor.counts.ends["crashed"]

    run(served(LocalExecutor(FUNCTION, PoolBounds(workers=1, large_workers=1, worker_orders=3)), scenario))


def test_the_queue_is_bounded() -> None:
    """By the number of orders, and by the bytes of their bodies."""

    async def ends(bounds: PoolBounds) -> Counter[str]:
        executor = LocalExecutor(FUNCTION, bounds)
        found: list[Counter[str]] = []

        async def scenario(executor: LocalExecutor) -> None:
            await executor.ready()
            orders = [order("sleep", seconds=0.05, body=bytes(1000), predicted=0.001) for _ in range(20)]
            done = await asyncio.gather(*(executor.run(each, soon()) for each in orders), return_exceptions=True)
            found.append(Counter(type(each).__name__ for each in done))

        await served(executor, scenario)
        return found[0]

    assert run(ends(PoolBounds(workers=1, large_workers=1, queue=4))) == {"Outcome": 5, "OverloadedError": 15}
    assert run(ends(PoolBounds(workers=1, large_workers=1, queue_bytes=2500))) == {"Outcome": 3, "OverloadedError": 17}
