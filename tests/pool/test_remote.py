"""What Celery workers do when machines, brokers and processes fail."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from celery import Celery

from service.cache.exchange import RedisExchange
from service.errors import DeadlineError, OverloadedError
from service.pool.bounds import PoolBounds
from service.pool.broker import Broker, application
from service.pool.remote import CeleryExecutor
from tests.pool.executors import order, run, served, soon, tell
from tests.pool.remote import ended, executor, worker
from tests.redis_server import RedisServer


@contextmanager
def workers(server: RedisServer, count: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers that are gone at the end, whatever became of them."""
    started = [worker(server.url) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes of a worker that do orders."""
    return psutil.Process(process.pid).children(recursive=True)


async def told(busy: CeleryExecutor, count: int = 1) -> None:
    """Returns when so many orders have begun."""
    while sum(errand.node is not None for errand in busy._errands.values()) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_what_a_machine_had_begun_is_begun_anew_elsewhere() -> None:
    """All processes of a worker are killed; its order is done by another long before the broker gives it out again."""

    async def scenario(busy: CeleryExecutor) -> None:
        doing = asyncio.ensure_future(busy.run(order("sleep", seconds=2), soon()))
        await told(busy)
        node = next(iter(busy._errands.values())).node or ""
        with workers(server):
            lost = next(process for process in started if f"-{process.pid}-" in node)
            for each in [*children(lost), psutil.Process(lost.pid)]:
                each.kill()
            since = time.monotonic()
            assert (await doing).head["slept"] == 2
            tell(f"an order of a machine that is gone was done by another after {time.monotonic() - since:.1f} s")

    with RedisServer() as server, workers(server, 2) as started:
        run(served(executor(server.url), scenario))


def test_a_broker_that_is_away_is_told_at_once() -> None:
    """Killed or hung: who waits and who comes is sent away, and once it is back orders are done again."""

    async def scenario(busy: CeleryExecutor) -> None:
        waiting = asyncio.ensure_future(busy.run(order("sleep", seconds=30), soon()))
        await told(busy)
        for away, back in ((server.stop, server.resume), (server.kill, server.restart)):
            away()
            since = time.monotonic()
            with pytest.raises(OverloadedError):
                await busy.run(order("echo"), soon())
            tell(f"{away.__name__}: an order was refused after {time.monotonic() - since:.2f} s")
            if not waiting.done():
                with pytest.raises(OverloadedError):
                    await waiting
                tell(f"{away.__name__}: one under way was given up after {time.monotonic() - since:.2f} s")
            back()
            await again(busy)

    with RedisServer() as server, workers(server):
        run(served(executor(server.url), scenario))


async def again(busy: CeleryExecutor) -> None:
    """Returns when orders are done again."""
    until = soon(50)
    while time.monotonic() < until:
        try:
            await busy.run(order("echo"), soon(5))
        except (OverloadedError, DeadlineError):
            await asyncio.sleep(0.2)
        else:
            return
    raise TimeoutError


def test_no_worker_and_too_many_orders_are_told() -> None:
    """Who would wait in vain does not wait."""

    async def scenario(busy: CeleryExecutor) -> None:
        orders = [order("sleep", called=str(n), seconds=15) for n in range(6)]
        hanging = [asyncio.ensure_future(busy.run(each, soon())) for each in orders]
        await told(busy, 2)
        while await busy._exchange.length(busy._broker.queue("small")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(OverloadedError):
            await busy.run(order("echo"), soon())
        for each in hanging:
            each.cancel()
        ends = await asyncio.gather(*hanging, return_exceptions=True)
        assert {type(end) for end in ends} <= {asyncio.CancelledError, OverloadedError}
        assert await asyncio.to_thread(ended, started[0]) == 0
        await asyncio.sleep(6)  # until its mark has gone
        with pytest.raises(OverloadedError, match="none is there"):
            await busy.run(order("echo"), soon())

    with RedisServer() as server, workers(server) as started:
        bounds = PoolBounds(queue=3)
        run(served(CeleryExecutor(Broker(server.url, "test"), lambda: RedisExchange(server.url), bounds), scenario))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_leaves_no_process(how: signal.Signals) -> None:
    """Asked to end it finishes what it has begun; killed it takes its processes along."""

    async def scenario(busy: CeleryExecutor) -> None:
        doing = asyncio.ensure_future(busy.run(order("sleep", seconds=1), soon()))
        await told(busy)
        processes = children(started[0])
        assert processes
        os.kill(started[0].pid, how)
        if how == signal.SIGTERM:
            assert (await doing).head["slept"] == 1
        status = await asyncio.to_thread(started[0].wait, 30)
        assert status == (0 if how == signal.SIGTERM else -how)
        doing.cancel()
        gone, alive = psutil.wait_procs(processes, 10)
        assert len(gone) == len(processes)
        assert not alive

    with RedisServer() as server, workers(server) as started:
        run(served(executor(server.url), scenario))


def test_nothing_stays_in_redis() -> None:
    """After orders of every kind, but for what the broker keeps of its queues and what goes soon."""

    async def scenario(busy: CeleryExecutor) -> None:
        await busy.run(order("echo", body=b"7" * (5 << 20)), soon())
        with pytest.raises(DeadlineError):
            await busy.run(order("sleep", seconds=60, body=b"7" * (5 << 20)), soon(1))
        gone = asyncio.ensure_future(busy.run(order("sleep", seconds=60), soon()))
        await told(busy)
        gone.cancel()
        await asyncio.wait({gone})

    with RedisServer() as server, workers(server):
        run(served(executor(server.url), scenario))
        with server.client() as client:
            left = {name.decode(): client.pttl(name) for name in client.scan_iter() if not name.startswith(b"_kombu")}
            assert sum(client.memory_usage(name) for name in left) < 100_000
            assert not [name for name, ttl in left.items() if ttl < 0 and not name.startswith("unacked")]


def test_a_pickled_message_is_not_opened() -> None:
    """A worker takes JSON alone, whatever somebody puts into its queue."""

    async def scenario(busy: CeleryExecutor) -> None:
        foreign: Celery = application(Broker(server.url, "test"))
        foreign.send_task("fluxion.order", args=({"number": "1"},), queue="fluxion.test.small", serializer="pickle")
        foreign.close()
        assert (await busy.run(order("echo", body=b"well"), soon())).body == b"well"

    with RedisServer() as server, workers(server):
        run(served(executor(server.url), scenario))
