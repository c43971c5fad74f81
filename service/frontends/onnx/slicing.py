"""Slices of ONNX, whose bounds may be beyond an axis, as those of our indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.errors import ShapeError, UnsupportedOperationError
from service.frontends.bounds import LARGEST_INTEGER
from service.frontends.onnx.values import axis_of, whole, whole_numbers
from service.ir import size
from service.ir.size import Size


def slices(rank: int, sizes: Sequence[Size], bounds: Sequence[Any]) -> list[tuple[Any, Any, Any]]:
    """A slice for every axis, of the operator's `starts`, `ends`, `axes` and `steps`."""
    starts, ends, axes, steps = bounds
    starts, ends = whole(starts) or (), whole(ends) or ()
    chosen = whole_numbers(axes) or tuple(range(len(starts)))
    strides = whole_numbers(steps) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(chosen) == len(strides):
        message = f"{len(starts)} starts, {len(ends)} ends, {len(chosen)} axes and {len(strides)} steps"
        raise ShapeError(message)
    found = [(None, None, None)] * rank
    for start, stop, axis, step in zip(starts, ends, chosen, strides, strict=True):
        place = axis_of(axis, rank)
        if found[place] != (None, None, None):
            message = f"the axis {place} is sliced twice"
            raise ShapeError(message)
        found[place] = _slice(start, stop, step, sizes[place])
    return found


def _slice(start: Size, stop: Size, step: int, n: Size) -> tuple[Any, Any, Any]:
    if step == 0:
        message = "a slice step cannot be 0"
        raise ShapeError(message)
    if step < 0 and (_is_far(stop) or (isinstance(start, int) and isinstance(n, int) and start < -n < 0)):
        message = "backwards from before the first entry, or to the far end: runtimes differ in which entries these are"
        raise UnsupportedOperationError(message)
    if all(isinstance(value, int) for value in (start, stop, n)):
        chosen = range(*slice(start, stop, step).indices(n))  # type: ignore[arg-type]
        last = chosen.stop if chosen and chosen.stop >= 0 else None if chosen else chosen.start
        return chosen.start, last, max(min(step, LARGEST_INTEGER), -LARGEST_INTEGER)
    # Of a named size only what both ends leave whole is known, and where Python would not cut a slice short.
    forward = step > 0
    from_end = start == 0 if forward else start == -1 or _is_far(start)
    to_end = (stop == n or _is_far(stop)) if forward else _is_far(size.multiply(-1, stop))
    return None if from_end else start, None if to_end else stop, step


def _is_far(bound: Size) -> bool:
    """Whether a bound is one of those that stand for the end of any axis."""
    return isinstance(bound, int) and bound >= LARGEST_INTEGER - 1
