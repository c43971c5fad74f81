"""Zeros that mean "not used", spelled out so that the numbers can respect them.

A derivative of `where`, `maximum` and the like multiplies by a mask, and a mask's 0 annihilates even what is not
finite: an unused branch never poisons the used one. A mask that is a factor itself is seen by the executor. One that
went into a sum or into a product of its own is multiplied once more where it meets other factors, together with the
constant tensors' zeros, which mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.ir.coefficient import CONTRACT
from service.ir.contraction import contract
from service.ir.leaves import DELTA, SELECTOR, UNIT
from service.ir.node import Node
from service.ir.op import lowered
from service.ir.power import split_power
from service.ir.reshaping import RESHAPE, reshape
from service.ir.total import TOTAL, total
from service.ir.walk import rebuild, topological
from service.rewrite.simplify import reconstruct

CONSTANT = (DELTA, UNIT, SELECTOR)


def with_masks(roots: Sequence[Node]) -> list[Node]:
    """Equal graphs in which every product has the masks of its factors as factors."""
    weights: dict[Node, Node] = {}
    for node in topological(roots):
        weight = _weight(node, weights)
        if weight is not None:
            weights[node] = weight

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if node.op is not CONTRACT or len(inputs) == 1:
            return reconstruct(node, inputs)
        attributes = node.attributes
        factors = list(zip(inputs, attributes.operands, strict=True))
        for child, labels in zip(node.inputs, attributes.operands, strict=True):
            if child in weights and not child.op.strong:
                factors.append((lowered("chosen", weights[child]), labels))
        return contract(factors, range(len(node.shape)), dict(enumerate(attributes.sizes)), attributes.coefficient)

    return rebuild(roots, change)


def _weight(node: Node, weights: dict[Node, Node]) -> Node | None:
    """A term that is 0 exactly where every mask says that `node` is not used, or None if there is no mask."""
    if node.op.strong:
        return node
    if node.op is CONTRACT:
        return _weight_of_product(node, weights)
    if node.op is TOTAL and all(child in weights for child in node.inputs):
        return total([weights[child] for child in node.inputs], node.shape)
    if node.op is RESHAPE and node.inputs[0] in weights:
        return reshape(weights[node.inputs[0]], node.shape)
    base, exponent = split_power(node)
    return weights.get(base) if exponent > 0 else None


def _weight_of_product(node: Node, weights: dict[Node, Node]) -> Node | None:
    attributes, rank = node.attributes, len(node.shape)
    factors = [
        (weights.get(child, child), labels)
        for child, labels in zip(node.inputs, attributes.operands, strict=True)
        if child in weights or child.op in CONSTANT
    ]
    if not factors:
        return None
    return contract(factors, range(rank), dict(enumerate(attributes.sizes[:rank])))
