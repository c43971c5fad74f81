"""Who waits for a worker, who has one, and whether one more may wait."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass, field

from service.errors import OverloadedError
from service.pool.orders import Lane, Order
from service.pool.slot import Slot
from service.pool.wire import awaited_or_not

MEMORY = 0.95  # of the past, at each order, in the correction of predictions
STOPPING = "workers: the service is stopping"
SLACK = 1.25  # how much longer waiting and working may take than expected, for an order to be done in time
FAR = 1000.0  # a correction is at most so much, either way


@dataclass(eq=False)
class Ticket:
    """An order in the queue of a lane; `turn` gets a worker."""

    order: Order
    deadline: float
    seconds: float
    since: float
    turn: asyncio.Future[Slot] = field(default_factory=awaited_or_not)


class Correction:
    """How much longer orders take than they are expected to, lately."""

    def __init__(self) -> None:
        self._actual = self._predicted = 0.0

    def learn(self, actual: float, predicted: float) -> None:
        """Takes in one order."""
        self._actual = self._actual * MEMORY + actual
        self._predicted = self._predicted * MEMORY + predicted

    @property
    def factor(self) -> float:
        """Actual to predicted seconds."""
        if not self._predicted:
            return 1.0
        return min(max(self._actual / self._predicted, 1 / FAR), FAR)


class Waiting:
    """One lane: its queue, and its workers, idle and at work. Knows the time only as told."""

    def __init__(self, name: Lane, slots: int) -> None:
        self.name = name
        self.slots = slots
        self.starting = 0
        self.idle: list[Slot] = []
        self.busy: dict[Slot, tuple[float, float]] = {}  # since when, and for how long as predicted
        self.correction = Correction()
        self._queue: OrderedDict[Ticket, None] = OrderedDict()
        self._queued_seconds = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def missing(self) -> int:
        """How many workers are to be started; negative if there are too many."""
        return self.slots - len(self.idle) - len(self.busy) - self.starting

    def wait(self, now: float) -> float:
        """How long a new order is expected to wait for a worker, in seconds."""
        if not self._queue and len(self.busy) < self.slots:
            return 0.0
        factor = self.correction.factor
        running = sum(max(seconds * factor - (now - since), 0.0) for since, seconds in self.busy.values())
        return (self._queued_seconds * factor + running) / self.slots

    def admit(self, seconds: float, deadline: float, now: float) -> None:
        """Lets an order wait, if it is expected to be done in time.

        Raises:
            OverloadedError: it would be too late.
        """
        wait = self.wait(now)
        late = now + SLACK * (wait + seconds * self.correction.factor) - deadline
        if wait and late > 0:
            raise overloaded(late)

    def push(self, ticket: Ticket, *, first: bool = False) -> None:
        """Puts an order into the queue; `first` for one that has waited before."""
        self._queue[ticket] = None
        self._queued_seconds += ticket.seconds
        if first:
            self._queue.move_to_end(ticket, last=False)

    def drop(self, ticket: Ticket) -> None:
        """Takes an order out of the queue, if it is there."""
        if ticket in self._queue:
            del self._queue[ticket]
            self._queued_seconds = self._queued_seconds - ticket.seconds if self._queue else 0.0

    def hand_out(self, now: float) -> None:
        """Gives workers to whose turn it is; those who would be late are sent away while others wait."""
        while self._queue and self.idle:
            ticket = next(iter(self._queue))
            self.drop(ticket)
            late = now + (ticket.seconds * self.correction.factor if self._queue else 0.0) - ticket.deadline
            if late >= 0:
                ticket.turn.set_exception(overloaded(late))
                continue
            slot = self.idle.pop()
            self.busy[slot] = (now, ticket.seconds)
            ticket.turn.set_result(slot)

    def remove(self, slot: Slot) -> None:
        """Forgets a worker."""
        self.busy.pop(slot, None)
        if slot in self.idle:
            self.idle.remove(slot)

    def send_away(self) -> None:
        """Refuses all who wait."""
        while self._queue:
            ticket, _ = self._queue.popitem(last=False)
            ticket.turn.set_exception(OverloadedError(STOPPING))


def overloaded(late: float) -> OverloadedError:
    """What is said to an order that would be late by so many seconds."""
    after = max(1, math.ceil(late))
    return OverloadedError(f"workers: all are busy for longer than the request may take; try again in {after} s", after)
