"""How the time for a derivative grows with the function: reverse pass, simplification and compilation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

import service.ops  # the operations register themselves
from benchmarks.measuring import exponent, interleaved, medians
from benchmarks.report import Bound, Report, duration
from service.diff.reverse import jacobian
from service.execute.program import Program, compile_program
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.op import lowered
from service.ir.walk import topological
from service.rewrite.simplify import simplify

__all__ = ["measure", "service"]

SIZES = (100, 1000, 10_000)
QUICK_SIZES = (100, 200)
REPEATS, BUDGET = 5, 20.0
LIMIT = 1.15
X = variable("x", ())
V = variable("v", (3,))
A = variable("A", (3, 3))

Family = Callable[[int], tuple[Node, Node]]


def chain(count: int) -> tuple[Node, Node]:
    """sin(sin(... x)): every node is used once."""
    node = X
    for _ in range(count):
        node = lowered("sin", node)
    return node, X


def shared(count: int) -> tuple[Node, Node]:
    """u, v = u*sin(v), v*cos(u), over and over: every node is used twice, so that as a tree it is exponential."""
    u, v = X, lowered("exp", X)
    for _ in range(count // 4):
        u, v = u * lowered("sin", v), v * lowered("cos", u)
    return u + v, X


def layers(count: int) -> tuple[Node, Node]:
    """sum(tanh(A @ tanh(A @ ... v))): contractions and functions by turns."""
    node = V
    for _ in range(count // 2):
        node = lowered("tanh", lowered("matmul", A, node))
    return lowered("sum", node), V


FAMILIES: Mapping[str, Family] = {"chain": chain, "shared DAG": shared, "layers": layers}


def derivative(output: Node, by: Node) -> Program:
    """What a request for a gradient costs between reading and evaluating."""
    return compile_program([output, *simplify(jacobian(output, [by]))])


def measure(*, quick: bool = False) -> list[Report]:
    """Times for each family and size, and the exponent of each family."""
    check_values()
    sizes = QUICK_SIZES if quick else SIZES
    functions = {(name, size): build(size) for name, build in FAMILIES.items() for size in sizes}
    cases = {case: partial(derivative, *function) for case, function in functions.items()}
    times = medians(interleaved(cases, REPEATS, 0.0, BUDGET))
    rows, bounds = [], []
    for name in FAMILIES:
        counts = [len(topological([functions[name, size][0]])) for size in sizes]
        spent = [times[name, size] for size in sizes]
        rows += [[name, str(n), duration(t), f"{1e6 * t / n:.1f} us"] for n, t in zip(counts, spent, strict=True)]
        bounds.append(Bound(f"reverse pass, exponent of {name}", exponent(counts, spent), LIMIT))
    report = Report(
        "Derivatives of functions of growing size",
        "Reverse pass, simplification and compilation of a gradient; medians of interleaved repeats.",
        ("function", "nodes", "time", "per node"),
        rows,
        bounds,
    )
    return [report]


def check_values() -> None:
    """The gradients that are timed are right: compared with a recurrence written out by hand."""
    x, size = 0.5, SIZES[0]
    value, slope = x, 1.0
    for _ in range(size):
        value, slope = math.sin(value), math.cos(value) * slope
    _check(chain(size), x, (value, slope))
    u, v, du, dv = x, math.exp(x), 1.0, math.exp(x)
    for _ in range(size // 4):
        u, v, du, dv = (
            u * math.sin(v),
            v * math.cos(u),
            du * math.sin(v) + u * math.cos(v) * dv,
            dv * math.cos(u) - v * math.sin(u) * du,
        )
    _check(shared(size), x, (u + v, du + dv))


def _check(function: tuple[Node, Node], x: float, expected: tuple[float, float]) -> None:
    results = derivative(*function).run({"x": np.float64(x)})
    assert np.allclose(results, expected, rtol=1e-12, atol=0)
