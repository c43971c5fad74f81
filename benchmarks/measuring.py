"""Timing that outside disturbances spoil least: repeats of all cases in turn, and the median of each."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

Case = TypeVar("Case", bound=Hashable)

SHORTEST = 0.02  # seconds; a shorter run is repeated within one sample until it takes as long


def interleaved(cases: Mapping[Case, Callable[[], object]], repeats: int) -> dict[Case, float]:
    """The median time of one run of every case, in seconds.

    Each round runs every case once, so that a slow moment of the machine falls on all alike. Garbage is collected
    before a sample and not during it, as in `timeit`.
    """
    counts = {case: _runs_per_sample(run) for case, run in cases.items()}
    samples: dict[Case, list[float]] = {case: [] for case in cases}
    for _ in range(repeats):
        for case, run in cases.items():
            samples[case].append(_sample(run, counts[case]))
    return {case: statistics.median(times) for case, times in samples.items()}


def _runs_per_sample(run: Callable[[], object]) -> int:
    return max(1, math.ceil(SHORTEST / _sample(run, 1)))


def _sample(run: Callable[[], object], count: int) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(count):
            run()
        return (time.perf_counter() - start) / count
    finally:
        gc.enable()


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The slope of log(time) over log(size) by least squares: 1 is linear cost, 2 quadratic."""
    slope, _ = statistics.linear_regression([math.log(n) for n in sizes], [math.log(t) for t in times])
    return slope
