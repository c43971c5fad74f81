"""The workers of an executor: started, moved between lanes, replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from service.pool.bounds import PoolBounds
from service.pool.counts import Counts, Reason
from service.pool.errands import Errands
from service.pool.lanes import Waiting
from service.pool.launching import Launched
from service.pool.nursery import Nursery
from service.pool.orders import Lane, Shared
from service.pool.slot import Slot

PAUSES = (0.02, 2.0)  # seconds between attempts to start a worker: the first, and the longest


class Crew:
    """Keeps as many workers in each lane as there should be."""

    def __init__(
        self,
        function: str | Launched,
        bounds: PoolBounds,
        shared: Shared | None,
        counts: Counts,
        clock: Callable[[], float],
    ) -> None:
        names: tuple[Lane, ...] = ("small", "large")
        self.lanes = {name: Waiting(name, bounds.slots(name)) for name in names}
        self.ready = asyncio.Event()
        self._bounds = bounds
        self._counts = counts
        self._clock = clock
        self._errands = Errands(shared)
        self._nursery = Nursery(function, bounds.worker_bytes, self._orphaned)
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause = PAUSES[0]
        self._running = False
        self.stopped = False

    def start(self) -> None:
        """Begins to start workers."""
        self._running, self.stopped = True, False
        for lane in self.lanes.values():
            self._fill(lane)

    async def stop(self) -> None:
        """Ends all workers, sends all waiting orders away, and returns when no process is left."""
        self._running, self.stopped = False, True
        self._errands.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for lane in self.lanes.values():
            lane.send_away()
            for slot in [*lane.idle, *lane.busy]:
                slot.stop()
                lane.remove(slot)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._nursery.stop()

    def release(self, slot: Slot) -> None:
        """Takes a worker back after an order; it is recycled if it has done enough, or is one too many."""
        lane = self.lanes[slot.lane]
        if slot not in lane.busy:
            return  # it was ended
        if slot.orders >= self._bounds.worker_orders:
            self.end(slot, "recycled")
        elif lane.missing < 0:
            self.end(slot, "spare")
        else:
            del lane.busy[slot]
            lane.idle.append(slot)
            lane.hand_out(self._clock())

    def end(self, slot: Slot, reason: Reason) -> None:
        """Kills a worker and has it replaced, if that is not done already."""
        lane = self.lanes[slot.lane]
        if slot not in lane.busy and slot not in lane.idle:
            return
        self._counts.ends[reason] += 1
        lane.remove(slot)
        slot.end()
        self._fill(lane)

    def promote(self, slot: Slot) -> bool:
        """Makes a small lane's worker one of the large lane's, if that has room; whether it did."""
        small, large = self.lanes["small"], self.lanes["large"]
        if len(large.busy) >= large.slots or len(large):
            return False
        large.busy[slot] = small.busy.pop(slot)
        slot.set_lane("large")
        self._counts.promoted += 1
        if large.missing < 0 and large.idle:
            self.end(large.idle[0], "spare")
        self._fill(small)
        return True

    def learn(self, slot: Slot, actual: float, predicted: float) -> None:
        """Takes in how long a worker was occupied."""
        self.lanes[slot.lane].correction.learn(actual, predicted)
        self._counts.computed += 1
        self._counts.computed_seconds += actual
        self._counts.predicted_seconds += predicted

    def _fill(self, lane: Waiting) -> None:
        while self._running and lane.missing > 0:
            lane.starting += 1
            task = asyncio.ensure_future(self._start(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _start(self, lane: Waiting) -> None:
        """Tries until there is a new worker, with growing pauses."""
        try:
            slot = await self._started(lane)
        finally:
            lane.starting -= 1
        if lane.missing <= 0:
            slot.end()  # a worker of the other lane has come meanwhile
            return
        lane.idle.append(slot)
        lane.hand_out(self._clock())
        if all(lane.idle or lane.busy for lane in self.lanes.values()):
            self.ready.set()

    async def _started(self, lane: Waiting) -> Slot:
        while True:
            slot = Slot(lane.name, self._nursery, self._errands, self._died)
            try:
                await slot.start()
            except (OSError, RuntimeError):  # no descriptor, process or thread is left
                self._counts.failed_starts += 1
                pause, self._pause = self._pause, min(2 * self._pause, PAUSES[1])
                await asyncio.sleep(pause)
            else:
                self._counts.starts += 1
                self._pause = PAUSES[0]
                return slot

    def _died(self, slot: Slot) -> None:
        """One that was working is dealt with by whoever waits for the outcome."""
        if slot in self.lanes[slot.lane].idle:
            self.end(slot, "crashed")

    def _orphaned(self) -> None:
        """The forking process is gone, and with it who buries: all workers are replaced."""
        for lane in self.lanes.values():
            for slot in [*lane.idle, *lane.busy]:
                slot.abandon()
