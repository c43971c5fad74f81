"""What happens to orders when processes are killed, stopped or short of something."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from service.errors import DeadlineError, FluxionError, OverloadedError
from service.pool.bounds import PoolBounds
from service.pool.local import LocalExecutor
from tests.pool.executors import BOUNDS, FUNCTION, PATIENCE, order, run, served, soon, tell
from tests.pool.processes import forker, holdings, until, workers

KILL_SECONDS = float(os.environ.get("FLUXION_TEST_KILL_SECONDS", "10"))  # how long workers are killed
KILL_EVERY = 0.5


def local(bounds: PoolBounds = BOUNDS) -> LocalExecutor:
    """An executor with few workers."""
    return LocalExecutor(FUNCTION, bounds)


async def is_well(executor: LocalExecutor) -> None:
    """Asserts that there are as many workers as there should be, and that they work."""
    await until(lambda: len(workers()) == BOUNDS.workers + BOUNDS.large_workers)
    for lane in ("small", "large"):
        await executor.run(order("echo", lane=lane), soon())


@pytest.mark.timeout(KILL_SECONDS + 2 * PATIENCE)
def test_workers_are_killed_and_no_order_fails() -> None:
    """F5: a worker that is killed costs a repetition, and nobody an outcome."""
    kills, done, failed = 0, 0, []

    async def client(executor: LocalExecutor, number: int, end: float) -> None:
        nonlocal done
        while time.monotonic() < end:
            given = order("spin", called=f"{number} {done}", seconds=0.005, predicted=0.005)
            try:
                await executor.run(given, soon())
            except (FluxionError, RuntimeError) as error:
                failed.append(error)
            done += 1

    async def scenario(executor: LocalExecutor) -> None:
        nonlocal kills
        end = time.monotonic() + KILL_SECONDS
        clients = [asyncio.ensure_future(client(executor, number, end)) for number in range(6)]
        chance = random.Random(0)  # noqa: S311 - which worker is hit is no secret
        while time.monotonic() < end:
            await asyncio.sleep(KILL_EVERY)
            chance.choice(workers()).kill()
            kills += 1
        await asyncio.gather(*clients)
        await is_well(executor)

    run(served(local(), scenario, KILL_SECONDS + PATIENCE))
    tell(f"F5 worker killed every {KILL_EVERY * 1000:.0f} ms: {done} done, {len(failed)} failed, {kills} kills")
    assert kills > 0
    assert done > kills
    assert not failed


def test_a_stopped_worker_is_killed_at_the_deadline() -> None:
    """F8: a process that does not answer holds up one order, for as long as that may take."""

    async def scenario(executor: LocalExecutor) -> None:
        await executor.ready()
        working = asyncio.ensure_future(executor.run(order("sleep", seconds=0.3, lane="large"), since + 2))
        await asyncio.sleep(0.1)
        for worker in workers():
            worker.suspend()
        with pytest.raises(DeadlineError):
            await working
        tell(f"F8 worker stopped: ended {(time.monotonic() - since - 2) * 1000:.0f} ms after the deadline")
        await is_well_after_stops(executor)

    async def is_well_after_stops(executor: LocalExecutor) -> None:
        for _ in range(8):  # the small workers are stopped as well
            await executor.run(order("echo"), soon())
        assert executor.counts.ends["stuck"] == BOUNDS.workers

    since = time.monotonic()
    run(served(local(), scenario))


def test_the_forking_process_is_killed() -> None:
    """Its workers are replaced, and what they worked on is done again."""

    async def scenario(executor: LocalExecutor) -> None:
        await executor.ready()
        orders = [asyncio.ensure_future(executor.run(order("sleep", seconds=0.2), soon())) for _ in range(8)]
        await asyncio.sleep(0.1)
        old = workers()
        forker().kill()
        await asyncio.gather(*orders)
        await is_well(executor)
        await until(lambda: not any(worker.is_running() for worker in old))

    run(served(local(), scenario))


def test_timeouts_leave_nothing_behind() -> None:
    """Thirty in a row: no descriptor, no process, no thread."""

    async def scenario(executor: LocalExecutor) -> None:
        await is_well(executor)
        await executor.run(order("echo", body=bytes(2 << 20)), soon())  # starts the thread that writes
        before, threads = holdings(), psutil.Process().num_threads()
        for number in range(30):
            endless = order("sleep", called=str(number), seconds=60, body=bytes(100_000), lane="large")
            with pytest.raises(DeadlineError):
                await executor.run(endless, soon(0.05))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(executor.run(endless, soon()), 0.02)
        await is_well(executor)
        await until(lambda: holdings() == before)
        assert psutil.Process().num_threads() == threads
        tell(f"F7 30 timeouts and 30 departures: {before[0]} descriptors and {before[1]} processes before and after")

    run(served(local(), scenario))


def test_stopping_leaves_nothing_behind() -> None:
    """No process, no descriptor, whatever was under way."""

    async def scenario(executor: LocalExecutor) -> None:
        busy = [asyncio.ensure_future(executor.run(order("power", n=9), soon())) for _ in range(5)]
        await asyncio.sleep(0.6)
        await executor.stop()
        assert {type(end) for end in await asyncio.gather(*busy, return_exceptions=True)} == {OverloadedError}

    async def both() -> None:
        await asyncio.to_thread(lambda: None)
        before = holdings()
        for _ in range(3):
            await served(local(), scenario)
            assert holdings() == before
        await served(local(), lambda executor: executor.stop())  # while it is starting
        assert holdings() == before

    run(both(), "asyncio")


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process has no descriptor left to open anything with."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds() + 10, limits[1]))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in taken:
            os.close(descriptor)


def test_descriptors_run_out() -> None:
    """F14: without descriptors orders are done or refused, and when there are some again, all is as before."""

    async def attempt(executor: LocalExecutor, number: int) -> str:
        body = bytes(100_000 * (number % 3))
        try:
            await executor.run(order("echo", number=number, body=body), soon(2))
        except FluxionError as error:
            return type(error).__name__
        return "done"

    async def scenario(executor: LocalExecutor) -> None:
        await is_well(executor)
        victims = workers()
        with no_descriptors():
            ends = [await attempt(executor, number) for number in range(30)]
            for victim in victims:
                os.kill(victim.pid, signal.SIGKILL)
            ends += await asyncio.gather(*(attempt(executor, number) for number in range(30)))
        tell(f"F14 no descriptors left: {ends.count('done')} done, {len(ends) - ends.count('done')} refused, no crash")
        assert set(ends) == {"done", "OverloadedError"}
        await is_well(executor)

    run(served(local(), scenario))


def test_forking_fails_for_a_while() -> None:
    """F14: orders wait for a worker until their deadline, and are done once there is one."""

    async def scenario(executor: LocalExecutor) -> None:
        await is_well(executor)
        process = forker()
        limits = process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (1, limits[1]))
        for worker in workers():
            worker.kill()
        await until(lambda: executor.counts.failed_starts > 3)
        with pytest.raises(OverloadedError):
            await executor.run(order("echo"), soon(0.2))
        waiting = asyncio.ensure_future(executor.run(order("echo"), soon()))
        await asyncio.sleep(0)
        process.rlimit(psutil.RLIMIT_NOFILE, limits)
        await waiting
        await is_well(executor)

    run(served(local(), scenario))


def test_clocks_on_the_wall_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """F15: deadlines are of the monotonic clock."""

    async def scenario(executor: LocalExecutor) -> None:
        running = asyncio.ensure_future(executor.run(order("sleep", seconds=0.3), soon()))
        for jump in (1e9, -1e9):
            monkeypatch.setattr(time, "time", lambda jump=jump: jump)
            await executor.run(order("echo"), soon())
        await running

    run(served(local(), scenario))
    tell("F15 clock set by 30 years, both ways: 3 done, 0 failed")


def test_what_waits_past_its_deadline_is_not_begun(tmp_path: Path) -> None:
    """F15: the executor's only clock is the one that it was given."""
    ahead = 0.0
    executor = LocalExecutor(FUNCTION, BOUNDS, clock=lambda: time.monotonic() + ahead)

    async def scenario(executor: LocalExecutor) -> None:
        nonlocal ahead
        first = asyncio.ensure_future(executor.run(order("sleep", seconds=0.5, lane="large"), soon(7200)))
        await asyncio.sleep(0)
        late = order("exit_once", path=str(tmp_path / "begun"), lane="large")
        second = asyncio.ensure_future(executor.run(late, soon()))
        await asyncio.sleep(0)
        ahead = 3600.0
        await first
        with pytest.raises(OverloadedError):
            await second
        assert not (tmp_path / "begun").exists()

    run(served(executor, scenario))
