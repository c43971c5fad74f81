"""Operators of MathJSON that are more than a formula: numbers that must be written out, lists, cases and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from functools import reduce
from itertools import product
from typing import Any

from service.errors import LimitError, ParseError, ShapeError, UnsupportedOperationError, quote
from service.frontends.bounds import LARGEST_INTEGER, NODES
from service.frontends.constants import write_constant
from service.frontends.formulas import Steps
from service.frontends.mathjson_expression import Expression, Form, Indices
from service.frontends.mathjson_literals import Call, Symbol, Text, literal
from service.frontends.nonfinite import NON_FINITE
from service.ir.leaves import fill_value
from service.ir.node import Node

_ARITHMETIC: Mapping[str, Callable[..., float]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "negative": lambda x: -x,
}
_RANGES = ("Limits", "Tuple", "Triple")
_RANGE_ENTRIES = 3  # an index, the first number and the last
_MATRIX = 2  # axes


def _check_count(call: Call, least: int, most: int | None = None) -> None:
    count, most = len(call.operands), least if most is None else most
    if not least <= count <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}" if most < LARGEST_INTEGER else f"{least} or more"
        message = f"{call.name} takes {wanted} operands, got {count}"
        raise ParseError(message)


def integer(node: Node, what: str) -> int:
    """A whole number that is written out, or that follows from the indices of sums by `+`, `-` and `*`."""
    value = _plain(node, 0)
    if value is None or not value.is_integer() or abs(value) > LARGEST_INTEGER:
        message = f"{what} is a whole number, written out"
        raise UnsupportedOperationError(message)
    return int(value)


def _plain(node: Node, depth: int) -> float | None:
    value = fill_value(node)
    rule = _ARITHMETIC.get(node.op.name)
    if value is not None or rule is None or depth > _MATRIX**2 or node.shape:
        return None if node.shape else value
    inputs = [_plain(entry, depth + 1) for entry in node.inputs]
    numbers = [entry for entry in inputs if entry is not None]
    return rule(*numbers) if len(numbers) == len(inputs) else None


def _rational(reading: Expression, call: Call, indices: Indices) -> Steps:
    nodes = yield from reading.operands(call, indices)
    with reading.within(call.name, call.pointer):
        _check_count(call, 2)
        above, below = (integer(node, "a part of a Rational") for node in nodes)
        if not below:
            message = "the denominator of a Rational is 0"
            raise ParseError(message)
        return reading.assembly.number(above / below)


def _root(reading: Expression, call: Call, indices: Indices) -> Steps:
    """Of an odd index the real root, of an even one none where the operand is negative."""
    nodes = yield from reading.operands(call, indices)
    with reading.within(call.name, call.pointer):
        _check_count(call, 2)
        index = integer(nodes[1], "the index of a Root")
        if index < 1:
            message = "the index of a Root is 1 or more"
            raise UnsupportedOperationError(message)
        if index <= 2:  # noqa: PLR2004 - a square root
            return reading.writer.formula("x" if index == 1 else "sqrt(x)", nodes[0])
        return reading.writer.formula(f"sign(x)*abs(x)**(1/{index})" if index % 2 else f"x**(1/{index})", nodes[0])


def _with_number(formula: str, least: int, what: str, place: int) -> Callable[..., Steps]:
    """A formula with a whole number in it, from one of two operands."""

    def form(reading: Expression, call: Call, indices: Indices) -> Steps:
        nodes = yield from reading.operands(call, indices)
        with reading.within(call.name, call.pointer):
            _check_count(call, 2)
            number = integer(nodes[place], what)
            if number < least:
                message = f"{what} is {least} or more"
                raise UnsupportedOperationError(message)
            return reading.writer.formula(formula.format(number), nodes[1 - place])

    return form


def _which(reading: Expression, call: Call, indices: Indices) -> Steps:
    """The value after the first condition that holds; the last one is `True`."""
    nodes = yield from reading.operands(call, indices)
    with reading.within(call.name, call.pointer):
        conditions, values = nodes[::2], nodes[1::2]
        if not values or len(conditions) != len(values) or fill_value(conditions[-1]) != 1.0:
            message = "Which takes pairs of a condition and a value, and the last condition is True"
            raise ParseError(message)
        pairs = list(zip(conditions, values, strict=True))[:-1]
        return reduce(lambda rest, pair: reading.writer.apply("If", [*pair, rest]), reversed(pairs), values[-1])


def _list(reading: Expression, call: Call, indices: Indices) -> Steps:
    """An array of numbers is a constant, any other its parts along a new first axis."""
    nodes = yield from reading.operands(call, indices)
    with reading.within(call.name, call.pointer):
        if not nodes:
            message = "a List has at least one entry"
            raise ParseError(message)
        written = [write_constant(node) for node in nodes]
        if any(entry is None for entry in written) or len({node.shape for node in nodes}) > 1:
            return reading.assembly.apply("stack", *nodes)
        data = [NON_FINITE.get(value, value) for entry in written if entry for value in entry["data"]]
        return reading.assembly.numbers([len(nodes), *nodes[0].shape], data)


def _matrix(reading: Expression, call: Call, indices: Indices) -> Steps:
    """The first operand; what else there is says how it is written."""
    with reading.within(call.name, call.pointer):
        _check_count(call, 1, 3)
        for place, operand in enumerate(call.operands[1:], 2):
            if not isinstance(literal(operand, f"{call.pointer}/{place}"), Text):
                message = "after the rows of a Matrix there are strings only"
                raise ParseError(message)
    nodes = yield from reading.operands(call, indices, 0, 1)
    with reading.within(call.name, call.pointer):
        if len(nodes[0].shape) != _MATRIX:
            message = f"a Matrix has two axes, got {len(nodes[0].shape)}"
            raise ShapeError(message)
        return nodes[0]


def _delimiter(reading: Expression, call: Call, indices: Indices) -> Steps:
    with reading.within(call.name, call.pointer):
        _check_count(call, 1)
    nodes = yield from reading.operands(call, indices)
    return nodes[0]


def _at(reading: Expression, call: Call, indices: Indices) -> Steps:
    """An entry; indices count from 1, negative ones from the end."""
    nodes = yield from reading.operands(call, indices)
    with reading.within(call.name, call.pointer):
        _check_count(call, 2, 1 + max(1, len(nodes[0].shape) if nodes else 1))
        places = [integer(node, "an index") for node in nodes[1:]]
        if 0 in places:
            message = "indices count from 1"
            raise ParseError(message)
        return reading.assembly.apply("getitem", nodes[0], index=[k - 1 if k > 0 else k for k in places])


def _norm(reading: Expression, call: Call, indices: Indices) -> Steps:
    """Of a vector with `ord` 1, 2 or infinity, of a matrix Frobenius's."""
    with reading.within(call.name, call.pointer):
        _check_count(call, 1, 2)
        kind = literal(call.operands[1], f"{call.pointer}/2") if len(call.operands) > 1 else None
    named = kind.content if isinstance(kind, Text) else None
    nodes = yield from reading.operands(call, indices, 0, 1 if named is not None else 2)
    with reading.within(call.name, call.pointer):
        axes = len(nodes[0].shape)
        order = fill_value(nodes[1]) if len(nodes) > 1 else {None: 2.0, "Infinity": math.inf}.get(named)
        if not axes:
            return reading.writer.formula("abs(x)", nodes[0])
        if axes == 1 and order in (1.0, 2.0, math.inf):
            return reading.writer.formula(f"norm(x, ord={'inf' if math.isinf(order) else int(order)})", nodes[0])
        if axes == _MATRIX and (named == "Frobenius" or len(call.operands) == 1):
            return reading.writer.formula("norm(x)", nodes[0])
        message = "a norm is that of a vector, of order 1, 2 or Infinity, or Frobenius's of a matrix"
        raise UnsupportedOperationError(message)


