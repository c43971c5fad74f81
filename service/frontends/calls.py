"""Calls: values become the inputs and attributes of a declared operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import FluxionError, ParseError
from service.frontends.builder import Builder
from service.frontends.names import Names
from service.frontends.places import Source
from service.frontends.values import Arrays, Span, Value, attribute_of
from service.ir.node import Node
from service.ir.op import Op, Parameter, find
from service.ops.signature import match

# Python's own max and min compare their arguments.
_PAIRWISE = {"max": "maximum", "min": "minimum"}


@dataclass(frozen=True)
class Keyword:
    """An argument by name."""

    span: Span
    name: str
    value: Value


class Calls:
    """Makes calls."""

    def __init__(self, source: Source, builder: Builder, arrays: Arrays, names: Names) -> None:
        self.source = source
        self.builder = builder
        self.arrays = arrays
        self.names = names

    def call(self, name: str, arguments: Sequence[Value | Keyword]) -> Node:
        """The function called `name` of these arguments."""
        op = find(name)
        if op is None or any(parameter.kind == "index" for parameter in op.parameters):  # an index has its own brackets
            raise self.names.unknown_function(name)
        matched = match(op, *self._separated(arguments))
        order = {parameter.name: place for place, parameter in enumerate(op.parameters)}
        matched.sort(key=lambda pair: order[pair[0].name])
        inputs: list[Node] = []
        for parameter, value in matched:
            if parameter.kind == "arrays":
                inputs += self.arrays.parts(value)
            elif parameter.is_input:
                inputs.append(self.arrays.node(value))
        attributes = {
            parameter.name: self._attribute(op, parameter, value, inputs)
            for parameter, value in matched
            if not parameter.is_input
        }
        return self.builder.apply(op, inputs, attributes)

    def _separated(self, arguments: Sequence[Value | Keyword]) -> tuple[list[Value], dict[str, Value]]:
        positional: list[Value] = []
        named: dict[str, Value] = {}
        for argument in arguments:
            if not isinstance(argument, Keyword):
                if named:
                    message = "an argument without a name follows one with a name"
                    raise ParseError(message, place=self.source.place(*argument.span))
                positional.append(argument)
            elif argument.name in named:
                message = f"{argument.name} is given twice"
                raise ParseError(message, place=self.source.place(*argument.span))
            else:
                named[argument.name] = argument.value
        return positional, named

    def _attribute(self, op: Op, parameter: Parameter, value: Value, inputs: Sequence[Node]) -> Any:
        try:
            hint = f" (for two arrays there is {_PAIRWISE[op.name]})" if op.name in _PAIRWISE else ""
            plain = attribute_of(value, f"{op.name}: {parameter.name}{hint}")
            return self.builder.attribute(op, parameter, plain, inputs)
        except FluxionError as error:
            error.place = error.place or self.source.place(*value.span)
            raise
