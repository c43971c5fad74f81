"""The matrix exponential and its derivatives: Pade's approximation of a part of the matrix, squared up again."""

from __future__ import annotations

import math

from service.ir.node import Node
from service.ir.size import Shape, Size, multiply
from service.ops.onnx.matrices import inverse_of, norm_of
from service.ops.onnx.products import product
from service.ops.onnx.sheet import Value, op, where

DEGREE = 13
REACH = 5.371920351148152  # the norm up to which degree 13 is exact to rounding (N. Higham, 2005)
MOST_SQUARINGS = 14  # of a norm of 8e4; exp overflows beyond one of 710
PADE = [math.factorial(2 * DEGREE - k) * math.factorial(DEGREE) // (math.factorial(k) * math.factorial(DEGREE - k))
        for k in range(DEGREE + 1)]  # fmt: skip


def _exponential(x: Value, shape: Shape) -> Value:
    def times(a: Value, b: Value) -> Value:
        return product((a, shape), (b, shape))

    halvings = op("Max", op("Ceil", op("Log", norm_of(x) / REACH) / math.log(2)), 0.0)
    part = x * op("Pow", x.sheet.number(0.5), halvings)
    eye = op("EyeLike", x.sheet.filled(0.0, shape[-2:]))
    below = [coefficient / PADE[0] for coefficient in PADE]
    square = times(part, part)
    powers = [eye, square]
    while len(powers) <= DEGREE // 2:
        powers.append(times(powers[-1], square))
    even, odd = eye * below[0], eye * below[1]
    for k in range(1, DEGREE // 2 + 1):
        even, odd = even + powers[k] * below[2 * k], odd + powers[k] * below[2 * k + 1]
    odd = times(part, odd)
    found = times(inverse_of(even - odd), even + odd)
    for k in range(MOST_SQUARINGS):
        found = where(halvings > float(k), times(found, found), found)
    return where(halvings > float(MOST_SQUARINGS), math.nan, found)


def expm(node: Node, x: Value) -> Value:
    """The matrix exponential; not a number where it would be squared more than 14 times."""
    return x if 0 in node.shape else _exponential(x, node.shape)


def expm_frechet(node: Node, x: Value, *directions: Value) -> Value:
    """The corner of the exponential of [[A, E], [0, A]], and so on (N. Higham, S. Relton, 2014)."""
    sheet, shape = x.sheet, node.shape
    n: Size = shape[-1]
    whole = op("Expand", x, sheet.shape(shape))
    for direction in directions:
        corner = _diagonal_blocks(op("Expand", direction, sheet.shape(node.shape)), node.shape, shape)
        above = op("Concat", whole, corner, axis=-1)
        below = op("Concat", op("Sub", whole, whole), whole, axis=-1)
        whole = op("Concat", above, below, axis=-2)
        shape = (*shape[:-2], multiply(2, shape[-1]), multiply(2, shape[-1]))
    found = _exponential(whole, shape)
    rows = op("Slice", found, sheet.integers([0]), sheet.size(n), sheet.integers([-2]))
    last = sheet.size(shape[-1])
    return op("Slice", rows, op("Sub", last, sheet.size(n)), last, sheet.integers([-1]))


def _diagonal_blocks(x: Value, own: Shape, shape: Shape) -> Value:
    """A matrix repeated along the diagonal of one of the last two sizes of `shape`."""
    while own != shape:
        zero = op("Sub", x, x)
        x = op("Concat", op("Concat", x, zero, axis=-1), op("Concat", zero, x, axis=-1), axis=-2)
        own = (*own[:-2], multiply(2, own[-1]), multiply(2, own[-1]))
    return x
