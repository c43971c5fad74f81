"""The forking process is started before the executor that takes it over, and does later what can wait."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil

from service.pool.launching import launch
from service.pool.local import LocalExecutor
from tests.pool.executors import BOUNDS, FUNCTION, PATIENCE, order, run, served, soon
from tests.pool.processes import alive, forker, holdings, until, workers

WORKERS = BOUNDS.workers + BOUNDS.large_workers


async def idle(executor: LocalExecutor) -> dict[str, Any]:
    """What a worker knows of its parent."""
    return dict((await executor.run(order("idle"), soon())).head)


def test_a_launched_process_is_taken_over() -> None:
    """It forks the workers; when it dies another one does; and nothing is left at the end."""
    run(asyncio.sleep(0))  # what an event loop opens for good
    before = holdings()
    launched = launch(FUNCTION)

    async def scenario(executor: LocalExecutor) -> None:
        assert (await idle(executor))["parent"] == launched.process.pid == forker().pid
        await until(lambda: executor.counts.starts == WORKERS)
        launched.process.kill()
        await until(lambda: len(workers()) == WORKERS)
        assert (await idle(executor))["parent"] == forker().pid != launched.process.pid

    run(served(LocalExecutor(launched, BOUNDS), scenario))
    assert launched.process.poll() is not None
    assert holdings() == before


def test_a_launched_process_that_is_dead_already_is_replaced() -> None:
    """An order finds a worker all the same."""
    launched = launch(FUNCTION)
    launched.process.kill()
    launched.process.wait(PATIENCE)

    async def scenario(executor: LocalExecutor) -> None:
        assert (await idle(executor))["parent"] != launched.process.pid

    run(served(LocalExecutor(launched, BOUNDS), scenario))


def test_a_launched_process_that_nobody_used_ends() -> None:
    """With the executor that was never started, or with its parent's side of the socket."""
    given = launch(FUNCTION)
    run(LocalExecutor(given, BOUNDS).stop())
    assert given.process.poll() is not None
    alone = launch(FUNCTION)
    alone.sock.close()
    assert alone.process.wait(PATIENCE) == 0


def test_what_can_wait_is_done_once_and_for_the_workers_to_come() -> None:
    """The first workers are forked without it, those after an idle second with it."""

    async def scenario(executor: LocalExecutor) -> None:
        assert (await idle(executor))["by"] == []
        async with asyncio.timeout(PATIENCE):
            while not (found := await idle(executor))["by"]:
                for worker in workers():
                    worker.kill()
                await asyncio.sleep(2)
        assert found["by"] == [found["parent"]]
        assert alive(psutil.Process(found["parent"]))

    run(served(LocalExecutor(FUNCTION, BOUNDS), scenario))
