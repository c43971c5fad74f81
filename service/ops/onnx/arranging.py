"""Shapes, indices, diagonals and shifts: sizes that are only named are read when the model runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.ir import size
from service.ir.node import Node
from service.ir.size import Dim, Size
from service.ops.onnx.sheet import BOOL, LEAST_INT, Sheet, Value, op, where

Bounds = tuple[Size, Size, int]  # start, count and step


def constant(value: float) -> Any:
    """The same number everywhere; an operation without inputs gets the sheet."""

    def write(node: Node, sheet: Sheet) -> Value:
        return sheet.filled(value, node.shape)

    return write


def eye(node: Node, sheet: Sheet) -> Value:
    """The identity matrix."""
    return op("EyeLike", sheet.filled(0.0, node.shape))


def reshaped(node: Node, x: Value) -> Value:
    """The entries in row-major order under the node's shape."""
    return op("Reshape", x, x.sheet.shape(node.shape), allowzero=1)


def repeated(node: Node, x: Value) -> Value:
    """The entries repeated to the node's shape."""
    return op("Expand", x, x.sheet.shape(node.shape))


def transposed(node: Node, x: Value) -> Value:
    """The axes in another order."""
    axes = dict(node.attributes)["axes"]
    return op("Transpose", x, perm=tuple(range(len(node.shape)))[::-1] if axes is None else axes)


def vec(node: Node, x: Value) -> Value:
    """Columns one after another."""
    return reshaped(node, op("Transpose", x, perm=(1, 0)))


def stack(node: Node, *parts: Value) -> Value:
    """The parts along a new axis."""
    axis = dict(node.attributes)["axis"]
    return op("Concat", *(op("Unsqueeze", part, part.sheet.integers([axis])) for part in parts), axis=axis)


def concatenate(node: Node, *parts: Value) -> Value:
    """The parts along an axis."""
    return op("Concat", *parts, axis=dict(node.attributes)["axis"])


def sliced(x: Value, bounds: Sequence[tuple[int, Bounds]]) -> Value:
    """Entries of some axes, each from a start on, so many, by a step."""
    if not bounds:
        return x
    sheet = x.sheet
    starts = [start for _, (start, _, _) in bounds]
    stops = [size.add(start, size.multiply(count, step)) for _, (start, count, step) in bounds]
    steps = [step for _, (_, _, step) in bounds]
    # A stop of -1 is before the first entry, where ONNX would read it as the last.
    ends = [LEAST_INT if step < 0 and (isinstance(stop, Dim) or stop < 0) else stop
            for stop, step in zip(stops, steps, strict=True)]  # fmt: skip
    axes = sheet.integers([axis for axis, _ in bounds])
    return op("Slice", x, sheet.shape(tuple(starts)), sheet.shape(tuple(ends)), axes, sheet.integers(steps))


def indexed(x: Value, places: Sequence[Bounds | Size | None]) -> Value:
    """NumPy's basic indexing: slices, single entries counted from the front, and new axes."""
    bounds, gone, new = list[tuple[int, Bounds]](), list[int](), list[int]()
    axis = kept = 0
    for place in places:
        if place is None:
            new.append(kept)
            kept += 1
            continue
        if isinstance(place, tuple):
            bounds.append((axis, place))
            kept += 1
        else:
            bounds.append((axis, (place, 1, 1)))
            gone.append(axis)
        axis += 1
    found = sliced(x, bounds)
    found = op("Squeeze", found, x.sheet.integers(gone)) if gone else found
    return op("Unsqueeze", found, x.sheet.integers(new)) if new else found


def flip(node: Node, x: Value) -> Value:
    """A step of -1 along each axis."""
    shape, axis = node.shape, dict(node.attributes)["axis"]
    axes = range(len(shape)) if axis is None else axis
    return sliced(x, [(k, (size.subtract(shape[k], 1), shape[k], -1)) for k in axes])


def _rolled(x: Value, shift: int, axis: int, n: Size) -> Value:
    """What falls off the end comes in at the front."""
    sheet = x.sheet
    places = op("Mod", sheet.integers([shift]), op("Max", sheet.size(n), sheet.integers([1])))
    cut, axes = op("Sub", sheet.size(n), places), sheet.integers([axis])
    tail = op("Slice", x, cut, sheet.size(n), axes)
    return op("Concat", tail, op("Slice", x, sheet.integers([0]), cut, axes), axis=axis)


def roll(node: Node, x: Value) -> Value:
    """Along axes in turn, or of all entries in a row."""
    shape, given = node.inputs[0].shape, dict(node.attributes)
    if given["axis"] is None:
        shifts = given["shift"] if isinstance(given["shift"], tuple) else (given["shift"],)
        flat = op("Reshape", x, x.sheet.shape((size.count(shape),)), allowzero=1)
        return reshaped(node, _rolled(flat, sum(shifts), 0, size.count(shape)))
    shifts = given["shift"] if isinstance(given["shift"], tuple) else (given["shift"],) * len(given["axis"])
    for axis, shift in zip(given["axis"], shifts, strict=True):
        x = _rolled(x, shift, axis, shape[axis])
    return x


def diagonal_of(x: Value, rank: int, rows: int, columns: int, bounds: tuple[Bounds, Bounds]) -> Value:
    """The diagonal of the block that `bounds` cut from two axes, as the last axis."""
    block = sliced(x, [(rows, bounds[0]), (columns, bounds[1])])
    letters = [chr(ord("a") + k) for k in range(rank)]
    letters[columns] = letters[rows]
    kept = [letter for k, letter in enumerate(letters) if k not in (rows, columns)]
    return op("Einsum", block, equation=f"{''.join(letters)}->{''.join(kept)}{letters[rows]}")


def diagonal(node: Node, x: Value) -> Value:
    """NumPy's diagonal."""
    given, n = dict(node.attributes), node.shape[-1]
    offset = given["offset"]
    bounds = ((max(-offset, 0), n, 1), (max(offset, 0), n, 1))
    return diagonal_of(x, len(node.inputs[0].shape), given["axis1"], given["axis2"], bounds)


def diag(node: Node, x: Value) -> Value:
    """The diagonal of a matrix, or the matrix with a vector on one."""
    k, sheet = dict(node.attributes)["k"], x.sheet
    if len(node.shape) == 1:
        return diagonal_of(x, 2, 0, 1, ((max(-k, 0), node.shape[0], 1), (max(k, 0), node.shape[0], 1)))
    n = node.inputs[0].shape[0]
    on = op("Cast", op("EyeLike", sheet.filled(0.0, (n, n))), to=BOOL)
    square = where(on, x, 0.0)
    return op("Pad", square, sheet.integers([max(-k, 0), max(k, 0), max(k, 0), max(-k, 0)])) if k else square


def triangular(*, upper: bool) -> Any:
    """A triangular part."""

    def write(node: Node, x: Value) -> Value:
        return op("Trilu", x, x.sheet.integer(dict(node.attributes)["k"]), upper=int(upper))

    return write
