"""From a contraction node to a term: picks become indices, components are written apart, then multiplied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.ir.coefficient import connected
from service.ir.leaves import ARRAY, DELTA, SELECTOR, TRIANGLE, UNIT, constant
from service.ir.node import Node
from service.ir.size import Shape, add, multiply, numbers, subtract
from service.ops.signature import term
from service.render.product_form import Network, as_tensor, index_notation
from service.render.terms import filled, is_a, multiplied, scaled

Factor = tuple[Node, tuple[int, ...]]
Written = tuple[Node, tuple[int, ...], bool]
MATRIX = 2
WHOLE = (None, None, None)  # the slice that takes everything


def contraction_form(
    node: Node, forms: Mapping[Node, Node], coefficient: float, orientation: str, order: Sequence[int]
) -> Node:
    """The term of a contraction, given the terms of its factors and their order; its shape broadcasts to the node's."""
    rank, sizes = len(node.shape), node.attributes.sizes
    factors = [(node.inputs[k], node.attributes.operands[k]) for k in order]
    around = [factor for factor in factors if factor[0].op is TRIANGLE and rank == MATRIX and set(factor[1]) == {0, 1}]
    written = _indexed([factor for factor in factors if factor not in around], forms, rank)
    scalars: list[Node] = []
    tensors: list[tuple[Node, Sequence[int]]] = []
    for component in connected(written):
        labels = {label for _, places, _ in component for label in places}
        free = sorted(label for label in labels if label < rank)
        network = Network({label: sizes[label] for label in labels})
        for form, places, identity in _grouped(component):
            network.add(form, places, identity=identity)
        written_component = as_tensor(network, free, orientation if free == [0] and rank == 1 else "")
        scalars += network.scalars if free else [written_component]
        if free:
            tensors.append((written_component, free))
    if not around:
        return _assembled(scalars, tensors, node.shape, coefficient)
    result = filled(_assembled(scalars, tensors, node.shape, 1.0), node.shape)
    for triangle, labels in around:
        result = _part(result, labels, (0, 1), triangle)
    return scaled(result, coefficient)


def _part(form: Node, labels: Sequence[int], places: Sequence[int], triangle: Node) -> Node:
    """The triangular part of a matrix with axes `places` that a triangle with axes `labels` leaves."""
    k = triangle.attributes
    return term("tril", form, k=k) if tuple(labels) == tuple(places) else term("triu", form, k=-k)


def _indexed(factors: Sequence[Factor], forms: Mapping[Node, Node], rank: int) -> list[Written]:
    """Factors as terms with labels and whether each is an identity; a unit or selector on a summed axis is an index."""
    light = [factor for factor in factors if factor[0].op in (UNIT, SELECTOR)]
    heavy = [factor for factor in factors if factor[0].op not in (UNIT, SELECTOR)]
    cuts = _cuts(light, heavy, rank)
    result = [
        (*_cut(filled(forms[child], child.shape), places, cuts.get(k, {})), child.op is DELTA)
        for k, (child, places) in enumerate(heavy)
    ]
    result = _parted(result)
    used = [cut for by_label in cuts.values() for cut in by_label.values()]
    return result + [(forms[child], labels, False) for child, labels in light if (child, labels) not in used]


def _parted(written: Sequence[Written]) -> list[Written]:
    """Each triangle beside a matrix of the same labels becomes that matrix's triangular part."""
    result = list(written)
    for entry in written:
        form, labels, _ = entry
        alike = [x for x in result if x is not entry and set(x[1]) == set(labels) and len(x[1]) == MATRIX]
        if not _is_triangle(form) or not any(x is entry for x in result) or not alike or len(set(labels)) != MATRIX:
            continue
        matrix = next((x for x in alike if not _is_triangle(x[0])), alike[0])
        k = dict(form.attributes)["k"]
        part = term("tril", matrix[0], k=k) if labels == matrix[1] else term("triu", matrix[0], k=-k)
        result = [(part, x[1], False) if x is matrix else x for x in result if x is not entry]
    return result


def _is_triangle(form: Node) -> bool:
    return is_a(form, "tril") and is_a(form.inputs[0], "ones")


