"""ONNX operators that arrange entries; their integers are constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

from service.errors import ShapeError, UnsupportedOperationError
from service.frontends.onnx.choosing import gathered, gathered_entries, mask_of
from service.frontends.onnx.slicing import slices
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
from service.ops.broadcasting import broadcast_shapes


def at(x: Tensor, axis: int, item: Any) -> Tensor:
    """The entries at an index or slice `(start, stop, step)` of one axis."""
    return x.call("getitem", index=((None, None, None),) * axis + (item,))


def _reshape(x: Tensor, shape: Any, *, allowzero: int = 0) -> Tensor:
    wanted = list(whole(shape) or ())
    for place, entry in enumerate(wanted):
        if entry == 0 and not allowzero:
            if place >= x.rank:
                message = f"the 0 at place {place} of the shape copies an axis that the input has not"
                raise ShapeError(message)
            wanted[place] = x.shape[place]
    return x.reshape(wanted)


def _squeeze(x: Tensor, axes: Any = None) -> Tensor:
    given = squeezed_axes(axes)
    if given is None and not all(isinstance(n, int) for n in x.shape):
        message = f"which axes of {size.written(x.shape)} have size 1 is not known; name the axes"
        raise UnsupportedOperationError(message)
    gone = [k for k, n in enumerate(x.shape) if n == 1] if given is None else [x.axis(k) for k in given]
    if any(x.shape[k] != 1 for k in gone):
        message = f"only axes of size 1 can be squeezed, got axes {gone} of {size.written(x.shape)}"
        raise ShapeError(message)
    return x.reshape([n for k, n in enumerate(x.shape) if k not in gone])


def squeezed_axes(axes: Any) -> tuple[int, ...] | None:
    """The axes that Squeeze names, None for all of size 1; a list of none is both, by definition and by runtime."""
    given = whole_numbers(axes)
    if given == ():
        message = "an empty list of axes: runtimes differ in whether that is no axis or every one of size 1"
        raise UnsupportedOperationError(message)
    return given


def unsqueezed(shape: Sequence[Size], axes: Any) -> list[Size]:
    """The shape with axes of size 1 at these places of the result."""
    given = whole_numbers(axes) or ()
    new = [axis_of(axis, len(shape) + len(given)) for axis in given]
    if len(set(new)) < len(new):
        message = f"the axes {list(given)} name one twice"
        raise ShapeError(message)
    old = iter(shape)
    return [1 if k in new else next(old) for k in range(len(shape) + len(new))]


def _flatten(x: Tensor, *, axis: int) -> Tensor:
    first = axis if axis == x.rank else x.axis(axis)
    return x.reshape((size.count(x.shape[:first]), size.count(x.shape[first:])))


def _expand(x: Tensor, shape: Any) -> Tensor:
    wanted = broadcast_shapes("Expand", x.shape, whole(shape) or ())
    return x if wanted == x.shape else x.call("broadcast_to", shape=wanted)


def _tile(x: Tensor, repeats: Any) -> Tensor:
    times = whole(repeats) or ()
    if len(times) != x.rank:
        message = f"{len(times)} repeats for {x.rank} axes"
        raise ShapeError(message)
    pairs = list(zip(times, x.shape, strict=True))
    apart = x.reshape([entry for _, n in pairs for entry in (1, n)])
    repeated = apart.call("broadcast_to", shape=tuple(entry for pair in pairs for entry in pair))
    return repeated.reshape([size.multiply(count, n) for count, n in pairs])


def _slice_tensor(x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Tensor:
    return x.call("getitem", index=tuple(slices(x.rank, x.shape, (starts, ends, axes, steps))))


def joined(*parts: Tensor, axis: int) -> Tensor:
    """Parts under one another along an axis."""
    return parts[0] if len(parts) == 1 else parts[0].call("concatenate", *parts[1:], axis=axis)


def _split(
    x: Tensor, split: Any = None, *, axis: int, output_count: int, num_outputs: int | None = None
) -> tuple[Tensor, ...]:
    if num_outputs is not None and (split is not None or num_outputs != output_count):
        message = f"num_outputs is {num_outputs}, for {output_count} outputs"
        raise ShapeError(message if split is None else f"{message}, and the sizes of the parts are given too")
    place = x.axis(axis)
    parts = whole_numbers(split) or _equal_parts(x.shape[place], output_count)
    total: Size = sum(parts)
    if len(parts) != output_count or total != x.shape[place] or min(parts) < 0:
        message = f"the parts {list(parts)} for {output_count} outputs do not make up {x.shape[place]!r} entries"
        raise ShapeError(message)
    ends = accumulate(parts)
    return tuple(at(x, place, (end - n, end, None)) for end, n in zip(ends, parts, strict=True))


def _equal_parts(n: Size, count: int) -> tuple[int, ...]:
    if not isinstance(n, int):
        message = f"an axis of the named size {n!r} cannot be split without the sizes of the parts"
        raise UnsupportedOperationError(message)
    most = -(-n // count)
    return (most,) * (count - 1) + (n - most * (count - 1),)


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


def _trilu(x: Tensor, k: Any = None, *, upper: int) -> Tensor:
    return x.call("triu" if upper else "tril", k=0 if k is None else whole_number(k))


def _cumsum(x: Tensor, axis: Any, *, exclusive: int, reverse: int) -> Tensor:
    place = x.axis(whole_number(axis))
    x = x.call("flip", axis=place) if reverse else x
    total = x.call("cumsum", axis=place)
    if exclusive and x.shape[place] != 0:
        first = x.filled(0.0, (*x.shape[:place], 1, *x.shape[place + 1 :]))
        total = joined(first, at(total, place, (None, -1, None)), axis=place)
    return total.call("flip", axis=place) if reverse else total


def _eye_like(x: Tensor, *, k: int, **_: Any) -> Tensor:
    if x.rank != 2:  # noqa: PLR2004 - a matrix
        message = f"a matrix is expected, got the shape {size.written(x.shape)}"
        raise ShapeError(message)
    rows, columns = (whole_number(n) for n in x.shape)
    x.builder.spend(size.bulk((rows, columns)))
    entries = tuple(column - row == k for row in range(rows) for column in range(columns))
    return Known("bool", (rows, columns), entries).tensor(x.builder)


Rule = Callable[..., Any]
ARRANGING: Mapping[str, str | Rule] = {
    "Compress": _compress,
    "Concat": joined,
    "CumSum": _cumsum,
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "OneHot": _one_hot,
    "Reshape": _reshape,
    "Slice": _slice_tensor,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda x, *, perm=None: x.call("transpose", axes=perm),
    "Trilu": _trilu,
    "Unsqueeze": lambda x, axes: x.reshape(unsqueezed(x.shape, axes)),
}
