"""Timing that outside disturbances spoil least: repeats of all cases in turn, on the wall and of the processor."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Case = TypeVar("Case", bound=Hashable)
Run = Callable[[], object]

SHORTEST = 0.02  # seconds; a shorter run is repeated within one sample until it takes as long


@dataclass(frozen=True)
class Timing:
    """Seconds for one run in each round: on the wall, and of the processor on all threads of this process."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios round by round, and the quartiles around it."""

    median: float
    low: float
    high: float


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Each round by itself, so that a slow moment of the machine falls on both."""
    found = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    last = len(found) - 1
    low, median, high = (found[round(last * part)] for part in (0.25, 0.5, 0.75))
    return Ratio(median, low, high)


def interleaved(
    cases: Mapping[Case, Run], repeats: int, shortest: float = SHORTEST, budget: float = math.inf
) -> dict[Case, Timing]:
    """The times of every case, in rounds that run each once; no round but the first begins after `budget` seconds.

    Garbage is collected before a sample and not during it, as in `timeit`.
    """
    start = time.perf_counter()
    counts = {case: _runs_per_sample(run, shortest) if shortest else 1 for case, run in cases.items()}
    samples = {case: Timing() for case in cases}
    for number in range(repeats):
        if number and time.perf_counter() - start > budget:
            break
        for case, run in cases.items():
            wall, cpu = sample(run, counts[case])
            samples[case].wall.append(wall)
            samples[case].cpu.append(cpu)
    return samples


def medians(times: Mapping[Case, Timing]) -> dict[Case, float]:
    """The median of each case on the wall, in seconds."""
    return {case: statistics.median(timing.wall) for case, timing in times.items()}


def _runs_per_sample(run: Run, shortest: float) -> int:
    once, _ = sample(run, 1)
    if once > shortest:
        return 1
    several = min(math.ceil(shortest / once / 4), 1000)  # the first run of a case is not like the others
    return max(1, math.ceil(shortest / sample(run, several)[0]))


def sample(run: Run, count: int) -> tuple[float, float]:
    """Seconds for one of so many runs, on the wall and of the processor."""
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            run()
        return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count
    finally:
        gc.enable()


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The slope of log(time) over log(size) by least squares: 1 is linear cost, 2 quadratic."""
    slope, _ = statistics.linear_regression([math.log(n) for n in sizes], [math.log(t) for t in times])
    return slope
