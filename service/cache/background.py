"""Work that no answer waits for, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

TASKS = 64
BYTES = 32 * 2**20


class Background:
    """A bounded number of tasks with a bounded number of bytes; what does not fit is not begun."""

    def __init__(self, tasks: int = TASKS, size: int = BYTES) -> None:
        self._most = tasks
        self._room = size
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]], size: int = 0) -> bool:
        """Starts the work, which holds so many bytes; or says no."""
        if len(self._tasks) >= self._most or size > self._room:
            return False
        self._room -= size
        task = asyncio.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._end(done, size))
        return True

    async def drain(self) -> None:
        """Waits for what is under way."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _end(self, task: asyncio.Task[None], size: int) -> None:
        self._tasks.discard(task)
        self._room += size
