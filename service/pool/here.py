"""Orders done by threads of this process: for tests of what stands above, and for functions that cannot be named."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from service.errors import DeadlineError
from service.pool.orders import Order, Outcome, Report

Work = Callable[[Mapping[str, Any], bytes | memoryview], tuple[Mapping[str, Any], bytes]]


class HereExecutor:
    """Satisfies `Executor`, but for stopping what runs: a thread cannot be killed."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def start(self) -> None:
        """Threads start when they are needed."""

    async def stop(self) -> None:
        """Threads end with what they do."""

    async def run(self, order: Order, deadline: float, report: Report | None = None) -> Outcome:  # noqa: ARG002 - nothing is reported
        """The outcome, by the deadline."""
        left = deadline - time.monotonic()
        try:
            async with asyncio.timeout(left):
                head, body = await asyncio.to_thread(self._work, order.head, order.body)
        except TimeoutError:
            raise DeadlineError(left) from None
        return Outcome(head, body)
