"""ONNX operators that arrange entries; their integers are constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from service.errors import ParseError, ShapeError, UnsupportedOperationError, quote
from service.frontends.onnx.slicing import slices
from service.frontends.onnx.values import (
    Known,
    Tensor,
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


def _depth_to_space(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    batch, depth, rows, columns = _picture(x, blocksize)
    channels, first = _parted(depth, blocksize**2), _blocks_first(mode)
    inner = (blocksize, blocksize, channels) if first else (channels, blocksize, blocksize)
    order = (0, 3, 4, 1, 5, 2) if first else (0, 1, 4, 2, 5, 3)
    moved = x.reshape((batch, *inner, rows, columns)).call("transpose", axes=order)
    return moved.reshape((batch, channels, rows * blocksize, columns * blocksize))


def _space_to_depth(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    batch, depth, rows, columns = _picture(x, blocksize)
    down, across = _parted(rows, blocksize), _parted(columns, blocksize)
    cut = x.reshape((batch, depth, down, blocksize, across, blocksize))
    moved = cut.call("transpose", axes=(0, 3, 5, 1, 2, 4) if _blocks_first(mode) else (0, 1, 3, 5, 2, 4))
    return moved.reshape((batch, depth * blocksize**2, down, across))


def _blocks_first(mode: str) -> bool:
    if mode not in {"CRD", "DCR"}:
        message = f"mode is 'DCR' or 'CRD', got {quote(mode)}"
        raise ParseError(message)
    return mode == "DCR"


def _picture(x: Tensor, blocksize: int) -> tuple[Size, int, int, int]:
    if x.rank != 4 or blocksize < 1:  # noqa: PLR2004 - a batch of pictures with channels
        message = f"four axes and a size of blocks from 1 on are expected, got {size.written(x.shape)} and {blocksize}"
        raise ShapeError(message)
    return x.shape[0], whole_number(x.shape[1]), whole_number(x.shape[2]), whole_number(x.shape[3])


def _parted(whole_size: int, parts: int) -> int:
    if whole_size % parts:
        message = f"{whole_size} entries are not a multiple of {parts}"
        raise ShapeError(message)
    return whole_size // parts


Rule = Callable[..., Any]
ARRANGING: Mapping[str, str | Rule] = {
    "Concat": joined,
    "CumSum": _cumsum,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Slice": _slice_tensor,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda x, *, perm=None: x.call("transpose", axes=perm),
    "Trilu": _trilu,
    "Unsqueeze": lambda x, axes: x.reshape(unsqueezed(x.shape, axes)),
}
