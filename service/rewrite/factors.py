"""A structured matrix, and the forms whose factors are the values of its terms along their supports."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from service.ir.node import Node
from service.ir.reshaping import reshape
from service.ir.size import Shape, numbers
from service.ir.total import total
from service.rewrite.support import Run, Support, counted, placed, values_of
from service.rewrite.terms import Term


@dataclass(frozen=True)
class Scattered:
    """Numbers that stand in an array of `shape`, zero elsewhere, where the runs of its axes lead.

    Axis k of `node` counts along parameter number k, to which `axes` refer.
    """

    node: Node
    axes: tuple[Run, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Factors:
    """Graphs of the factors under their names; those of a sparse array are the values of overlapping parts."""

    named: Mapping[str, Node] = field(default_factory=dict)
    scattered: tuple[Scattered, ...] = ()


@dataclass(frozen=True)
class Structure:
    """The name of a structure, how many numbers its factors have, and how to get their graphs.

    `factors` needs every size to be a number.
    """

    name: str
    numbers: int = 0
    factors: Callable[[], Factors] = field(default=Factors, repr=False, compare=False)


DENSE, ZERO = Structure("dense"), Structure("zero")


@dataclass(frozen=True)
class Matrix:
    """A derivative as terms with their supports. `shape` is that of the terms, of which the first `rows` axes are rows.

    `height` and `width` are its numbers of rows and columns. As it is asked for, which may be another shape of the same
    entries, it has `axes` axes, and its columns are of the shape `columns`.
    """

    terms: tuple[tuple[Term, Support], ...]
    shape: Shape
    rows: int
    columns: Shape
    height: int
    width: int
    axes: int

    @property
    def row_axes(self) -> list[int]:
        """The axes of the rows, but those of size 1."""
        return [k for k in range(self.rows) if counted(self.shape[k]) != 1]

    @property
    def column_axes(self) -> list[int]:
        """The axes of the columns, but those of size 1."""
        return [k for k in range(self.rows, len(self.shape)) if counted(self.shape[k]) != 1]

    def size(self, axes: Sequence[int]) -> int:
        """The number of entries along some axes."""
        return math.prod(counted(self.shape[k]) for k in axes)

    def sum(self, axes: Sequence[int]) -> Node:
        """The sum of the terms over some axes alone, the runs of the others being theirs as well."""
        shape = tuple(self.shape[k] for k in axes)
        return total((placed(values_of(*term), term[1], axes, shape) for term in self.terms), shape)


def tied(matrix: Matrix, support: Support) -> int:
    """How many of the first axes of rows and columns, pair by pair, are one and the same place in a term."""
    pairs = list(zip(matrix.row_axes, matrix.column_axes, strict=False))
    same = (
        support.axes[row] == support.axes[column] and matrix.shape[row] == matrix.shape[column] for row, column in pairs
    )
    return next((number for number, holds in enumerate(same) if not holds), len(pairs))


def is_diagonal(matrix: Matrix, support: Support) -> bool:
    """Whether a term has entries on the diagonal only."""
    return tied(matrix, support) == len(matrix.row_axes) == len(matrix.column_axes)


def diagonal(matrix: Matrix) -> Structure | None:
    """Every axis of the rows is tied to that of the columns in the same place: `diagonal` has the columns' shape."""
    if not all(is_diagonal(matrix, support) for _, support in matrix.terms):
        return None
    return Structure(
        "diagonal",
        matrix.width,
        lambda: Factors({"diagonal": reshape(matrix.sum(matrix.row_axes), matrix.columns)}),
    )


def block_diagonal(matrix: Matrix) -> Structure | None:
    """The first axes are tied: `blocks` has shape (number of blocks, rows of each, columns of each)."""
    depth = min(tied(matrix, support) for _, support in matrix.terms)
    blocks = matrix.size(matrix.row_axes[:depth])
    if blocks == 1:
        return None
    shape = (blocks, matrix.height // blocks, matrix.width // blocks)
    axes = [*matrix.row_axes, *matrix.column_axes[depth:]]
    return Structure("block_diagonal", math.prod(shape), lambda: Factors({"blocks": reshape(matrix.sum(axes), shape)}))


def sparse(matrix: Matrix) -> Structure | None:
    """Few entries: each takes its value and a position on every axis."""
    parts: dict[tuple[object, ...], list[tuple[Term, Support]]] = {}
    for entry in matrix.terms:
        parts.setdefault(_place(entry[1]), []).append(entry)
    entries = sum(group[0][1].entries for group in parts.values())
    return Structure(
        "sparse",
        entries * (1 + matrix.axes),
        lambda: Factors(scattered=tuple(_scattered(group, numbers(matrix.shape)) for group in parts.values())),
    )


def _numbered(support: Support) -> tuple[Run, ...]:
    """The runs of the axes, their parameters counted from 0."""
    number: dict[int | None, int | None] = {parameter: k for k, parameter in enumerate(support.parameters)}
    return tuple(Run(run.start, run.step, number.get(run.parameter)) for run in support.axes)


def _place(support: Support) -> tuple[object, ...]:
    """What two terms have in common if their entries stand in the same places in the same order."""
    return _numbered(support), tuple(support.counts[parameter] for parameter in support.parameters)


def _scattered(group: Sequence[tuple[Term, Support]], shape: tuple[int, ...]) -> Scattered:
    nodes = [values_of(*entry) for entry in group]
    return Scattered(total(nodes, nodes[0].shape), _numbered(group[0][1]), shape)
