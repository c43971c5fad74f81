"""`python -m benchmarks.contest THREADS LENGTH NAME ...`: the problems' contestants in turn, in this one process.

Prints a line of JSON per problem. The length is `full`, `quick`, or `alone`, which times us and nobody else. The number
of threads must be in the environment before NumPy is imported, so that `benchmarks.warm` starts this module as a
process of its own.
"""

from __future__ import annotations

import gc
import json
import math
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import machine, matrices, scalar, structured
from benchmarks.measuring import interleaved
from benchmarks.peers import SIDES, contestants
from benchmarks.problem import Problem
from service.tasks.messages import Array

PROBLEMS = {problem.name: problem for problem in (*scalar.PROBLEMS, *matrices.PROBLEMS, *structured.PROBLEMS)}
ROUNDS, BUDGET, SHORTEST = 15, 3.0, 0.01
FEW_ROUNDS, SMALL_BUDGET = 2, 0.2
TOO_SLOW = 8.0  # seconds for one run, after which a further peer is not asked again
MEGABYTE = 2**20


def measure(problem: Problem, length: str) -> dict[str, Any]:
    """The times of all sides, how far their answers are from JAX's, and what our arrays take."""
    sides, answers, failed = {}, {}, {}
    for name in contestants(problem, length):
        side = SIDES[name](problem)
        start = time.perf_counter()
        answers[name] = side.read(side.run())
        if time.perf_counter() - start > TOO_SLOW and name not in {"Fluxion", "JAX"}:
            failed[name] = "too slow"
        else:
            sides[name] = side
    rest = answers.keys() - {"JAX"} if "JAX" in answers else set()
    errors = {name: difference(answers[name], answers["JAX"]) for name in rest}
    answers.clear()
    rounds, budget = (ROUNDS, BUDGET) if length == "full" else (FEW_ROUNDS, SMALL_BUDGET)
    load = machine.load()
    times = interleaved({name: side.run for name, side in sides.items()}, rounds, SHORTEST, budget)
    return {
        "name": problem.name,
        "load": load,
        "times": {name: {"wall": timing.wall, "cpu": timing.cpu} for name, timing in times.items()},
        "errors": errors,
        "failed": failed,
        "megabytes": peak(sides["Fluxion"].run) if problem.megabytes else None,
    }


def difference(answer: Sequence[Array], expected: Sequence[Array]) -> float:
    """The largest difference of two answers, relative to the largest entry of its block."""
    assert [block.shape for block in answer] == [block.shape for block in expected]
    worst = [
        float(np.abs(block - other).max() / (np.abs(other).max() or 1.0))
        for block, other in zip(answer, expected, strict=True)
    ]
    return math.inf if any(map(math.isnan, worst)) else max(worst)


def peak(run: Callable[[], object]) -> float:
    """The most memory that Python and NumPy hold at once during a run, in MiB, beyond what they held before."""
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


def main(arguments: Sequence[str]) -> int:
    """One line per problem, as soon as it is measured."""
    threads, length, *names = arguments
    machine.pin(int(threads))
    for name in names:
        print(json.dumps(measure(PROBLEMS[name], length)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
