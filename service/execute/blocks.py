"""A routine over a batch, block by block: intermediate results stay in the cache, in arrays that are used again.

The blocks depend on the program and on the length of the batch alone, so that numbers do not depend on the number of
threads that share them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
from threadpoolctl import ThreadpoolController

from service.execute.listing import Array, Listing, Manner, Shape
from service.execute.quiet import Flags, quietly
from service.execute.routine import Routine, Watch

BLOCK_ENTRIES = 16384  # of one intermediate result: long enough for NumPy, and many of them stay in the cache
LEAST_WRITTEN = 2048  # entries from which on writing into an array that is there pays for itself
MOST_ENTRIES = 2**20  # of any result of a block
LARGE, LONGER = 2**18, 4
MOST_SPARE = 2**21  # entries of the longest workspace that is kept for the next run
MOST_SPARES = 4


class Blocks:
    """A routine of which some inputs and all outputs have a batch axis; `rows` is the number of points in a block."""

    def __init__(self, listing: Listing, routine: Routine) -> None:
        self.routine = routine
        self._batched = [listing.batched[k] for k in routine.inputs]
        self._shapes = [listing.shapes[k] for k in routine.outputs]
        self._written = {k: listing.shapes[k] for k in routine.written}
        made = self._written.values() or [listing.shapes[step.target] for step in routine.steps]
        self._widest = max([1, *(math.prod(shape) for shape in made)])
        largest = max([1, *(math.prod(listing.shapes[step.target]) for step in routine.steps)])
        rows = BLOCK_ENTRIES * _stretch(listing, routine) // self._widest
        self.rows = max(1, min(rows, MOST_ENTRIES // largest))
        self._direct = [k in self._written for k in routine.outputs]
        self._places, self._width = _allocated(routine, self._written)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The registers whose arrays are returned."""
        return self.routine.outputs

    def is_short(self, count: int) -> bool:
        """Whether so few points are faster without blocks."""
        return count <= self.rows and count * self._widest < LEAST_WRITTEN

    def run(
        self, arrays: Sequence[Array], count: int, watch: Watch | None, threads: int, flags: Flags
    ) -> Sequence[Array]:
        """The outputs for a batch of `count` points, shared by up to so many threads."""
        outputs = [np.empty((count, *shape)) for shape in self._shapes]
        starts = range(0, count, self.rows)
        threads = min(threads, len(starts))
        waiting = iter(starts)  # each thread takes the next block when it is done with one
        if watch is not None or threads <= 1:
            quietly(self._run, arrays, outputs, waiting, watch, flags=flags)
            return outputs
        with _libraries().limit(limits=1):  # threads of BLAS within ours would only fight for the same cores
            job = partial(quietly, self._run, arrays, outputs, waiting, None, flags=flags)
            jobs = [_pool().submit(job) for _ in range(threads - 1)]
            job()
            for other in jobs:
                other.result()
        return outputs

    def _run(
        self, arrays: Sequence[Array], outputs: Sequence[Array], starts: Iterator[int], watch: Watch | None
    ) -> None:
        """Every block that `starts` still has."""
        work = _spare(self._width * self.rows)
        whole = self._views(work, self.rows)
        for start in starts:
            part = slice(start, start + self.rows)
            results = [output[part] for output in outputs]
            into = whole if len(results[0]) == self.rows else self._views(work, len(results[0]))
            for k, result in zip(self.routine.outputs, results, strict=True):
                if k in self._written:
                    into[k] = result
            cut = [a[part] if has_batch else a for a, has_batch in zip(arrays, self._batched, strict=True)]
            found = self.routine(cut, into, watch)
            for direct, result, value in zip(self._direct, results, found, strict=True):
                if not direct:
                    result[...] = value
        if len(_SPARES) < MOST_SPARES and work.size <= MOST_SPARE:
            _SPARES.append(work)

    def _views(self, work: Array, count: int) -> dict[int, Array]:
        """The places of intermediate results for a block of `count` points."""
        views = {}
        for k, place in self._places.items():
            shape = (count, *self._written[k])
            start = place * self.rows
            views[k] = work[start : start + math.prod(shape)].reshape(shape)
        return views


def _stretch(listing: Listing, routine: Routine) -> int:
    """How many times longer blocks are where each reads a matrix that is too large for the cache."""
    shared = [k for step in routine.steps for k in step.sources if not listing.batched[k]]
    return LONGER if any(math.prod(listing.shapes[k]) >= LARGE for k in shared) else 1


_SPARES: list[Array] = []


def _spare(entries: int) -> Array:
    """Memory to work in, from an earlier run if possible: fresh memory costs a fault for every page."""
    try:
        work = _SPARES.pop()
    except IndexError:
        work = np.empty(0)
    return work if work.size >= entries else np.empty(entries)


def _allocated(routine: Routine, written: Mapping[int, Shape]) -> tuple[dict[int, int], int]:
    """Where each result is written, in entries for one point, and the width of all places together.

    A place is used again when nothing reads what is in it, nor a view of that.
    """
    last = _lifetimes(routine)
    free, ending = dict[int, list[int]](), dict[int, list[int]]()
    places, width = dict[int, int](), 0
    for number, step in enumerate(routine.steps):
        k = step.target
        if k in written and k not in routine.outputs:
            entries = math.prod(written[k])
            if free.get(entries):
                places[k] = free[entries].pop()
            else:
                places[k], width = width, width + entries
            ending.setdefault(last.get(k, number), []).append(k)
        for gone in ending.pop(number, ()):
            free.setdefault(math.prod(written[gone]), []).append(places[gone])
    return places, width


def _lifetimes(routine: Routine) -> dict[int, int]:
    """The number of the last step that reads each register or what may share its memory."""
    shares, last = dict[int, frozenset[int]](), dict[int, int]()
    for number, step in enumerate(routine.steps):
        behind = frozenset(k for source in step.sources for k in shares.get(source, (source,)))
        last |= dict.fromkeys(behind, number)
        is_own = step.manner in (Manner.UFUNC, Manner.CALL)
        shares[step.target] = frozenset({step.target}) if is_own else behind | {step.target}
    end = len(routine.steps)
    for output in routine.outputs:
        last |= dict.fromkeys(shares.get(output, ()), end)
    return last


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="blocks")


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
