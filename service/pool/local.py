"""The executor on one machine: a process for each slot, which can be killed at any moment."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.errors import CrashedError, DeadlineError, OverloadedError
from service.pool.bounds import PoolBounds
from service.pool.counts import Counts, Ending
from service.pool.crew import Crew
from service.pool.frames import LostBodyError
from service.pool.lanes import STOPPING, Ticket, overloaded
from service.pool.launching import Launched
from service.pool.memory import INLINE, shared_soon
from service.pool.orders import Lane, Order, Outcome, Report, Shared
from service.pool.quarantine import Quarantine
from service.pool.slot import DiedError, Slot

CRASHES = 2  # of one order
UNBEGUN = 5  # workers that did not come to begin with one order, for reasons of their own
BEGIN_SECONDS = 1.0  # how long that may take a worker, even on a busy machine


@dataclass(eq=False)
class Job:
    """An order on its way through `run`."""

    order: Order
    deadline: float
    report: Report | None
    allowed: float
    lane: Lane
    seconds: float
    crashes: int = 0
    unbegun: int = 0
    waited: bool = False
    descriptor: int | None = None


class MovedError(Exception):
    """The order turned out to be a large one, and has to begin again as such."""


class LocalExecutor:
    """Runs `module:function` in processes of this machine (POSIX).

    The function takes the head and the body of an order, and a link to its surroundings, and answers the head and the
    body of the outcome: `run(head: dict, body: memoryview, link: Link) -> tuple[dict, bytes]`. Its process may
    have been launched before; this executor then ends it.
    """

    def __init__(
        self,
        function: str | Launched,
        bounds: PoolBounds | None = None,
        shared: Shared | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = Counts()
        self._bounds = bounds or PoolBounds()
        self._clock = clock
        self._quarantine = Quarantine(self._bounds.quarantine_seconds, clock)
        self._crew = Crew(function, self._bounds, shared, self._counts, clock)

    @property
    def counts(self) -> Counts:
        """What has been done so far, and how many wait now."""
        self._counts.queued = {name: len(lane) for name, lane in self._crew.lanes.items()}
        return self._counts

    async def start(self) -> None:
        """Starts the workers; orders may be given at once."""
        self._crew.start()

    async def ready(self) -> None:
        """Returns when there is a worker for each kind of order."""
        await self._crew.ready.wait()

    async def stop(self) -> None:
        """Ends every worker, at once; returns when no process is left."""
        await self._crew.stop()

    async def run(self, order: Order, deadline: float, report: Report | None = None) -> Outcome:
        """The outcome, by the deadline (in seconds of the clock).

        Raises:
            OverloadedError: it could not be done in time, as was clear before it was begun.
            DeadlineError: it took too long, and was stopped.
            CrashedError: it ended its worker, twice, now or a short while ago.
            WorkerError: the function raised.
        """
        job = Job(order, deadline, report, deadline - self._clock(), order.lane, order.seconds)
        ending: Ending = "failed"
        try:
            outcome = await self._done(job)
        except CrashedError:
            ending = "crashed"
            raise
        except DeadlineError:
            ending = "deadline"
            raise
        except OverloadedError:
            ending = "overloaded"
            raise
        except asyncio.CancelledError:
            ending = "cancelled"
            raise
        else:
            ending = "done"
            return outcome
        finally:
            self._counts.orders[order.lane, ending] += 1
            if job.descriptor is not None:
                os.close(job.descriptor)

    async def _done(self, job: Job) -> Outcome:
        if job.order.key in self._quarantine:
            raise CrashedError(self._bounds.quarantine_seconds)
        if job.allowed <= 0:
            raise DeadlineError(0)
        while True:
            slot = await self._turn(job)
            try:
                return await self._worked(slot, job)
            except MovedError:
                job.waited = False
            except DiedError as died:
                self._retry(job, died)
            except LostBodyError:
                raise overloaded(0) from None

    def _retry(self, job: Job, died: DiedError) -> None:
        """Returns if the order may be tried once more."""
        job.crashes += died.begun
        job.unbegun += not died.begun
        if job.unbegun >= UNBEGUN:
            raise overloaded(0) from None
        if job.crashes >= CRASHES:
            self._quarantine.add(job.order.key)
            raise CrashedError(self._bounds.quarantine_seconds) from None
        if died.memory:
            job.lane = "large"

    async def _turn(self, job: Job) -> Slot:
        """A worker for the order, when it is its turn."""
        now = self._clock()
        lane = self._crew.lanes[job.lane]
        if self._crew.stopped:
            raise OverloadedError(STOPPING)
        if not job.waited:
            self._admit(job, now)
        ticket = Ticket(job.order, job.deadline, job.seconds, now)
        size = memoryview(job.order.body).nbytes
        lane.push(ticket, first=job.waited)
        job.waited = True
        self._counts.queued_bytes += size
        try:
            lane.hand_out(now)
            if not ticket.turn.done():
                await asyncio.wait({ticket.turn}, timeout=max(job.deadline - now, 0))
            if not ticket.turn.done():
                raise overloaded(0)
            return ticket.turn.result()
        except asyncio.CancelledError:
            if ticket.turn.done() and ticket.turn.exception() is None:
                self._crew.release(ticket.turn.result())
            raise
        finally:
            lane.drop(ticket)
            self._counts.queued_bytes -= size
            self._counts.queued_seconds += self._clock() - now

    def _admit(self, job: Job, now: float) -> None:
        lane = self._crew.lanes[job.lane]
        size = memoryview(job.order.body).nbytes
        full = sum(map(len, self._crew.lanes.values())) >= self._bounds.queue
        if full or (self._counts.queued_bytes and self._counts.queued_bytes + size > self._bounds.queue_bytes):
            raise overloaded(lane.wait(now))
        lane.admit(job.seconds, job.deadline, now)

    async def _worked(self, slot: Slot, job: Job) -> Outcome:
        """What the worker makes of the order; the worker is free again afterwards, or ended."""
        since = self._clock()
        try:
            reply = await self._begun(slot, job)
            return await self._awaited(slot, job, reply)
        except asyncio.CancelledError:
            self._crew.end(slot, "cancelled")
            raise
        finally:
            self._crew.learn(slot, self._clock() - since, job.seconds)
            self._crew.release(slot)

    async def _begun(self, slot: Slot, job: Job) -> asyncio.Future[Outcome]:
        try:
            if job.descriptor is None and memoryview(job.order.body).nbytes > INLINE:
                job.descriptor = await shared_soon(job.order.body)
            return slot.begin(job.order, job.descriptor, job.report)
        except (OSError, RuntimeError):  # no room for a descriptor, for memory, or for a thread
            raise overloaded(0) from None

    async def _awaited(self, slot: Slot, job: Job, reply: asyncio.Future[Outcome]) -> Outcome:
        if not await self._settled(slot, job, reply, self._bounds.small_seconds):
            if not slot.begun and not await self._settled(slot, job, reply, BEGIN_SECONDS) and not slot.begun:
                self._crew.end(slot, "stuck")
                raise DiedError(begun=False)
            if not reply.done() and slot.lane == "small":
                self._move(slot, job)
        await self._settled(slot, job, reply, job.allowed)
        try:
            return reply.result()
        except DiedError as died:
            self._crew.end(slot, "memory" if died.memory else "crashed")
            raise

    def _move(self, slot: Slot, job: Job) -> None:
        """Makes a large order of a small one: where it is, or from the beginning."""
        job.lane, job.seconds = "large", max(job.seconds, self._bounds.small_seconds)
        if not self._crew.promote(slot):
            self._crew.end(slot, "moved")
            raise MovedError

    async def _settled(self, slot: Slot, job: Job, reply: asyncio.Future[Outcome], seconds: float) -> bool:
        """Whether there is a reply within so many seconds.

        Raises:
            DeadlineError: the deadline came first; the worker is ended.
        """
        left = job.deadline - self._clock()
        if not reply.done() and left > 0:
            await asyncio.wait({reply}, timeout=min(left, seconds))
        if not reply.done() and left <= seconds:
            self._crew.end(slot, "deadline")
            raise DeadlineError(round(job.allowed, 3))
        return reply.done()