def _cuts(light: Sequence[Factor], heavy: Sequence[Factor], rank: int) -> dict[int, dict[int, Factor]]:
    """By number of a heavy factor and label: the unit or selector that this label of it, and nothing else, meets."""
    cuts: dict[int, dict[int, Factor]] = {}
    for factor in light:
        row = factor[1][0]
        holders = [k for k, (other, places) in enumerate(heavy) if row in places and other.op is not DELTA]
        alone = row >= rank and len(holders) == 1 and sum(row in places for _, places in light) == 1
        if alone and heavy[holders[0]][1].count(row) == 1:
            cuts.setdefault(holders[0], {})[row] = factor
    return cuts


def _cut(form: Node, places: tuple[int, ...], cuts: Mapping[int, Factor]) -> tuple[Node, tuple[int, ...]]:
    """A factor indexed by its cuts, under the labels that are left."""
    if not cuts:
        return form, places
    index = [_index_of(cuts.get(label)) for label in places]
    while index[-1] == WHOLE:
        index.pop()
    if form.op is ARRAY and all(isinstance(item, int) for item in index) and len(index) == len(places):
        return constant(entry_of(form, index)), ()
    kept = [new for label in places for new in (cuts[label][1][1:] if label in cuts else (label,))]
    return term("getitem", form, index=tuple(index)), tuple(kept)


def entry_of(node: Node, index: Sequence[int]) -> float:
    """One number of a constant array."""
    place = 0
    for item, size in zip(index, numbers(node.shape), strict=True):
        place = place * size + item
    return float(memoryview(node.attributes.content).cast("d")[place])


def _index_of(cut: Factor | None) -> Any:
    if cut is None:
        return WHOLE
    child = cut[0]
    if child.op is UNIT:
        return plain_index(child.attributes, child.shape[0])
    return slice_of(child)


def plain_index(index: Any, size: Any) -> Any:
    """An index as an integer: one that is named counts from the end."""
    from_end = subtract(index, size)
    return from_end if not isinstance(index, int) and isinstance(from_end, int) else index


def slice_of(selector: Node) -> tuple[Any, Any, Any]:
    """The slice (start, stop, step) that a selector stands for."""
    start, step = selector.attributes
    rows, columns = selector.shape
    end = add(start, multiply(step, columns))
    before_first = isinstance(end, int) and end < 0
    stop = None if end == rows or before_first else plain_index(end, rows)
    begin = None if start == 0 and step > 0 else start
    if begin == subtract(rows, 1) and step < 0:
        begin = None
    return begin, stop, None if step == 1 else step


def _grouped(component: Sequence[Written]) -> list[Written]:
    """Tensors of three or more axes under the same labels multiplied entry by entry."""
    groups: dict[tuple[int, ...], list[Node]] = {}
    result = []
    for form, places, identity in component:
        if len(places) > MATRIX:
            groups.setdefault(places, []).append(form)
        else:
            result.append((form, places, identity))
    return result + [(multiplied(group), places, False) for places, group in groups.items()]


def _assembled(
    scalars: Sequence[Node], tensors: list[tuple[Node, Sequence[int]]], shape: Shape, coefficient: float
) -> Node:
    """The components multiplied: an outer product of two vectors, an einsum of more, with broadcast axes left out."""
    covered = sorted(label for _, free in tensors for label in free)
    if not tensors:
        return scaled(multiplied(scalars), coefficient)
    if len(tensors) == 1:
        body = tensors[0][0]
    elif len(tensors) == MATRIX and all(len(free) == 1 for _, free in tensors):
        (first, _), (second, _) = sorted(tensors, key=lambda tensor: tensor[1][0])
        body = term("outer", first, second)
    else:
        body = index_notation(tensors, covered)
    missing = [axis for axis in range(len(shape)) if axis not in covered]
    if missing and missing[-1] > min(covered):
        axes = range(min(covered), len(shape))
        body = term("getitem", body, index=tuple(WHOLE if axis in covered else None for axis in axes))
    return _with_scalars(scalars, body, coefficient)


def _with_scalars(scalars: Sequence[Node], body: Node, coefficient: float) -> Node:
    """Scalars before the tensor, divisors behind it."""
    if not scalars:
        return scaled(body, coefficient)
    product = multiplied(scalars)
    if is_a(product, "divide"):
        above, below = product.inputs
        numerator = body if above is constant(1.0) else term("multiply", above, body)
        return term("divide", scaled(numerator, coefficient), below)
    return scaled(term("multiply", product, body), coefficient)
