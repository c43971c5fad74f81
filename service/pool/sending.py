"""Orders into the broker and out of it again, by threads: Celery waits for the network where it is called."""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import math
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import orjson

from service.pool.broker import TASK, Broker, application
from service.pool.orders import Order, Outcome, Report
from service.pool.wire import awaited_or_not

INLINE = 256 << 10  # bytes of a body that travel within a message
SEND_SECONDS = 3.0  # for the broker to take an order
GRACE_SECONDS = 2.0  # until a worker stops by itself what should have been stopped from here
THREADS = 2

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Errand:
    """An order on its way. `node` is the worker that has begun with it, which has ended it if it is `settled`."""

    order: Order
    deadline: float
    report: Report | None
    number: str = field(default_factory=lambda: secrets.token_hex(16))
    reply: asyncio.Future[Outcome] = field(default_factory=awaited_or_not)
    held: bool = False
    sent: bool = False
    settled: bool = False
    node: str | None = None
    missed: int = 0
    again: bool = False

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return memoryview(self.order.body).nbytes

    @property
    def is_long(self) -> bool:
        """Whether the body travels beside the message."""
        return self.size > INLINE

    @property
    def wanted(self) -> str:
        """The mark without which no worker begins."""
        return f"wanted:{self.number}"

    @property
    def body(self) -> str:
        """Where a long body is."""
        return f"body:{self.number}"


class Sender:
    """Celery, seen from an event loop. Raises ConnectionError where the broker does not take what is sent, in time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._app = application(broker)
        self._threads = ThreadPoolExecutor(THREADS, "celery")

    async def send(self, errand: Errand, inbox: str, seconds: float) -> None:
        """Gives an order to the workers, for which they have so many seconds."""
        order = errand.order
        sent: dict[str, Any] = {"number": errand.number, "key": order.key, "inbox": inbox, "size": errand.size}
        sent["head"] = orjson.dumps(order.head).decode()
        if not errand.is_long:
            sent["body"] = base64.b64encode(order.body).decode()
        errand.sent = True
        await self._called(
            self._app.send_task,
            TASK,
            args=(sent,),
            task_id=errand.number,
            queue=self._broker.queue(order.lane),
            time_limit=math.ceil(seconds + GRACE_SECONDS),
            retry=False,
            argsrepr="",
            kwargsrepr="",
        )

    async def revoke(self, errand: Errand) -> None:
        """Has the process killed that works on an order."""
        await self._called(self._app.control.revoke, errand.number, terminate=True, signal="SIGKILL", retry=False)

    async def close(self) -> None:
        """Ends threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._app.close)

    async def _called(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        call = functools.partial(function, *arguments, **named)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except Exception as error:
            log.warning("the broker took nothing: %s", type(error).__name__)
            raise ConnectionError from error
