"""MathJSON, the expressions of the Compute Engine, into a JSON graph."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from service.errors import ParseError, UnknownNameError, UnsupportedOperationError, nearest, quote
from service.frontends.assembling import Assembly
from service.frontends.bounds import NODES, Limits, over_by_one
from service.frontends.formulas import Steps, Writer, run
from service.frontends.mathjson_forms import FORMS
from service.frontends.mathjson_literals import Call, Symbol, Text, literal
from service.frontends.mathjson_operators import CONSTANTS, OPERATORS, RESERVED
from service.ir.node import Node

__all__ = ["read_mathjson"]

Indices = Mapping[str, Node]
_WORD = re.compile(r"\w+")  # else a whole expression sent as a text would be a variable


def read_mathjson(
    content: Any,
    limits: Limits,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    pointer: str = "/model/content",
) -> dict[str, Any]:
    """The graph format's object for a decoded expression, over the real numbers.

    `shapes` are those of its variables, with sizes that are numbers or names; they are all inputs, in order. Without
    any, every symbol is a scalar, in order of use. Refused is what is not exactly expressible, with the place of the
    operation in the expression.
    """
    reading = Expression(limits, pointer, shapes or {})
    for name, shape in reading.shapes.items():
        reading.assembly.input(name, shape, by_client=True)
    output = run(reading.term(content, pointer, {}))
    return reading.assembly.graph([output])


class Expression:
    """One expression while it is read; `indices` of a term are the numbers that sums around it count with."""

    def __init__(self, limits: Limits, pointer: str, shapes: Mapping[str, Sequence[int | str]]) -> None:
        self.limits = limits
        self.pointer = pointer
        self.shapes = shapes
        self.is_open = not shapes
        self.assembly = Assembly(limits)
        self.writer = Writer(self.assembly, OPERATORS)
        self._left = limits.nodes

    def count(self) -> None:
        """One term more; a sum is written term by term, so that a short expression may have many."""
        self._left -= 1
        if self._left < 0:
            raise over_by_one(NODES, self.limits.nodes)

    def within(self, name: str, pointer: str) -> Any:
        """Whatever is refused inside is told of the operation and of where it stands."""
        place = pointer.removeprefix(self.pointer)
        return self.assembly.within(f"{quote(name)} at {quote(place) if place else 'the top'}", pointer)

    def term(self, value: Any, pointer: str, indices: Indices) -> Steps:
        """The node of an expression."""
        found = literal(value, pointer)
        if isinstance(found, float):
            return self.assembly.number(found)
        if isinstance(found, Symbol):
            with self.within(found.name, pointer):
                self.count()
                return self._symbol(found.name, indices)
        if isinstance(found, Text):
            message = f"a string is no number: {quote(found.content)}"
            raise ParseError(message, pointer=pointer)
        with self.within(found.name, found.pointer):
            self.count()
            form = FORMS.get(found.name)
            if form is None:
                OPERATORS.find(found.name)
        node: Node = yield (self._operation(found, indices) if form is None else form(self, found, indices))
        return node

    def operands(
        self, call: Call, indices: Indices, start: int = 0, stop: int | None = None
    ) -> Generator[Any, Any, list[Node]]:
        """The nodes of some operands of a call, for `yield from`."""
        nodes: list[Node] = []
        for place, operand in list(enumerate(call.operands, 1))[start:stop]:
            nodes.append((yield self.term(operand, f"{call.pointer}/{place}", indices)))
        return nodes

    def _operation(self, call: Call, indices: Indices) -> Steps:
        nodes = yield from self.operands(call, indices)
        with self.within(call.name, call.pointer):
            return self.writer.apply(call.name, nodes)

    def _symbol(self, name: str, indices: Indices) -> Node:
        if not _WORD.fullmatch(name):
            message = "a symbol has letters, digits and underscores alone; a function is an array, not a text"
            raise ParseError(message)
        if name in indices:
            return indices[name]
        node = self.assembly.declared(name)
        if node is not None:
            return node
        if name in CONSTANTS:
            return self.assembly.number(CONSTANTS[name])
        if name in RESERVED:
            message = (
                "the symbol stands for something that is no real number of its own; declare it to use it as a name"
            )
            raise UnsupportedOperationError(message)
        if not self.is_open:
            message = f"the symbol is not declared{nearest(name, [*self.shapes, *CONSTANTS][:1000])}"
            raise UnknownNameError(message)
        return self.assembly.input(name)
