"""Indices and slices of one axis, counted from its front."""

from __future__ import annotations

from typing import Any

from service.errors import InvalidRequestError, ShapeError
from service.ir import size
from service.ir.size import Dim, Shape, Size, written


def bounds(item: tuple[Any, ...], n: Size) -> tuple[Size, Size, int]:
    """Start, count and step of a slice `(start, stop, step)` of an axis of size n, as Python has it."""
    start, stop, step = item
    step = 1 if step is None else step
    if step == 0:
        message = "a slice step cannot be 0"
        raise InvalidRequestError(message)
    if isinstance(n, int) and not isinstance(start, Dim) and not isinstance(stop, Dim):
        chosen = range(*slice(start, stop, step).indices(n))
        return (chosen.start if chosen else 0), len(chosen), step
    if item == (None, None, -1):
        return size.subtract(n, 1), n, -1
    if step != 1:
        message = f"a slice with named sizes has step 1, got {step} for an axis of size {n!r}"
        raise InvalidRequestError(message)
    low = 0 if start is None else _from_front(start, n)
    high = n if stop is None else _from_front(stop, n)
    return low, size.subtract(high, low), 1


def _from_front(edge: Size, n: Size) -> Size:
    """A position counted from the front; a negative number or size counts from the end."""
    counts = [edge] if isinstance(edge, int) else [count for _, count in edge.terms]
    return size.add(n, edge) if all(count < 0 for count in counts) else edge


def position(index: Size, n: Size, x: Shape = ()) -> Size:
    """Where an index points, counted from the front; `x` is the shape that an error shows."""
    if isinstance(n, int) and isinstance(index, int) and not -n <= index < n:
        message = f"index {index} is out of range for an axis of size {n}, shape {written(x)}"
        raise ShapeError(message)
    return _from_front(index, n)
