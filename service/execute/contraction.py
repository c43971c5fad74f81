"""Compile one contraction into a function of its factors' arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.execute.masking import masked
from service.execute.plan import BATCH, Array, Cost, Labels, chain
from service.ir.leaves import DELTA, SELECTOR, UNIT
from service.ir.node import Node
from service.ir.size import bulk, numbers

Index = tuple[Any, ...]


@dataclass
class _Layout:
    """What is known of a contraction before its products are planned.

    `reads[k]` slices factor k; `rename` maps a sliced label to the slice's; `places` says where along a free label
    the result stands in an array of zeros; `diagonals` are pairs of free labels on which alone it is not zero.
    """

    labels: list[Labels]
    arrays: list[int]
    places: dict[Any, Any] = field(default_factory=dict)
    diagonals: list[tuple[Any, Any]] = field(default_factory=list)
    rename: dict[Any, Any] = field(default_factory=dict)
    cuts: dict[Any, Any] = field(default_factory=dict)


def dense_selector(node: Node) -> Array:
    """A unit vector, selector or identity as an array, where it cannot be avoided."""
    shape = numbers(node.shape)
    if node.op is DELTA:
        return np.eye(shape[0])
    result = np.zeros(shape)
    if node.op is UNIT:
        result[node.attributes] = 1.0
    else:
        start, step = node.attributes
        columns = np.arange(shape[1])
        result[start + step * columns, columns] = 1.0
    return result


def _lay_out(node: Node, rank: int) -> _Layout:
    """Sort the factors into arrays to multiply and constant tensors that become slices, places and diagonals."""
    factors = list(zip(node.inputs, node.attributes.operands, strict=True))
    layout = _Layout([], [])
    selectors = [labels for child, labels in factors if child.op is SELECTOR]
    for number, (child, labels) in enumerate(factors):
        if child.op is DELTA:
            layout.diagonals.append(labels)
        elif child.op is UNIT:
            (layout.places if labels[0] < rank else layout.cuts)[labels[0]] = child.attributes
        elif child.op is SELECTOR and _is_cut(labels, selectors, rank):
            _cut(layout, child, labels, rank)
        else:
            layout.arrays.append(number)
            layout.labels.append(labels)
    return layout


def _is_cut(labels: Labels, selectors: Sequence[Labels], rank: int) -> bool:
    """Whether a selector can be read as a slice: it has its rows for itself, and its columns if its rows are free."""
    row, column = labels
    if sum(other[0] == row for other in selectors) > 1 or any(other[1] == row for other in selectors):
        return False  # slices of slices would have to be followed from factor to factor
    columns = [other[1] for other in selectors if other[0] < rank]  # those that place: one entry, not a diagonal
    return bool(row >= rank or (column >= rank and columns.count(column) == 1))


def _cut(layout: _Layout, child: Node, labels: Labels, rank: int) -> None:
    start, step = child.attributes
    stop = start + step * child.shape[1]
    chosen = slice(start, stop if stop >= 0 else None, step)
    layout.cuts[labels[0]] = chosen
    layout.rename[labels[0]] = labels[1]
    if labels[0] < rank:
        layout.places[labels[0]] = chosen


def compile_contraction(
    node: Node, batched: Sequence[bool], cost: Cost, most_entries: int | None = None
) -> Callable[..., Array]:
    """A function of the arrays of the node's factors; a batched factor has a leading axis, and so has the result.

    With `most_entries`, the zeros of masks annihilate what is not finite, within arrays of at most so many entries.
    """
    rank = len(node.shape)
    layout = _lay_out(node, rank)
    sizes = dict(enumerate(node.attributes.sizes)) | {BATCH: 1}
    reads, operands = [], list[Labels]()
    for number, labels in zip(layout.arrays, layout.labels, strict=True):
        child = node.inputs[number]
        read = _reader(labels, layout, batched=batched[number])
        if child.op is SELECTOR:
            cost.note(0, bulk(child.shape))
        reads.append(_expander(child) if child.op is SELECTOR else read)
        kept = tuple(layout.rename.get(label, label) for label in labels if not isinstance(layout.cuts.get(label), int))
        operands.append(((BATCH,) if batched[number] else ()) + _distinct(kept))
    lead = (BATCH,) if any(batched) else ()
    gone = {pair[1] for pair in layout.diagonals}
    inner = [layout.rename.get(k, k) for k in range(rank) if k not in gone and not _is_point(layout.places.get(k))]
    present = {label for labels in operands for label in labels}
    product = (
        chain(operands, (*lead, *(label for label in inner if label in present)), sizes, cost) if operands else None
    )
    cost.note(bulk(node.shape), bulk(node.shape))
    spread = _spreader(inner, present, sizes, lead=bool(lead))
    write = _writer(node, layout, lead=bool(lead))
    coefficient, arrays = node.attributes.coefficient, layout.arrays
    masks = [place for place, k in enumerate(arrays) if node.inputs[k].op.strong] if most_entries is not None else []
    if masks and product:
        kept = (*lead, *(label for label in inner if label in present))
        product = masked(product, operands, masks, kept, sizes, most_entries or 0)

    def run(*values: Array) -> Array:
        result = product([read(values[k]) for read, k in zip(reads, arrays, strict=True)]) if product else np.float64(1)
        return write(spread(result if coefficient == 1 else result * coefficient))

    return run


def _expander(node: Node) -> Callable[[Array], Array]:
    """The constant tensor as an array, made when it is needed: it may turn out to be over a limit before."""
    return lambda _: dense_selector(node)


def _is_point(place: Any) -> bool:
    return isinstance(place, int)


def _distinct(labels: Labels) -> Labels:
    return tuple(dict.fromkeys(labels))


def _reader(labels: Labels, layout: _Layout, *, batched: bool) -> Callable[[Array], Array]:
    """Slice a factor, and take the diagonal of labels that it has twice."""
    lead: Index = (slice(None),) if batched else ()
    cuts = layout.cuts
    index = lead + tuple(cuts.get(label, slice(None)) for label in labels)
    kept = [layout.rename.get(label, label) for label in labels if not _is_point(cuts.get(label))]
    spec: list[int] | None = None
    if len(set(kept)) != len(kept):
        number = {label: k for k, label in enumerate(_distinct(tuple(kept)))}
        spec = [number[label] for label in kept]
    sliced = any(label in cuts for label in labels)

    def read(a: Array) -> Array:
        if sliced:
            a = a[index]
        if spec is not None:
            a = np.einsum(a, [..., *spec], [..., *dict.fromkeys(spec)])
        return a

    return read


def _spreader(
    inner: Sequence[Any], present: set[Any], sizes: dict[Any, int], *, lead: bool
) -> Callable[[Array], Array]:
    """Repeat the product along the axes that no factor has."""
    if all(label in present for label in inner):
        return lambda a: a
    index: Index = (slice(None),) * lead + tuple(slice(None) if label in present else None for label in inner)
    shape = tuple(sizes[label] for label in inner)
    return lambda a: np.broadcast_to(np.asarray(a)[index], np.shape(a)[: int(lead)] + shape)


def _writer(node: Node, layout: _Layout, *, lead: bool) -> Callable[[Array], Array]:
    """Write the product where it belongs in an array of zeros, if it does not fill the result."""
    if not layout.diagonals and not layout.places:
        return lambda a: a
    rank = len(node.shape)
    root = {later: first for first, later in layout.diagonals}
    spec = [root.get(k, k) for k in range(rank)]
    free = [k for k in range(rank) if k not in root]
    index: Index = (Ellipsis, *(layout.places.get(k, slice(None)) for k in free))

    shape = numbers(node.shape)

    def write(a: Array) -> Array:
        result: Array = np.zeros(np.shape(a)[: int(lead)] + shape)
        view = result if not root else np.einsum(result, [..., *spec], [..., *free])
        view[index] = a
        return result

    return write
