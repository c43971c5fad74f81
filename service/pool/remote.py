"""The executor on many machines: orders go to Celery workers, and what becomes of them comes back by the exchange."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from service.errors import CrashedError, DeadlineError, OverloadedError
from service.pool.bounds import PoolBounds
from service.pool.broker import Broker
from service.pool.counts import Counts, Ending
from service.pool.exchange import Exchange
from service.pool.lanes import STOPPING, overloaded
from service.pool.orders import Order, Outcome, Report
from service.pool.sending import GRACE_SECONDS, Errand, Sender
from service.pool.slot import WorkerError

START_SECONDS = 60.0  # for a worker to come
AWAY_SECONDS = 3.0  # without an answer of the exchange, until those who wait are told
LOOK_SECONDS = 1.0  # between looks at what has become of orders
LOOKS = 3  # with an order neither in a queue nor begun, until it counts as lost
TIDY_SECONDS = 3.0

log = logging.getLogger(__name__)


class CeleryExecutor:
    """Runs orders on the workers that `python -m service.worker` starts, on any machine.

    They answer into an inbox of this executor's. What a worker loses is begun anew by Celery; what a whole machine
    loses, from here.
    """

    def __init__(self, broker: Broker, exchange: Callable[[], Exchange], bounds: PoolBounds | None = None) -> None:
        self._broker = broker
        self._make = exchange
        self._bounds = bounds or PoolBounds()
        self._counts = Counts()
        self._inbox = f"inbox:{secrets.token_hex(16)}"
        self._errands: dict[str, Errand] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._stopped = True

    @property
    def counts(self) -> Counts:
        """What has been done so far, and how many are under way."""
        self._counts.queued = {"small": 0, "large": 0}
        for errand in self._errands.values():
            self._counts.queued[errand.order.lane] += errand.node is None
        return self._counts

    async def start(self) -> None:
        """Connects, and waits a while for a worker."""
        self._exchange = self._make()
        self._sender, self._turn = Sender(self._broker), asyncio.Lock()
        self._stopped = False
        self._loops = [asyncio.create_task(loop) for loop in (self._listen(), self._watch())]
        until = time.monotonic() + START_SECONDS
        while not await self._has_workers() and time.monotonic() < until:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(LOOK_SECONDS / 4)

    async def stop(self) -> None:
        """Ends the work of this executor's, and answers all who wait for it; workers stay."""
        if self._stopped:
            return
        self._stopped = True
        self._fail(OverloadedError(STOPPING))
        until = time.monotonic() + TIDY_SECONDS
        while (self._errands or self._tasks) and time.monotonic() < until:  # noqa: ASYNC110 - two things are awaited
            await asyncio.sleep(LOOK_SECONDS / 100)  # those who wait go, and what they leave is tidied up
        for task in [*self._loops, *self._tasks]:
            task.cancel()
        await asyncio.gather(*self._loops, *self._tasks, return_exceptions=True)
        await self._exchange.close()
        await self._sender.close()

    async def run(self, order: Order, deadline: float, report: Report | None = None) -> Outcome:
        """The outcome, by the deadline (in seconds of `time.monotonic`).

        Raises:
            OverloadedError: the broker or the workers are away, too many orders wait, or no worker came to it in time.
            DeadlineError: it took too long, and was stopped.
            CrashedError: it ended its worker, twice, now or a short while ago.
            WorkerError: the function raised.
        """
        allowed = deadline - time.monotonic()
        ending: Ending = "failed"
        try:
            outcome = await self._done(order, deadline, report, allowed)
        except (CrashedError, DeadlineError, OverloadedError, asyncio.CancelledError) as error:
            ending = _ENDINGS[type(error)]
            raise
        else:
            ending = "done"
            return outcome
        finally:
            self._counts.orders[order.lane, ending] += 1

    async def _done(self, order: Order, deadline: float, report: Report | None, allowed: float) -> Outcome:
        if self._stopped:
            raise OverloadedError(STOPPING)
        if allowed <= 0:
            raise DeadlineError(0)
        errand = Errand(order, deadline, report)
        self._errands[errand.number] = errand
        try:
            async with asyncio.timeout(allowed):
                await self._submit(errand)
                await asyncio.wait({errand.reply})  # which is not cancelled with its waiting
                return errand.reply.result()
        except TimeoutError:
            raise DeadlineError(round(allowed, 3)) if errand.node else overloaded(0) from None
        except ConnectionError:
            raise _away() from None
        finally:
            del self._errands[errand.number]
            self._soon(self._tidy(errand))

    async def _admit(self, errand: Errand) -> None:
        names = (f"quarantine:{errand.order.key}", self._broker.workers)
        queue = self._broker.queue(errand.order.lane)
        (refused, workers), waiting = await asyncio.gather(self._exchange.marks(*names), self._exchange.length(queue))
        if refused:
            raise CrashedError(self._bounds.quarantine_seconds)
        if not workers:
            message = "workers: none is there; try again in 5 s"
            raise OverloadedError(message, 5)
        if waiting >= self._bounds.queue:
            raise overloaded(waiting * errand.order.seconds / self._bounds.slots(errand.order.lane))

    async def _submit(self, errand: Errand) -> None:
        """Gives an order to the broker, after those before it; a long body beforehand, for which no other waits."""
        if errand.is_long:
            await self._admit(errand)
            errand.held = True
            left = errand.deadline - time.monotonic()
            await self._exchange.hold(errand.body, errand.order.body, left + GRACE_SECONDS)
        async with self._turn:
            if not errand.is_long:
                await self._admit(errand)
            await self._send(errand)

    async def _send(self, errand: Errand) -> None:
        left = min(errand.deadline - time.monotonic(), self._broker.longest - GRACE_SECONDS)
        if left <= 0:
            raise overloaded(0)
        await self._exchange.mark(errand.wanted, left)
        await self._sender.send(errand, self._inbox, left)

    async def _tidy(self, errand: Errand) -> None:
        """Leaves nothing behind: no mark, no body, and no work that nobody waits for."""
        try:
            await self._exchange.unmark(errand.wanted)
            if errand.held:
                await self._exchange.drop(errand.body, errand.size)
            if errand.sent and not errand.settled:
                await self._sender.revoke(errand)
        except ConnectionError:
            log.warning("an order was not tidied up")  # all goes by itself, and a worker stops at its limit

    async def _listen(self) -> None:
        """Hands on what arrives in the inbox."""
        heard = time.monotonic()
        while True:
            try:
                message = await self._exchange.pop(self._inbox, LOOK_SECONDS)
                heard = time.monotonic()
            except ConnectionError:
                if time.monotonic() - heard > AWAY_SECONDS:
                    self._fail(_away())
                await asyncio.sleep(LOOK_SECONDS / 10)
                continue
            if message is not None:
                self._receive(message)

    def _receive(self, message: bytes) -> None:
        text, _, body = message.partition(b"\n")
        head = orjson.loads(text)
        errand = self._errands.get(head["number"])
        if errand is None or errand.reply.done():
            return
        errand.settled = not head.keys() & {"done", "node"}
        if "done" in head:
            if errand.report is not None:
                asyncio.get_running_loop().call_soon(errand.report, head["done"], head["whole"])
        elif "node" in head:
            errand.node = head["node"]
        elif "error" in head:
            errand.reply.set_exception(WorkerError(head["error"]))
        elif "crashed" in head:
            errand.reply.set_exception(CrashedError(self._bounds.quarantine_seconds))
        elif "parcel" in head:
            self._soon(self._fetch(errand, head))
        else:
            errand.reply.set_result(Outcome(head["outcome"], body))

    async def _fetch(self, errand: Errand, head: dict[str, Any]) -> None:
        """Takes a long result out of the exchange."""
        body = None
        try:
            body = await self._exchange.held(head["parcel"], head["size"])
            await self._exchange.drop(head["parcel"], head["size"])
        except ConnectionError:
            pass
        if errand.reply.done():
            return
        if body is None:
            errand.reply.set_exception(_away())
        else:
            errand.reply.set_result(Outcome(head["outcome"], body))

    async def _watch(self) -> None:
        """Sends again, once, what was lost: begun on a machine that is gone, or neither in a queue nor begun."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                for errand in await self._lost():
                    await self._repeat(errand)
            except ConnectionError:
                continue

    async def _lost(self) -> list[Errand]:
        errands = [errand for errand in self._errands.values() if errand.sent and not errand.reply.done()]
        nodes = list({errand.node for errand in errands if errand.node})
        there = dict(zip(nodes, await self._exchange.marks(*(f"node:{node}" for node in nodes)), strict=True))
        empty = {
            lane: not await self._exchange.length(self._broker.queue(lane)) for lane in {e.order.lane for e in errands}
        }
        lost = []
        for errand in errands:
            gone = not there[errand.node] if errand.node in there else empty[errand.order.lane] and not errand.node
            errand.missed = errand.missed + 1 if gone else 0
            if errand.missed >= (1 if errand.node else LOOKS):
                lost.append(errand)
        return lost

    async def _repeat(self, errand: Errand) -> None:
        if errand.reply.done():
            return
        if errand.again:
            errand.reply.set_exception(overloaded(0))
            return
        errand.again, errand.node, errand.missed = True, None, 0
        await self._send(errand)

    async def _has_workers(self) -> bool:
        try:
            return bool((await self._exchange.marks(self._broker.workers))[0])
        except ConnectionError:
            return False

    def _fail(self, error: Exception) -> None:
        for errand in self._errands.values():
            if not errand.reply.done():
                errand.reply.set_exception(error)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _away() -> OverloadedError:
    return OverloadedError("workers: the broker is away; try again in 5 s", 5)


_ENDINGS: dict[type[BaseException], Ending] = {
    CrashedError: "crashed",
    DeadlineError: "deadline",
    OverloadedError: "overloaded",
    asyncio.CancelledError: "cancelled",
}
