"""ONNX nodes as plain data while a model is written; equal nodes are one node, as in the graph they come from.

Every value is an array of float64, but for conditions and sizes within the writing of one operation. onnxruntime has
no float64 kernels for a part of the operators (Tan, Erf, Det, ...): what is written here keeps to those it has.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from service.errors import UnsupportedOperationError
from service.ir.node import Node
from service.ir.size import Dim, Shape, Size, written

DOUBLE, INT64, BOOL = 11, 7, 9  # TensorProto.DataType
CONTRIBUTED = "com.microsoft"  # the domain of operators that onnxruntime has beside those of ONNX
LEAST_INT = -(2**62)


class Emitted(NamedTuple):
    """One ONNX node; every node written here has one output."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: tuple[tuple[str, Any], ...]
    domain: str


class Initializer(NamedTuple):
    """A constant tensor: its type, its sizes and its bytes in row-major order."""

    type: int
    shape: tuple[int, ...]
    content: bytes


@dataclass(frozen=True)
class Value:
    """A tensor of the model by its name, with arithmetic that writes nodes."""

    sheet: Sheet = field(repr=False)
    name: str

    @property
    def varies(self) -> bool:
        """Whether it depends on an input."""
        return self.name in self.sheet.varying

    def __add__(self, other: Value | float) -> Value:
        return op("Add", self, other)

    def __radd__(self, other: float) -> Value:
        return op("Add", other, self)

    def __sub__(self, other: Value | float) -> Value:
        return op("Sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return op("Sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return op("Mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return op("Mul", other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return op("Div", self, other)

    def __neg__(self) -> Value:
        return op("Neg", self)

    def __abs__(self) -> Value:
        return op("Abs", self)

    def __rtruediv__(self, other: float) -> Value:
        return op("Div", other, self)

    def __rpow__(self, base: float) -> Value:
        return op("Pow", base, self)

    def __lt__(self, other: Value | float) -> Value:
        return op("Less", self, other)

    def __gt__(self, other: Value | float) -> Value:
        return op("Greater", self, other)

    def is_(self, other: Value | float) -> Value:
        """Where both are equal, as a condition."""
        return op("Equal", self, other)


def op(operator: str, *operands: Value | float, domain: str = "", **attributes: Any) -> Value:
    """The output of an ONNX operator; plain numbers become float64 constants."""
    sheet = next(operand.sheet for operand in operands if isinstance(operand, Value))
    inputs = [operand if isinstance(operand, Value) else sheet.number(operand) for operand in operands]
    if operator == "Div" and not inputs[0].varies:
        # Of (1/x)*y onnxruntime makes y/x, and forgets who else needs 1/x (its DivMulFusion).
        return inputs[0] * sheet.emit("Reciprocal", inputs[1:], {})
    return sheet.emit(operator, inputs, attributes, domain)


def where(condition: Value, then: Value | float, otherwise: Value | float) -> Value:
    """One value where a condition holds, the other elsewhere."""
    return op("Where", condition, then, otherwise)


def is_nan(x: Value) -> Value:
    """Where it is not a number, as a condition: in operators that this service reads, too."""
    return op("Not", x.is_(x))


def is_infinite(x: Value) -> Value:
    """Where it is infinite, as a condition."""
    return abs(x).is_(math.inf)


def number(condition: Value) -> Value:
    """A condition as 1 and 0."""
    return op("Cast", condition, to=DOUBLE)


def lacking(node: Node) -> UnsupportedOperationError:
    """The refusal of what ONNX cannot say of an operation, with the reason that its declaration gives."""
    shapes = " and ".join(written(child.shape) for child in node.inputs)
    return UnsupportedOperationError(f"{node.op.name} of {shapes} cannot be written in ONNX: {node.op.onnx_lacks}")


class Sheet:
    """The nodes and constants of one model. `sources` has, for each named size, an input and the axis that has it."""

    def __init__(self, names: Iterable[str], sources: Mapping[str, tuple[str, int]]) -> None:
        """`names` are those of the inputs; names made here have a character that no name of a user's has."""
        self.nodes: dict[tuple[Any, ...], Emitted] = {}
        self.initializers: dict[Initializer, str] = {}
        self.inputs = {name: Value(self, name) for name in names}
        self.varying = set(self.inputs)
        self._sources = sources

    def emit(self, operator: str, inputs: Sequence[Value], attributes: Mapping[str, Any], domain: str = "") -> Value:
        """The output of a node, which is made unless there is an equal one."""
        named, given = tuple(value.name for value in inputs), tuple(sorted(attributes.items()))
        key = (operator, domain, named, given)
        if key not in self.nodes:
            self.nodes[key] = Emitted(operator, named, f"/{len(self.nodes) + 1}", given, domain)
            if self.varying.intersection(named):
                self.varying.add(self.nodes[key].output)
        return Value(self, self.nodes[key].output)

    def constant(self, content: bytes, shape: tuple[int, ...], kind: int = DOUBLE) -> Value:
        """A constant tensor; equal ones are one."""
        found = Initializer(kind, shape, content)
        return Value(self, self.initializers.setdefault(found, f"/c{len(self.initializers) + 1}"))

    def number(self, value: float) -> Value:
        """A float64 constant without axes."""
        return self.constant(struct.pack("<d", value), ())

    def numbers(self, values: Sequence[float]) -> Value:
        """A float64 constant with one axis."""
        return self.constant(struct.pack(f"<{len(values)}d", *values), (len(values),))

    def integers(self, values: Sequence[int]) -> Value:
        """An int64 constant with one axis: axes, starts, a shape."""
        return self.constant(struct.pack(f"<{len(values)}q", *values), (len(values),), INT64)

    def integer(self, value: int) -> Value:
        """An int64 constant without axes."""
        return self.constant(struct.pack("<q", value), (), INT64)

    def size(self, size: Size) -> Value:
        """A size as an int64 vector of one entry, read off the inputs when the model runs."""
        if isinstance(size, int):
            return self.integers([size])
        total: Value | None = None
        for names, coefficient in size.terms:
            term = self.integers([coefficient]) if coefficient != 1 or not names else None
            for name in names:
                term = self._named(name) if term is None else op("Mul", term, self._named(name))
            total = term if total is None or term is None else op("Add", total, term)
        return total or self.integers([0])

    def _named(self, name: str) -> Value:
        if name not in self._sources:
            message = f"the size {name} is not the size of an axis of an input, where an ONNX model could read it"
            raise UnsupportedOperationError(message)
        variable, axis = self._sources[name]
        return op("Shape", self.inputs[variable], start=axis, end=axis + 1)

    def shape(self, shape: Shape) -> Value:
        """A shape as an int64 vector."""
        if not any(isinstance(size, Dim) for size in shape):
            return self.integers([size for size in shape if isinstance(size, int)])
        return self.emit("Concat", [self.size(size) for size in shape], {"axis": 0})

    def filled(self, value: float, shape: Shape) -> Value:
        """The same number everywhere."""
        return op("Expand", self.number(value), self.shape(shape)) if shape else self.number(value)

    def size_as_number(self, size: Size) -> Value:
        """A size as float64 without axes."""
        if isinstance(size, int):
            return self.number(size)
        return op("Cast", op("Reshape", self.size(size), self.integers([])), to=DOUBLE)
