"""One flight per key: who asks for what is being made already waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass
class Flight(Generic[T]):
    """Work under way, and how many wait for it."""

    task: asyncio.Task[T]
    waiting: int = 0


class Flights(Generic[T]):
    """Work under way in this process, by key."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()  # those that are being cancelled, too

    async def run(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, bool]:
        """What `make` answers, and whether another caller's is shared.

        A caller that is cancelled leaves; when the last has left, the work is cancelled. What `make` raises, every
        caller gets.
        """
        flight = self._flights.get(key)
        joined = flight is not None
        if flight is None:
            flight = self._begin(key, make)
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,))
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight)  # first, so that nobody joins what is ending
                flight.task.cancel()
        if flight.task.cancelled():
            message = f"the work for {key} cancelled itself"  # a CancelledError would look like the caller's own
            raise RuntimeError(message)
        return flight.task.result(), joined

    async def close(self) -> None:
        """Ends all of them."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> Flight[T]:
        flight = Flight(asyncio.create_task(make()))
        self._flights[key] = flight
        self._tasks.add(flight.task)
        flight.task.add_done_callback(lambda task: self._land(key, flight, task))
        return flight

    def _land(self, key: str, flight: Flight[T], task: asyncio.Task[T]) -> None:
        self._forget(key, flight)
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, though all who asked may have left

    def _forget(self, key: str, flight: Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
