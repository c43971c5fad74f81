"""The contraction node itself, and the number in front of a term."""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

from service.ir.leaves import fill_value
from service.ir.node import Node, make
from service.ir.op import Op, constant, register
from service.ir.recursion import contract
from service.ir.size import Size

Labelled = TypeVar("Labelled", bound=tuple[Any, ...])

CONTRACT = register(Op("contract", "kernel", "a product summed over its bound labels", internal=True))


class Contraction(NamedTuple):
    """The attributes of a contraction of rank r: labels 0 ... r-1 are its axes in order, the others are summed.

    `operands` has the labels of each input, `sizes` the size of every label.
    """

    coefficient: float
    operands: tuple[tuple[int, ...], ...]
    sizes: tuple[Size, ...]


def parts(node: Node) -> tuple[float, list[tuple[Node, tuple[int, ...]]], tuple[Size, ...]]:
    """A contraction's coefficient, factors with their labels, and sizes; any other node is its own only factor."""
    if node.op is CONTRACT:
        attributes: Contraction = node.attributes
        return attributes.coefficient, list(zip(node.inputs, attributes.operands, strict=True)), attributes.sizes
    return 1.0, [(node, tuple(range(len(node.shape))))], node.shape


def connected(factors: Sequence[Labelled]) -> list[list[Labelled]]:
    """Factors in groups that share labels, directly or through others; the labels are a factor's second entry."""
    groups: list[tuple[set[Hashable], list[Labelled]]] = []
    for factor in factors:
        labels, members, apart = set(factor[1]), [factor], list[tuple[set[Hashable], list[Labelled]]]()
        for known, group in groups:
            if known & labels:
                labels, members = labels | known, group + members
            else:
                apart.append((known, group))
        groups = [*apart, (labels, members)]
    return [members for _, members in groups]


def scale(node: Node, coefficient: float) -> Node:
    """`coefficient * node`."""
    value = fill_value(node)
    if value is not None and is_gathered(value, coefficient):
        return constant(value * coefficient, node.shape)
    if coefficient == 1:
        return node
    if node.op is CONTRACT and coefficient != 0 and is_gathered(node.attributes.coefficient, coefficient):
        attributes: Contraction = node.attributes
        return _with_coefficient(node, attributes.coefficient * coefficient)
    axes = range(len(node.shape))
    return contract([(node, axes)], axes, coefficient=coefficient)


def is_gathered(left: float, right: float) -> bool:
    """Whether two numbers may be multiplied beforehand: not where that overflows or vanishes, as the whole need not."""
    if left == 1 or right == 1:
        return True
    product = left * right
    small = abs(product) < sys.float_info.min and left != 0 and right != 0
    return not small and not (math.isinf(product) and math.isfinite(left) and math.isfinite(right))


def split_coefficient(node: Node) -> tuple[float, Node]:
    """The number in front of a term, and the term without it."""
    if node.op is CONTRACT and node.attributes.coefficient != 1:
        return node.attributes.coefficient, _with_coefficient(node, 1.0)
    return 1.0, node


def _with_coefficient(node: Node, coefficient: float) -> Node:
    """The same contraction with another coefficient; a lone factor in place loses its wrapping."""
    attributes: Contraction = node.attributes
    if coefficient == 1 and attributes.operands == (tuple(range(len(node.shape))),):
        return node.inputs[0]
    return make(CONTRACT, node.inputs, attributes._replace(coefficient=coefficient), node.shape)
