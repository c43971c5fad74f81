"""The meaning of the rules of `syntax: "python"`: a syntax tree into a graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from service.errors import ParseError, UnknownNameError, nearest
from service.frontends.bounds import Limits
from service.frontends.builder import operation
from service.frontends.calls import Calls, Keyword
from service.frontends.indices import canonical_index
from service.frontends.names import Names, Scope, constant_called
from service.frontends.places import Source
from service.frontends.reader import Assignment, Reader, Reading
from service.frontends.reductions import Reduction
from service.frontends.sizes import ABSENT, calculate
from service.frontends.tokens import Token
from service.frontends.values import Arrays, Group, Slice, Span, Term, Value, Word, attribute_of, group
from service.frontends.words import CONSTANTS, LITERALS
from service.ir.leaves import constant
from service.ir.node import Node
from service.ir.op import find, spellings


class Program(Reader):
    """Reads one program; the methods called `on_...` give the meaning of the grammar's rules."""

    def __init__(self, source: Source, scope: Scope, limits: Limits) -> None:
        super().__init__(source, limits)
        self.names = Names(scope, self.builder)
        self.arrays = Arrays(source, self.builder)
        self.calls = Calls(source, self.builder, self.arrays, self.names)
        self.assigned: list[tuple[str, Node]] = []

    def reading(self, rules: Sequence[Reduction]) -> Reading:
        """The program as a graph."""
        output = self.builder.keep(self.arrays.node(self.read(rules)))
        return Reading(output, self.names.used, tuple(self.assigned))

    def binary(self, name: str, span: Span, left: Value, right: Value) -> Term:
        """Operators."""
        inputs = (self.arrays.node(left), self.arrays.node(right))
        plain = ABSENT
        if isinstance(left, Term) and isinstance(right, Term):
            plain = calculate(name, left.plain, right.plain)
        return Term(span, self.builder.apply(operation(name), inputs), plain)

    def on_assignment(self, _: Span, name: Token, value: Value) -> Assignment:
        """The name stands for the value from here on."""
        self.assigned.append((str(name), self.arrays.node(value)))
        self.names.assign(str(name), value)
        return Assignment(str(name))

    def on_name(self, span: Span, name: Token) -> Value:
        """A name that is not called."""
        value: Value = self.names.resolve(str(name), span)
        return value

    def on_qualified(self, span: Span, name: Token) -> Value:
        """`np.pi`; a prefix names a constant or a function, never a variable."""
        found = constant_called(str(name), span)
        if found is not None:
            return found
        if find(str(name)) is not None:
            message = f"{name} is a function: write {name}(...)"
            raise ParseError(message)
        message = f"{name} is not a known constant or function{nearest(name, [*CONSTANTS, *spellings()])}"
        raise UnknownNameError(message)

    def on_number(self, span: Span, text: Token) -> Term:
        """A number; what looks like an integer stays one for attributes."""
        value = float(text)
        if math.isinf(value):
            message = "the number is beyond the range of a double; infinity is written inf"
            raise ParseError(message)
        return Term(span, constant(value), int(text) if text.isdigit() else value, literal=True)

    def on_string(self, span: Span, text: Token) -> Word:
        """A string, without its quotes."""
        return Word(span, str(text[1:-1]))

    def on_literal(self, span: Span, text: Token) -> Word:
        """True, False or None."""
        return Word(span, LITERALS[text])

    def on_bracketed(self, span: Span, value: Value) -> Value:
        """Brackets end a literal: -(2) is minus two, -2 is a number."""
        return Term(span, value.node, value.plain) if isinstance(value, Term) else value

    def on_group(self, span: Span, *items: Value) -> Value:
        """A tuple."""
        return group(span, items, is_list=False, axes=self.limits.axes)

    def on_list(self, span: Span, *items: Value) -> Value:
        """A list."""
        return group(span, items, is_list=True, axes=self.limits.axes)

    def on_negative(self, span: Span, value: Value) -> Term:
        """Minus; that of a number written out makes another number."""
        node = self.arrays.node(value)
        plain = value.plain if isinstance(value, Term) else ABSENT
        if isinstance(value, Term) and value.literal and not _is_signed(node):
            return Term(span, constant(-float(node.attributes)), -plain, literal=True)
        return Term(span, self.builder.apply(operation("negative"), (node,)), calculate("multiply", -1, plain))

    def on_positive(self, span: Span, value: Value) -> Term:
        """Plus changes nothing, but its operand must be an array."""
        node = self.arrays.node(value)
        return Term(span, node, value.plain, value.literal) if isinstance(value, Term) else Term(span, node)

    def on_member(self, span: Span, value: Value, name: Token) -> Term:
        """`.T`, the only attribute there is."""
        if name != "T":
            hint = f": write {name}(...)" if find(str(name)) else ""
            message = f".{name} is not known, the only attribute is .T{hint}"
            raise ParseError(message, place=self.source.place(name.start_pos or 0, name.end_pos or 0))
        return Term(span, self.builder.apply(operation("transpose"), (self.arrays.node(value),)))

    def on_method(self, _: Span, __: Value, name: Token, *___: Value | Keyword) -> Term:
        """`x.sum()`: functions are not methods here."""
        hint = f"write {name}(x) instead of x.{name}()" if find(str(name)) else "functions are called by name, f(x)"
        message = f"there are no methods: {hint}"
        raise ParseError(message, place=self.source.place(name.start_pos or 0, name.end_pos or 0))

    def on_keyword(self, span: Span, name: Token, value: Value) -> Keyword:
        """An argument by name."""
        return Keyword(span, str(name), value)

    def on_call(self, span: Span, name: Token, *arguments: Value | Keyword) -> Term:
        """A call of a function."""
        return Term(span, self.calls.call(str(name), arguments))

    def on_ellipsis(self, span: Span) -> Word:
        """`...` in an index."""
        return Word(span, ...)

    def on_slice(self, span: Span, *parts: Value | None) -> Slice:
        """`start:stop:step`."""
        start, stop, step = (None if part is None else attribute_of(part, "a bound of a slice") for part in parts)
        return Slice(span, (start, stop, step))

    def on_index(self, span: Span, value: Value, *items: Value | Slice) -> Term:
        """`x[0, 1:, None]`."""
        node = self.arrays.node(value)
        index = canonical_index(map(_index_item, items), len(node.shape))
        op = operation("getitem")
        parameter = op.parameters[-1]
        attributes = {parameter.name: self.builder.attribute(op, parameter, index, (node,))}
        return Term(span, self.builder.apply(op, (node,), attributes))


def _index_item(item: Value | Slice) -> Any:
    if isinstance(item, Group):
        message = "an index is an integer, a slice or None; lists of indices are not supported"
        raise ParseError(message)
    return item.plain if isinstance(item, Slice) else attribute_of(item, "an index")


def _is_signed(node: Node) -> bool:
    return math.copysign(1.0, float(node.attributes)) < 0
