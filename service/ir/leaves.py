"""The leaves of a graph: what is given, and the constant tensors that stay unexpanded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Self

from service.ir.node import Node, make
from service.ir.op import FILL, Op, constant, register
from service.ir.size import Dim, Shape, Size

__all__ = [
    "ARRAY", "DELTA", "FILL", "SELECTOR", "SIZE", "TRIANGLE", "UNIT", "VARIABLE",
    "ArrayData", "Assumed", "array", "constant", "delta", "facts_of", "fill_value", "selector", "size_value",
    "triangle", "unit", "variable",
]  # fmt: skip

VARIABLE = register(Op("variable", "leaf", "an input", internal=True))
ARRAY = register(Op("array", "leaf", "an array of given numbers", internal=True))
SIZE = register(Op("size", "leaf", "a named size as a number", internal=True))
_constant_tensor = partial(Op, family="leaf", internal=True, strong=True)  # a 0 of theirs leaves out an entry
DELTA = register(_constant_tensor("delta", summary="the identity between two axes"))
UNIT = register(_constant_tensor("unit", summary="the vector that is 1 at one place"))
SELECTOR = register(_constant_tensor("selector", summary="the 0/1 matrix whose column k picks entry start + k*step"))
TRIANGLE = register(_constant_tensor("triangle", summary="the 0/1 matrix with ones on and below a diagonal"))


@dataclass(frozen=True)
class ArrayData:
    """The bytes of a float64 array in row-major order; its repr is a digest, so that nodes stay small to name."""

    content: bytes

    def __repr__(self) -> str:
        """A name for the content."""
        return hashlib.blake2b(self.content, digest_size=16).hexdigest()


class Assumed(str):
    """The name of an input of which facts are assumed; its repr, and so the node's digest, tells them."""

    __slots__ = ("facts",)

    facts: tuple[str, ...]

    def __new__(cls, name: str, facts: Iterable[str]) -> Self:
        """The name with its facts, in one order."""
        made = super().__new__(cls, name)
        made.facts = tuple(sorted(set(facts)))
        return made

    def __repr__(self) -> str:
        """Name and facts."""
        return f"{super().__repr__()} {self.facts}"


def variable(name: str, shape: Shape, facts: Iterable[str] = ()) -> Node:
    """The input called `name`; one of which `facts` are assumed is another node than the plain one."""
    known = Assumed(name, facts)
    return make(VARIABLE, (), known if known.facts else str(name), shape)


def facts_of(node: Node) -> tuple[str, ...]:
    """What is assumed of an input; of anything else, nothing."""
    return node.attributes.facts if isinstance(node.attributes, Assumed) else ()


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
