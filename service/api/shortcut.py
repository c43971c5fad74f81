"""Small computations that were done before, in this process and those that come at the same time in one batch.

Going to a worker costs more than they do. A thread does them, so that the event loop does no mathematics: while it is
busy, requests gather, and it takes all of them at once. Nothing waits while it is idle.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Hashable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any, TypeVar

from cachetools import LRUCache

from service.api.asked import Asked
from service.api.encoding import encode_rows
from service.api.media import JSON
from service.api.problems import defect, refused
from service.api.reading import read
from service.api.replies import OK, Reply
from service.api.requests import REQUEST_OF
from service.api.sketches import Sketch, sketch
from service.api.work import Bounds, Compute, encoded
from service.errors import FluxionError, VerificationError
from service.pool.orders import Shared
from service.tasks.messages import Task
from service.tasks.sharing import sharing

QUICK = 0.02  # seconds, deriving included, up to which a computation is done here
BACKLOG = 0.1  # seconds of such work that may wait
PATIENCE = 0.2  # seconds for an answer of the event loop
SETTLED = 1.0  # seconds after the start, when what had to be quick was
MOST_BYTES = 2**24  # of the requests that are known
MOST_TOGETHER = 256  # requests

T = TypeVar("T")
log = logging.getLogger("fluxion.api")


@dataclass
class Counts:
    """What the shortcut has done; `batches` have at least two requests."""

    requests: int = 0
    batches: int = 0
    batched_requests: int = 0
    turned_away: int = 0


@dataclass
class _Known:
    """A computation that was done: its usual time, its bytes, its task, and whether points may be joined."""

    seconds: float
    size: int
    task: Task | None = None
    is_joinable: bool = True


@dataclass(frozen=True)
class _Item:
    asked: Asked
    sketch: Sketch
    known: _Known
    future: asyncio.Future[Reply]


@dataclass(frozen=True)
class Shortcut:
    """Answers what it has learned to be small; one of them belongs to one event loop.

    `prepare` is what the thread does before its first computation; until it is done, nothing is taken.
    """

    compute: Compute
    bounds: Bounds
    shared: Shared | None = None
    prepare: Callable[[], object] | None = None
    counts: Counts = field(default_factory=Counts)
    _known: LRUCache[Hashable, _Known] = field(
        default_factory=lambda: LRUCache(MOST_BYTES, getsizeof=lambda known: known.size)
    )
    _waiting: list[_Item] = field(default_factory=list)
    _queue: SimpleQueue[list[_Item] | None] = field(default_factory=SimpleQueue)
    _busy: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Starts the thread."""
        if self.prepare is None:
            self._ready.set()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, args=(loop,), name="shortcut", daemon=True).start()
        loop.call_later(SETTLED, self._queue.put, [])  # under full load, preparing would take very long

    def stop(self) -> None:
        """Lets the thread end when it has done what waits."""
        self._queue.put(None)

    def sketch(self, asked: Asked) -> Sketch | None:
        """The request without its numbers, where it is small."""
        return sketch(asked, self.bounds.limits, self.bounds.body.json_depth)

    def learn(self, found: Sketch, seconds: float) -> None:
        """A computation was done by a worker in so many seconds."""
        known = self._known.get(found.key)
        if known is None:
            self._known[found.key] = _Known(seconds, found.size)
        else:
            known.seconds = (known.seconds + seconds) / 2

    def seconds(self, found: Sketch) -> float | None:
        """How long the computation took before, if it was done."""
        known = self._known.get(found.key)
        return None if known is None else known.seconds

    def take(self, asked: Asked, found: Sketch) -> asyncio.Future[Reply] | None:
        """The reply to come, or None for what is not known to be small, and while too much waits."""
        known = self._known.get(found.key)
        if known is None or known.seconds > QUICK:
            return None
        if not self._ready.is_set():
            self._queue.put([])
            return None
        if len(self._waiting) * known.seconds > BACKLOG:
            self.counts.turned_away += 1
            return None
        loop = asyncio.get_running_loop()
        item = _Item(asked, found, known, loop.create_future())
        self._waiting.append(item)
        if len(self._waiting) == 1 and not self._busy.is_set():
            loop.call_soon(self._hand_over)  # others may arrive in this turn of the loop
        return item.future

    def _hand_over(self) -> None:
        if self._waiting and not self._busy.is_set():
            self._busy.set()
            self._queue.put(self._waiting[:])
            self._waiting.clear()

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread: what was handed over, then what came in the meantime."""
        with sharing(None if self.shared is None else _Store(self.shared, loop)):
            while (items := self._queue.get()) is not None:
                if not items:
                    self._prepare()
                    continue
                replies = [reply for group in _groups(items) for reply in self._answered(group)]
                if loop.is_closed():
                    return  # the process ends, and nobody waits
                loop.call_soon_threadsafe(self._deliver, replies)

    def _prepare(self) -> None:
        """Readiness, or a line in the log: what cannot be prepared is done by workers."""
        if self._ready.is_set():
            return
        try:
            if self.prepare is not None:
                self.prepare()
        except Exception:
            log.exception("small computations are left to workers")
        else:
            self._ready.set()

    def _deliver(self, replies: Sequence[tuple[_Item, Reply]]) -> None:
        for item, reply in replies:
            if not item.future.done():
                item.future.set_result(reply)
        self._busy.clear()
        self._hand_over()

    def _answered(self, group: Sequence[_Item]) -> list[tuple[_Item, Reply]]:
        """The replies, whatever happens: without the thread, all would wait for ever."""
        try:
            return self._answer(group)
        except BaseException as error:  # noqa: BLE001 - the thread outlives whatever it is
            return [(item, Reply.of(defect(error))) for item in group]

    def _answer(self, group: Sequence[_Item]) -> list[tuple[_Item, Reply]]:
        self.counts.requests += len(group)
        start = time.thread_time()
        together = self._together(group) if len(group) > 1 and group[0].known.is_joinable else None
        replies = [self._alone(item) for item in group] if together is None else together
        known, each = group[0].known, (time.thread_time() - start) / len(group)
        known.seconds = (known.seconds + each) / 2
        return [(item, reply.spending(each)) for item, reply in zip(group, replies, strict=True)]

    def _together(self, group: Sequence[_Item]) -> list[Reply] | None:
        from service.tasks.bounded import InseparableError
        from service.tasks.together import compute_together, is_joinable, row

        try:
            task = self._task(group[0])
            whole = compute_together(task, [item.sketch.at for item in group]) if is_joinable(task) else None
        except InseparableError:
            group[0].known.is_joinable, whole = False, None
        except Exception:  # noqa: BLE001 - each request will meet it, and say so, by itself
            whole = None
        if whole is None:
            return None
        self.counts.batches += 1
        self.counts.batched_requests += len(group)
        media_type = group[0].asked.answered
        if media_type == JSON:
            return [Reply(OK, media_type, body) for body in encode_rows(whole)]
        return [encoded(row(whole, k), media_type) for k in range(len(group))]

    def _alone(self, item: _Item) -> Reply:
        try:
            return encoded(self.compute(self._task(item)), item.asked.answered)
        except VerificationError as error:
            return Reply.of(defect(error))
        except FluxionError as error:
            return Reply.of(refused(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one request's defect is no other's
            return Reply.of(defect(error))

    def _task(self, item: _Item) -> Task:
        known = item.known
        if known.task is None:
            kind, body = item.asked.kind, dict(item.sketch.fields) | {"at": {}}
            known.task = read(body, kind, REQUEST_OF[kind], self.bounds.limits)
        return replace(known.task, at=item.sketch.at)


@dataclass(frozen=True)
class _Store:
    """What workers share, for the thread."""

    shared: Shared
    loop: asyncio.AbstractEventLoop

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        asking = self._ask(self.shared.get(key))
        try:
            return None if asking is None else asking.result(PATIENCE)
        except (TimeoutError, CancelledError):
            return None
        finally:
            if asking is not None:
                asking.cancel()

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        self._ask(self.shared.put(key, value))

    def _ask(self, question: Coroutine[Any, Any, T]) -> Future[T] | None:
        try:
            return asyncio.run_coroutine_threadsafe(question, self.loop)
        except RuntimeError:  # the loop is closed
            question.close()
            return None


def _groups(items: Sequence[_Item]) -> list[list[_Item]]:
    """Requests for the same computation, in order of arrival."""
    groups: dict[Hashable, list[_Item]] = {}
    for item in items:
        groups.setdefault(item.sketch.key, []).append(item)
    return [group[k : k + MOST_TOGETHER] for group in groups.values() for k in range(0, len(group), MOST_TOGETHER)]
