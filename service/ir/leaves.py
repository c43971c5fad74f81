"""The leaves of a graph: what is given, and the constant tensors that stay unexpanded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from service.ir.node import Node, make
from service.ir.op import FILL, Op, constant, register
from service.ir.size import Dim, Shape, Size

__all__ = [
    "ARRAY", "DELTA", "FILL", "SELECTOR", "SIZE", "TRIANGLE", "UNIT", "VARIABLE",
    "ArrayData", "array", "constant", "delta", "fill_value", "selector", "size_value", "triangle", "unit", "variable",
]  # fmt: skip

VARIABLE = register(Op("variable", "leaf", "an input", internal=True))
ARRAY = register(Op("array", "leaf", "an array of given numbers", internal=True))
SIZE = register(Op("size", "leaf", "a named size as a number", internal=True))
DELTA = register(Op("delta", "leaf", "the identity between two axes", internal=True))
UNIT = register(Op("unit", "leaf", "the vector that is 1 at one place", internal=True))
SELECTOR = register(Op("selector", "leaf", "the 0/1 matrix whose column k picks entry start + k*step", internal=True))
TRIANGLE = register(Op("triangle", "leaf", "the 0/1 matrix with ones on and below a diagonal", internal=True))


@dataclass(frozen=True)
class ArrayData:
    """The bytes of a float64 array in row-major order; its repr is a digest, so that nodes stay small to name."""

    content: bytes

    def __repr__(self) -> str:
        """A name for the content."""
        return hashlib.blake2b(self.content, digest_size=16).hexdigest()


def variable(name: str, shape: Shape) -> Node:
    """The input called `name`."""
    return make(VARIABLE, (), name, shape)


def array(content: bytes, shape: Shape) -> Node:
    """A constant array from float64 bytes in row-major order."""
    return make(ARRAY, (), ArrayData(content), shape)


def size_value(size: Size) -> Node:
    """A size as a scalar."""
    return make(SIZE, (), size, ()) if isinstance(size, Dim) else constant(size)


def delta(size: Size) -> Node:
    """The identity matrix, kept unexpanded: shape (size, size)."""
    return constant(1.0, (1, 1)) if size == 1 else make(DELTA, (), None, (size, size))


def unit(size: Size, index: Size) -> Node:
    """The vector of shape (size,) that is 1 at `index` and 0 elsewhere."""
    return constant(1.0, (1,)) if size == 1 else make(UNIT, (), index, (size,))


def selector(size: Size, count: Size, start: Size, step: int) -> Node:
    """The matrix S of shape (size, count) with S[start + k*step, k] = 1: `S.T @ x` is `x[start::step]`."""
    if count == 1:
        step = 1
    if count == size and start == 0 and step == 1:
        return delta(size)
    return make(SELECTOR, (), (start, step), (size, count))


def triangle(rows: Size, columns: Size, k: int) -> Node:
    """The matrix of shape (rows, columns) that is 1 in column j of row i where j <= i + k, else 0."""
    return make(TRIANGLE, (), k, (rows, columns))


def fill_value(node: Node) -> float | None:
    """The number of a `fill`, else None."""
    return float(node.attributes) if node.op is FILL else None
