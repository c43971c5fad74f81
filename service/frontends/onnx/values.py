"""What names of a model stand for: tensors, which are nodes of our graph, and literals, whose entries are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from service.errors import FluxionError, ShapeError, UnsupportedOperationError
from service.frontends.bounds import check_count
from service.frontends.builder import Builder, array_of_numbers, operation
from service.ir import size
from service.ir.leaves import constant, size_value
from service.ir.node import Node
from service.ir.op import Op
from service.ir.size import Dim, Shape, Size

Kind = Literal["float", "int", "bool"]
BYTES_PER_ELEMENT = 8
APPLIED_PER_NODE = 3  # how often the nodes of a graph are found again, at the most
MOST_KNOWN = 2**20  # entries of constants that are looked at one by one, each time that they are


class ModelBuilder(Builder):
    """Builds nodes within the limits, and counts the entries of constants that are worked on while a model is read."""

    known = 0
    applied = 0

    def apply(self, op: Op, inputs: Sequence[Node], attributes: Mapping[str, Any] | None = None) -> Node:
        """The operation on these inputs; those that give a node which is there already count as well."""
        self.applied += 1
        check_count("model_operations", self.applied, APPLIED_PER_NODE * self.limits.nodes)
        return super().apply(op, inputs, attributes)

    def spend(self, entries: int) -> None:
        """Count entries of constants before they are computed or looked at."""
        self.known += entries
        check_count("known_entries", self.known, MOST_KNOWN)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A node of our graph; one of kind bool is 1 where it is true and 0 elsewhere."""

    builder: ModelBuilder
    node: Node
    kind: Kind = "float"

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return self.node.shape

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.node.shape)

    def axis(self, axis: int) -> int:
        """An axis counted from the front."""
        return axis_of(axis, self.rank)

    def of(self, value: Tensor | float) -> Tensor:
        """A number as a tensor."""
        return value if isinstance(value, Tensor) else Tensor(self.builder, constant(float(value)))

    def call(self, name: str, *others: Tensor | float, **attributes: Any) -> Tensor:
        """The operation `name` of the language on this and other tensors."""
        op, inputs = operation(name), [self.node, *(self.of(other).node for other in others)]
        parameters = {parameter.name: parameter for parameter in op.options}
        given = {key: self.builder.attribute(op, parameters[key], value, inputs) for key, value in attributes.items()}
        return Tensor(self.builder, self.builder.apply(op, inputs, given))

    def __add__(self, other: Tensor | float) -> Tensor:
        return self.call("add", other)

    def __radd__(self, other: float) -> Tensor:
        return self.of(other) + self

    def __sub__(self, other: Tensor | float) -> Tensor:
        return self.call("subtract", other)

    def __rsub__(self, other: float) -> Tensor:
        return self.of(other) - self

    def __mul__(self, other: Tensor | float) -> Tensor:
        return self.call("multiply", other)

    def __rmul__(self, other: float) -> Tensor:
        return self.of(other) * self

    def __truediv__(self, other: Tensor | float) -> Tensor:
        return self.call("divide", other)

    def __rtruediv__(self, other: float) -> Tensor:
        return self.of(other) / self

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.call("matmul", other)

    def __pow__(self, other: Tensor | float) -> Tensor:
        return self.call("power", other)

    def __neg__(self) -> Tensor:
        return self.call("negative")

    def __gt__(self, other: Tensor | float) -> Tensor:
        return self.call("greater", other)

    def __lt__(self, other: Tensor | float) -> Tensor:
        return self.call("less", other)

    def where(self, then: Tensor | float, otherwise: Tensor | float) -> Tensor:
        """`then` where this holds, `otherwise` elsewhere."""
        return self.call("where", then, otherwise)

    def reshape(self, shape: Sequence[Size]) -> Tensor:
        """The same entries under another shape."""
        shape = tuple(shape)
        return self if shape == self.shape else self.call("reshape", shape=shape)

    def filled(self, value: float, shape: Shape) -> Tensor:
        """A constant tensor with one value everywhere."""
        return Tensor(self.builder, self.builder.keep(constant(value, shape)))


@dataclass(frozen=True, eq=False)
class Known:
    """A constant of integers or conditions: shape and entries in row-major order; an integer may be a named size."""

    kind: Kind
    shape: tuple[int, ...]
    entries: tuple[Size, ...]

    def __post_init__(self) -> None:
        """Whether shape and entries fit."""
        if min(self.shape, default=0) < 0 or size.count(self.shape) != len(self.entries):
            message = f"{len(self.entries)} entries cannot have the shape {size.written(self.shape)}"
            raise ShapeError(message)

    def tensor(self, builder: ModelBuilder) -> Tensor:
        """The same numbers as a node."""
        return Tensor(builder, builder.keep(self._node(builder)), self.kind)

    def _node(self, builder: ModelBuilder) -> Node:
        if not self.shape:
            return size_value(self.entries[0])
        if any(isinstance(entry, Dim) for entry in self.entries):
            flat = Tensor(builder, size_value(self.entries[0]))
            rest = [Tensor(builder, size_value(entry)) for entry in self.entries[1:]]
            return flat.call("stack", *rest).reshape(self.shape).node
        return array_of_numbers(self.shape, map(float, self.entries))  # type: ignore[arg-type]


Value = Tensor | Known


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front, of as many as there are."""
    if not -rank <= axis < rank:
        message = f"axis {axis} is out of range for {rank} axes"
        raise ShapeError(message)
    return axis % rank


def whole(value: Any) -> tuple[Size, ...] | None:
    """Integers that were an attribute in one version of an operator and are an input in another; None if left out."""
    if value is None or isinstance(value, tuple):
        return value
    if isinstance(value, Known):
        return value.entries
    message = "the values of this input must be known: an initializer, or computed from constants and shapes"
    raise UnsupportedOperationError(message)


def whole_numbers(value: Any) -> tuple[int, ...] | None:
    """The same where a named size cannot stand."""
    entries = whole(value)
    return None if entries is None else tuple(map(whole_number, entries))


def whole_number(entry: Any) -> int:
    """One integer: an attribute, an entry, or a constant with one entry."""
    if isinstance(entry, Known) and size.count(entry.shape) == 1:
        entry = entry.entries[0]
    if isinstance(entry, int):
        return int(entry)
    message = "an integer must be known here: an initializer, or computed from constants and sizes that are numbers"
    raise UnsupportedOperationError(message)


@contextmanager
def about(what: str) -> Iterator[None]:
    """Refusals say what they are about."""
    try:
        yield
    except FluxionError as error:
        blame(error, what)
        raise


def blame(error: FluxionError, what: str) -> None:
    """Say in front what a refusal is about."""
    error.detail = f"{what}: {error.detail}"
    error.args = (error.detail,)
