"""ONNX operators over windows of an array: padding, convolutions and pooling, one slice for each place of a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

from service.errors import ParseError, ShapeError, UnsupportedOperationError
from service.frontends.bounds import ELEMENTS, NODES, check_count
from service.frontends.builder import array_of_numbers
from service.frontends.onnx.arranging import at, joined
from service.frontends.onnx.choosing import picked
from service.frontends.onnx.values import Tensor, whole_numbers
from service.ir import size
from service.ir.size import Size

Pads = Sequence[tuple[int, int]]


def padded(x: Tensor, axis: int, before: int, after: int, value: Tensor | float = 0.0) -> Tensor:
    """The tensor with more entries at the ends of an axis; less, where a count is negative."""
    parts = [at(x, axis, (max(-before, 0), min(after, 0) or None, None))]
    for count, place in ((before, 0), (after, 2)):
        if count > 0:
            shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
            check_count(ELEMENTS, count, x.builder.limits.elements)
            more = value.call("broadcast_to", shape=shape) if isinstance(value, Tensor) else x.filled(value, shape)
            parts.insert(place, more)
    return joined(*parts, axis=axis)


def _reflected(k: int, n: int) -> int:
    k %= max(2 * n - 2, 1)
    return min(k, 2 * n - 2 - k) if n > 1 else 0


_BEYOND: Mapping[str, Callable[[int, int], int]] = {
    "edge": lambda k, n: min(max(k, 0), n - 1),
    "reflect": _reflected,
    "wrap": lambda k, n: k % n,
}


def _pad(x: Tensor, pads: Any, value: Any = 0.0, axes: Any = None, *, mode: str) -> Tensor:
    amounts = whole_numbers(pads) or ()
    chosen = [x.axis(axis) for axis in whole_numbers(axes) or range(x.rank)]
    if len(amounts) != 2 * len(chosen):
        message = f"{len(amounts)} pads for {len(chosen)} axes; two are expected for each"
        raise ShapeError(message)
    for place, axis in enumerate(chosen):
        before, after = amounts[place], amounts[place + len(chosen)]
        if not before and not after:
            continue
        if mode == "constant":
            x = padded(x, axis, before, after, 0.0 if value is None else value)
            continue
        n = x.shape[axis]
        if mode not in _BEYOND or not isinstance(n, int) or not n:
            message = f"the mode {mode!r} of an axis of size {n!r} is not read"
            raise UnsupportedOperationError(message)
        x.builder.spend(n + max(before, 0) + max(after, 0))
        x = picked(x, axis, [_BEYOND[mode](k, n) for k in range(-before, n + after)])
    return x


def _pad_old(x: Tensor, *, pads: Any, value: float, mode: str) -> Tensor:
    return _pad(x, pads, value, mode=mode)


@dataclass(frozen=True)
class Windows:
    """Windows over the axes from the third on: their size, how far apart they are, and the places within."""

    kernel: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    pads: Pads
    counts: Sequence[Size]

    def over(self, x: Tensor, value: float) -> Iterator[tuple[tuple[int, ...], Tensor]]:
        """For each place in a window, the entries there of all windows; beyond the edges is `value`."""
        for axis, (before, after) in enumerate(self._needed(x), 2):
            if before or after:
                x = padded(x, axis, before, after, value)
        check_count(NODES, size.bulk(tuple(self.kernel)), x.builder.limits.nodes)
        for place in product(*map(range, self.kernel)):
            index = [self._item(axis, k) for axis, k in enumerate(place)]
            yield place, x.call("getitem", index=((None, None, None), (None, None, None), *index))

    def _needed(self, x: Tensor) -> Iterator[tuple[int, int]]:
        for axis, n in enumerate(x.shape[2:]):
            before, after = self.pads[axis]
            last = size.subtract(self._end(axis, self.kernel[axis] - 1), size.add(n, before))
            yield before, last if isinstance(last, int) and last > 0 else after

    def _end(self, axis: int, k: int) -> Size:
        span = size.multiply(size.subtract(self.counts[axis], 1), self.strides[axis])
        return size.add(size.add(span, k * self.dilations[axis]), 1)

    def _item(self, axis: int, k: int) -> tuple[Any, Any, int]:
        return k * self.dilations[axis], self._end(axis, k), self.strides[axis]


def windows(x: Tensor, kernel: Sequence[Any], given: Mapping[str, Any]) -> Windows:
    """The windows that an operator's attributes describe."""
    axes = len(kernel)
    strides, dilations = (given.get(name) or (1,) * axes for name in ("strides", "dilations"))
    flat = given.get("pads") or (0,) * (2 * axes)
    if not (x.rank - 2 == axes == len(strides) == len(dilations) and len(flat) == 2 * axes):
        message = f"a window, strides, dilations and pads for {x.rank - 2} axes are expected"
        raise ShapeError(message)
    if min((*kernel, *strides, *dilations), default=1) < 1 or min(flat, default=0) < 0:
        message = "sizes, strides and dilations are at least 1, and pads at least 0"
        raise ShapeError(message)
    pads, counts = [], []
    for axis, n in enumerate(x.shape[2:]):
        reach, step = (kernel[axis] - 1) * dilations[axis] + 1, strides[axis]
        ends = _ends(given.get("auto_pad", "NOTSET"), n, reach, step, (flat[axis], flat[axis + axes]))
        pads.append(ends)
        counts.append(_count(size.subtract(size.add(n, sum(ends)), reach), step, ends[0], n, given.get("ceil_mode", 0)))
    return Windows(kernel, strides, dilations, pads, counts)


