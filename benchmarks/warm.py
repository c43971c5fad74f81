"""Ready programs against the ready programs of peers, with one thread and with two."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks import processes
from benchmarks.contest import PROBLEMS
from benchmarks.measuring import Ratio, ratio
from benchmarks.report import Bound, Report, duration, number

SCALING = "2-gradient-1e6"  # compute-heavy: two threads must help
SCALING_LIMIT = 0.7
PAIRS = 3
COLUMNS = ("work", "Fluxion", "JAX", "Fluxion/JAX", "quartiles", "on the wall", "faster of the two")
PEERS = {"autograd": "autograd", "casadi": "CasADi", "sympy": "SymPy", "torch": "PyTorch"}
CLOCKS = {1: "cpu", 2: "wall"}
Line = Mapping[str, Any]


def measure(names: Sequence[str] = tuple(PROBLEMS), *, quick: bool = False) -> list[Report]:
    """One table for each number of threads."""
    reports = []
    for threads in (1, 2):
        chosen = [name for name in names if threads in PROBLEMS[name].threads and (not quick or threads == 1)]
        if chosen:
            found = list(processes.lines("benchmarks.contest", threads, "quick" if quick else "full", *chosen))
            reports.append(report(found, threads, [scaling()] if threads > 1 and SCALING in chosen else []))
    return reports


def scaling() -> Bound:
    """Our own wall time with two threads over that with one, by processes that take turns."""
    spent: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(PAIRS):
        for threads, times in spent.items():
            (line,) = processes.lines("benchmarks.contest", threads, "alone", SCALING)
            times.append(min(line["times"]["Fluxion"]["wall"]))
    return scaling_bound(ratio(spent[2], spent[1]))


def scaling_bound(part: Ratio) -> Bound:
    """The bound of two threads over one."""
    name = f"{PROBLEMS[SCALING].work}: two threads over one"
    return Bound(name, part.median, SCALING_LIMIT, (part.low, part.high))


def report(found: Sequence[Line], threads: int, further: Iterable[Bound] = ()) -> Report:
    """The table of one process, its bounds, and answers that are not JAX's."""
    peers = [peer for peer in PEERS if any(peer in {**line["times"], **line["failed"]} for line in found)]
    rows = [_row(line, CLOCKS[threads], peers) for line in found]
    bounds = [bound for line in found if threads == 1 for bound in bounds_of(line)]
    loads = [line["load"] for line in found if line["load"] is not None]
    said = f" The load average was {min(loads):.1f} to {max(loads):.1f}." if loads else ""
    kind = "one thread" if threads == 1 else "two threads"
    clock = "processor time" if threads == 1 else "wall time"
    about = f"Medians in {clock} of interleaved rounds, everybody with {kind}.{said}"
    columns = (*COLUMNS, *(f"{PEERS[peer]}/JAX" for peer in peers))
    return Report(f"Warm, {kind}", about, columns, rows, [*bounds, *further], wrong_answers(found))


def wrong_answers(found: Iterable[Line]) -> list[str]:
    """Every side whose numbers differ from JAX's by more than rounding."""
    return [
        f"{line['name']}: {name} differs from JAX by {error:.1e}"
        for line in found
        for name, error in line["errors"].items()
        if not error <= PROBLEMS[line["name"]].tolerance
    ]


def bounds_of(line: Line) -> list[Bound]:
    """The bounds of a problem: the ratio to JAX, and the memory of our arrays."""
    problem = PROBLEMS[line["name"]]
    found = []
    if problem.bound is not None:
        one = _ratio(line, "Fluxion", "cpu")
        found.append(Bound(problem.work, one.median, problem.bound, (one.low, one.high)))
    if problem.megabytes is not None:
        found.append(Bound(f"{problem.work}: memory in MiB", line["megabytes"], problem.megabytes))
    return found


def _ratio(line: Line, name: str, clock: str) -> Ratio:
    return ratio(line["times"][name][clock], line["times"]["JAX"][clock])


def _row(line: Line, clock: str, peers: Sequence[str]) -> list[str]:
    ours = _ratio(line, "Fluxion", clock)
    mine, jax = (duration(statistics.median(line["times"][name][clock])) for name in ("Fluxion", "JAX"))
    won = f"Fluxion {number(1 / ours.median)}x" if ours.median < 1 else f"JAX {number(ours.median)}x"
    return [
        PROBLEMS[line["name"]].work,
        mine,
        jax,
        number(ours.median),
        f"{number(ours.low)} to {number(ours.high)}",
        number(_ratio(line, "Fluxion", "wall").median),
        won,
        *(_peer(line, peer, clock) for peer in peers),
    ]


def _peer(line: Line, peer: str, clock: str) -> str:
    if peer in line["failed"]:
        return str(line["failed"][peer])
    return number(_ratio(line, peer, clock).median) if peer in line["times"] else ""