def _identity(reading: Expression, call: Call, indices: Indices) -> Steps:
    nodes = yield from reading.operands(call, indices)
    with reading.within(call.name, call.pointer):
        _check_count(call, 1)
        return reading.assembly.apply("eye", n=integer(nodes[0], "the size of an IdentityMatrix"))


def _ranged(joined: str, of_list: str, empty: float) -> Callable[..., Steps]:
    """A sum or a product: of the entries of a list, or of a term for every number of whole ranges."""

    def form(reading: Expression, call: Call, indices: Indices) -> Steps:
        with reading.within(call.name, call.pointer):
            _check_count(call, 1, LARGEST_INTEGER)
        if len(call.operands) == 1:
            nodes = yield from reading.operands(call, indices)
            with reading.within(call.name, call.pointer):
                if len(nodes[0].shape) != 1:
                    message = (
                        f"{call.name} of one operand takes a list, and otherwise a range, such as ['Limits', 'i', 1, 5]"
                    )
                    raise ShapeError(message)
                return reading.writer.formula(of_list, nodes[0])
        ranges: dict[str, range] = {}
        for place, given in enumerate(call.operands[1:], 2):
            name, numbers = yield from _range(reading, call, given, place, indices)
            ranges[name] = numbers
        with reading.within(call.name, call.pointer):
            _check_ranges(ranges, len(call.operands) - 1, reading.limits.nodes)
        terms: list[Node] = []
        for values in product(*ranges.values()):
            with reading.within(call.name, call.pointer):
                reading.count()
            bound = dict(zip(ranges, map(reading.assembly.number, values), strict=True))
            terms.append((yield reading.term(call.operands[0], f"{call.pointer}/1", {**indices, **bound})))
        with reading.within(call.name, call.pointer):
            return reduce(lambda x, y: reading.writer.formula(joined, x, y), terms or [reading.assembly.number(empty)])

    return form


