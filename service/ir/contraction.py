"""The contraction: an n-ary product of tensors with index labels, summed over the labels that are not free.

One node kind stands for every multilinear operation: `*`, `@`, `.T`, sum, trace, outer, diag, broadcasting, slicing
and padding (by selectors). S. Laue, M. Mitterreiter, J. Giesen, "A Simple and Efficient Tensor Calculus", AAAI 2020.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from service.ir.coefficient import CONTRACT, Contraction, is_gathered
from service.ir.leaves import FILL, constant
from service.ir.node import Node, make
from service.ir.power import split_power
from service.ir.product import Product
from service.ir.recursion import provide
from service.ir.reshaping import pull_merges, reshape
from service.ir.size import Shape, Size

Factor = tuple[Node, Sequence[Hashable]]
_DIGEST = attrgetter("digest")
_OPENED = (CONTRACT, FILL)  # in a product of their own, they are opened one by one
_JOINED = {"reduce_norm", "kernel_reshape"}  # these are worked out with the factors beside them


def contract(
    factors: Iterable[Factor],
    out: Sequence[Hashable],
    sizes: Mapping[Any, Size] | None = None,
    coefficient: float = 1.0,
) -> Node:
    """The product of `factors`, summed over every label that is not in `out`, in normal form.

    `sizes` has the size of labels that no factor shows: one in `out` is a broadcast axis, any other is summed all the
    same, which multiplies by its size. A label that stands twice in `out` is the diagonal of those axes.
    `contract([(A, "ij"), (x, "j")], "i")` is A @ x.

    In normal form no factor is a number or a view of another, equal factors under equal labels are one power (but for
    roots), deltas join free labels only, each the lowest of its group with another, factors stand in the order of
    their digests and labels in that of first use.
    """
    factors = list(factors)
    if not sizes and not out:
        found = _product_of_numbers([node for node, _ in factors], coefficient)
        if found is not None:
            return found
    pulled = pull_merges(factors, out)
    if pulled is not None:
        merged = set(out) - set(pulled[1])
        left = {label: n for label, n in (sizes or {}).items() if label not in merged}
        inner = contract(*pulled, left, coefficient)
        known = dict(sizes or {}) | {
            label: n for node, labels in factors for label, n in zip(labels, node.shape, strict=True)
        }
        return reshape(inner, tuple(known[label] for label in out))
    product = Product(sizes or {}, coefficient)
    for node, labels in factors:
        product.multiply(node, labels)
    return _settle(product, product.free_labels(out))


def _product_of_numbers(nodes: Iterable[Node], coefficient: float) -> Node | None:
    """The product of terms without axes where no two are powers of one base, which is most of them; else None."""
    kept, bases = list[Node](), set[Node]()
    for node in nodes:
        number, term = 1.0, node
        if node.op is FILL:
            number = node.attributes
        elif node.op is CONTRACT and len(node.inputs) == 1:
            number, term = node.attributes.coefficient, node.inputs[0]
            if term.op in _OPENED:
                return None
        if node.shape or term.shape or term.op.name in _JOINED or not is_gathered(coefficient, number):
            return None
        coefficient *= number
        if term.op is not FILL:
            kept.append(term)
            bases.add(split_power(term)[0])
    if coefficient == 0 or not kept:
        return constant(coefficient)
    if len(bases) < len(kept):
        return None
    if len(kept) == 1 and coefficient == 1:
        return kept[0]
    kept.sort(key=_DIGEST)
    return make(CONTRACT, tuple(kept), Contraction(coefficient, ((),) * len(kept), ()), ())


def _settle(product: Product, out: list[int]) -> Node:
    shape = tuple(product.sizes[label] for label in out)
    product.normalise(out)
    if product.coefficient == 0 or not product.factors:
        return constant(product.coefficient, shape)
    if len(product.factors) == 1 and product.coefficient == 1:
        node, labels = product.factors[0]
        if labels == out:
            return node
    return _numbered(product, out, shape)


def _numbered(product: Product, out: list[int], shape: Shape) -> Node:
    """The node itself, with factors in canonical order and labels by first appearance."""
    place = {label: number for number, label in enumerate(out)}
    ordered = sorted(
        product.factors, key=lambda factor: (factor[0].digest, [place.get(label, len(out)) for label in factor[1]])
    )
    for _, labels in ordered:
        for label in labels:
            place.setdefault(label, len(place))
    sizes = tuple(product.sizes[label] for label in place)
    operands = tuple(tuple(place[label] for label in labels) for _, labels in ordered)
    attributes = Contraction(product.coefficient, operands, sizes)
    return make(CONTRACT, tuple(node for node, _ in ordered), attributes, shape)


def permute(node: Node, axes: Sequence[int]) -> Node:
    """The node with its axes in another order, as NumPy's transpose."""
    return contract([(node, range(len(node.shape)))], axes)


def broadcast(node: Node, shape: Shape) -> Node:
    """The node repeated to `shape` by NumPy's rule; sizes 1 stretch."""
    lead = len(shape) - len(node.shape)
    labels = [
        ("one", axis) if size == 1 and shape[lead + axis] != 1 else lead + axis for axis, size in enumerate(node.shape)
    ]
    return contract([(node, labels)], range(len(shape)), dict(enumerate(shape)))


provide("contract", contract)
