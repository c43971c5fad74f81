"""Entries chosen by indices that are no constants, such as labels: sums under masks that keep one entry each.

Where an index is no whole number of the axis, nothing is chosen and the entry is NaN.
"""

from __future__ import annotations

from service.errors import ShapeError
from service.frontends.onnx.values import Known, Tensor, whole_number
from service.ir import size

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def mask_of(indices: Tensor, count: int) -> Tensor:
    """One more axis, of `count` entries: 1 at the index, counted from the end where it is negative, and else 0."""
    places = Known("int", (count,), tuple(range(count))).tensor(indices.builder)
    from_front = (indices < 0).where(indices + count, indices)
    return from_front.reshape((*indices.shape, 1)).call("equal", places)


def gathered(x: Tensor, place: int, indices: Tensor) -> Tensor:
    """What `Gather` does along an axis."""
    mask = mask_of(indices, whole_number(x.shape[place]))
    letters = iter(LETTERS)
    axes = "".join(next(letters) for _ in x.shape)
    chosen = "".join(next(letters) for _ in indices.shape)
    result = axes[:place] + chosen + axes[place + 1 :]
    picked = mask.call("einsum", x, subscripts=f"{chosen}{axes[place]},{axes}->{result}")
    behind = (1,) * (x.rank - place - 1)
    return picked / mask.call("sum", axis=-1).reshape((*indices.shape, *behind))


def gathered_entries(x: Tensor, place: int, indices: Tensor) -> Tensor:
    """What `GatherElements` does along an axis: entry by entry another place."""
    others = [(m, n) for axis, (m, n) in enumerate(zip(indices.shape, x.shape, strict=False)) if axis != place]
    if indices.rank != x.rank or any(m != n for m, n in others):
        message = f"indices of shape {size.written(indices.shape)} do not go along those of {size.written(x.shape)}"
        raise ShapeError(message)
    mask = mask_of(indices, whole_number(x.shape[place]))
    order = [axis for axis in range(x.rank) if axis != place]
    last = x.call("transpose", axes=(*order, place))
    rows = last.reshape((*indices.shape[:place], 1, *indices.shape[place + 1 :], x.shape[place]))
    return mask.where(rows, 0).call("sum", axis=-1) / mask.call("sum", axis=-1)