def _check_ranges(ranges: Mapping[str, range], wanted: int, cap: int) -> None:
    if len(ranges) < wanted:
        message = "two ranges have the same index"
        raise ParseError(message)
    terms = math.prod(map(len, ranges.values()))
    if terms > cap:
        raise LimitError(NODES, terms, cap)


def _range(
    reading: Expression, call: Call, given: Any, place: int, indices: Indices
) -> Generator[Any, Any, tuple[str, range]]:
    """The index and the numbers of one range: `["Limits", "i", 1, 5]`."""
    pointer = f"{call.pointer}/{place}"
    with reading.within(call.name, call.pointer):
        found = literal(given, pointer)
        if not isinstance(found, Call) or found.name not in _RANGES or len(found.operands) != _RANGE_ENTRIES:
            message = "a range is an index and two whole numbers, such as ['Limits', 'i', 1, 5]"
            raise UnsupportedOperationError(message)
        index = literal(found.operands[0], f"{found.pointer}/1")
        if not isinstance(index, Symbol):
            message = f"the index of a range is a symbol, got {quote(str(found.operands[0]))}"
            raise ParseError(message)
    bounds = yield from reading.operands(found, indices, 1)
    with reading.within(call.name, call.pointer):
        first, last = (integer(node, "a bound of a range") for node in bounds)
    return index.name, range(first, last + 1)


FORMS: Mapping[str, Form] = {
    "Rational": _rational,
    "Root": _root,
    "PolyGamma": _with_number("polygamma({}, x)", 0, "the order of a PolyGamma", 0),
    "MatrixPower": _with_number("matrix_power(x, {})", -LARGEST_INTEGER, "the exponent of a MatrixPower", 1),
    "Which": _which,
    "List": _list,
    "Matrix": _matrix,
    "Delimiter": _delimiter,
    "At": _at,
    "Norm": _norm,
    "IdentityMatrix": _identity,
    "Sum": _ranged("x + y", "sum(x)", 0.0),
    "Product": _ranged("x*y", "prod(x)", 1.0),
}
