"""What workers ask for while they work: values that others have kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from service.pool.frames import LostBodyError, Message
from service.pool.memory import INLINE
from service.pool.orders import Shared

Answer = Callable[[dict[str, Any], bytes], None]

GET_SECONDS = 0.9  # a little less than a worker waits
AT_ONCE = 256

log = logging.getLogger(__name__)


class Errands:
    """Asks `shared` for workers. A hint only: what fails, is long or comes on top of too many others is a miss."""

    def __init__(self, shared: Shared | None) -> None:
        self._shared = shared
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, message: Message, answer: Answer) -> None:
        """Starts on a worker's `get`, which is answered, or `put`, which is not."""
        if "get" in message.head:
            if not self._start(lambda shared: self._get(shared, message, answer)):
                answer({"number": message.head["number"], "found": False}, b"")
            return
        try:
            value = bytes(message.body())
        except LostBodyError:
            return
        self._start(lambda shared: shared.put(message.head["put"], value))

    def stop(self) -> None:
        """Drops what is under way."""
        for task in self._tasks:
            task.cancel()

    def _start(self, errand: Callable[[Shared], Any]) -> bool:
        if self._shared is None or len(self._tasks) >= AT_ONCE:
            return False
        task = asyncio.ensure_future(self._quietly(errand(self._shared)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    @staticmethod
    async def _quietly(errand: Any) -> None:
        try:
            await errand
        except Exception:
            log.debug("a shared value was neither found nor kept", exc_info=True)

    @staticmethod
    async def _get(shared: Shared, message: Message, answer: Answer) -> None:
        value = None
        try:
            value = await asyncio.wait_for(shared.get(message.head["get"]), GET_SECONDS)
        finally:
            found = value is not None and len(value) <= INLINE
            answer({"number": message.head["number"], "found": found}, value if found and value is not None else b"")
