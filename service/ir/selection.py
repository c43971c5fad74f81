"""Indexing and slicing inside a product, worked out on the unexpanded tensors `unit` and `selector`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.ir.leaves import DELTA, SELECTOR, UNIT, delta, selector, unit
from service.ir.node import Node
from service.ir.recursion import contract
from service.ir.size import Size, add, multiply, numbers

if TYPE_CHECKING:
    from service.ir.product import Labels, Product


def compose(product: Product, out: Labels) -> bool:
    """Multiply one pair of selectors that share a summed label, or sum a lone one; whether anything changed."""
    selectors = [factor for factor in product.factors if factor[0].op is SELECTOR]
    for factor in selectors:
        (row, column) = factor[1]
        if row == column:
            _mirror(product, factor)
            return True
        if _alone(product, row, out, [factor]):
            product.replace([factor], [], done=row)  # every column has exactly one 1
            return True
        for other in selectors:
            if other is factor:
                continue
            if other[1][0] == column and _alone(product, column, out, [factor, other]):
                product.replace([factor, other], [(_chained(factor[0], other[0]), [row, other[1][1]])], done=column)
                return True
            if other[1][0] == row and _alone(product, row, out, [factor, other]) and _cross(product, factor, other):
                return True
    return False


def _mirror(product: Product, factor: tuple[Node, Labels]) -> None:
    """A selector on one label is square and no identity, so it reverses: only an odd size has an entry in its place."""
    (n,) = set(numbers(factor[0].shape))
    if n % 2 == 0:
        product.vanish()
    else:
        product.replace([factor], [(unit(n, n // 2), factor[1][:1])])


def _alone(product: Product, label: int, out: Labels, factors: list[tuple[Node, Labels]]) -> bool:
    """Whether a label is summed and stands in no other factor."""
    return label not in out and all(
        label not in labels or any(labels is known for _, known in factors) for _, labels in product.factors
    )


def _chained(first: Node, second: Node) -> Node:
    (start, step), (inner, stride) = first.attributes, second.attributes
    return selector(first.shape[0], second.shape[1], add(start, multiply(step, inner)), step * stride)


def _cross(product: Product, first: tuple[Node, Labels], second: tuple[Node, Labels]) -> bool:
    """The product of two selections from one axis: the identity when they agree, zero when they cannot meet."""
    if first[0] is second[0]:
        label = first[1][0]
        product.replace([first, second], [(delta(first[0].shape[1]), [first[1][1], second[1][1]])], done=label)
        return True
    one, other = _places(first[0]), _places(second[0])
    if one is None or other is None or set(one) & set(other):
        return False
    product.vanish()
    return True


def _places(node: Node) -> range | None:
    start, step = node.attributes
    count = node.shape[1]
    return range(start, start + step * count, step) if isinstance(start, int) and isinstance(count, int) else None


def pick(product: Product, out: Labels) -> bool:
    """Work one unit vector into the factors that share its label; whether anything changed."""
    for factor in product.factors:
        if factor[0].op is UNIT:
            others = [other for other in product.factors if other is not factor and factor[1][0] in other[1]]
            if _pick_one(product, out, factor, others):
                return True
    return False


def _pick_one(product: Product, out: Labels, factor: tuple[Node, Labels], others: list[tuple[Node, Labels]]) -> bool:
    (label,), index = factor[1], factor[0].attributes
    if not others and label not in out:
        product.replace([factor], [], done=label)
        return True
    for other in others:
        if other[0].op is UNIT:
            known = other[0].attributes
            if known == index:
                product.replace([other], [])
                return True
            if isinstance(known, int) and isinstance(index, int):
                product.vanish()
                return True
        elif other[0].op is DELTA:
            twin = other[1][1] if other[1][0] == label else other[1][0]
            product.replace([other], [(unit(product.sizes[twin], index), [twin])])
            return True
        elif other[0].op is SELECTOR:
            if _pick_selector(product, label, index, other):
                return True
        elif label in out or not _is_pick(product, other):
            _pick_heavy(product, other)
            return True
    return False


def _pick_selector(product: Product, label: int, index: Size, other: tuple[Node, Labels]) -> bool:
    node, (row, column) = other
    start, step = node.attributes
    if label == column:
        place = add(start, multiply(step, index))
        product.replace([other], [(unit(node.shape[0], place), [row])])
        return True
    places = _places(node)
    if places is None or not isinstance(index, int):
        return False
    if index not in places:
        product.vanish()
        return True
    product.replace([other], [(unit(len(places), places.index(index)), [column])])
    return True


def _is_pick(product: Product, heavy: tuple[Node, Labels]) -> bool:
    """Whether the whole product is one tensor indexed by units."""
    return all(factor is heavy or factor[0].op is UNIT for factor in product.factors)


def _pick_heavy(product: Product, heavy: tuple[Node, Labels]) -> None:
    """Replace a tensor by its entry or slice under every unit that stands on one of its labels."""
    node, labels = heavy
    units = {factor[1][0]: factor[0] for factor in product.factors if factor[0].op is UNIT}
    picked = [(units[label], [label]) for label in dict.fromkeys(labels) if label in units]
    rest = [label for label in dict.fromkeys(labels) if label not in units]
    product.replace([heavy], [(contract([(node, labels), *picked], rest), rest)])
