"""The table of cold starts: what a first answer costs, ours, JAX's and SymPy's."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import processes
from benchmarks.measuring import ratio
from benchmarks.report import Bound, Report, duration, number

LIMITS = {"JAX": 0.01, "SymPy": 0.1}
TOLERANCE = 1e-9
COLUMNS = ("program", "Fluxion", "JAX", "SymPy", "Fluxion/JAX", "Fluxion/SymPy", "faster")
Line = Mapping[str, Any]


def measure(*, quick: bool = False) -> list[Report]:
    """One table."""
    return [report(list(processes.lines("benchmarks.cold", 1, "quick" if quick else "full")))]


def report(found: Sequence[Line]) -> Report:
    """Medians in processor time, and a bound for every program and peer that was asked."""
    bounds = []
    for peer, limit in LIMITS.items():
        for line in (one for one in found if peer in one["times"]):
            part = ratio(line["times"]["Fluxion"]["cpu"], line["times"][peer]["cpu"])
            name = f"cold, text to first gradient, {line['work']}: to {peer}"
            bounds.append(Bound(name, part.median, limit, (part.low, part.high)))
    wrong = [
        f"cold {line['work']}: differs from {peer} by {error:.1e}"
        for line in found
        for peer, error in line["errors"].items()
        if not error <= TOLERANCE
    ]
    about = (
        "From a function never seen before to the first number of its gradient, libraries imported; one thread, medians"
        " in processor time. We start from text, the peers from a function in Python. Every round has new constants."
    )
    return Report("Cold, one thread", about, COLUMNS, [_row(line) for line in found], bounds, wrong)


def _row(line: Line) -> list[str]:
    times = {name: spent["cpu"] for name, spent in line["times"].items()}
    shares = {peer: ratio(times["Fluxion"], times[peer]).median for peer in LIMITS if peer in times}
    spent = [duration(statistics.median(times[name])) if name in times else "too slow" for name in ("Fluxion", *LIMITS)]
    won = all(share < 1 for share in shares.values())
    best = "Fluxion" if won else min(shares, key=lambda peer: 1 / shares[peer])
    return [line["work"], *spent, *(number(shares[peer]) if peer in shares else "" for peer in LIMITS), best]
