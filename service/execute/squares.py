"""Products of a matrix with itself, `X.T * s @ X`, of which one half is computed and the other copied."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from service.execute.listing import Array, Listing
from service.execute.pairs import BATCH, Labels, Operand, align, entries_of, write_product

LEAST_WORK = 4096  # multiplications, below which the work around a product costs more than half of it saves
LEAST_SHARED = 64  # products with the same squares that pay for these
MOST_PACKED = 2**22  # entries of the squares
PAIR = "pair"


class _Square(NamedTuple):
    """Two operands that are one register, `left` and `right`, which differ in a free label each; and all others."""

    left: Operand
    right: Operand
    rest: list[Operand]
    free: Labels

    @property
    def summed(self) -> Labels:
        """The labels that both have."""
        return tuple(label for label in self.left.labels if label not in self.free)


def write_square(
    listing: Listing,
    operands: Sequence[Operand],
    out: Labels,
    sizes: Mapping[Any, int],
    nonnegative: Callable[[int], bool],
) -> int | None:
    """The product, if it is one of a matrix with itself and others; `nonnegative` tells of the others' registers."""
    square = _find(operands, out)
    if square is None or entries_of({*square.left.labels, *square.free}, sizes) < LEAST_WORK:
        return None
    others = {label for one in square.rest for label in one.labels} - set(square.left.labels)
    packed = entries_of(square.summed, sizes) * _triangular(sizes[square.free[0]])
    if BATCH not in square.left.labels and entries_of(others, sizes) >= LEAST_SHARED and packed <= MOST_PACKED:
        return _packed(listing, square, out, sizes)
    if others <= {BATCH} and all(nonnegative(one.register) for one in square.rest):
        return _by_root(listing, square, out, sizes)
    return None


def _find(operands: Sequence[Operand], out: Labels) -> _Square | None:
    for number, left in enumerate(operands):
        for right in operands[number + 1 :]:
            free = tuple(
                k for one, other in ((left, right), (right, left)) for k in one.labels if k not in other.labels
            )
            if left.register != right.register or len(free) != 2 or not set(free) <= set(out):  # noqa: PLR2004 - one each
                continue
            rest = [one for one in operands if one is not left and one is not right]
            square = _Square(left, right, rest, free)
            touched = any(label in free for one in rest for label in one.labels)
            if rest and not touched and not set(square.summed) - {BATCH} & set(out):
                return square
    return None


def _by_root(listing: Listing, square: _Square, out: Labels, sizes: Mapping[Any, int]) -> int:
    """`Y.T @ Y` with Y = X * sqrt(s)[:, None]: BLAS computes half of the product of a matrix with itself."""
    given = {label for one in square.rest for label in one.labels}
    order = dict.fromkeys((BATCH, *square.left.labels))
    labels = tuple(label for label in order if label in given)
    root = Operand(listing.ufunc(np.sqrt, write_product(listing, square.rest, labels, sizes)), labels)
    ordered = tuple(label for label in order if label in given or label in square.left.labels)
    factors = [align(listing, one, ordered, sizes, broadcast=True) for one in (square.left, root)]
    scaled = listing.ufunc(np.multiply, *factors)
    entries = math.prod(listing.shapes[scaled])
    listing.note(entries, entries, batched=listing.batched[scaled])
    swapped = dict(zip(square.free, square.free[::-1], strict=True))
    both = [Operand(scaled, ordered), Operand(scaled, tuple(swapped.get(label, label) for label in ordered))]
    return write_product(listing, both, out, sizes)


def _packed(listing: Listing, square: _Square, out: Labels, sizes: Mapping[Any, int]) -> int:
    """The products of two columns each, computed once, times everything else; the result has each twice."""
    size = sizes[square.free[0]]
    work, shape = _triangular(size), tuple(sizes[label] for label in square.summed)
    last = align(listing, square.left, (*square.summed, square.free[0]), sizes)
    squares = Operand(listing.call(_products_of_columns, [last], (*shape, work)), (*square.summed, PAIR))
    listing.note(math.prod(shape) * work, math.prod(shape) * work, batched=False)
    short = tuple(PAIR if label == square.free[0] else label for label in out if label != square.free[1])
    half = write_product(listing, [squares, *square.rest], short, {**sizes, PAIR: work})
    place = short.index(PAIR)
    spread = (*short[:place], *square.free, *short[place + 1 :])
    order = tuple(spread.index(label) for label in out)
    index = np.zeros((size, size), dtype=np.intp)
    index[np.triu_indices(size)] = np.arange(work)
    index = np.maximum(index, index.T)
    function = lambda half: half.take(index, axis=place).transpose(order)  # noqa: E731 - a step
    return listing.call(function, [half], tuple(sizes[label] for label in out if label != BATCH))


def _triangular(size: int) -> int:
    return size * (size + 1) // 2


def _products_of_columns(a: Array) -> Array:
    """Of the last axis every entry times itself and each later one, one after the other."""
    size, start = a.shape[-1], 0
    result = np.empty((*a.shape[:-1], _triangular(size)), a.dtype)
    for k in range(size):
        np.multiply(a[..., k:], a[..., k : k + 1], out=result[..., start : start + size - k])
        start += size - k
    return result