def _ends(auto: str, n: Size, reach: int, step: int, given: tuple[int, int]) -> tuple[int, int]:
    if auto in {"NOTSET", ""}:
        return given
    if auto == "VALID":
        return 0, 0
    if auto not in {"SAME_UPPER", "SAME_LOWER"} or not (isinstance(n, int) or step == 1):
        message = f"auto_pad {auto!r} of an axis of size {n!r} is not read"
        raise UnsupportedOperationError(message)
    missing = max((-(-n // step) - 1) * step + reach - n, 0) if isinstance(n, int) else reach - 1
    less, more = missing // 2, missing - missing // 2
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def _count(room: Size, step: int, before: int, n: Size, ceil_mode: int) -> Size:
    if not isinstance(room, int):
        if step == 1:
            return size.add(room, 1)
        message = f"windows {step} apart on an axis of the named size {n!r} are not read; declare its number"
        raise UnsupportedOperationError(message)
    if room < 0:
        message = f"a window does not fit into an axis of size {n!r}"
        raise ShapeError(message)
    count = room // step + 1
    more = ceil_mode and room % step and isinstance(n, int) and count * step < n + before
    return count + bool(more)


def _conv(x: Tensor, weights: Tensor, bias: Tensor | None = None, *, group: int, **given: Any) -> Tensor:
    if x.rank < 3 or weights.rank != x.rank:  # noqa: PLR2004 - a batch of channels over at least one axis
        message = f"weights of {weights.rank} axes for an input of {x.rank}; both are the same, and at least 3"
        raise ShapeError(message)
    kernel = whole_numbers(weights.shape[2:]) or ()
    channels, rows, depth = x.shape[1], *weights.shape[:2]
    if given.get("kernel_shape", kernel) != kernel or group < 1 or size.multiply(group, depth) != channels:
        message = f"weights of shape {size.written(weights.shape)} in {group} group(s) do not fit {channels!r} channels"
        raise ShapeError(message)
    found = windows(x, kernel, given)
    in_groups = weights.reshape((group, *_divided(rows, group), depth, *kernel))
    terms = []
    for place, part in found.over(x, 0.0):
        grouped = part.reshape((part.shape[0], group, depth, *part.shape[2:]))
        chosen = in_groups.call("getitem", index=((None, None, None),) * 3 + place)
        terms.append(grouped.call("einsum", chosen, subscripts="ngc...,gmc->ngm..."))
    total = reduce(Tensor.__add__, terms)
    result = total.reshape((x.shape[0], rows, *total.shape[3:]))
    return result if bias is None else result + bias.reshape((*bias.shape, *(1 for _ in kernel)))


def _divided(rows: Size, group: int) -> tuple[Size]:
    quotient = size.divide(rows, group)
    if quotient is None:
        message = f"{rows!r} channels in {group} groups"
        raise ShapeError(message)
    return (quotient,)


def _pooled(x: Tensor, kernel: Sequence[Any], given: Mapping[str, Any]) -> Windows:
    """The windows of pooling; refused where runtimes and ONNX's own definition differ in where they begin."""
    strides, dilations = (given.get(name) or (1,) * len(kernel) for name in ("strides", "dilations"))
    odd = any(step > k or (k > 1 and apart > 1) for k, step, apart in zip(kernel, strides, dilations, strict=False))
    if odd and given.get("auto_pad", "").startswith("SAME"):
        message = "auto_pad of pooling by windows with dilations, or further apart than they are long, is not read"
        raise UnsupportedOperationError(message)
    return windows(x, kernel, given)


def _max_pool(x: Tensor, *, kernel_shape: Any, **given: Any) -> Tensor:
    parts = [part for _, part in _pooled(x, kernel_shape, given).over(x, float("-inf"))]
    return reduce(lambda one, other: one.call("maximum", other), parts)


def _average_pool(x: Tensor, *, kernel_shape: Any, count_include_pad: int = 0, **given: Any) -> Tensor:
    found = _pooled(x, kernel_shape, given)
    total = reduce(Tensor.__add__, (part for _, part in found.over(x, 0.0)))
    for axis, n in enumerate(x.shape[2:]):
        total = total / _entries(x, found, axis, n, padding=bool(count_include_pad))
    return total


def _entries(x: Tensor, found: Windows, axis: int, n: Size, *, padding: bool) -> Tensor | float:
    """How many entries each window has along an axis, with the padding or without."""
    (before, after), kernel = found.pads[axis], found.kernel[axis]
    count = found.counts[axis]
    if not isinstance(n, int) or not isinstance(count, int):
        if padding or not (before or after):
            return float(kernel)
        message = f"an average without the padding of an axis of the named size {n!r} is not read"
        raise UnsupportedOperationError(message)
    low, high = (0, before + n + after) if padding else (before, before + n)
    starts = range(0, count * found.strides[axis], found.strides[axis])
    x.builder.spend(size.bulk((count, kernel)))
    within = [sum(low <= start + k * found.dilations[axis] < high for k in range(kernel)) for start in starts]
    shape = (count, *(1 for _ in found.kernel[axis + 1 :]))
    return Tensor(x.builder, array_of_numbers(shape, map(float, within)))


def _lp_pool(x: Tensor, *, kernel_shape: Any, p: int, **given: Any) -> Tensor:
    if p < 1:
        message = f"p is at least 1, got {p}"
        raise ParseError(message)
    powers = x.call("abs") ** p
    total = reduce(Tensor.__add__, (part for _, part in _pooled(x, kernel_shape, given).over(powers, 0.0)))
    return total ** (1 / p)


def _local_response(x: Tensor, *, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    if x.rank < 2 or size < 1:  # noqa: PLR2004 - a batch of channels
        message = f"{size} channels of an input with {x.rank} axes"
        raise ShapeError(message)
    before = (size - 1) // 2
    squares = padded(x.call("square"), 1, before, size - 1 - before)
    n = x.shape[1]
    if not isinstance(n, int):
        message = f"the number of channels must be known, got {n!r}"
        raise UnsupportedOperationError(message)
    total = reduce(Tensor.__add__, (at(squares, 1, (k, k + n, None)) for k in range(size)))
    return x / (bias + alpha / size * total) ** beta


WINDOWED: Mapping[str, Any] = {
    "AveragePool": _average_pool,
    "Conv": _conv,
    "LRN": _local_response,
    "LpPool": _lp_pool,
    "MaxPool": _max_pool,
    "Pad": _pad,
}
OLDER_WINDOWED: Mapping[str, tuple[int, Any]] = {"Pad": (11, _pad_old)}
