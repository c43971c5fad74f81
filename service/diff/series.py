"""Derivatives of any order along a path: Taylor arithmetic on graphs.

The variables move from their place along tangents, x + t d, and D(f, k) is the k-th derivative of a node by t at t = 0.
A product has Leibniz's rule; any other operation f(u) has D(f, k) = D(f'(u) u', k - 1), where f'(u) u' is what forward
mode writes, with a node of its own for u', and D(u', j) = D(u, j + 1). Every (node, k) is worked out once, so that the
graph grows with the square of the order, where repeated differentiation doubles it: A. Griewank, A. Walther,
"Evaluating Derivatives", 2nd ed., chapter 13.

With tangents that have trailing axes (one per direction), D(f, k) has them k times. Its part that is symmetric in the
k directions is the derivative tensor; the rest depends on the order in which products were taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.diff.forward import local_tangent
from service.diff.reverse import local_partial
from service.errors import LimitError
from service.ir.coefficient import CONTRACT
from service.ir.contraction import Factor, contract
from service.ir.leaves import DELTA, constant, variable
from service.ir.node import Node
from service.ir.reshaping import RESHAPE, reshape
from service.ir.size import Shape
from service.ir.total import TOTAL, total
from service.ops.elementwise import where

Key = tuple[Node, int]
Labels = Sequence[Hashable]


def derivatives_along(
    output: Node, seeds: Mapping[Node, Node], order: int, most_nodes: int, trail: Shape = ()
) -> list[Node]:
    """D(output, k) for k = 0 to `order`, of shapes (*output, *trail, ..., *trail), from the tangents of variables.

    Raises LimitError where more than `most_nodes` nodes would be needed.
    """
    path = _Path(seeds, most_nodes)
    found = [path.derivative(output, k) for k in range(order + 1)]
    return [constant(0.0, output.shape + trail * k) if node is None else node for k, node in enumerate(found)]


@dataclass(frozen=True)
class _Split:
    """A product as fixed factors times one or two moving ones; labels below the node's rank are its axes."""

    fixed: tuple[Factor, ...]
    moving: tuple[Factor, ...]


