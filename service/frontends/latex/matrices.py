r"""`\begin{pmatrix}`: numbers are a constant, scalars are stacked, columns and rows are joined as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.errors import ShapeError
from service.frontends.bounds import ELEMENTS, Limits, check_count
from service.frontends.builder import array_of_numbers, operation
from service.frontends.latex.algebra import Algebra, untransposed
from service.frontends.latex.values import Formula
from service.frontends.values import Span
from service.ir.leaves import fill_value


@dataclass(frozen=True)
class Row:
    """The entries of a row."""

    entries: tuple[Formula, ...]


def matrix(algebra: Algebra, span: Span, rows: Sequence[Row], limits: Limits) -> Formula:
    """One column of scalars is a vector, more are a matrix; rows of one vector each are the rows of a matrix."""
    widths = {len(row.entries) for row in rows}
    if len(widths) > 1:
        message = f"the rows of a matrix must be equally long, got {' and '.join(map(str, sorted(widths)[:4]))} entries"
        raise ShapeError(message)
    entries = [entry for row in rows for entry in row.entries]
    check_count(ELEMENTS, len(entries), limits.elements)
    if all(not entry.node.shape for entry in entries):
        return _of_scalars(algebra, span, rows, entries)
    if widths == {1} and all(len(entry.node.shape) == 1 for entry in entries):
        if all(entry.row for entry in entries):
            return _stacked(algebra, span, [untransposed(entry) for entry in entries])
        if not any(entry.row for entry in entries):
            node = algebra.builder.apply(operation("concatenate"), [entry.node for entry in entries], {"axis": 0})
            return Formula(span, node)
    message = r"a matrix is made of scalars, of columns under one another, or of rows; otherwise there is"
    raise ShapeError(message + r" \operatorname{concatenate}_{axis}(x, y)")


def _of_scalars(algebra: Algebra, span: Span, rows: Sequence[Row], entries: Sequence[Formula]) -> Formula:
    width = len(rows[0].entries) if rows else 1
    if all(entry.literal for entry in entries):
        shape = (len(rows),) if width == 1 else (len(rows), width)
        values = [value for entry in entries if (value := fill_value(entry.node)) is not None]
        return Formula(span, algebra.builder.keep(array_of_numbers(shape, values)))
    if width == 1:
        return _stacked(algebra, span, entries)
    return _stacked(
        algebra, span, [_of_scalars(algebra, span, [Row((e,)) for e in r.entries], r.entries) for r in rows]
    )


def _stacked(algebra: Algebra, span: Span, parts: Sequence[Formula]) -> Formula:
    return Formula(span, algebra.builder.apply(operation("stack"), [part.node for part in parts], {"axis": 0}))
