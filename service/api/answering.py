"""How a compute request gets its answer: from a cache, from an equal request under way, from here, or from a worker."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.api.asked import Asked
from service.api.registered import KNOWN
from service.api.replies import OK, Buffer, Reply
from service.api.sharded import ShardBounds, Sharded
from service.api.shortcut import Shortcut
from service.api.supplying import SupplyingExecutor
from service.api.work import Bounds
from service.cache.cache import Cache, Fetched, Made
from service.errors import DeadlineError, OverloadedError
from service.pool.orders import Order, Outcome, Report

LARGE_BODY = 2**20  # bytes from which on a request goes to the lane of large ones
LONGEST_KEPT = 2**22  # bytes of an answer that is kept
COSTLY = 0.005  # seconds of work from which on an answer is worth a place in Redis
FIRST_GUESS = 0.02  # seconds
JOINED = 3  # computations of others that fail, until a request is computed by itself: else many would fail in turn

log = logging.getLogger("fluxion.api")


@dataclass
class Counts:
    """Seconds that orders were thought to take, and those they took; derivations made, and those others had made.

    `shards` are the parts of long batches.
    """

    predicted_seconds: float = 0.0
    actual_seconds: float = 0.0
    derived: int = 0
    found: int = 0
    defects: int = 0
    shards: int = 0


@dataclass(frozen=True)
class Answering:
    """Where the answers come from. `seconds` is the longest time that a computation may take."""

    executor: SupplyingExecutor
    cache: Cache
    shortcut: Shortcut
    bounds: Bounds
    seconds: float
    salt: bytes
    shards: ShardBounds = field(default_factory=ShardBounds)
    counts: Counts = field(default_factory=Counts)

    async def start(self) -> None:
        """Makes workers ready."""
        self.shortcut.start()
        await self.executor.start()

    async def stop(self) -> None:
        """Ends all work."""
        await self.cache.close()
        await self.executor.stop()
        self.shortcut.stop()

    def recall(self, asked: Asked) -> Reply | None:
        """The answer to an identical request, from memory."""
        packed = self.cache.recall(asked.key)
        if packed is None:
            return None
        return Reply.unpacked(packed).with_headers(_headers(asked, "hit; detail=memory"))

    def quickly(self, asked: Asked) -> asyncio.Future[Reply] | None:
        """The answer to come to a small request of a kind that was met before."""
        found = self.shortcut.sketch(asked)
        if found is None:
            return None
        function_id = found.fields.get("function_id")
        if isinstance(function_id, str):
            if KNOWN.get(function_id) is None:
                return None
            self.executor.functions.use(function_id)
        return self.shortcut.take(asked, found)

    async def at_once(self, asked: Asked) -> Reply | None:
        """The answer from memory, or to a small request of a kind that was met before."""
        known = self.recall(asked)
        if known is not None:
            return known
        coming = self.quickly(asked)
        return None if coming is None else self.keep(asked, await coming)

    def keep(self, asked: Asked, reply: Reply) -> Reply:
        """A reply of the shortcut with its headers; too cheap for another place than memory."""
        if reply.status != OK or not asked.lasts:
            return reply
        if len(reply.body) > LONGEST_KEPT:
            return reply.with_headers(_headers(asked, "fwd=miss"))
        self.cache.remember(asked.key, reply.packed())
        return reply.with_headers(_headers(asked, "fwd=miss; stored"))

    async def answer(
        self, asked: Asked, seconds: float | None = None, report: Report | None = None, *, most: float | None = None
    ) -> Reply:
        """The answer, within so many seconds or as many as the service allows; `most` is another number of these.

        Raises what an executor raises. Whoever cancels this stops the work, unless others wait for it too.
        """
        allowed = self.seconds if most is None else most
        may_take = allowed if seconds is None else min(allowed, seconds)
        heads: list[Mapping[str, Any]] = []  # of the outcome, if it is made for this request
        try:
            async with asyncio.timeout(may_take):
                found = await self._found(asked, time.monotonic() + may_take, heads, report, is_long=most is not None)
        except TimeoutError:
            raise DeadlineError(may_take) from None
        reply = Reply.unpacked(found.value)
        if heads:
            reply = reply.spending(heads[0]["seconds"])
        if reply.status != OK or not asked.lasts:
            return reply
        status = _STATUS[found.how] if _is_kept(asked, found.value) else "fwd=miss"
        return reply.with_headers(_headers(asked, status, heads[0]["stages"] if heads else {}))

    async def _found(
        self, asked: Asked, deadline: float, heads: list[Mapping[str, Any]], report: Report | None, *, is_long: bool
    ) -> Fetched:
        """What is kept or made; where another made it and had less time, this one begins anew."""
        sketched = self.shortcut.sketch(asked)
        before = None if sketched is None else self.shortcut.seconds(sketched)
        order, began = self._order(asked, before or FIRST_GUESS, is_long=is_long), False

        async def make() -> Made:
            nonlocal began
            began = True
            outcome = await self._work(asked, order, deadline, report)
            if sketched is not None and outcome.head["status"] == OK:
                self.shortcut.learn(sketched, outcome.head["seconds"])
            heads.append(outcome.head)
            return Made(outcome.body, outcome.head["status"] == OK and _is_kept(asked, outcome.body))

        for _ in range(JOINED):
            try:
                return await self.cache.fetch(asked.key, make, shared=before is None or before >= COSTLY)
            except (DeadlineError, OverloadedError):
                if began:
                    raise
        return Fetched((await make()).value, "miss")

    def _order(self, asked: Asked, guess: float, *, is_long: bool) -> Order:
        head = {**asked.head, "bounds": self.bounds.plain()}
        is_large = is_long or len(asked.raw) > LARGE_BODY
        return Order(asked.key, head, asked.raw, "large" if is_large else "small", guess)

    async def _work(self, asked: Asked, order: Order, deadline: float, report: Report | None) -> Outcome:
        """A worker's outcome, by the deadline of who asked first: what would be too late for them is not begun."""
        outcome = await self._parted(asked, deadline, report)
        if outcome is None:
            outcome = await self.executor.run(order, deadline, report)
        self.counts.predicted_seconds += order.seconds
        self.counts.actual_seconds += outcome.head["seconds"]
        self.counts.derived += outcome.head["derived"]
        self.counts.found += outcome.head["found"]
        if "defect" in outcome.head:
            self.counts.defects += 1
            log.error("a request ended in a defect\n%s", outcome.head["defect"])
        return outcome

    async def _parted(self, asked: Asked, deadline: float, report: Report | None) -> Outcome | None:
        """The outcome of a long batch, computed in parts; None for what is computed in one piece."""
        sharded = Sharded(self.executor, self.bounds, self.shards)
        outcome = await sharded.outcome(asked, deadline, report) if sharded.may_part(asked) else None
        self.counts.shards += outcome.head["shards"] if outcome is not None else 0
        return outcome


def _is_kept(asked: Asked, packed: Buffer) -> bool:
    return asked.lasts and len(packed) <= LONGEST_KEPT


_STATUS = {
    "memory": "hit; detail=memory",
    "redis": "hit; detail=redis",
    "miss": "fwd=miss; stored",
    "collapsed": "fwd=miss; collapsed",
}


def _headers(asked: Asked, status: str, stages: Mapping[str, Any] | None = None) -> dict[str, str]:
    headers = {"Cache-Status": f"derivatives; {status}", "ETag": asked.etag, "Vary": "Accept"}
    if stages:
        spent = (f"{stage};dur={1000 * seconds:.3f}" for stage, seconds in stages.items())
        headers["Server-Timing"] = ", ".join(spent)
    return headers
