"""How a contraction is carried out: slices first, then pairwise products ordered by cost, run as matmul.

The order comes from NumPy's own path search. Deltas between free axes are written as diagonals and selectors as
slices, so that no identity matrix is ever multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = Any
Labels = tuple[Any, ...]
BATCH = "batch"


@dataclass
class Cost:
    """Estimated multiplications and the largest array on the way, in entries, for one point."""

    operations: int = 0
    largest: int = 0

    def note(self, operations: int, entries: int) -> None:
        """One more step."""
        self.operations += operations
        self.largest = max(self.largest, entries)


@dataclass(frozen=True)
class Step:
    """Multiply operands `left` and `right` of the working list, and append the result."""

    left: int
    right: int
    run: Callable[[Array, Array], Array] = field(repr=False)


def order_of_products(operands: Sequence[Labels], out: Labels, sizes: dict[Any, int]) -> list[tuple[int, ...]]:
    """Pairs of positions to multiply, from NumPy's greedy path; positions refer to the shrinking list of operands."""
    if len(operands) <= 2:  # noqa: PLR2004 - nothing to order
        return [tuple(range(len(operands)))]
    if {label for labels in operands for label in labels} <= set(out):
        return [(0, 1)] * (len(operands) - 1)  # entry by entry: no sum makes one order better than another
    number = {
        label: k for k, label in enumerate(dict.fromkeys(label for labels in (*operands, out) for label in labels))
    }
    shapes: list[Any] = []
    for labels in operands:
        # The path search only reads shapes; a broadcast view has one without the memory.
        shapes += [
            np.broadcast_to(np.float64(0), [max(sizes[label], 1) for label in labels]),
            [number[label] for label in labels],
        ]
    path = np.einsum_path(*shapes, [number[label] for label in out], optimize="greedy")[0]
    pairs, left = list[tuple[int, ...]](), len(operands)
    for positions in path[1:]:
        # The search may leave several operands for one last step: multiply them two by two, the result at the end.
        waiting = list(positions)
        while len(waiting) > 1:
            first, second = waiting[:2]
            pairs.append((first, second))
            left -= 1
            waiting = [k - (k > first) - (k > second) for k in waiting[2:]] + [left - 1]
    return pairs


def pair(
    left: Labels, right: Labels, keep: set[Any], sizes: dict[Any, int]
) -> tuple[Labels, Callable[[Array, Array], Array], int]:
    """The product of two operands, summed over labels that nothing else keeps: labels, function, multiplications."""
    shared = [label for label in left if label in right]
    both = [label for label in shared if label in keep]
    inner = [label for label in shared if label not in keep]
    rows = [label for label in left if label not in right and label in keep]
    columns = [label for label in right if label not in left and label in keep]
    alone = [
        [label for label in one if label not in other and label not in keep]
        for one, other in ((left, right), (right, left))
    ]
    work = math.prod(max(sizes[label], 1) for label in (*both, *rows, *columns, *inner))
    if not inner:
        return (*_entrywise(left, right, (both, rows, columns), alone), work)
    return (*_matmul(left, right, (both, rows, columns, inner), alone), work)


def _summed(labels: Labels, alone: Sequence[Any]) -> tuple[Labels, tuple[int, ...]]:
    axes = tuple(k for k, label in enumerate(labels) if label in alone)
    return tuple(label for label in labels if label not in alone), axes


def _entrywise(
    left: Labels, right: Labels, kinds: tuple[list[Any], list[Any], list[Any]], alone: Sequence[Sequence[Any]]
) -> tuple[Labels, Callable[[Array, Array], Array]]:
    both, rows, columns = kinds
    out = (*both, *rows, *columns)
    aligned = [_aligner(labels, out, gone) for labels, gone in zip((left, right), alone, strict=True)]

    def run(a: Array, b: Array) -> Array:
        return aligned[0](a) * aligned[1](b)

    return out, run


def _aligner(labels: Labels, out: Labels, gone: Sequence[Any]) -> Callable[[Array], Array]:
    """Sum over `gone`, permute to the order of `out`, and put an axis of size 1 where `out` has a label more."""
    kept, axes = _summed(labels, gone)
    order = tuple(sorted(range(len(kept)), key=lambda k: out.index(kept[k])))
    index = tuple(slice(None) if label in kept else None for label in out)
    plain = order == tuple(range(len(kept))) and len(kept) == len(out)

    def align(a: Array) -> Array:
        if axes:
            a = a.sum(axis=axes)
        return a if plain else a.transpose(order)[index]

    return align


def _matmul(
    left: Labels,
    right: Labels,
    kinds: tuple[list[Any], list[Any], list[Any], list[Any]],
    alone: Sequence[Sequence[Any]],
) -> tuple[Labels, Callable[[Array, Array], Array]]:
    both, rows, columns, inner = kinds
    first = _aligner(left, (*both, *rows, *inner), alone[0])
    second = _aligner(right, (*both, *inner, *columns), alone[1])
    b, m, k = len(both), len(rows), len(inner)

    def run(x: Array, y: Array) -> Array:
        x, y = first(x), second(y)
        lead, row, column = x.shape[:b], x.shape[b : b + m], y.shape[b + k :]
        width = math.prod(y.shape[b : b + k])
        product = np.matmul(x.reshape((*lead, math.prod(row), width)), y.reshape((*lead, width, math.prod(column))))
        return product.reshape(lead + row + column)

    return (*both, *rows, *columns), run


def chain(operands: Sequence[Labels], out: Labels, sizes: dict[Any, int], cost: Cost) -> Callable[[list[Array]], Array]:
    """A function from the list of operands to their product with axes in the order of `out`; every label has a size."""
    work, steps = list(operands), []
    for positions in order_of_products(operands, out, sizes):
        chosen = [work[k] for k in positions]
        work = [labels for k, labels in enumerate(work) if k not in positions]
        if len(chosen) == 1:
            work += chosen
            continue
        keep = set(out).union(*work)
        labels, run, operations = pair(chosen[0], chosen[1], keep, sizes)
        cost.note(operations, math.prod(max(sizes[label], 1) for label in labels))
        steps.append(Step(positions[0], positions[1], run))
        work.append(labels)
    finish = _aligner(work[0], out, [label for label in work[0] if label not in out])

    def run_all(arrays: list[Array]) -> Array:
        arrays = list(arrays)
        for step in steps:
            result = step.run(arrays[step.left], arrays[step.right])
            arrays = [a for k, a in enumerate(arrays) if k not in (step.left, step.right)]
            arrays.append(result)
        return finish(arrays[0])

    return run_all
