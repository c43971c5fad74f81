"""One flight per key in one process: who joins, who leaves, and what they get."""

from __future__ import annotations

import asyncio

import pytest

from service.cache.flights import Flights

pytestmark = pytest.mark.anyio


class Work:
    """Something that takes until it is allowed to end."""

    def __init__(self, result: object = b"made") -> None:
        self.begun = 0
        self.cancelled = 0
        self.allowed = asyncio.Event()
        self._result = result

    async def __call__(self) -> object:
        """The result, or what it raises."""
        self.begun += 1
        try:
            await self.allowed.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


async def joined(flights: Flights[object], work: Work, callers: int) -> list[asyncio.Task[tuple[object, bool]]]:
    """So many callers of one key, waiting."""
    tasks = [asyncio.create_task(flights.run("key", work)) for _ in range(callers)]
    await asyncio.sleep(0.01)
    return tasks


async def test_callers_share_one_flight() -> None:
    """It is made once, and one of them knows that it was its own."""
    flights: Flights[object] = Flights()
    work = Work()
    tasks = await joined(flights, work, 64)
    work.allowed.set()
    results = await asyncio.gather(*tasks)
    assert work.begun == 1
    assert results == [(b"made", False)] + 63 * [(b"made", True)]


async def test_the_next_flight_is_new() -> None:
    """Nothing of a flight remains."""
    flights: Flights[object] = Flights()
    work = Work()
    work.allowed.set()
    assert [await flights.run("key", work) for _ in range(2)] == 2 * [(b"made", False)]
    assert work.begun == 2
    assert not flights._flights
    assert not flights._tasks


@pytest.mark.parametrize("leaving", [0, 3, 7])
async def test_one_who_leaves_takes_nobody_along(leaving: int) -> None:
    """Whichever caller is cancelled, the first included, the others get their value."""
    flights: Flights[object] = Flights()
    work = Work()
    tasks = await joined(flights, work, 8)
    tasks.pop(leaving).cancel()
    await asyncio.sleep(0.01)
    work.allowed.set()
    assert [value for value, _ in await asyncio.gather(*tasks)] == 7 * [b"made"]
    assert (work.begun, work.cancelled) == (1, 0)


async def test_the_last_to_leave_ends_it() -> None:
    """Work that nobody waits for stops, and who comes then begins anew."""
    flights: Flights[object] = Flights()
    work = Work()
    tasks = await joined(flights, work, 8)
    for task in tasks:
        task.cancel()
    newcomer = asyncio.create_task(flights.run("key", work))
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))
    await asyncio.sleep(0.01)
    work.allowed.set()
    assert (await newcomer)[0] == b"made"
    assert work.begun - work.cancelled == 1


async def test_work_that_clings_delays_nobody() -> None:
    """A caller who comes while cancelled work is still ending does not share its end."""
    flights: Flights[object] = Flights()
    ended = asyncio.Event()

    async def clinging() -> object:
        try:
            await asyncio.sleep(60)
        finally:
            await ended.wait()
        return b"never"

    first = asyncio.create_task(flights.run("key", clinging))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    work = Work(b"second")
    work.allowed.set()
    assert await flights.run("key", work) == (b"second", False)
    ended.set()
    await flights.close()


async def test_a_failure_is_everybodys() -> None:
    """What it raises, each caller gets, and the next is not refused for it."""
    flights: Flights[object] = Flights()
    work = Work(ValueError("no"))
    tasks = await joined(flights, work, 8)
    work.allowed.set()
    assert [str(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == 8 * ["no"]
    better = Work()
    better.allowed.set()
    assert await flights.run("key", better) == (b"made", False)


async def test_a_deadline_is_the_callers_own() -> None:
    """One gives up in time, the other gets the value."""
    flights: Flights[object] = Flights()
    work = Work()
    (patient,) = await joined(flights, work, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await flights.run("key", work)
    work.allowed.set()
    assert (await patient)[0] == b"made"


async def test_work_that_cancels_itself_cancels_nobody() -> None:
    """A caller is told from one that was cancelled."""
    flights: Flights[object] = Flights()
    work = Work(asyncio.CancelledError())
    work.allowed.set()
    with pytest.raises(RuntimeError, match="cancelled itself"):
        await flights.run("key", work)


async def test_closing_ends_all() -> None:
    """No work outlives the service."""
    flights: Flights[object] = Flights()
    work = Work()
    tasks = await joined(flights, work, 3)
    await flights.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.cancelled == 1
