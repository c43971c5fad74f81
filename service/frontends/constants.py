"""Constants in the graph format, both directions; JSON has no NaN and no infinity, so these are texts."""

from __future__ import annotations

from array import array as numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.errors import InvalidRequestError, ShapeError, quote
from service.frontends.bounds import AXES, ELEMENTS, Limits, check_count, check_shape
from service.frontends.builder import array_of_numbers
from service.frontends.fields import Fields, as_list
from service.frontends.nonfinite import NON_FINITE, written_number
from service.ir import size
from service.ir.leaves import ARRAY, FILL, SIZE, constant, size_value
from service.ir.node import Node
from service.ir.size import Dim, Shape, Size, written

ATTRIBUTES = Fields("a constant", optional=("value", "shape", "size"))
WITH_DATA = Fields("the value of a constant", required=("shape", "data"))

ReadSize = Callable[[Any], Size]


def read_entries(shape: Shape, data: Any, limits: Limits, pointer: str) -> Node:
    """A constant from a shape and its entries in row-major order."""
    listed = data if not shape and not isinstance(data, list | tuple) else as_list(data, pointer)
    entries: Sequence[Any] = listed if isinstance(listed, list | tuple) else [listed]
    check_count(ELEMENTS, len(entries), limits.elements, pointer=pointer)
    count = size.count(shape)
    if isinstance(count, Dim):
        message = f"a constant needs sizes that are numbers, got {written(shape)}"
        raise ShapeError(message, pointer=pointer)
    if count != len(entries):
        message = f"the shape {written(shape)} has {count} entries, the data {len(entries)}"
        raise ShapeError(message, pointer=pointer)
    values = _numbers(entries, pointer)
    return array_of_numbers(shape, values) if shape else constant(values[0])


def _numbers(entries: Sequence[Any], pointer: str) -> Sequence[float]:
    if set(map(type, entries)) <= {int, float}:  # millions of entries, without a step of Python for each
        try:
            return numbers("d", entries)
        except OverflowError:
            pass  # the slow way tells which
    return [_number(entry, pointer, place) for place, entry in enumerate(entries)]


def _number(entry: Any, pointer: str, place: int | None = None) -> float:
    try:
        if isinstance(entry, float | int) and not isinstance(entry, bool):
            return float(entry)
        return NON_FINITE[entry]
    except (KeyError, TypeError, OverflowError):
        shown = f", got {quote(entry)}" if isinstance(entry, str) else ""
        message = f"a number within the range of a double is expected, or one of {', '.join(NON_FINITE)}{shown}"
        raise InvalidRequestError(message, pointer=pointer if place is None else f"{pointer}/{place}") from None


def read_constant(given: Mapping[str, Any], limits: Limits, read_size: ReadSize, pointer: str) -> Node:
    """The node `constant`: a `value`, a value everywhere in a `shape`, or a named `size` as a number."""
    fields = ATTRIBUTES.read(given, pointer)
    if "size" in fields and len(fields) == 1:
        return size_value(read_size(fields["size"]))
    if "value" not in fields or "size" in fields:
        message = "a constant has a value, and maybe a shape; or else a size"
        raise InvalidRequestError(message, pointer=pointer)
    sizes = as_list(fields.get("shape", []), f"{pointer}/shape")
    check_count(AXES, len(sizes), limits.axes, pointer=f"{pointer}/shape")
    value = fields["value"]
    if isinstance(value, Mapping) and "shape" not in fields:
        inner = WITH_DATA.read(value, f"{pointer}/value")
        shape = tuple(map(read_size, as_list(inner["shape"], f"{pointer}/value/shape")))
        check_shape(shape, limits)
        return read_entries(shape, inner["data"], limits, f"{pointer}/value/data")
    return constant(_number(value, f"{pointer}/value"), tuple(map(read_size, sizes)))


def write_constant(node: Node) -> dict[str, Any] | None:
    """The `shape` and `data` of a constant with entries of its own, else None."""
    if node.op is FILL and not node.shape:
        return {"shape": [], "data": [written_number(node.attributes)]}
    if node.op is ARRAY:
        entries = numbers("d", node.attributes.content)
        return {"shape": list(node.shape), "data": [written_number(entry) for entry in entries]}
    return None


def write_spread(node: Node) -> dict[str, Any] | None:
    """The attributes of the node `constant` for a number without entries of its own, else None."""
    if node.op is FILL:
        return {"value": written_number(node.attributes), "shape": [write_size(entry) for entry in node.shape]}
    if node.op is SIZE:
        return {"size": write_size(node.attributes)}
    return None


def write_size(entry: Size) -> int | str:
    """A size: a number, or names in the language's spelling."""
    return entry if isinstance(entry, int) else repr(entry)


__all__ = ["read_constant", "read_entries", "write_constant", "write_size", "write_spread"]