class _Path:
    """The derivatives of nodes along one path; None stands for zero."""

    def __init__(self, seeds: Mapping[Node, Node], most_nodes: int) -> None:
        self._seeds, self._most, self._made = seeds, most_nodes, 0
        self._known: dict[Key, Node | None] = {}
        self._moving: dict[Node, bool] = {}
        self._rated: dict[Node, bool] = {}  # whether a u' is in it
        self._source: dict[Node, Node] = {}  # from u' to u
        self._rates: dict[Node, Node] = {}
        self._splits: dict[Node, _Split] = {}

    def derivative(self, node: Node, order: int) -> Node | None:
        """D(node, order), after everything that it depends on."""
        self._survey(node)
        pending: list[Key] = [(node, order)]
        while pending:
            missing = [key for key in self._needs(*pending[-1]) if key not in self._known]
            if missing:
                pending += missing
                continue
            key = pending.pop()
            self._known[key] = self._worked_out(*key)
            self._made += self._terms(*key)
            if self._made > self._most:
                raise LimitError("nodes", self._made, self._most, hint="ask for a lower order")
        return self._known[node, order]

    def _survey(self, root: Node) -> None:
        """Note of every node that is new whether it moves, and whether a rate is in it."""
        pending = [root]
        while pending:
            node = pending[-1]
            missing = [child for child in node.inputs if child not in self._moving]
            if missing:
                pending += missing
                continue
            pending.pop()
            self._rated[node] = node in self._source or any(self._rated[child] for child in node.inputs)
            seeded = self._rated[node] or node in self._seeds
            self._moving[node] = seeded or any(self._moving[child] for child in node.inputs)

    def _is_given(self, node: Node, order: int) -> bool:
        return not self._moving[node] or node in self._seeds or (order == 0 and not self._rated[node])

    def _terms(self, node: Node, order: int) -> int:
        """How many nodes D(node, order) takes beside those that it is made of."""
        return 1 + order if node.op is CONTRACT and not self._is_given(node, order) else 1

    def _needs(self, node: Node, order: int) -> Iterator[Key]:
        """What D(node, order) is made of."""
        if self._is_given(node, order):
            return
        if node in self._source:
            yield self._source[node], order + 1
        elif node.op is CONTRACT:
            moving = self._split(node).moving
            for factor, _ in moving:
                yield from ((factor, k) for k in range(0 if len(moving) > 1 else order, order + 1))
        elif node.op in (TOTAL, RESHAPE):
            yield from ((child, order) for child in node.inputs)
        elif node.op.name == "where":
            yield from ((child, order) for child in node.inputs[1:])
        elif self._rated[self._rate(node)]:
            yield self._rate(node), order - 1

    def _worked_out(self, node: Node, order: int) -> Node | None:
        if self._is_given(node, order):
            return node if order == 0 else self._seeds.get(node) if order == 1 else None
        parts = [self._known[key] for key in self._needs(node, order)]
        if node.op is CONTRACT:
            return self._product(node, order)
        if node.op.name == "where":
            return _chosen(node, parts[0], parts[1])
        present = [part for part in parts if part is not None]
        if node.op is TOTAL and present:
            return total(present, present[0].shape)
        if node.op is RESHAPE and present:
            return reshape(present[0], node.shape + present[0].shape[len(node.inputs[0].shape) :])
        return present[0] if present else None

    def _rate(self, node: Node) -> Node:
        """The first derivative, in terms of the nodes that stand for those of the inputs."""
        if node not in self._rates:
            terms = []
            for place, child in enumerate(node.inputs):
                if self._moving[child]:
                    rate = variable(f"({child.digest.hex()})'", child.shape)
                    self._source[rate] = child
                    terms.append(_local_rate(rate, node, place))
            self._rates[node] = total(terms, node.shape)
            self._survey(self._rates[node])
        return self._rates[node]

    def _split(self, node: Node) -> _Split:
        if node not in self._splits:
            factors = list(zip(node.inputs, node.attributes.operands, strict=True))
            fixed = [factor for factor in factors if not self._moving[factor[0]]]
            moving = [factor for factor in factors if self._moving[factor[0]]]
            if len(moving) > 2:  # noqa: PLR2004 - all but the last are one factor
                moving, fixed = _paired(moving, fixed, len(node.shape))
                self._survey(moving[0][0])
            self._splits[node] = _Split(tuple(fixed), tuple(moving))
        return self._splits[node]

    def _product(self, node: Node, order: int) -> Node | None:
        """Leibniz's rule; the directions of the first factor come before those of the second."""
        split, rank = self._split(node), len(node.shape)
        single = len(split.moving) == 1
        choices: list[tuple[int, ...]] = [(order,)] if single else [(k, order - k) for k in range(order + 1)]
        terms = []
        for orders in choices:
            factors, trail = list(split.fixed), list[Hashable]()
            for (factor, labels), k in zip(split.moving, orders, strict=True):
                part = self._known[factor, k]
                if part is None:
                    break
                own = [("trail", len(trail) + axis) for axis in range(len(part.shape) - len(factor.shape))]
                factors.append((part, [*labels, *own]))
                trail += own
            else:
                coefficient = node.attributes.coefficient * math.comb(order, orders[0])
                sizes = dict(enumerate(node.shape))  # of broadcast axes; a label within a pair must not be named again
                terms.append(contract(factors, [*range(rank), *trail], sizes, coefficient))
        return total(terms, terms[0].shape) if terms else None


def _paired(moving: list[Factor], fixed: list[Factor], rank: int) -> tuple[list[Factor], list[Factor]]:
    """All moving factors but the last as one product, with those fixed ones that tie two of them together."""
    *first, last = moving
    inside, outside = list(first), list[Factor]()
    for factor in fixed:
        ties = sum(not set(labels).isdisjoint(factor[1]) for _, labels in first)
        (inside if ties > 1 and factor[0].op is not DELTA else outside).append(factor)
    kept = set(range(rank)).union(*(labels for _, labels in (*outside, last)))
    free = sorted({label for _, labels in inside for label in labels if label in kept}, key=repr)
    return [(contract(inside, free), free), last], outside


def _chosen(node: Node, then: Node | None, otherwise: Node | None) -> Node | None:
    """The derivative of the branch that is taken: the other may have none there."""
    present = then or otherwise
    if present is None:
        return None
    axes = range(len(present.shape))
    sizes = dict(enumerate(present.shape))
    condition = contract([(node.inputs[0], range(len(node.shape)))], axes, sizes)
    zero = constant(0.0, present.shape)
    return where(condition, then or zero, otherwise or zero)


def _local_rate(rate: Node, node: Node, place: int) -> Node:
    """What the rate of one input adds to that of a node; factors that are right at hard points would only grow."""
    if not node.op.is_elementwise:
        return local_tangent(rate, node, place)
    partial, axes = local_partial(node, place), range(len(node.shape))
    formula = partial.op.plain(*partial.inputs, **dict(partial.attributes)) if partial.op.plain else None
    return contract([(formula or partial, axes), (rate, axes)], axes)
