"""How the time from text to the numbers of a gradient grows from a thousand nodes to a hundred thousand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.fluxion import UNBOUNDED
from benchmarks.measuring import exponent, interleaved, medians
from benchmarks.report import Bound, Report, duration
from benchmarks.text_growth import Writer, chain, shared
from service.tasks.compute import compute
from service.tasks.messages import Answer, Task

NODES = (1000, 10_000, 100_000)
QUICK_NODES = (100, 300)
REPEATS, BUDGET = 2, 60.0
LIMIT = 1.15
AT = 0.5
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Family:
    """A writer of programs, and how many nodes each of its assignments adds."""

    write: Writer
    nodes: int


FAMILIES: Mapping[str, Family] = {"chain": Family(chain, 1), "shared DAG": Family(shared, 2)}


def gradient(family: Family, nodes: int) -> Answer:
    """The whole way of one request below HTTP, beyond the default limits."""
    text = family.write(nodes // family.nodes)
    return compute(Task("gradient", text, at={"x": np.asarray(AT)}, forms=(), limits=UNBOUNDED))


def expected(name: str, statements: int) -> float:
    """The gradient by a recurrence written out by hand."""
    u, du = AT, 1.0
    if name == "chain":
        for _ in range(statements - 1):
            u, du = math.sin(u), math.cos(u) * du
        return du
    v, dv = math.exp(AT), math.exp(AT)
    for _ in range(statements - 2):
        u, du, v, dv = v, dv, u * math.sin(v), du * math.sin(v) + u * math.cos(v) * dv
    return du + dv


def wrong_answers() -> list[str]:
    """Small programs whose gradient is not that of the recurrence."""
    found = []
    for name, family in FAMILIES.items():
        value = float(np.asarray(gradient(family, 100).blocks[0].value))
        truth = expected(name, 100 // family.nodes)
        if not math.isclose(value, truth, rel_tol=TOLERANCE):
            found.append(f"{name}: {value} in place of {truth}")
    return found


def title(name: str) -> str:
    """How the exponent of a family is called."""
    return f"cold, exponent in nodes, {name}"


def measure(*, quick: bool = False) -> list[Report]:
    """Times and the exponent of each family."""
    sizes = QUICK_NODES if quick else NODES
    cases = {(name, n): partial(gradient, family, n) for name, family in FAMILIES.items() for n in sizes}
    times = medians(interleaved(cases, REPEATS, 0.0, BUDGET))
    rows = [[name, f"{n:,}", duration(t), duration(t / n)] for (name, n), t in times.items()]
    bounds = [Bound(title(name), exponent(sizes, [times[name, n] for n in sizes]), LIMIT) for name in FAMILIES]
    about = "Programs of assignments, read as text, differentiated, compiled and run once; limits on requests lifted."
    return [Report("Cold, by nodes", about, ("program", "nodes", "time", "per node"), rows, bounds, wrong_answers())]
