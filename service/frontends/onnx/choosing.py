"""ONNX operators that choose entries by indices.

Where those are constants, by slices. Where they are not, as labels are, by sums under masks that keep one entry each:
an index that is no whole number of its axis chooses nothing, and makes NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from service.errors import ShapeError, UnsupportedOperationError
from service.frontends.onnx.arranging import at, joined
from service.frontends.onnx.values import (
    Known,
    ModelBuilder,
    Tensor,
    Value,
    axis_of,
    whole,
    whole_number,
    whole_numbers,
)
from service.ir import size
from service.ir.size import Size

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


def runs(indices: Sequence[int]) -> list[tuple[int, int, int]]:
    """Places of an axis as few slices `(start, count, step)`, in order."""
    found: list[tuple[int, int, int]] = []
    for index in indices:
        start, count, step = found[-1] if found else (index, 0, 1)
        if found and count == 1 and index != start:
            found[-1] = (start, 2, index - start)
        elif found and count > 1 and index == start + count * step:
            found[-1] = (start, count + 1, step)
        else:
            found.append((index, 1, 1))
    return found


def picked(x: Tensor, axis: int, indices: Sequence[int]) -> Tensor:
    """The entries at these places of an axis, in order."""
    pieces = [at(x, axis, _run(*run)) for run in runs(indices)] or [at(x, axis, (0, 0, None))]
    return joined(*pieces, axis=axis)


def _run(start: int, count: int, step: int) -> tuple[int, int | None, int]:
    stop = start + count * step
    return start, None if stop < 0 else stop, step


def places(indices: Sequence[Size], n: Size) -> list[int]:
    """Indices counted from the front."""
    if not isinstance(n, int):
        message = f"an axis of the named size {n!r} cannot be indexed by a list"
        raise UnsupportedOperationError(message)
    return [axis_of(whole_number(index), n) for index in indices]


def _gather(x: Tensor, indices: Value, *, axis: int) -> Tensor:
    if isinstance(indices, Tensor):
        return gathered(x, x.axis(axis), indices)
    place, listed = x.axis(axis), whole(indices) or ()
    n = x.shape[place]
    if indices.shape == ():
        return at(x, place, whole_number(listed[0]) if not isinstance(n, int) else places(listed, n)[0])
    flat = picked(x, place, places(listed, n))
    return flat.reshape((*x.shape[:place], *indices.shape, *x.shape[place + 1 :]))


def _gather_elements(x: Tensor, indices: Value, *, axis: int) -> Tensor:
    """Entry by entry another place of one axis: sums of entries under masks, which keep the others out."""
    if isinstance(indices, Tensor):
        return gathered_entries(x, x.axis(axis), indices)
    place, listed = x.axis(axis), places(whole(indices) or (), x.shape[x.axis(axis)])
    n = whole_number(x.shape[place])
    others = [(m, k) for axis, (m, k) in enumerate(zip(indices.shape, x.shape, strict=False)) if axis != place]
    if len(indices.shape) != x.rank or any(isinstance(k, int) and m > k for m, k in others):
        message = f"indices of shape {size.written(indices.shape)} do not fit into {size.written(x.shape)}"
        raise ShapeError(message)
    x.builder.spend(size.bulk((len(listed), n)))
    mask = Known("bool", (*indices.shape, n), tuple(k == index for index in listed for k in range(n)))
    kept = tuple((0, n, None) for n in indices.shape)
    moved = x.call("getitem", index=(*kept[:place], (None, None, None), *kept[place + 1 :]))
    order = [k for k in range(x.rank) if k != place]
    last = moved.call("transpose", axes=(*order, place)).reshape(
        (*indices.shape[:place], 1, *indices.shape[place + 1 :], n)
    )
    return mask.tensor(x.builder).where(last, 0).call("sum", axis=-1)


def _gather_nd(x: Tensor, indices: Value, *, batch_dims: int = 0) -> Tensor:
    depth, listed = int(indices.shape[-1]) if indices.shape else 0, whole_numbers(indices) or ()  # type: ignore[arg-type]
    if batch_dims or not 0 < depth <= x.rank:
        message = f"indices of {depth} axes within {x.rank}, in {batch_dims} batch axes, are not read"
        raise UnsupportedOperationError(message)
    sizes = x.shape[:depth]
    points = [places(listed[k::depth], n) for k, n in enumerate(sizes)]
    flat = [sum(k * prod(whole_numbers(sizes[axis + 1 :]) or (1,)) for axis, k in enumerate(point))
            for point in zip(*points, strict=True)]  # fmt: skip
    rows = x.reshape((size.count(sizes), *x.shape[depth:]))
    return picked(rows, 0, flat).reshape((*indices.shape[:-1], *x.shape[depth:]))


def _compress(x: Tensor, condition: Any, *, axis: int | None = None) -> Tensor:
    kept = [k for k, entry in enumerate(whole_numbers(condition) or ()) if entry]
    if axis is None:
        return picked(x.call("ravel"), 0, places(kept, size.count(x.shape)))
    return picked(x, x.axis(axis), places(kept, x.shape[x.axis(axis)]))


def _one_hot(indices: Value, depth: Any, values: Tensor, *, axis: int) -> Tensor:
    mask = _hot(indices, whole_number(depth), values.builder)
    rank, place = len(indices.shape), axis_of(axis, len(indices.shape) + 1)
    order = (*range(place), rank, *range(place, rank))
    return mask.call("transpose", axes=order).where(at(values, 0, 1), at(values, 0, 0))


def _hot(indices: Value, count: int, builder: ModelBuilder) -> Tensor:
    if isinstance(indices, Tensor):
        return mask_of(indices, count)
    listed = whole_numbers(indices) or ()
    builder.spend(size.bulk((len(listed), count)))
    entries = tuple(k == index % count if -count <= index < count else 0 for index in listed for k in range(count))
    return Known("bool", (*indices.shape, count), entries).tensor(builder)


CHOOSING: Mapping[str, Callable[..., Any]] = {
    "Compress": _compress,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "OneHot": _one_hot,
}
