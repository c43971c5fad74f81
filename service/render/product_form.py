"""A contraction in matrix notation.

The factors form a graph: labels are its vertices, matrices its edges, vectors weights on a vertex. Summed vertices
are eliminated one by one (a leaf gives a matrix-vector product, one between two edges a matrix product, with the
weight as a diagonal matrix between); what is left on at most two free labels is matrix notation. A vertex of degree
three or more, or more free labels, is written as an einsum of what has been reduced so far.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from service.errors import LimitError
from service.ir.node import Node
from service.ir.size import Size
from service.ops.signature import term
from service.render.terms import COLUMN, ROW, chained, is_a, multiplied, transposed

Label = Hashable
LETTERS = "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"
Operand = tuple[Node, tuple[Label, ...]]
MATRIX = 2


@dataclass
class Edge:
    """A matrix between two labels: the chain whose product has rows `tail` and columns `head`."""

    tail: Label
    head: Label
    items: list[Node]

    def towards(self, head: Label) -> list[Node]:
        """The chain that ends at `head`, transposed if need be."""
        return self.items if head == self.head else [transposed(item) for item in reversed(self.items)]

    def other(self, label: Label) -> Label:
        """The label at the other end."""
        return self.tail if label == self.head else self.head


@dataclass
class Vector:
    """A vector on a label as a column chain: matrices, then a vector."""

    items: list[Node]

    def term(self, orientation: str = "") -> Node:
        """The vector written as a column `A @ x` or a row `x @ A.T`, by default with the fewer transposes."""
        column = self.items
        row = [transposed(item) for item in reversed(self.items)]
        if not orientation:
            orientation = ROW if _transposes(row) < _transposes(column) else COLUMN
        if orientation == COLUMN or len(column) == 1:
            return chained(column)
        return chained([_as_row(row[0]), *row[1:]])


def _as_row(vector: Node) -> Node:
    """A row vector that is a plain name is written `x.T`, as the textbooks do."""
    return term("transpose", vector) if not vector.inputs and len(vector.shape) == 1 else vector


def _transposes(items: Sequence[Node]) -> int:
    return sum(is_a(item, "transpose") for item in items)


@dataclass
class Network:
    """The factors of one connected product while summed labels are eliminated."""

    sizes: dict[Label, Size]
    edges: list[Edge] = field(default_factory=list)
    vectors: dict[Label, list[Vector]] = field(default_factory=dict)
    scalars: list[Node] = field(default_factory=list)
    deltas: list[tuple[Label, Label]] = field(default_factory=list)
    tensors: list[tuple[Node, tuple[Label, ...]]] = field(default_factory=list)

    def add(self, node: Node, labels: tuple[Label, ...], *, identity: bool = False) -> None:
        """One more factor by its rank; a matrix on one label twice is its diagonal."""
        if identity:
            self.deltas.append((labels[0], labels[1]))
        elif not labels:
            self.scalars.append(node)
        elif len(labels) == 1:
            self.weight(labels[0], Vector([node]))
        elif len(labels) == MATRIX and labels[0] == labels[1]:
            self.weight(labels[0], Vector([term("diag", node)]))
        elif len(labels) == MATRIX:
            self.edges.append(Edge(labels[0], labels[1], [node]))
        else:
            self.tensors.append((node, labels))

    def weight(self, label: Label, vector: Vector) -> None:
        """A vector on a label."""
        self.vectors.setdefault(label, []).append(vector)

    def at(self, label: Label) -> list[Edge]:
        """The edges that end at a label."""
        return [edge for edge in self.edges if label in (edge.tail, edge.head)]

    def touched(self) -> set[Label]:
        """The labels that tensors of three or more axes, or deltas, hold fast."""
        return {label for _, labels in self.tensors for label in labels} | {x for pair in self.deltas for x in pair}

    def reduce(self, free: Sequence[Label]) -> None:
        """Eliminate every summed label that matrix notation can."""
        while self._merge_parallel(free) or self._eliminate(free):
            pass

    def _merge_parallel(self, free: Sequence[Label]) -> bool:
        """Two matrices between the same labels: their product entry by entry, or a trace if nothing else is there."""
        for place, one in enumerate(self.edges):
            for other in self.edges[place + 1 :]:
                ends = {one.tail, one.head}
                if ends != {other.tail, other.head}:
                    continue
                self.edges.remove(one)
                self.edges.remove(other)
                lonely = not (ends & set(free)) and not any(self.at(x) or self.vectors.get(x) for x in ends)
                if (
                    lonely
                    and not ends & self.touched()
                    and (one.tail != other.tail or len(one.items) + len(other.items) > MATRIX)
                ):
                    self.scalars.append(term("trace", chained([*one.items, *other.towards(one.tail)])))
                else:
                    left, right = chained(one.items), chained(other.towards(one.head))
                    self.edges.append(Edge(one.tail, one.head, [multiplied([left, right])]))
                return True
        return False

    def _eliminate(self, free: Sequence[Label]) -> bool:
        held = set(free) | self.touched()
        labels = [label for label in self.sizes if label not in held]
        for degree in (0, 1, 2):
            for label in labels:
                edges = self.at(label)
                if len(edges) == degree and (edges or self.vectors.get(label)):
                    (self._close, self._absorb, self._join)[degree](label, edges)
                    return True
        return False

    def _close(self, label: Label, _: list[Edge]) -> None:
        """A label with vectors only: an inner product, or a sum."""
        vectors = self.vectors.pop(label)
        if len(vectors) == 1:
            self.scalars.append(_sum_of(vectors[0]))
            return
        first, last = _longest_last(vectors)
        self.scalars.append(inner(first, last))

    def _absorb(self, label: Label, edges: list[Edge]) -> None:
        """A label with one matrix: its product with the vectors there, or its sums."""
        (edge,) = edges
        self.edges.remove(edge)
        chain, other = edge.towards(label), edge.other(label)
        vectors = self.vectors.pop(label, [])
        if vectors:
            self.weight(other, Vector([*chain, *_one(vectors).items]))
        elif other in self.vectors or self.at(other) or len(chain) > 1:
            self.weight(other, Vector([term("sum", chained(chain), axis=(1,))]))
        else:
            self.weight(other, Vector([term("sum", edge.items[0], axis=(1 if label == edge.head else 0,))]))

    def _join(self, label: Label, edges: list[Edge]) -> None:
        """A label between two matrices: their product, any vectors there as a diagonal between them."""
        one, other = edges
        self.edges.remove(one)
        self.edges.remove(other)
        vectors = self.vectors.pop(label, [])
        middle = [term("diag", _one(vectors).term())] if vectors else []
        tail, head = one.other(label), other.other(label)
        back = Edge(other.tail, other.head, other.items)
        forward = back.items if back.tail == label else [transposed(item) for item in reversed(back.items)]
        items = [*one.towards(label), *middle, *forward]
        if tail == head:
            self.scalars.append(term("trace", chained(items)))
        else:
            self.edges.append(Edge(tail, head, items))


def _one(vectors: Sequence[Vector]) -> Vector:
    """Several vectors on one label: their product entry by entry."""
    return vectors[0] if len(vectors) == 1 else Vector([multiplied([vector.term() for vector in vectors])])


def _longest_last(vectors: list[Vector]) -> tuple[Vector, Vector]:
    """Two operands of an inner product: the one with most matrices, and the rest."""
    ordered = sorted(vectors, key=lambda vector: len(vector.items))
    return _one(ordered[:-1]), ordered[-1]


def inner(first: Vector, last: Vector) -> Node:
    """An inner product as one chain, turned so that it has the fewer transposes."""
    forward = [transposed(item) for item in reversed(first.items)] + last.items
    backward = [transposed(item) for item in reversed(last.items)] + first.items
    items = backward if _transposes(backward) < _transposes(forward) else forward
    return chained([_as_row(items[0]), *items[1:]] if len(items) > MATRIX else items)


def _sum_of(vector: Vector) -> Node:
    """The sum of a vector; of squares, an inner product."""
    node = vector.term()
    if is_a(node, "diag"):
        return term("trace", node.inputs[0])
    if is_a(node, "sum") and len(vector.items) == 1:
        return term("sum", node.inputs[0])
    if is_a(node, "power") and repr(node.inputs[1].attributes) == "2.0":
        base = node.inputs[0]
        if len(base.shape) == 1:
            return term("matmul", base, base)
    return term("sum", node)


def as_tensor(network: Network, free: Sequence[Label], orientation: str = "") -> Node:
    """The reduced network with its axes in the order of `free`."""
    network.reduce(free)
    stuck = any(label not in free and network.at(label) for label in network.sizes)
    if stuck or network.tensors or len(free) > MATRIX:
        return _einsum(network, free)
    if len(free) == MATRIX:
        return _matrix(network, free[0], free[1])
    if network.edges:
        return _einsum(network, free)
    return _one(network.vectors[free[0]]).term(orientation) if free else multiplied(network.scalars)


def _matrix(network: Network, row: Label, column: Label) -> Node:
    left, right = network.vectors.get(row, []), network.vectors.get(column, [])
    if network.deltas:
        both = left + right
        return term("diag", _one(both).term()) if both else term("eye", n=network.sizes[row])
    if not network.edges:
        return term("outer", _one(left).term(), _one(right).term())
    items = network.edges[0].towards(column)
    if left:
        items = [term("diag", _one(left).term()), *items]
    if right:
        items = [*items, term("diag", _one(right).term())]
    return chained(items)


def _einsum(network: Network, free: Sequence[Label]) -> Node:
    """What no matrix product says: one tensor, a product entry by entry, or index notation."""
    operands: list[Operand] = [(chained(edge.items), (edge.tail, edge.head)) for edge in network.edges]
    operands += [(_one(vectors).term(), (label,)) for label, vectors in network.vectors.items()]
    operands += network.tensors
    operands += [(term("eye", n=network.sizes[one]), (one, other)) for one, other in network.deltas]
    if len(operands) == 1 and sorted(map(repr, operands[0][1])) == sorted(map(repr, free)):
        return _reordered(operands[0][0], [operands[0][1].index(label) for label in free])
    if all(labels == tuple(free) for _, labels in operands):
        return multiplied([node for node, _ in operands])
    return index_notation(operands, free)


def _reordered(node: Node, order: list[int]) -> Node:
    axes = list(range(len(order)))
    if order == axes:
        return node
    return term("transpose", node, axes=None if order == axes[::-1] else tuple(order))


def index_notation(operands: Sequence[tuple[Node, Sequence[Label]]], free: Sequence[Label]) -> Node:
    """The einsum of operands under labels; it needs no transposes, since indices change places instead."""
    turned = [_untransposed(node, labels) for node, labels in operands]
    labels = dict.fromkeys([*free, *(label for _, places in turned for label in places)])
    if len(labels) > len(LETTERS):
        raise LimitError("einsum_labels", len(labels), len(LETTERS))
    names = dict(zip(labels, LETTERS, strict=False))
    turned.sort(key=lambda operand: sorted(LETTERS.index(names[label]) for label in operand[1]))
    inputs = ",".join("".join(names[label] for label in places) for _, places in turned)
    out = "".join(names[label] for label in free)
    return term("einsum", *(node for node, _ in turned), subscripts=f"{inputs}->{out}")


def _untransposed(node: Node, labels: Sequence[Label]) -> tuple[Node, Sequence[Label]]:
    if is_a(node, "transpose") and len(labels) == MATRIX:
        return node.inputs[0], labels[::-1]
    return node, labels
