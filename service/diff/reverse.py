"""Symbolic reverse mode: one pass from the output back to the variables.

The adjoint of a node may have further axes before the node's own. Seeded with deltas, which the normal form of
contractions eliminates, the pass gives a gradient, a Jacobian and (applied again) a Hessian in closed form; seeded
with a cotangent it gives their product with it. The cost is linear in the number of nodes. Laue, Mitterreiter, Giesen,
NeurIPS 2018; Griewank and Walther, "Evaluating Derivatives", chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import NotDifferentiableError
from service.ir.coefficient import CONTRACT
from service.ir.contraction import contract
from service.ir.leaves import constant, delta
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.total import TOTAL, total
from service.ir.walk import dependents, topological


def jacobian(output: Node, wrt: Sequence[Node]) -> list[Node]:
    """The derivative of `output` by each node of `wrt`, numerator layout: the output's axes, then the node's."""
    return pull_back(output, identity(output.shape), wrt)


def pull_back(output: Node, seed: Node, wrt: Sequence[Node]) -> list[Node]:
    """The adjoint of each node of `wrt` from the seed, that of the output: shape (*lead, *output) to (*lead, *node)."""
    order = topological([output])
    active = dependents(order, wrt)
    lead = seed.shape[: len(seed.shape) - len(output.shape)]
    contributions: dict[Node, list[Node]] = {output: [seed]}
    adjoints: dict[Node, Node] = {}
    for node in reversed(order):
        if node not in active or node not in contributions:
            continue
        adjoints[node] = g = total(contributions.pop(node), lead + node.shape)
        for place, child in enumerate(node.inputs):
            if child in active:
                contributions.setdefault(child, []).append(_pull_back(g, node, place))
    return [adjoints.get(node, constant(0.0, lead + node.shape)) for node in wrt]


def identity(shape: Shape) -> Node:
    """The derivative of a tensor by itself, shape (*shape, *shape): a delta for every axis."""
    rank = len(shape)
    factors = [(delta(size), [axis, rank + axis]) for axis, size in enumerate(shape)]
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


def local_jacobian(node: Node, place: int) -> Node:
    """The derivative of one operation by its input number `place`: shape (*node, *input)."""
    return _pull_back(identity(node.shape), node, place)


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
