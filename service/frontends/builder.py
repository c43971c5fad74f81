"""A user's graph under construction: every node is counted and its shape bounded before the next is built."""

from __future__ import annotations

from array import array as numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service import ops
from service.errors import InvalidRequestError
from service.frontends.bounds import (
    AXES,
    LARGEST_INTEGER,
    LARGEST_PARAMETER,
    NODES,
    Limits,
    check_count,
    check_shape,
    is_integer,
    over_by_one,
)
from service.ir.leaves import array
from service.ir.node import Node
from service.ir.op import Op, Parameter, find
from service.ir.size import Shape
from service.ops import signature

__all__ = ["Builder", "array_of_numbers", "operation", "ops"]


def operation(name: str) -> Op:
    """The operation that the grammar calls by this name."""
    op = find(name)
    if op is None:
        message = f"the operation {name} is not declared"
        raise KeyError(message)
    return op


def array_of_numbers(shape: Shape, data: Iterable[float]) -> Node:
    """The constant array with these entries in row-major order."""
    return array(numbers("d", data).tobytes(), shape)


class Builder:
    """Builds nodes within the limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._nodes: set[Node] = set()

    def keep(self, node: Node) -> Node:
        """Count a node that the graph uses."""
        if node not in self._nodes:
            check_shape(node.shape, self.limits)
            self._nodes.add(node)
            if len(self._nodes) > self.limits.nodes:
                raise over_by_one(NODES, self.limits.nodes)
        return node

    def apply(self, op: Op, inputs: Sequence[Node], attributes: Mapping[str, Any] | None = None) -> Node:
        """The operation on these inputs; `attributes` are in canonical form."""
        for node in inputs:
            if node not in self._nodes:
                self.keep(node)
        try:
            return self.keep(signature.apply(op, inputs, attributes or {}))
        except (TypeError, ValueError, OverflowError) as error:  # what a shape rule says of an unchecked attribute
            message = f"{op.name}: {error}"
            raise InvalidRequestError(message) from None

    def attribute(self, op: Op, parameter: Parameter, value: Any, inputs: Sequence[Node]) -> Any:
        """The canonical form of an attribute of a call."""
        if isinstance(value, tuple):
            # An index has an item for every axis and a None for every new one.
            check_count(AXES, len(value), self.limits.axes * (2 if parameter.kind == "index" else 1))
        largest = LARGEST_PARAMETER if parameter.kind == "integer" else LARGEST_INTEGER
        for entry in value if isinstance(value, tuple) else (value,):
            for part in entry if isinstance(entry, tuple) else (entry,):
                if is_integer(part):
                    check_count(f"{op.name}: {parameter.name}", abs(part), largest)
        return signature.attribute(op, parameter, value, [node.shape for node in inputs])
