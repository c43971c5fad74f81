"""Collecting for the reader: common factors before the bracket, entries that are set one by one as a list."""

from __future__ import annotations

import math
from collections.abc import Sequence

from service.ir.coefficient import CONTRACT, parts, scale, split_coefficient
from service.ir.contraction import contract
from service.ir.leaves import FILL, SELECTOR, UNIT, constant
from service.ir.node import Node, make
from service.ir.total import ROWS, TOTAL, terms_of, total
from service.ir.walk import rebuild, topological
from service.rewrite.plain import plain
from service.rewrite.shared_factors import common_number
from service.rewrite.simplify import distributed, flattened, reconstruct

MATRIX = 2
MOST_ROWS = 16  # a longer axis is better said with slices than entry by entry
MOST_NODES = 300  # of a graph whose products are opened: a longer form is read by its names for subterms
MOST_OPENED = 8  # terms of a sum that is opened within another
MOST_TERMS = 60  # collecting compares every pair of factors of a sum: longer sums stay as they are

Factor = tuple[Node, tuple[int, ...]]


def collect(roots: Sequence[Node]) -> list[Node]:
    """Equal graphs in the form a reader expects; for printing only, since `rows` has no derivative."""

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        return _readable(reconstruct(node, inputs))

    formulas = plain(roots)
    is_short = len(topological(formulas)) <= MOST_NODES
    opened = rebuild(formulas, _opened if is_short else lambda node, inputs: distributed(reconstruct(node, inputs), ()))
    return [_listed(node) for node in rebuild(opened, change)]


def _opened(node: Node, inputs: tuple[Node, ...]) -> Node:
    """Products within products, and sums within sums, opened although they are used elsewhere: text repeats them."""
    if node.op is TOTAL:
        return _merged(total((term for child in inputs for term in _few_terms(child)), node.shape))
    if node.op is not CONTRACT:
        return reconstruct(node, inputs)
    return _spread(node, inputs)


def _spread(node: Node, inputs: tuple[Node, ...]) -> Node:
    """A product with the products among its factors opened, and multiplied out where that leaves constant tensors."""
    sums = [child for child in inputs if child.op is CONTRACT and _is_sum(child)]
    product = flattened(node, inputs, sums)
    if math.prod(len(child.inputs) for child in product.inputs if child.op is TOTAL) > MOST_TERMS:
        return product
    opened = distributed(product, ())
    if opened is product:
        return product
    return total((_spread(term, term.inputs) if term.op is CONTRACT else term for term in terms_of(opened)), node.shape)


def _few_terms(node: Node) -> tuple[Node, ...]:
    return terms_of(node) if len(node.inputs) <= MOST_OPENED else (node,)


def _merged(node: Node) -> Node:
    """A sum in which products with sums are multiplied out, if like terms make up for it."""
    if node.op is not TOTAL or len(node.inputs) > MOST_OPENED:
        return node
    better = total((part for term in node.inputs for part in _multiplied_out(term)), node.shape)
    return better if len(terms_of(better)) <= len(node.inputs) else node


def _multiplied_out(term: Node) -> Sequence[Node]:
    coefficient, factors, sizes = parts(term)
    place = next((k for k, (child, _) in enumerate(factors) if child.op is TOTAL), None)
    if term.op is not CONTRACT or place is None or len(factors[place][0].inputs) > MOST_OPENED:
        return [term]
    inner, labels = factors[place]
    rest = factors[:place] + factors[place + 1 :]
    axes, known = range(len(term.shape)), dict(enumerate(sizes))
    products = [contract([*rest, (part, labels)], axes, known, coefficient) for part in inner.inputs]
    return [_spread(product, product.inputs) if product.op is CONTRACT else product for product in products]


def _is_sum(product: Node) -> bool:
    """Whether a product has summed labels; one of these is not worked out twice."""
    return len(product.attributes.sizes) > len(product.shape)


def _readable(node: Node) -> Node:
    """A sum as a list where its terms set single entries, else with common factors collected."""
    if node.op is not TOTAL:
        return node
    listed = _listed(node)
    return _factored(node) if listed is node else listed


def _factored(node: Node) -> Node:
    """Take the factor that most terms of a sum share out of the sum, again and again."""
    while node.op is TOTAL and len(node.inputs) <= MOST_TERMS:
        best = _most_shared(node)
        if best is None:
            return _common_number(node)
        node = best
    return node


