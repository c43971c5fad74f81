"""Where a product is not zero: each of its axes runs along an arithmetic progression of a parameter.

Identities, unit vectors and selectors are equations between labels: `i == j`, `i == 3`, `i == start + step*j`. Solved
together they leave some parameters free; every axis is a start and a step along one of them, and the product is an
array over the parameters alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from service.ir.contraction import contract
from service.ir.leaves import SELECTOR, UNIT, selector, unit
from service.ir.node import Node
from service.ir.size import Size
from service.rewrite.terms import LIGHT, Term

GENERIC = 1009  # what a named size counts as where only the kind of structure is asked for


def counted(size: Size) -> int:
    """The size as a number; a named one counts as large."""
    if isinstance(size, int):
        return size
    return sum(coefficient * GENERIC ** len(names) for names, coefficient in size.terms)


@dataclass(frozen=True)
class Run:
    """The positions `start + step*t` on an axis, t counting along `parameter`."""

    start: int
    step: int
    parameter: int | None


@dataclass(frozen=True)
class Support:
    """The runs of a term's axes and of its other labels, and how many values each parameter takes.

    Where a parameter has one value, nothing runs along it: the step is 0 and the parameter None.
    """

    axes: tuple[Run, ...]
    runs: Mapping[int, Run]
    counts: Mapping[int, int]

    @property
    def parameters(self) -> list[int]:
        """Those that some axis runs along, in order of the axes."""
        return list(dict.fromkeys(run.parameter for run in self.axes if run.parameter is not None))

    @property
    def entries(self) -> int:
        """The number of entries that may be other than 0."""
        return math.prod(self.counts[parameter] for parameter in self.parameters)


def support_of(term: Term, rank: int) -> Support | None:
    """Solve the equations of a term with `rank` axes; None where they have no solution, so that the term is zero."""
    system = _System(term)
    for child, labels in term.factors:
        if child.op in LIGHT and not system.holds(child, labels):
            return None
    runs = {label: system.run(label) for label in term.sizes}
    return Support(tuple(runs[k] for k in range(rank)), runs, system.counts)


class _System:
    """The solutions of the equations met so far; at first every label is a parameter of its own."""

    def __init__(self, term: Term) -> None:
        self.counts = {label: counted(size) for label, size in term.sizes.items()}
        self._runs = {label: Run(0, 1, label) for label in term.sizes}

    def run(self, label: int) -> Run:
        """Where the label runs."""
        run = self._runs[label]
        return run if run.parameter is not None and self.counts[run.parameter] != 1 else Run(run.start, 0, None)

    def holds(self, child: Node, labels: Sequence[int]) -> bool:
        """Add the equation of one constant tensor; whether a solution is left."""
        first = self.run(labels[0])
        if child.op is UNIT:
            return self._equate(first, Run(counted(child.attributes), 0, None))
        second = self.run(labels[1])
        if child.op is SELECTOR:
            start, step = child.attributes
            second = Run(counted(start) + step * second.start, step * second.step, second.parameter)
        return self._equate(first, second)

    def _equate(self, one: Run, other: Run) -> bool:
        """Require `one == other`, restricting the parameters of both; whether a solution is left."""
        if one.parameter is None:
            one, other = other, one
        gap = other.start - one.start
        if one.parameter == other.parameter:
            return self._fix(one.parameter, one.step - other.step, gap)
        if one.parameter is None or other.parameter is None:
            return self._fix(one.parameter, one.step, gap)
        # one.step*t - other.step*u == gap has the solutions t0 + b*k, u0 + a*k.
        g = math.gcd(one.step, other.step)
        if gap % g:
            return False
        a, b = one.step // g, other.step // g
        t0 = (gap // g) * pow(a, -1, abs(b)) % abs(b)
        u0 = (a * t0 - gap // g) // b
        lows, highs = zip(
            _within(t0, b, self.counts[one.parameter]), _within(u0, a, self.counts[other.parameter]), strict=True
        )
        low, high = max(lows), min(highs)
        written = {one.parameter: (t0 + low * b, b), other.parameter: (u0 + low * a, a)}
        for label, run in self._runs.items():
            if run.parameter in written:
                start, step = written[run.parameter]
                self._runs[label] = Run(run.start + run.step * start, run.step * step, one.parameter)
        self.counts[one.parameter] = high - low + 1
        return high >= low

    def _fix(self, parameter: int | None, step: int, gap: int) -> bool:
        """Require `step*t == gap` of a parameter t."""
        if step == 0 or parameter is None:
            return gap == 0
        t, remainder = divmod(gap, step)
        if remainder or not 0 <= t < self.counts[parameter]:
            return False
        for label, run in self._runs.items():
            if run.parameter == parameter:
                self._runs[label] = Run(run.start + run.step * t, 0, None)
        return True


def _within(start: int, step: int, count: int) -> tuple[int, int]:
    """The lowest and highest k with `0 <= start + step*k < count`."""
    first, last = (-start, count - 1 - start) if step > 0 else (start - count + 1, start)
    return -(-first // abs(step)), last // abs(step)


def values_of(term: Term, support: Support) -> Node:
    """The term as an array over the support's parameters, in their order; every size is a number."""
    factors: list[tuple[Node, Sequence[Hashable]]] = []
    links: dict[int, tuple[Node, Sequence[Hashable]]] = {}
    for child, labels in term.factors:
        if child.op in LIGHT:
            continue
        factors.append((child, [("label", label) for label in labels]))
        for label in labels:
            links[label] = _link(("label", label), term.sizes[label], support.runs[label], support.counts)
    sizes = {run.parameter: support.counts[run.parameter] for run in support.runs.values() if run.parameter is not None}
    return contract([*factors, *links.values()], support.parameters, sizes, term.coefficient)


def placed(values: Node, support: Support, axes: Sequence[int], shape: Sequence[Size]) -> Node:
    """Values over the parameters written where they belong in an array of some of the term's axes, of sizes `shape`."""
    links = [_link(("axis", k), n, support.axes[k], support.counts) for k, n in zip(axes, shape, strict=True)]
    sizes = {("axis", k): n for k, n in zip(axes, shape, strict=True)}
    return contract([(values, support.parameters), *links], [("axis", k) for k in axes], sizes)


def _link(label: Hashable, size: Size, run: Run, counts: Mapping[int, int]) -> tuple[Node, Sequence[Hashable]]:
    """The constant tensor that has 1 where the label is on its run."""
    if run.parameter is None:
        return unit(size, run.start), [label]
    return selector(size, counts[run.parameter], run.start, run.step), [label, run.parameter]
