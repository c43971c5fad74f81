"""Every executor, and a way to write one test for all of them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import pytest
import uvloop

from service.pool.bounds import PoolBounds
from service.pool.local import LocalExecutor
from service.pool.orders import Executor, Lane, Order, Shared
from tests.pool.remote import executor, fresh

FUNCTION = "tests.pool.work:run"
BOUNDS = PoolBounds(workers=2, large_workers=1, worker_bytes=1 << 30)
PATIENCE = 60.0  # seconds until something has gone wrong
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Kept(Shared):
    """Shared values in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        """The value, or None; `never` takes for ever, and `broken` fails."""
        if key == "never":
            await asyncio.Event().wait()
        if key == "broken":
            raise ConnectionError
        return self.values.get(key)

    async def put(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        self.values[key] = value


FACTORIES: dict[str, Callable[[Shared], Executor]] = {
    "local": lambda shared: LocalExecutor(FUNCTION, BOUNDS, shared),
    "celery": lambda _: executor(fresh()),
}

E = TypeVar("E", bound=Executor)
Scenario = Callable[[Executor], Awaitable[None]]


class Test(Protocol):
    """What pytest calls."""

    def __call__(self, executor: str, loop: str) -> None:
        """Runs one scenario."""


def contract(scenario: Scenario) -> Test:
    """A test of every executor, on every event loop, from what is done with one."""

    @pytest.mark.parametrize("loop", LOOPS)
    @pytest.mark.parametrize("executor", FACTORIES)
    def test(executor: str, loop: str) -> None:
        since = time.monotonic()
        run(served(FACTORIES[executor](Kept()), scenario), loop)
        tell(f"{executor} on {loop}: {time.monotonic() - since:.2f} s")

    test.__doc__ = scenario.__doc__
    return test


def run(scenario: Any, loop: str = "uvloop") -> Any:
    """Runs a coroutine on a new event loop."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(scenario)


async def served(executor: E, scenario: Callable[[E], Awaitable[None]], patience: float = PATIENCE) -> None:
    """Runs a scenario with an executor that is started before and stopped afterwards."""
    await executor.start()
    try:
        await asyncio.wait_for(scenario(executor), patience)
    finally:
        await executor.stop()


def order(
    do: str, *, called: str = "", body: bytes = b"", lane: Lane = "small", predicted: float = 0.02, **more: Any
) -> Order:
    """An order to do what tests/pool/work.py calls `do_` something; `called` is its key."""
    return Order(called or f"{do} {more}", {"do": do, **more}, body, lane, predicted)


def soon(seconds: float = PATIENCE) -> float:
    """A deadline in so many seconds."""
    return time.monotonic() + seconds


def tell(line: str) -> None:
    """Prints a figure; `pytest -rP` or `-s` shows it."""
    sys.stdout.write(line + "\n")