def _common_number(node: Node) -> Node:
    """The number in front of every term, up to signs, before the bracket."""
    if node.op is not TOTAL:
        return node
    split = [split_coefficient(term) for term in node.inputs]
    number = common_number([coefficient for coefficient, _ in split])
    if number == 1 or any(core.op is FILL for _, core in split):
        return node
    inner = total((scale(core, coefficient / number) for coefficient, core in split), node.shape)
    axes = range(len(node.shape))
    return contract([(inner, axes)], axes, coefficient=number)


def _most_shared(node: Node) -> Node | None:
    """The sum with its most common factor collected, or None if no two terms share one."""
    groups: dict[tuple[object, ...], list[tuple[Node, Node]]] = {}
    for term in node.inputs:
        for number in range(len(parts(term)[1])):
            found = _without(term, number)
            if found is not None:
                groups.setdefault(found[0], []).append((term, found[1]))
    candidates = [(key, group) for key, group in groups.items() if len({term for term, _ in group}) > 1]
    if not candidates:
        return None
    key, group = max(candidates, key=lambda entry: (len(entry[1]), bool(entry[0][0].shape), entry[0][0].digest))  # type: ignore[attr-defined]
    chosen = dict(reversed(group))
    shared, places, axes = key[0], key[1], key[2]
    inner = _factored(total(chosen.values(), next(iter(chosen.values())).shape))
    labels = [("axis", axis) for axis in axes[0]] + [("shared", k) for k in axes[1]]  # type: ignore[index]
    outer = [("axis", k) if kind == "axis" else ("shared", k) for kind, k in places]  # type: ignore[attr-defined]
    sizes = {("axis", k): n for k, n in enumerate(node.shape)}
    product = contract([(shared, outer), (inner, labels)], [("axis", k) for k in range(len(node.shape))], sizes)  # type: ignore[list-item]
    return total([product, *(term for term in node.inputs if term not in chosen)], node.shape)


def _without(term: Node, number: int) -> tuple[tuple[object, ...], Node] | None:
    """A factor of a term with its places, and the rest of the term: free axes first, then labels it shares."""
    coefficient, factors, _ = parts(term)
    (shared, labels), rank = factors[number], len(term.shape)
    if shared.op is FILL or term.op is FILL or len(set(labels)) != len(labels):
        return None
    rest = [factor for k, factor in enumerate(factors) if k != number]
    seen = {label for _, places in rest for label in places}
    axes = sorted(label for label in seen if label < rank)
    inner = [k for k, label in enumerate(labels) if label >= rank and label in seen]
    alone = [k for k, label in enumerate(labels) if label >= rank and label not in seen]
    if alone or any(child.op in (UNIT, SELECTOR) and set(places) & set(labels) for child, places in rest):
        return None  # an entry or slice of the factor reads better than the factor apart from its index
    places = tuple(("axis", label) if label < rank else ("shared", k) for k, label in enumerate(labels))
    out = [*axes, *(labels[k] for k in inner)]
    if len(out) > MATRIX or (rank > MATRIX and labels):
        return None  # index notation reads better term by term
    key = (shared, places, (tuple(axes), tuple(inner)))
    return key, contract(rest, out, coefficient=coefficient)


def _listed(node: Node) -> Node:
    """Terms that each set one place of the first axis, as a list of what stands there."""
    if not node.shape or not isinstance(node.shape[0], int) or not 1 < node.shape[0] <= MOST_ROWS:
        return node
    if node.op not in (TOTAL, CONTRACT, UNIT):
        return node
    rows: dict[int, list[Node]] = {}
    others = []
    for term in node.inputs if node.op is TOTAL else (node,):
        found = _row(term)
        if found is None:
            others.append(term)
        else:
            rows.setdefault(found[0], []).append(found[1])
    if not rows or (others and len(rows) < 2) or (len(rows) == 1 and len(node.shape) > 1 and node.op is CONTRACT):  # noqa: PLR2004
        return node
    shape = node.shape[1:]
    listed = tuple(_readable(total(rows.get(k, [constant(0.0, shape)]), shape)) for k in range(node.shape[0]))
    listed = tuple(map(_listed, listed))
    stacked = make(ROWS, listed, None, node.shape)
    return total([stacked, *others], node.shape) if others else stacked


def _row(term: Node) -> tuple[int, Node] | None:
    """The place on the first axis that a term sets, and what it puts there."""
    coefficient, factors, sizes = parts(term)
    for number, (child, labels) in enumerate(factors):
        if child.op is UNIT and labels == (0,) and isinstance(child.attributes, int):
            rest = [factor for k, factor in enumerate(factors) if k != number]
            if any(0 in places for _, places in rest):
                return None
            known = {label: n for label, n in enumerate(sizes) if label != 0}
            return child.attributes, contract(rest, range(1, len(term.shape)), known, coefficient)
    return None
