"""Scalar patterns: match a term against one whatever its shape, and build the result at that shape."""

from __future__ import annotations

from itertools import permutations

from service.ir.coefficient import CONTRACT, split_coefficient
from service.ir.contraction import contract
from service.ir.leaves import FILL, VARIABLE, constant
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.total import TOTAL, total
from service.ops.elementwise import entrywise

Bindings = dict[Node, Node]
MOST_TERMS = 3  # a sum longer than any pattern's is not tried


def matches(pattern: Node, node: Node) -> Bindings | None:
    """What the pattern's variables stand for, if the node has its form; a sum matches in any order."""
    return _match([(pattern, node)], {})


def _match(pairs: list[tuple[Node, Node]], bindings: Bindings) -> Bindings | None:
    if not pairs:
        return bindings
    (pattern, node), *rest = pairs
    if pattern.op is VARIABLE:
        known = bindings.get(pattern, node) is node
        return _match(rest, bindings | {pattern: node}) if known else None
    if not _is_alike(pattern, node):
        return None
    reorders = pattern.op is TOTAL or pattern.op.commutative
    orders = permutations(node.inputs) if reorders else [node.inputs]
    for order in orders:
        found = _match([*zip(pattern.inputs, order, strict=True), *rest], bindings)
        if found is not None:
            return found
    return None


def _is_alike(pattern: Node, node: Node) -> bool:
    """Whether operation and attributes agree, whatever the inputs and the shape."""
    if pattern.op is not node.op or len(pattern.inputs) != len(node.inputs):
        return False
    if pattern.op is TOTAL:
        return len(node.inputs) <= MOST_TERMS
    return _is_scaled(pattern, node) if pattern.op is CONTRACT else bool(pattern.attributes == node.attributes)


def _is_scaled(pattern: Node, node: Node) -> bool:
    """Patterns contain a contraction only as a number times a term."""
    return (
        split_coefficient(pattern)[0] == split_coefficient(node)[0]
        and len(node.inputs) == 1
        and node.attributes.operands == (tuple(range(len(node.shape))),)
    )


def substituted(result: Node, bindings: Bindings, shape: Shape) -> Node:
    """The result of a scalar row at the shape of what matched; its terms are small, so recursion is safe."""
    if result.op is VARIABLE:
        return bindings[result]
    if result.op is FILL:
        return constant(result.attributes, shape)
    inputs = tuple(substituted(child, bindings, shape) for child in result.inputs)
    if result.op is TOTAL:
        return total(inputs, shape)
    if result.op is CONTRACT:
        axes = range(len(shape))
        return contract([(child, axes) for child in inputs], axes, coefficient=result.attributes.coefficient)
    return entrywise(result.op.name, *inputs, **dict(result.attributes))
