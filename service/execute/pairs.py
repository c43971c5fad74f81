"""How a product of arrays with labelled axes is written down: pairwise, in an order by cost, as matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from service.execute.listing import Array, Listing, Shape

Labels = tuple[Any, ...]
BATCH = "batch"


class Operand(NamedTuple):
    """A register and the labels of its axes; the batch axis comes first."""

    register: int
    labels: Labels


def order_of_products(operands: Sequence[Labels], out: Labels, sizes: Mapping[Any, int]) -> list[tuple[int, ...]]:
    """Pairs of positions to multiply, from NumPy's greedy path; positions refer to the shrinking list of operands."""
    if len(operands) <= 2:  # noqa: PLR2004 - nothing to order
        return [tuple(range(len(operands)))]
    number = {
        label: k for k, label in enumerate(dict.fromkeys(label for labels in (*operands, out) for label in labels))
    }
    shapes: list[Any] = []
    for labels in operands:
        # The path search only reads shapes; a broadcast view has one without the memory.
        shapes += [
            np.broadcast_to(np.float64(0), [max(sizes[label], 1) for label in labels]),
            [number[label] for label in labels],
        ]
    path = np.einsum_path(*shapes, [number[label] for label in out], optimize="greedy")[0]
    pairs, left = list[tuple[int, ...]](), len(operands)
    for positions in path[1:]:
        # The search may leave several operands for one last step: multiply them two by two, the result at the end.
        waiting = list(positions)
        while len(waiting) > 1:
            first, second = waiting[:2]
            pairs.append((first, second))
            left -= 1
            waiting = [k - (k > first) - (k > second) for k in waiting[2:]] + [left - 1]
    return pairs


def write_product(listing: Listing, operands: Sequence[Operand], out: Labels, sizes: Mapping[Any, int]) -> int:
    """The product of all operands with axes in the order of `out`; every label has a size."""
    work = list(operands)
    if {label for operand in work for label in operand.labels} <= set(out):
        # Entry by entry no order saves a sum: what is small and what has no batch axis comes first.
        work.sort(key=lambda one: (BATCH in one.labels, entries_of(one.labels, sizes)))
        while len(work) > 1:
            work = [_pair(listing, work[0], work[1], set(out), sizes), *work[2:]]
        return align(listing, work[0], out, sizes)
    for positions in order_of_products([one.labels for one in work], out, sizes):
        if len(positions) == 1:
            continue
        first, second = (work[k] for k in positions)
        work = [one for k, one in enumerate(work) if k not in positions]
        work.append(_pair(listing, first, second, set(out).union(*(one.labels for one in work)), sizes))
    return align(listing, work[0], out, sizes)


def entries_of(labels: Collection[Any], sizes: Mapping[Any, int]) -> int:
    """The entries of an array with these labels."""
    return math.prod(max(sizes[label], 1) for label in labels)


def _pair(listing: Listing, left: Operand, right: Operand, keep: set[Any], sizes: Mapping[Any, int]) -> Operand:
    """The product of two operands, summed over labels that nothing else keeps."""
    left, right = (
        summed(listing, one, {label for label in one.labels if label not in other.labels and label not in keep}, sizes)
        for one, other in ((left, right), (right, left))
    )
    inner = [label for label in left.labels if label in right.labels and label not in keep]
    kinds = [
        [label for label in left.labels if label in right.labels and label in keep],
        [label for label in left.labels if label not in right.labels],
        [label for label in right.labels if label not in left.labels],
    ]
    batched = any(listing.batched[one.register] for one in (left, right))
    result = tuple(label for labels in kinds for label in labels)
    entries = math.prod(max(size, 1) for size in _shape(result, sizes))
    listing.note(entries * entries_of(inner, sizes), entries, batched=batched)
    if inner:
        return _matmul(listing, left, right, (*kinds, inner), sizes)
    out = _batch_first(result)
    sources = [align(listing, one, out, sizes, broadcast=True) for one in (left, right)]
    return Operand(listing.ufunc(np.multiply, *sources), out)


def _batch_first(labels: Labels) -> Labels:
    return (BATCH, *(label for label in labels if label != BATCH)) if BATCH in labels else labels


def _shape(labels: Labels, sizes: Mapping[Any, int]) -> Shape:
    return tuple(sizes[label] for label in labels if label != BATCH)


