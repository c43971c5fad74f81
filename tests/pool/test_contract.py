"""What every executor promises, whatever the workers do."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from service.errors import CrashedError, DeadlineError, FluxionError, OverloadedError
from service.pool.orders import Executor, Order
from tests.pool.executors import contract, order, soon

MEGABYTES_100 = 100 << 20


async def is_well(executor: Executor) -> None:
    """Asserts that an order is still done, in either lane."""
    for lane in ("small", "large"):
        outcome = await executor.run(order("echo", body=b"well", lane=lane), soon())
        assert bytes(outcome.body) == b"well"


async def ending(executor: Executor, given: Order, deadline: float) -> str:
    """The name of what `run` ended with."""
    try:
        await executor.run(given, deadline)
    except FluxionError as error:
        return type(error).__name__
    return "done"


@contract
async def test_each_order_has_its_own_outcome(executor: Executor) -> None:
    """Many at once do not mix."""
    orders = [order("echo", number=n, body=b"%d" % n * n, predicted=0.001) for n in range(300)]
    outcomes = await asyncio.gather(*(executor.run(each, soon()) for each in orders))
    assert [(dict(o.head), bytes(o.body)) for o in outcomes] == [(each.head, bytes(each.body)) for each in orders]


@contract
async def test_bodies_of_every_length(executor: Executor) -> None:
    """What travels within a message and what travels beside it come back the same."""
    for size in (0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 1 << 20, (1 << 20) + 1):
        body = (hashlib.sha256(b"%d" % size).digest() * (size // 32 + 1))[:size]
        outcome = await executor.run(order("echo", body=body), soon())
        assert bytes(outcome.body) == body


@contract
async def test_bodies_of_100_megabytes(executor: Executor) -> None:
    """Long bodies go both ways, and may be views."""
    body = bytes(range(256)) * (MEGABYTES_100 // 256)
    outcome = await executor.run(Order("long", {"do": "echo"}, memoryview(body), "large"), soon())
    assert bytes(outcome.body) == body
    outcome = await executor.run(order("large", bytes=MEGABYTES_100, body=b"7", lane="large"), soon())
    assert dict(outcome.head) == {"first": "7"}
    assert bytes(outcome.body) == b"7" * MEGABYTES_100


@contract
async def test_long_c_code_is_stopped_at_the_deadline(executor: Executor) -> None:
    """Code that looks at no signal, and code that lets no other thread run, end as any other."""
    for lane in ("small", "large"):
        for endless in (order("lapack", n=3000, lane=lane), order("power", n=9, lane=lane)):
            since = time.monotonic()
            with pytest.raises(DeadlineError):
                await executor.run(endless, soon(0.5))
            assert time.monotonic() - since < 10
    await is_well(executor)


@contract
async def test_a_deadline_in_the_past_is_kept(executor: Executor) -> None:
    """Nothing is begun whose time is over."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "begun"
        assert await ending(executor, order("exit_once", path=str(path)), soon(-1)) in {
            "DeadlineError",
            "OverloadedError",
        }
        await is_well(executor)
        assert not path.exists()


@contract
async def test_a_worker_that_dies_once_costs_nothing(executor: Executor) -> None:
    """The order is done again elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = await executor.run(order("exit_once", path=str(Path(folder) / "begun")), soon())
    assert dict(outcome.head) == {"again": True}


@contract
async def test_an_order_that_ends_its_worker_twice_is_refused(executor: Executor) -> None:
    """It is refused at once from then on, by its key; others are not harmed."""
    others = [asyncio.ensure_future(executor.run(order("sleep", seconds=0.01 * n), soon())) for n in range(10)]
    for do in ("exit", "abort"):
        with pytest.raises(CrashedError):
            await executor.run(order(do, called=do), soon())
        with pytest.raises(CrashedError):
            await executor.run(order("echo", called=do), soon())
    await asyncio.gather(*others)
    await is_well(executor)


@contract
async def test_an_order_that_wants_too_much_memory_is_refused(executor: Executor) -> None:
    """Its worker is replaced; what is within the limit is done."""
    with pytest.raises(CrashedError, match="limit of one"):
        await executor.run(order("allocate", bytes=4 << 30), soon())
    outcome = await executor.run(order("allocate", bytes=64 << 20), soon())
    assert dict(outcome.head) == {"sum": 8 << 20}


@contract
async def test_cancelling_stops_the_work(executor: Executor) -> None:
    """Whoever goes frees the worker: as many hang as there could be, and then others are done."""
    for lane in ("small", "large"):
        hanging = [
            asyncio.ensure_future(
                executor.run(order("sleep", called=f"{lane} {n}", seconds=3600, lane=lane), soon(3000))
            )
            for n in range(8)
        ]
        await asyncio.sleep(0.5)
        for each in hanging:
            each.cancel()
        ends = await asyncio.gather(*hanging, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError | OverloadedError) for end in ends)
    await is_well(executor)


@contract
async def test_what_is_cancelled_in_the_queue_is_never_begun(executor: Executor) -> None:
    """It leaves the queue, and those behind it move up."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "begun"
        first = [
            asyncio.ensure_future(executor.run(order("sleep", seconds=0.2, lane="large"), soon())) for _ in range(3)
        ]
        await asyncio.sleep(0)
        gone = asyncio.ensure_future(executor.run(order("exit_once", path=str(path), lane="large"), soon()))
        last = asyncio.ensure_future(executor.run(order("echo", lane="large"), soon()))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.gather(*first, last)
        assert gone.cancelled()
        assert not path.exists()


@contract
async def test_a_defect_is_told_with_its_traceback(executor: Executor) -> None:
    """Whatever a function raises ends its order alone, and the log can say where."""
    for what in ("ValueError", "SystemExit", "RecursionError"):
        with pytest.raises(RuntimeError, match=rf"(?s)do_raise.*{what}"):
            await executor.run(order("raise", what=what), soon())
    await is_well(executor)


@contract
async def test_progress_is_reported(executor: Executor) -> None:
    """In order, up to the whole, and before the outcome."""
    heard: list[tuple[int, int]] = []
    await executor.run(order("report", steps=1000), soon(), lambda done, whole: heard.append((done, whole)))
    assert heard == sorted(heard)
    assert heard[-1] == (1000, 1000)


@contract
async def test_a_listener_that_fails_harms_nobody(executor: Executor) -> None:
    """What the caller does with a report is the caller's business."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))

    def fail(done: int, whole: int) -> None:
        raise ValueError

    await executor.run(order("report", steps=3), soon(), fail)
    assert told


@contract
async def test_workers_share_values(executor: Executor) -> None:
    """What one keeps another finds."""
    await executor.run(order("put", key="a", body=b"value" * 1000), soon())
    outcome = await executor.run(order("get", key="a"), soon())
    assert dict(outcome.head) == {"found": True}
    assert bytes(outcome.body) == b"value" * 1000


@contract
async def test_shared_values_are_hints(executor: Executor) -> None:
    """A store that is empty, fails or does not answer is a miss."""
    for key in ("nothing", "broken", "never", "nothing"):
        outcome = await executor.run(order("get", key=key), soon())
        assert dict(outcome.head) == {"found": False}


@contract
async def test_stopping_answers_those_who_wait(executor: Executor) -> None:
    """Nobody waits for an executor that has ended."""
    waiting = [asyncio.ensure_future(executor.run(order("sleep", seconds=30, called=str(n)), soon())) for n in range(6)]
    await asyncio.sleep(0.2)
    await executor.stop()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {OverloadedError}
    assert await ending(executor, order("echo"), soon()) == "OverloadedError"
