"""MathJSON, the expressions of the Compute Engine, into a JSON graph."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from service.errors import ParseError, UnknownNameError, UnsupportedOperationError, nearest, quote
from service.frontends.assembling import Assembly, plain_name
from service.frontends.bounds import NODES, Limits, over_by_one
from service.frontends.formulas import Steps, Writer, run
from service.frontends.mathjson_forms import FORMS
from service.frontends.mathjson_literals import Call, Symbol, Text, literal
from service.frontends.mathjson_operators import CONSTANTS, OPERATORS, RESERVED
from service.ir.node import Node

__all__ = ["read_mathjson"]

Indices = Mapping[str, Node]


def read_mathjson(
    content: Any,
    limits: Limits,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    pointer: str = "/model/content",
    *,
    open_to_scalars: bool = True,
) -> dict[str, Any]:
    """The graph format's object for a decoded expression, over the real numbers.

    `shapes` are those of variables, whose sizes are numbers or names; they are all inputs, in order. Any other symbol
    is a scalar, in order of use, or unknown where the graph is not `open_to_scalars`. Refused is what is not exactly
    expressible, with the place of the operation in the expression.
    """
    reading = Expression(limits, pointer, open_to_scalars=open_to_scalars)
    for name, shape in (shapes or {}).items():
        reading.declare(name, shape)
    output = run(reading.term(content, pointer, {}))
    return reading.assembly.graph([output])


class Expression:
    """One expression while it is read; `indices` of a term are the numbers that sums around it count with."""

    def __init__(self, limits: Limits, pointer: str, *, open_to_scalars: bool) -> None:
        self.limits = limits
        self.pointer = pointer
        self.is_open = open_to_scalars
        self.assembly = Assembly(limits)
        self.writer = Writer(self.assembly, OPERATORS)
        self.variables: dict[str, Node] = {}
        self._left = limits.nodes

    def declare(self, name: str, shape: Sequence[int | str]) -> None:
        """An input of a shape."""
        self.variables[plain_name(name)] = self.assembly.input(name, shape)

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
        if name in indices:
            return indices[name]
        plain = plain_name(name)
        if plain == name and plain in self.variables:
            return self.variables[plain]
        if name in CONSTANTS:
            return self.assembly.number(CONSTANTS[name])
        if name in RESERVED:
            message = (
                "the symbol stands for something that is no real number of its own; declare it to use it as a name"
            )
            raise UnsupportedOperationError(message)
        if not self.is_open:
            known = [*self.variables, *CONSTANTS]
            message = f"the symbol is not declared{nearest(name, known[:1000])}"
            raise UnknownNameError(message)
        node = self.variables.get(plain)
        if node is None:
            node = self.variables[plain] = self.assembly.input(name)
        return node
