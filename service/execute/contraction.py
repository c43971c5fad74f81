"""A contraction as it is written down: slices first, then products, then the places of the result.

Deltas between free axes are written as diagonals and selectors as slices, so that no identity matrix is ever
multiplied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.execute.listing import Array, Listing
from service.execute.masking import write_masked
from service.execute.pairs import BATCH, Labels, Operand, entries_of, write_product
from service.execute.squares import write_square
from service.ir.leaves import DELTA, SELECTOR, UNIT
from service.ir.node import Node
from service.ir.sign import is_nonnegative
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


def write_contraction(listing: Listing, node: Node, sources: Sequence[int], masked_entries: int | None = None) -> int:
    """Write the product of the registers `sources` of a node's factors, and return its register.

    With `masked_entries`, the zeros of masks annihilate what is not finite, within arrays of at most so many entries.
    """
    if not node.attributes.sizes and (masked_entries is None or not any(child.op.strong for child in node.inputs)):
        return _write_numbers(listing, node, sources)
    rank = len(node.shape)
    layout = _lay_out(node, rank)
    sizes = dict(enumerate(node.attributes.sizes)) | {BATCH: listing.typical_batch}
    operands = [
        _read(listing, node.inputs[number], sources[number], labels, layout)
        for number, labels in zip(layout.arrays, layout.labels, strict=True)
    ]
    lead = (BATCH,) if any(listing.batched[one.register] for one in operands) else ()
    gone = {pair[1] for pair in layout.diagonals}
    inner = [layout.rename.get(k, k) for k in range(rank) if k not in gone and not _is_point(layout.places.get(k))]
    present = {label for one in operands for label in one.labels}
    kept = (*lead, *(label for label in inner if label in present))
    coefficient = node.attributes.coefficient
    masks = [place for place, k in enumerate(layout.arrays) if node.inputs[k].op.strong]
    if not operands:
        result = listing.constant(np.float64(1))
    elif masks and masked_entries is not None:
        result = write_masked(listing, operands, masks, kept, sizes, masked_entries)
    else:
        nodes = {one.register: node.inputs[k] for one, k in zip(operands, layout.arrays, strict=True)}
        square = write_square(listing, operands, kept, sizes, lambda register: is_nonnegative(nodes[register]))
        if square is None:
            coefficient = _scale_smallest(listing, operands, kept, sizes, coefficient)
            square = write_product(listing, _summed_squares(listing, operands, kept), kept, sizes)
        result = square
    listing.note(bulk(node.shape), bulk(node.shape), batched=bool(lead))
    result = scaled(listing, result, coefficient)
    return _place(listing, node, layout, _spread(listing, result, inner, present, sizes))


def _write_numbers(listing: Listing, node: Node, sources: Sequence[int]) -> int:
    """A product without labels: what has no batch axis comes first."""
    result, *rest = sorted(sources, key=listing.batched.__getitem__)
    coefficient = node.attributes.coefficient
    if rest and listing.batched[rest[-1]] and not listing.batched[result]:
        result, coefficient = scaled(listing, result, coefficient), 1.0
    for k in rest:
        result = listing.ufunc(np.multiply, result, k)
    listing.note(len(sources), 1, batched=listing.batched[result])
    return scaled(listing, result, coefficient)


def _summed_squares(listing: Listing, operands: Sequence[Operand], out: Labels) -> list[Operand]:
    """The operands, a square that is summed on its own being two: BLAS sums products while it forms them."""
    counts = Counter(label for one in operands for label in one.labels)
    result = list[Operand]()
    for one in operands:
        root = listing.squares.get(one.register)
        is_summed = any(counts[label] == 1 and label not in out for label in one.labels)
        result += [one] if root is None or not is_summed else [Operand(root, one.labels)] * 2
    return result


def _scale_smallest(
    listing: Listing, operands: list[Operand], out: Labels, sizes: dict[Any, int], coefficient: float
) -> float:
    """Put the number in front of a product into an operand that is smaller than the product; what is left of it."""
    least = min(range(len(operands)), key=lambda k: entries_of(operands[k].labels, sizes))
    if coefficient != 1 and entries_of(operands[least].labels, sizes) < entries_of(out, sizes):
        operands[least] = Operand(scaled(listing, operands[least].register, coefficient), operands[least].labels)
        return 1.0
    return coefficient


def scaled(listing: Listing, register: int, coefficient: float) -> int:
    """A number times a register."""
    if coefficient == 1:
        return register
    if coefficient == -1:
        return listing.negative(register)
    return listing.ufunc(np.multiply, listing.constant(np.float64(coefficient)), register)


def _is_point(place: Any) -> bool:
    return isinstance(place, int)


def _read(listing: Listing, child: Node, register: int, labels: Labels, layout: _Layout) -> Operand:
    """A factor sliced, and reduced to the diagonal of labels that it has twice."""
    lead: Index = (slice(None),) if listing.batched[register] else ()
    first = (BATCH,) if listing.batched[register] else ()
    cuts = layout.cuts
    if child.op is SELECTOR:
        listing.note(0, bulk(child.shape), batched=False)
        register = listing.call(lambda: dense_selector(child), [], numbers(child.shape))
    elif any(label in cuts for label in labels):
        index = lead + tuple(cuts.get(label, slice(None)) for label in labels)
        shape = np.broadcast_to(np.float64(0), listing.shapes[register])[index[len(lead) :]].shape
        register = listing.view(lambda a: a[index], register, shape, repr(index))
    kept = [layout.rename.get(label, label) for label in labels if not _is_point(cuts.get(label))]
    distinct = list(dict.fromkeys(kept))
    if len(distinct) != len(kept):
        spec = [distinct.index(label) for label in kept]
        shape = tuple(listing.shapes[register][kept.index(label)] for label in distinct)
        register = listing.view(_diagonal(spec), register, shape, ("diagonal", *spec))
    return Operand(register, (*first, *distinct))


def _diagonal(spec: list[int]) -> Callable[[Array], Array]:
    return lambda a: np.einsum(a, [..., *spec], [..., *dict.fromkeys(spec)])


def _spread(listing: Listing, register: int, inner: Sequence[Any], present: set[Any], sizes: dict[Any, int]) -> int:
    """Repeat the product along the axes that no factor has."""
    if all(label in present for label in inner):
        return register
    lead = listing.batched[register]
    index: Index = (slice(None),) * lead + tuple(slice(None) if label in present else None for label in inner)
    shape = tuple(sizes[label] for label in inner)
    return listing.view(
        lambda a: np.broadcast_to(np.asarray(a)[index], np.shape(a)[: int(lead)] + shape),
        register,
        shape,
        ("spread", repr(index), shape),
    )


def _place(listing: Listing, node: Node, layout: _Layout, register: int) -> int:
    """Write the product where it belongs in an array of zeros, if it does not fill the result."""
    if not layout.diagonals and not layout.places:
        return register
    lead = int(listing.batched[register])
    rank = len(node.shape)
    root = {later: first for first, later in layout.diagonals}
    spec = [root.get(k, k) for k in range(rank)]
    free = [k for k in range(rank) if k not in root]
    index: Index = (Ellipsis, *(layout.places.get(k, slice(None)) for k in free))
    shape = numbers(node.shape)

    def write(a: Array) -> Array:
        result: Array = np.zeros(np.shape(a)[:lead] + shape, np.result_type(a, float))
        view = result if not root else np.einsum(result, [..., *spec], [..., *free])
        view[index] = a
        return result

    return listing.call(write, [register], shape)