def summed(listing: Listing, operand: Operand, gone: Collection[Any], sizes: Mapping[Any, int]) -> Operand:
    """The operand summed over the labels `gone`."""
    if not gone:
        return operand
    axes = tuple(k for k, label in enumerate(operand.labels) if label in gone)
    left = tuple(label for label in operand.labels if label not in gone)
    register = listing.call(lambda a: np.add.reduce(a, axis=axes), [operand.register], _shape(left, sizes))
    return Operand(register, left)


def align(listing: Listing, operand: Operand, out: Labels, sizes: Mapping[Any, int], *, broadcast: bool = False) -> int:
    """A view with axes in the order of `out`; labels that the operand lacks get an axis of size 1 if `broadcast`.

    Labels that are not in `out` are summed.
    """
    operand = summed(listing, operand, [label for label in operand.labels if label not in out], sizes)
    labels = operand.labels
    order = tuple(sorted(range(len(labels)), key=lambda k: out.index(labels[k])))
    present = [label in labels for label in out]
    if not broadcast or BATCH not in labels:
        present = present[present.index(True) :] if True in present else []  # NumPy stretches leading axes by itself
    if order == tuple(range(len(labels))) and all(present):
        return operand.register
    index = tuple(slice(None) if is_there else None for is_there in present)
    kept = [label for label in out if label in labels]
    shape = tuple(
        (sizes[label] if is_there else 1)
        for label, is_there in zip(out[len(out) - len(present) :], present, strict=True)
        if label != BATCH
    )
    if not kept:
        return operand.register
    return listing.view(lambda a: a.transpose(order)[index], operand.register, shape, (order, tuple(present)))


def _matmul(
    listing: Listing,
    left: Operand,
    right: Operand,
    kinds: tuple[list[Any], ...],
    sizes: Mapping[Any, int],
) -> Operand:
    both, rows, columns, inner = kinds
    if BATCH in columns:  # so that the result is written with the batch axis first
        left, right, rows, columns = right, left, columns, rows
    rows, both = list(_batch_first(tuple(rows))), list(_batch_first(tuple(both)))
    product = (*both, *rows, *columns)
    out = _batch_first(product)
    a = _order(left.labels, (*both, *rows, *inner))
    b = _order(right.labels, (*both, *inner, *columns))
    back = None if product == out else tuple(product.index(label) for label in out)
    counts = len(both), len(rows), len(columns), len(inner)
    registers = [left.register, right.register]
    if b is not None and BATCH not in right.labels and listing.typical_batch > 1:
        shape = tuple(listing.shapes[right.register][k] for k in b)
        registers[1], b = listing.call(_reordered(b), [right.register], shape), None  # once, for every block
    return Operand(listing.call(_matrix_product(a, b, back, counts), registers, _shape(out, sizes)), out)


def _reordered(order: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda a: np.ascontiguousarray(a.transpose(order))


def _order(labels: Labels, wanted: Labels) -> tuple[int, ...] | None:
    order = tuple(labels.index(label) for label in wanted)
    return None if order == tuple(range(len(order))) else order


def _matrix_product(
    a: tuple[int, ...] | None, b: tuple[int, ...] | None, back: tuple[int, ...] | None, counts: tuple[int, ...]
) -> Callable[[Array, Array], Array]:
    """A matrix product of stacks: of each operand the axes are put in order and joined to two, and split again."""
    both, rows, columns, inner = counts
    plain = _DIRECT.get((rows, columns, inner)) if not both or rows == columns else None

    def run(x: Array, y: Array) -> Array:
        x, y = x if a is None else x.transpose(a), y if b is None else y.transpose(b)
        if plain is not None:
            product = plain(x, y)
        else:
            lead, row, column = x.shape[:both], x.shape[both : both + rows], y.shape[both + inner :]
            width = math.prod(y.shape[both : both + inner])
            x = x.reshape((*lead, math.prod(row), width))
            y = y.reshape((*lead, width, math.prod(column)))
            product = np.matmul(x, y).reshape(lead + row + column)
        return product if back is None else product.transpose(back)

    return plain if plain is not None and (a, b, back) == (None, None, None) else run


# By the number of axes that rows, columns and the sum have: what NumPy offers without joining axes. Of stacks, the
# product with one vector each is slower than that with matrices of one column.
_DIRECT = {
    (1, 1, 1): np.matmul,
    (1, 0, 1): np.matvec,
    (0, 1, 1): np.vecmat,
    (0, 0, 1): np.vecdot,
}
