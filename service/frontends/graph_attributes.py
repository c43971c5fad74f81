"""Attributes of nodes in the graph format: JSON values into the same canonical form as a text's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import FluxionError, InvalidRequestError, ParseError, nearest, quote
from service.frontends.bounds import BYTES, check_count
from service.frontends.builder import Builder
from service.frontends.fields import Fields
from service.frontends.indices import canonical_index
from service.frontends.text import read_size
from service.ir.node import Node
from service.ir.op import Op, Parameter
from service.ir.size import Size

SLICE = Fields("a slice", optional=("start", "stop", "step"))


class Attributes:
    """Reads the attributes of a graph's nodes; `bound` has numbers for named sizes."""

    def __init__(self, builder: Builder, bound: Mapping[str, int]) -> None:
        self.builder = builder
        self.bound = bound
        self._read: dict[str, Size] = dict(bound)
        self._characters = 0

    def read(self, op: Op, given: Mapping[str, Any], inputs: Sequence[Node], pointer: str) -> dict[str, Any]:
        """The attributes of one node, matched against the operation's parameters."""
        parameters = {parameter.name: parameter for parameter in op.parameters if not parameter.is_input}
        for name in given:
            if name not in parameters:
                takes = f"it takes {', '.join(parameters)}" if parameters else "it takes none"
                message = f"{op.name} has no attribute {quote(str(name))}: {takes}{nearest(str(name), parameters)}"
                raise ParseError(message, pointer=pointer)
        missing = [name for name, parameter in parameters.items() if parameter.required and name not in given]
        if missing:
            message = f"{op.name} needs the attribute {' and '.join(missing)}"
            raise ParseError(message, pointer=pointer)
        return {
            name: self._one(op, parameters[name], value, inputs, f"{pointer}/{name}") for name, value in given.items()
        }

    def _one(self, op: Op, parameter: Parameter, value: Any, inputs: Sequence[Node], pointer: str) -> Any:
        try:
            return self.builder.attribute(op, parameter, self._plain(parameter.kind, value, inputs, pointer), inputs)
        except FluxionError as error:
            error.pointer = error.pointer or pointer
            raise

    def _plain(self, kind: str, value: Any, inputs: Sequence[Node], pointer: str) -> Any:
        if kind == "index":
            if not isinstance(value, list | tuple):
                return canonical_index([self._index_item(value, pointer)], len(inputs[0].shape))
            items = [self._index_item(item, f"{pointer}/{place}") for place, item in enumerate(value)]
            return canonical_index(items, len(inputs[0].shape))
        if isinstance(value, list | tuple):
            return tuple(self._entry(kind, entry) for entry in value)
        return self._entry(kind, value)

    def _entry(self, kind: str, value: Any) -> Any:
        if kind in {"shape", "size"} and isinstance(value, str):
            return self.size(value)
        if isinstance(value, list | tuple | Mapping):
            message = "a number, a text or a flat list of them is expected"
            raise InvalidRequestError(message)
        return value

    def size(self, value: Any) -> Size:
        """A size: a number, a name, or an expression such as `n - 1`."""
        if isinstance(value, str):
            return self._named(value)
        if isinstance(value, bool) or not isinstance(value, int):
            message = "a size is a whole number, a name or an expression such as n - 1"
            raise InvalidRequestError(message)
        return value

    def _named(self, text: str) -> Size:
        known = self._read.get(text)
        if known is None:
            # One bound for all of them: a graph may have a size in every node.
            self._characters += len(text)
            check_count(BYTES, self._characters, self.builder.limits.expression_bytes)
            try:
                known = self._read[text] = read_size(text, self.bound, self.builder.limits)
            except FluxionError as error:
                error.place = None  # it is a place within the text of the size
                raise
        return known

    def _index_item(self, item: Any, pointer: str) -> Any:
        if isinstance(item, Mapping):
            fields = SLICE.read(item, pointer)
            return tuple(self._place(fields.get(name)) for name in ("start", "stop", "step"))
        if isinstance(item, list | tuple):
            message = "an index is an integer, a size, null or an object with start, stop and step"
            raise InvalidRequestError(message, pointer=pointer)
        return self._place(item)

    def _place(self, value: Any) -> Any:
        return self._named(value) if isinstance(value, str) else value
