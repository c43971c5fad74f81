"""Symbolic forward mode: one pass from the variables to the outputs.

An elementwise function's partials and the product rule serve both modes, and the other operations' forward derivative
is the transpose of their reverse one, which the normal form of contractions works out when the adjoint is a delta;
only one of which that would be much larger than the product declares its own. A tangent may have further axes behind
the node's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.diff.reverse import local_jacobian, local_partial
from service.ir.coefficient import CONTRACT
from service.ir.contraction import contract
from service.ir.leaves import constant
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.total import TOTAL, terms_of, total
from service.ir.walk import topological


def push_forward(outputs: Sequence[Node], seeds: Mapping[Node, Node]) -> list[Node]:
    """The tangents of the outputs from those of some nodes: shape (*node, *trail) to (*output, *trail).

    `seeds` has at least one entry; all have the same trailing axes. Nodes without a seed have tangent 0.
    """
    node, seed = next(iter(seeds.items()))
    trail = seed.shape[len(node.shape) :]
    tangents = push_forward_all(topological(outputs), seeds, trail)
    return [tangents.get(output, constant(0.0, output.shape + trail)) for output in outputs]


def push_forward_all(order: Sequence[Node], seeds: Mapping[Node, Node], trail: Shape = ()) -> dict[Node, Node]:
    """The tangent of every node of a topological order that depends on a seeded one."""
    tangents = dict(seeds)
    for node in order:
        if node not in tangents and any(child in tangents for child in node.inputs):
            terms = [
                local_tangent(tangents[child], node, place)
                for place, child in enumerate(node.inputs)
                if child in tangents
            ]
            tangents[node] = total(terms, node.shape + trail)
    return tangents


def local_tangent(t: Node, node: Node, place: int) -> Node:
    """What the tangent t of input number `place` adds to the tangent of `node`."""
    child, rank = node.inputs[place], len(node.shape)
    trail = [("trail", axis) for axis in range(len(t.shape) - len(child.shape))]
    if node.op is TOTAL:
        return t
    if node.op is CONTRACT:
        attributes = node.attributes
        factors = list(zip(node.inputs, attributes.operands, strict=True))
        factors[place] = (t, (*attributes.operands[place], *trail))
        sizes = dict(enumerate(attributes.sizes))
        return contract(factors, [*range(rank), *trail], sizes, attributes.coefficient)
    if node.op.is_elementwise:
        return contract(
            [(local_partial(node, place), range(rank)), (t, [*range(rank), *trail])], [*range(rank), *trail]
        )
    if node.op.jvp is not None and not trail:
        return node.op.jvp(t, node, place)
    inner, out = range(rank, rank + len(child.shape)), [*range(rank), *trail]
    # Term by term, an identity or an outer product among them meets the tangent before it is written out.
    products = (
        contract([(term, [*range(rank), *inner]), (t, [*inner, *trail])], out)
        for term in terms_of(local_jacobian(node, place))
    )
    return total(products, node.shape + t.shape[len(child.shape) :])
