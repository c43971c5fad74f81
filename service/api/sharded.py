"""Long batches: computed in parts by several workers at a time, and answered as if by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson

from service.api.asked import Asked
from service.api.media import NPZ, ONNX
from service.api.npz import REQUEST, archived, unpack
from service.api.replies import OK, Reply
from service.api.work import Bounds
from service.pool.orders import Executor, Order, Outcome, Report
from service.tasks.messages import PARTED

LEAST_BODY = 2**20  # bytes; a shorter one is computed sooner than parted
LEAST_WORK = 2**22  # operations of a part: so many that numbers on the way are looked at as they are in the whole
SECONDS = 0.2  # that a part is expected to take

Run = Callable[[Order], Any]


@dataclass(frozen=True)
class ShardBounds:
    """The points of a part, at least; the operations of a batch, at least; how many parts are computed at a time.

    A part is copied some times more on its way than a whole, so that little work on many points is better left whole.
    """

    points: int = 2**18
    operations: int = 2 * 10**9
    at_once: int = 4


class _WholeError(Exception):
    """The batch is to be computed in one piece."""


@dataclass(frozen=True)
class Sharded:
    """Computes requests with long batches in parts. Only npz is parted: reading JSON takes longer than computing."""

    executor: Executor
    bounds: Bounds
    shards: ShardBounds

    def may_part(self, asked: Asked) -> bool:
        """Whether it is worth asking what a request takes."""
        return len(asked.raw) > LEAST_BODY and asked.sent == NPZ and asked.kind in PARTED and asked.answered != ONNX

    async def outcome(self, asked: Asked, deadline: float, report: Report | None = None) -> Outcome | None:
        """The outcome, as one order would have it; None for a request that is to be one order.

        `shards` in its head says how many parts there were. Raises what an executor raises; whoever cancels this stops
        all parts.
        """
        job = _Job(self.executor, asked, self.bounds, deadline)
        starts = await self._starts(job)
        if len(starts) <= 2:  # noqa: PLR2004 - one part has two ends
            return None
        try:
            made = await self._parts(job, starts, report)
        except _WholeError:
            made = None
        except BaseExceptionGroup as several:
            made, first = None, _first(several)
            if not isinstance(first, _WholeError):
                raise first from None
        if made is None:
            return None
        joined = await job.joined([Reply.unpacked(each.body).body for each in made], starts)
        head = {**joined.head, "shards": len(made)}
        head["seconds"] += sum(each.head["seconds"] for each in made)
        return Outcome(head, joined.body)

    async def _starts(self, job: _Job) -> list[int]:
        """Where parts start, in points, and where the last one ends."""
        outcome = await job.run("size", job.asked.raw)
        takes = orjson.loads(Reply.unpacked(outcome.body).body) if outcome.head["status"] == OK else {}
        if not takes or takes["operations"] < self.shards.operations:
            return []
        job.batched = takes["batched"]
        each = max(self.shards.points, LEAST_WORK * takes["points"] // max(takes["operations"], 1))
        each = -(-each // takes["rows"]) * takes["rows"]  # of whole blocks, so that they are the same as in the whole
        return [*(each * k for k in range(max(takes["points"] // each, 1))), takes["points"]]

    async def _parts(self, job: _Job, starts: Sequence[int], report: Report | None) -> list[Outcome]:
        room, done = asyncio.Semaphore(self.shards.at_once), 0

        async def one(start: int, stop: int) -> Outcome:
            nonlocal done
            async with room:
                outcome = await job.run("part", await job.cut(start, stop), f"{start}-{stop}")
            if outcome.head["status"] != OK:
                raise _WholeError
            done += stop - start
            if report is not None:
                report(done, starts[-1])
            return outcome

        await job.open()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(start, stop)) for start, stop in pairwise(starts)]
        return [task.result() for task in tasks]


class _Job:
    """One request on its way through its parts."""

    def __init__(self, executor: Executor, asked: Asked, bounds: Bounds, deadline: float) -> None:
        self.asked = asked
        self.batched: Sequence[str] = ()
        self._executor = executor
        self._bounds = bounds
        self._deadline = deadline
        self._body: dict[str, Any] = {}

    async def open(self) -> None:
        """Reads the request."""
        self._body = await asyncio.to_thread(unpack, self.asked.raw, self._bounds.body, self._bounds.limits)
        if not all(isinstance(_at(self._body, path), np.ndarray) for path in self.batched):
            raise _WholeError  # a tensor in the JSON of an npz

    async def cut(self, start: int, stop: int) -> bytes:
        """The request for some points."""
        return await asyncio.to_thread(_cut, self._body, self.batched, start, stop)

    async def run(self, work: str, body: bytes | memoryview, named: str = "", **more: Any) -> Outcome:
        """A worker's outcome of some of the work."""
        head = {**self.asked.head, "bounds": self._bounds.plain(), "work": work, **more}
        order = Order(f"{self.asked.key}:{work}{named}", head, body, "large", SECONDS)
        return await self._executor.run(order, self._deadline)

    async def joined(self, parts: Sequence[bytes | memoryview], starts: Sequence[int]) -> Outcome:
        """The answer of all parts."""
        bodies = [await self.cut(0, 1), *parts]
        self._body = {}
        counts = [stop - start for start, stop in pairwise(starts)]
        whole = await asyncio.to_thread(b"".join, bodies)
        return await self.run("join", whole, lengths=[len(body) for body in bodies], counts=counts)


def _cut(body: Mapping[str, Any], batched: Sequence[str], start: int, stop: int) -> bytes:
    """The npz of a request for some of its points."""
    tensors = {}
    plain: dict[str, Any] = {}
    for field, value in body.items():
        if isinstance(value, np.ndarray):
            tensors[field] = value
        elif isinstance(value, dict):
            found = {f"{field}/{name}": entry for name, entry in value.items() if isinstance(entry, np.ndarray)}
            plain[field] = {name: entry for name, entry in value.items() if not isinstance(entry, np.ndarray)}
            tensors |= found
        else:
            plain[field] = value
    for path in batched:
        tensors[path] = tensors[path][start:stop]
    return archived({REQUEST: np.frombuffer(orjson.dumps(plain), np.uint8), **tensors})


def _at(body: Mapping[str, Any], path: str) -> Any:
    field, _, name = path.partition("/")
    inside = body.get(field)
    return inside.get(name) if name and isinstance(inside, dict) else inside


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
