"""Sizes as users write them: names in declared shapes, and arithmetic where an attribute expects a size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.errors import InvalidRequestError
from service.frontends.bounds import AXES, Limits, check_count, check_shape, is_integer, is_modest
from service.frontends.words import check_name
from service.ir import size
from service.ir.size import Dim, Shape, Size, named

ABSENT: Any = object()  # the plain value of what has none; None is one
LARGEST_EXPONENT = 31
LARGEST_PRODUCT = 32  # pairs of terms that are multiplied out: thousands of such products must stay cheap


def declared_shape(sizes: Sequence[int | str], bound: Mapping[str, int], limits: Limits) -> Shape:
    """The shape of a declaration: sizes are numbers or names, and a name in `bound` is its number."""
    check_count(AXES, len(sizes), limits.axes)
    shape = tuple(_declared_size(entry, bound) for entry in sizes)
    check_shape(shape, limits)
    return shape


def _declared_size(entry: int | str, bound: Mapping[str, int]) -> Size:
    if isinstance(entry, str):
        check_name(entry)
        return bound.get(entry, named(entry))
    if not is_integer(entry):
        message = "a size is a whole number or a name"
        raise InvalidRequestError(message)
    return entry


def bind(shape: Shape, bound: Mapping[str, int]) -> Shape:
    """The shape with numbers for the names that `bound` knows."""
    return tuple(_bound(entry, bound) for entry in shape) if bound else shape


def _bound(entry: Size, bound: Mapping[str, int]) -> Size:
    if not isinstance(entry, Dim) or not size.names(entry) & bound.keys():
        return entry
    total: Size = 0
    for factors, coefficient in entry.terms:
        product = size.count(bound.get(name, named(name)) for name in factors)
        total = size.add(total, size.multiply(coefficient, product))
    return total


def size_names(shapes: Iterable[Shape]) -> set[str]:
    """The names of sizes that occur in the shapes."""
    return {name for shape in shapes for entry in shape for name in size.names(entry)}


def calculate(operation: str, left: Any, right: Any) -> Any:
    """What an operation on two plain values is as a size, or ABSENT; immense results are none."""
    if not (_is_size(left) and _is_size(right)):
        return ABSENT
    if operation == "power":
        return _power(left, right)
    rule = {"add": size.add, "subtract": size.subtract, "multiply": size.multiply}.get(operation)
    if rule is None or (operation == "multiply" and _terms(left) * _terms(right) > LARGEST_PRODUCT):
        return ABSENT
    result = rule(left, right)
    return result if is_modest(result) else ABSENT


def _is_size(value: Any) -> bool:
    return isinstance(value, Dim) or is_integer(value)


def _terms(value: Size) -> int:
    return len(value.terms) if isinstance(value, Dim) else 1


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, Dim) or isinstance(right, Dim) or not 0 <= right <= LARGEST_EXPONENT:
        return ABSENT
    result = left**right
    return result if is_modest(result) else ABSENT
