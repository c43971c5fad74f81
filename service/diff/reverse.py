"""Symbolic reverse mode: one pass, seeded with the identity, gives the Jacobian by every variable.

The adjoint of a node has the output's axes before the node's own. Seeds are deltas, which the normal form of
contractions eliminates, so a gradient, a Jacobian and (applied again) a Hessian come out in closed form. The cost is
linear in the number of nodes. Laue, Mitterreiter, Giesen, NeurIPS 2018; Griewank and Walther, "Evaluating
Derivatives", chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import NotDifferentiableError
from service.ir.coefficient import CONTRACT
from service.ir.contraction import contract
from service.ir.leaves import constant, delta
from service.ir.node import Node
from service.ir.total import TOTAL, total
from service.ir.walk import dependents, topological


def jacobian(output: Node, wrt: Sequence[Node]) -> list[Node]:
    """The derivative of `output` by each variable, numerator layout: shape of the output, then of the variable."""
    order = topological([output])
    active = dependents(order, wrt)
    contributions: dict[Node, list[Node]] = {output: [_seed(output)]}
    adjoints: dict[Node, Node] = {}
    for node in reversed(order):
        if node not in active or node not in contributions:
            continue
        shape = output.shape + node.shape
        adjoints[node] = g = total(contributions.pop(node), shape)
        for place, child in enumerate(node.inputs):
            if child in active:
                contributions.setdefault(child, []).append(_pull_back(g, node, place))
    return [adjoints.get(node, constant(0.0, output.shape + node.shape)) for node in wrt]


def _seed(output: Node) -> Node:
    """The derivative of the output by itself: a delta for every axis."""
    rank = len(output.shape)
    factors = [(delta(size), [axis, rank + axis]) for axis, size in enumerate(output.shape)]
    return contract(factors, range(2 * rank))


def _pull_back(g: Node, node: Node, place: int) -> Node:
    """What the adjoint g of `node` adds to the adjoint of its input number `place`."""
    lead = len(g.shape) - len(node.shape)
    if node.op is TOTAL:
        return g
    if node.op is CONTRACT:
        return _pull_back_product(g, node, place, lead)
    if node.op.is_elementwise:
        partial = local_partial(node, place)
        axes = range(len(g.shape))
        return contract([(g, axes), (partial, axes[lead:])], axes)
    if node.op.vjp is None:
        message = f"{node.op.name} has no derivative"
        raise NotDifferentiableError(message)
    return node.op.vjp(g, node, place)


def local_partial(node: Node, place: int) -> Node:
    """The derivative of an elementwise node by one argument, entry by entry: same shape as the node."""
    rule = node.op.partials[place]
    if rule is None:
        return constant(0.0, node.shape)
    return rule(node, *node.inputs)


def _pull_back_product(g: Node, node: Node, place: int, lead: int) -> Node:
    """The product rule: the adjoint times every other factor, free in the labels of the one left out."""
    attributes = node.attributes
    out = [("lead", axis) for axis in range(lead)]
    factors = [(g, [*out, *range(len(node.shape))])]
    factors += [
        (child, labels)
        for other, (child, labels) in enumerate(zip(node.inputs, attributes.operands, strict=True))
        if other != place
    ]
    labels = attributes.operands[place]
    return contract(factors, [*out, *labels], dict(enumerate(attributes.sizes)), attributes.coefficient)


def hessian(output: Node, first: Node, second: Node) -> Node:
    """Second derivative of `output`: shape of the output, then of `first`, then of `second`."""
    (gradient,) = jacobian(output, [first])
    return jacobian(gradient, [second])[0]
