"""One worker, seen from the executor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from service.errors import OverloadedError
from service.pool.errands import Errands
from service.pool.frames import LostBodyError, Message, frame
from service.pool.nursery import Nursery
from service.pool.orders import Lane, Order, Outcome, Report
from service.pool.wire import Wire, awaited_or_not

READY_SECONDS = 60.0
NICER = {"small": 5, "large": 10}  # how much lower the priority of work is than that of answering


class WorkerError(RuntimeError):
    """The function raised; the traceback is for the log."""


class DiedError(Exception):
    """The worker ended without an outcome; `begun`: after it had begun, `memory`: because it wanted too much."""

    def __init__(self, *, begun: bool, memory: bool = False) -> None:
        super().__init__()
        self.begun = begun
        self.memory = memory


class Slot:
    """A worker's process and the socket to it; works on one order at a time."""

    def __init__(self, lane: Lane, nursery: Nursery, errands: Errands, died: Callable[[Slot], None]) -> None:
        self.lane = lane
        self.orders = 0
        self.pid: int | None = None
        self._nursery = nursery
        self._errands = errands
        self._died = died
        self._wire: Wire | None = None
        self._ready: asyncio.Future[None] = awaited_or_not()
        self._reply: asyncio.Future[Outcome] | None = None
        self._report: Report | None = None
        self.begun = False

    async def start(self) -> None:
        """Returns when the worker is ready for orders.

        Raises:
            OSError: there is no room for it, or it ended before it was ready.
        """
        ours, theirs = socket.socketpair()
        try:
            self._wire = Wire(ours, self._received, self.abandon)
            self.pid = await self._nursery.fork(theirs)
            self.set_lane(self.lane)
            theirs.close()
            await asyncio.wait_for(self._ready, READY_SECONDS)
        except BaseException:
            self.end()
            raise
        finally:
            theirs.close()

    def set_lane(self, lane: Lane) -> None:
        """Long work leaves the processors to short work, and all work to the process that answers."""
        self.lane = lane
        if self.pid is not None:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, NICER[lane])

    def begin(self, order: Order, descriptor: int | None, report: Report | None) -> asyncio.Future[Outcome]:
        """Gives the worker an order, its body behind the descriptor if there is one.

        Returns:
            What becomes of it: an outcome, or WorkerError, DiedError, or LostBodyError for want of descriptors here.
        """
        self.orders += 1
        self.begun, self._report = False, report
        reply: asyncio.Future[Outcome] = awaited_or_not()
        self._reply = reply
        if self._wire is None:
            reply.set_exception(DiedError(begun=False))
        elif descriptor is None:
            self._wire.send(frame({"order": order.head}, order.body))
        else:
            self._wire.send(frame({"order": order.head}, size=memoryview(order.body).nbytes), descriptor)
        return reply

    def end(self) -> None:
        """Kills the worker, whatever it is doing. The process id is its own until it is buried."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._nursery.bury(self.pid)
            self.pid = None

    def stop(self) -> None:
        """Kills the worker because the whole executor ends."""
        self.end()
        self._settle(error=OverloadedError("workers: the service is stopping"))

    def abandon(self) -> None:
        """Kills the worker as if it had died."""
        self.end()
        if not self._ready.done():
            self._ready.set_exception(OSError("a worker ended before it was ready"))
            return
        self._settle(error=DiedError(begun=self.begun))
        self._died(self)

    def _received(self, message: Message) -> None:
        head = message.head
        if "done" in head:
            if self._report is not None:
                asyncio.get_running_loop().call_soon(self._report, head["done"], head["whole"])
        elif "outcome" in head:
            try:
                self._settle(Outcome(head["outcome"], message.body()))
            except LostBodyError as error:
                self._settle(error=error)
        elif "get" in head or "put" in head:
            self._errands.do(message, self._answer)
        else:
            self._turn(head)

    def _turn(self, head: dict[str, Any]) -> None:
        if "begun" in head:
            self.begun = True
        elif "ready" in head and not self._ready.done():
            self._ready.set_result(None)
        elif "error" in head:
            self._settle(error=WorkerError(head["error"]))
        elif "memory" in head:
            self._settle(error=DiedError(begun=True, memory=True))

    def _answer(self, head: dict[str, Any], value: bytes) -> None:
        if self._wire is not None:
            self._wire.send(frame(head, value))

    def _settle(self, outcome: Outcome | None = None, error: Exception | None = None) -> None:
        reply, self._reply, self._report = self._reply, None, None
        if reply is None or reply.done():
            return
        if error is not None:
            reply.set_exception(error)
        elif outcome is not None:
            reply.set_result(outcome)
