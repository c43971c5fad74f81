"""The forms in which separate factors set separate axes: Kronecker products, and products of low rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, product

from service.ir.coefficient import connected
from service.ir.contraction import contract
from service.ir.leaves import selector
from service.ir.node import Node
from service.ir.reshaping import reshape
from service.ir.size import numbers
from service.ir.total import total
from service.rewrite.factors import Factors, Matrix, Structure, is_diagonal
from service.rewrite.support import counted
from service.rewrite.terms import LIGHT, Factor, Term

MOST_TERMS = 16  # of a Kronecker product: every way to part the axes is tried on every term
FREE = 2**14  # an identity, or the like, of up to so many entries counts as none

Axes = list[int]


@dataclass(frozen=True)
class _Halves:
    """A product `number * left * right`: the halves have the axes asked for, then the labels that both have."""

    left: Node
    right: Node
    number: Node


def kronecker(matrix: Matrix) -> Structure | None:
    """`left` is set by the first axes of rows and columns, `right` by the others; of several terms one is shared."""
    rows, columns = matrix.row_axes, matrix.column_axes
    if len(matrix.terms) > MOST_TERMS:
        return None
    found = []
    for a, b in product(range(len(rows) + 1), range(len(columns) + 1)):
        if a in (0, len(rows)) and b in (0, len(columns)):
            continue  # nothing on one side, or a column times a row, which is a product of rank 1
        structure = _kronecker(matrix, (rows[:a], columns[:b]), (rows[a:], columns[b:]))
        found += [] if structure is None else [structure]
    return min(found, key=lambda structure: structure.numbers, default=None)


def _kronecker(matrix: Matrix, first: tuple[Axes, Axes], last: tuple[Axes, Axes]) -> Structure | None:
    lots = [found for term, _ in matrix.terms if (found := _apart(term, {*first[0], *first[1]}, len(matrix.shape)))]
    if len(lots) < len(matrix.terms):
        return None
    sides = [[*rows, *columns] for rows, columns in (first, last)]
    halves = [_halves(term, *lot, *sides) for (term, _), lot in zip(matrix.terms, lots, strict=True)]
    left, right = ({getattr(half, side) for half in halves} for side in ("left", "right"))
    if len(left) > 1 and len(right) > 1:
        return None
    plain = [all(child.op in LIGHT for lot in lots for child, _ in lot[side]) for side in (0, 1)]
    sizes = [matrix.size(axes) for axes in sides]
    if all(plain):
        return None

    def factors() -> Factors:
        first_shape, last_shape = (tuple(map(matrix.size, axes)) for axes in (first, last))
        shared = halves[0]
        one, other = (
            (shared.left, _weighted(halves, "right")) if len(left) == 1 else (_weighted(halves, "left"), shared.right)
        )
        return Factors({"left": reshape(one, first_shape), "right": reshape(other, last_shape)})

    counts = [0 if fixed and size <= FREE else size for fixed, size in zip(plain, sizes, strict=True)]
    return Structure("kronecker", sum(counts), factors)


def _weighted(halves: Sequence[_Halves], side: str) -> Node:
    """The sum of one half of every term, times its number."""
    nodes: list[Node] = [getattr(half, side) for half in halves]
    axes = range(len(nodes[0].shape))
    weighted = (contract([(half.number, ()), (node, axes)], axes) for half, node in zip(halves, nodes, strict=True))
    return total(weighted, nodes[0].shape)


Lot = tuple[list[Factor], list[Factor], list[Factor]]


def _apart(term: Term, first: set[int], rank: int) -> Lot | None:
    """The factors connected with the axes `first`, those with other axes, and the scalars; None where both meet."""
    lots: Lot = ([], [], [])
    for group in connected(term.factors):
        free = {label for _, labels in group for label in labels if label < rank and counted(term.sizes[label]) != 1}
        if free & first and free - first:
            return None
        lots[0 if free & first else 1 if free else 2].extend(group)
    return lots


def _halves(
    term: Term, left: Sequence[Factor], right: Sequence[Factor], scalars: Sequence[Factor], one: Axes, other: Axes
) -> _Halves:
    """The product of each lot; the labels that the first two share stay."""
    seen = [{label for _, labels in lot for label in labels} for lot in (left, right, scalars)]
    shared = sorted((seen[0] & seen[1]) - {*one, *other})
    sizes = term.sizes
    unseen = {label: n for label, n in sizes.items() if label not in set().union(*seen, one, other)}
    return _Halves(
        contract(left, [*one, *shared], {label: sizes[label] for label in one}),
        contract(right, [*other, *shared], {label: sizes[label] for label in other}),
        contract(scalars, [], unseen, term.coefficient),
    )


def low_rank(matrix: Matrix) -> Structure | None:
    """`left @ right.T`, and a `diagonal` where some terms are one. The factors are matrices, `diagonal` a vector."""
    rows, columns = matrix.row_axes, matrix.column_axes
    on_diagonal = tuple(entry for entry in matrix.terms if is_diagonal(matrix, entry[1]))
    others = [term for term, support in matrix.terms if not is_diagonal(matrix, support)]
    lots = [found for term in others if (found := _by_side(term, matrix)) is not None]
    if not lots or len(lots) < len(others):
        return None
    ranks = [_rank(term, lot) for term, lot in zip(others, lots, strict=True)]
    if sum(ranks) >= min(matrix.height, matrix.width):
        return None
    entries = sum(ranks) * (matrix.height + matrix.width) + (matrix.height if on_diagonal else 0)

    def factors() -> Factors:
        halves = [_halves(term, *lot, rows, columns) for term, lot in zip(others, lots, strict=True)]
        weighted = [replace(half, left=_weighted([half], "left")) for half in halves]
        named = {
            "left": _beside([reshape(half.left, (matrix.height, k)) for half, k in zip(weighted, ranks, strict=True)]),
            "right": _beside([reshape(half.right, (matrix.width, k)) for half, k in zip(weighted, ranks, strict=True)]),
        }
        if on_diagonal:
            diagonal = replace(matrix, terms=on_diagonal).sum(rows)
            named = {"diagonal": reshape(diagonal, (matrix.height,)), **named}
        return Factors(named)

    return Structure("low_rank", entries, factors)


def _by_side(term: Term, matrix: Matrix) -> Lot | None:
    """The factors that have rows and those that have columns, the others with either; None where one has both."""
    rows, columns = set(matrix.row_axes), set(matrix.column_axes)
    lots: Lot = ([], [], [])
    for factor in term.factors:
        on_rows, on_columns = bool(rows.intersection(factor[1])), bool(columns.intersection(factor[1]))
        if on_rows and on_columns:
            return None
        lots[0 if on_rows else 1 if on_columns else 2].append(factor)
    left, right, floating = lots
    ends = {label for _, labels in (*left, *right) for label in labels}
    between = [factor for group in connected(floating) if ends.intersection(*[_labels(group)]) for factor in group]
    scalars = [factor for factor in floating if factor not in between]
    choices: list[Lot] = [([*left, *between], right, scalars), (left, [*right, *between], scalars)]
    return min(choices, key=lambda lot: _rank(term, lot))


def _labels(factors: Sequence[Factor]) -> set[int]:
    return {label for _, labels in factors for label in labels}


def _rank(term: Term, lot: Lot) -> int:
    return math.prod(counted(term.sizes[label]) for label in _labels(lot[0]) & _labels(lot[1]))


def _beside(parts: Sequence[Node]) -> Node:
    """Matrices joined along their columns."""
    widths = [numbers(part.shape)[1] for part in parts]
    height, width = parts[0].shape[0], sum(widths)
    starts = accumulate(widths, initial=0)
    placed = (
        contract([(part, "ik"), (selector(width, count, start, 1), "jk")], "ij")
        for part, count, start in zip(parts, widths, starts, strict=False)
    )
    return total(placed, (height, width))
