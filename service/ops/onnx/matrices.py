"""Functions of square matrices: by onnxruntime's Inverse, or by elimination written out for so many rows."""

from __future__ import annotations

import math

from service.ir.node import Node
from service.ops.onnx.products import product
from service.ops.onnx.sheet import CONTRIBUTED, Value, lacking, number, op, where

EPS = 2.0**-52
MOST_ROWS = 32  # of a matrix whose elimination is written out, some ten nodes for each
BY_STEPS = f"it is written out for up to {MOST_ROWS} rows, not for a named size"


def rows_of(node: Node) -> int:
    """The rows of a matrix, where that is a number and not too large."""
    n = node.inputs[0].shape[-1]
    if not isinstance(n, int) or n > MOST_ROWS:
        raise lacking(node)
    return n


def norm_of(x: Value) -> Value:
    """The largest sum of sizes in a column."""
    sheet = x.sheet
    columns = op("ReduceSum", abs(x), sheet.integers([-2]), keepdims=1)
    return op("ReduceMax", columns, sheet.integers([-1]), keepdims=1)


def inverse_of(x: Value) -> Value:
    """Not a number for a matrix that is singular to working precision."""
    found = op("Inverse", x, domain=CONTRIBUTED)
    return where(norm_of(x) * norm_of(found) * EPS < 1.0, found, math.nan)


def inv(node: Node, x: Value) -> Value:
    """The inverse."""
    return x if 0 in node.shape else inverse_of(x)


def solve(node: Node, a: Value, b: Value) -> Value:
    """The inverse times the right side, as the service computes it."""
    left, right = node.inputs
    return product((a if 0 in left.shape else inverse_of(a), left.shape), (b, right.shape))


def matrix_power(node: Node, x: Value) -> Value:
    """Products of powers with half of the exponent."""
    n = dict(node.attributes)["n"]
    if n == 0:
        size = node.shape[-1]
        eye = op("EyeLike", x.sheet.filled(0.0, (size, size)))
        return op("Expand", eye, x.sheet.shape(node.shape))
    if n < 0:
        x, n = inv(node, x), -n
    result: Value | None = None
    for digit in f"{n:b}":
        result = None if result is None else product((result, node.shape), (result, node.shape))
        if digit == "1":
            result = x if result is None else product((result, node.shape), (x, node.shape))
    return result or x


def _entry(x: Value, k: int) -> Value:
    """Column k of matrices, kept as a matrix of one column."""
    sheet = x.sheet
    return op("Slice", x, sheet.integers([k]), sheet.integers([k + 1]), sheet.integers([-1]))


def eliminated(x: Value, n: int) -> tuple[list[Value], list[Value]]:
    """The pivots of matrices of n rows by elimination with row pivoting, and the sign of the order of their rows.

    A row that has been used is all zeros from then on, so that no row need be moved.
    """
    sheet = x.sheet
    rows = sheet.integers(list(range(n)))
    pivots, places = list[Value](), list[Value]()
    for k in range(n):
        column = _entry(x, k)
        place = op("ArgMax", abs(column), axis=-2, keepdims=1)
        at = number(op("Equal", op("Unsqueeze", rows, sheet.integers([-1])), place))
        row = op("ReduceSum", where(at > 0.0, x, 0.0), sheet.integers([-2]), keepdims=1)
        pivot = _entry(row, k)
        x = x - column / where(pivot.is_(0.0), 1.0, pivot) * row
        x = where(at > 0.0, 0.0, x)
        pivots.append(pivot)
        places.append(op("Cast", place, to=11))
    signs = [op("Sign", places[j] - places[i]) for j in range(n) for i in range(j)]
    return pivots, signs


def _product(factors: list[Value]) -> Value:
    found = factors[0]
    for factor in factors[1:]:
        found = found * factor
    return found


def _scalar(x: Value) -> Value:
    return op("Squeeze", x, x.sheet.integers([-2, -1]))


def det_of(x: Value, n: int) -> Value:
    """The product of the pivots, with the sign of their order."""
    pivots, signs = eliminated(x, n)
    return _scalar(_product(pivots + signs))


def det(node: Node, x: Value) -> Value:
    """The determinant."""
    n = rows_of(node)
    return det_of(x, n) if n else x.sheet.filled(1.0, node.shape)


def logdet(node: Node, x: Value) -> Value:
    """The sum of the logarithms of pivots; not a number for a negative determinant."""
    n = rows_of(node)
    if not n:
        return x.sheet.filled(0.0, node.shape)
    pivots, signs = eliminated(x, n)
    sign = _product([op("Sign", pivot) for pivot in pivots] + signs)
    logs = [op("Log", abs(pivot)) for pivot in pivots]
    total = logs[0]
    for log in logs[1:]:
        total = total + log
    return _scalar(where(sign < 0.0, math.nan, total))


def cholesky(node: Node, x: Value) -> Value:
    """Column by column; not a number where a pivot is not positive."""
    n, rank, sheet = rows_of(node), len(node.shape), x.sheet
    if not n:
        return x
    swapped = (*range(rank - 2), rank - 1, rank - 2)
    rest, columns = (x + op("Transpose", x, perm=swapped)) * 0.5, list[Value]()
    good: Value | None = None
    for k in range(n):
        column = _entry(rest, k)
        square = op("Slice", column, sheet.integers([k]), sheet.integers([k + 1]), sheet.integers([-2]))
        good = square > 0.0 if good is None else op("And", good, square > 0.0)
        below = where(op("Unsqueeze", sheet.numbers([float(i >= k) for i in range(n)]), sheet.integers([-1])) > 0.0,
                      column / op("Sqrt", square), 0.0)  # fmt: skip
        columns.append(below)
        rest = rest - below * op("Transpose", below, perm=swapped)
    factor = op("Concat", *columns, axis=-1)
    return where(good, factor, math.nan) if good else factor
