"""Closed forms as text: the language of `syntax: "python"`, which reads back in as the same function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from service.ir.leaves import ARRAY, FILL, SIZE, VARIABLE
from service.ir.node import Node
from service.ir.op import Notation
from service.ir.size import Dim
from service.ops.signature import is_default
from service.render.printer import ATOM, Written, bracketed, fresh_name, write

SUM, UNARY, PRODUCT = 40, 60, 50


def text_form(root: Node, names: Sequence[str]) -> str:
    """The form of a user graph as a program in the language; `names` are taken by variables and sizes."""
    program = write(root, TextDialect(frozenset(names)))
    return "\n".join([*(f"{name} = {text}" for name, text in program.assignments), program.result])


class TextDialect:
    """The language itself."""

    infinity = "inf"

    def __init__(self, names: frozenset[str]) -> None:
        """`names` are those a named subterm must not take."""
        self.names = names

    def notation(self, node: Node) -> Notation:
        """The operation's notation as text."""
        return node.op.text

    def name(self, number: int) -> str:
        """The name of subterm `number`."""
        return fresh_name("t", number, self.names)

    def leaf(self, node: Node) -> Written:
        """A variable, number, array of numbers or size."""
        if node.op is VARIABLE:
            return self.variable(node.attributes), ATOM
        if node.op is SIZE:
            return self.size(node.attributes), ATOM if len(node.attributes.terms) == 1 and "*" not in repr(
                node.attributes
            ) else SUM
        if node.op is FILL:
            return self.number(node.attributes)
        if node.op is ARRAY:
            return self.literal(node), ATOM
        return self.call(node, node.op.name, []), ATOM

    def variable(self, name: str) -> str:
        """A variable's name."""
        return name

    def size(self, size: int | Dim) -> str:
        """A size in attribute or value position."""
        return repr(size)

    def number(self, value: float) -> Written:
        """A float64 number so that it reads back exactly."""
        if math.isnan(value):
            return f"({self.infinity} - {self.infinity})", ATOM
        if math.copysign(1, value) < 0:
            return "-" + bracketed(self.number(-value), UNARY), UNARY
        if math.isinf(value):
            return self.infinity, ATOM
        if value == int(value) and value < 1e15:  # noqa: PLR2004 - larger ones read better with an exponent
            return str(int(value)), ATOM
        return repr(value), ATOM

    def literal(self, node: Node) -> str:
        """A constant array as nested lists."""
        return self.array(_nested(node, self.number))

    def array(self, inner: str) -> str:
        """A list as an array."""
        return inner

    def special(self, node: Node, inputs: Sequence[Written]) -> Written | None:
        """Indices, lists and plain transposes."""
        attributes = dict(node.attributes)
        if node.op.name == "getitem":
            index = ", ".join(self.index(item) for item in attributes["index"]) or "..."
            return f"{bracketed(inputs[0], ATOM)}[{index}]", ATOM
        if node.op.name == "stack" and attributes["axis"] == 0:
            return self.array("[" + ", ".join(text for text, _ in inputs) + "]"), ATOM
        if node.op.name == "transpose" and attributes["axes"] is None:
            return bracketed(inputs[0], ATOM) + ".T", ATOM
        if node.op.name == "matmul" and _is_entrywise(node.inputs[0]):
            return f"({inputs[0][0]}) @ {bracketed(inputs[1], PRODUCT + 1)}", PRODUCT
        return None

    def index(self, item: Any) -> str:
        """One index: an integer, a slice or a new axis."""
        if item is None:
            return "None"
        if isinstance(item, tuple):
            start, stop, step = ("" if edge is None else self.size(edge) for edge in item)
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return self.size(item)

    def call(self, node: Node, name: str, inputs: Sequence[Written]) -> str:
        """A call: required attributes by position, others by name where they differ from the default."""
        left, attributes, arguments = [text for text, _ in inputs], dict(node.attributes), list[str]()
        for parameter in node.op.parameters:
            if parameter.kind == "operands":
                arguments += left
                left = []
            elif parameter.kind == "arrays":
                arguments.append("[" + ", ".join(left) + "]")
                left = []
            elif parameter.is_input:
                arguments.append(left.pop(0))
            elif parameter.required:
                arguments.append(self.value(attributes[parameter.name]))
            elif not is_default(node, parameter) or parameter.name in self.notation(node).always:
                arguments.append(f"{parameter.name}={self.value(attributes[parameter.name])}")
        return f"{name}({', '.join(arguments)})"

    def value(self, value: Any) -> str:
        """An attribute's value; a tuple of one entry is written as the entry."""
        if isinstance(value, tuple):
            inner = ", ".join(self.value(item) for item in value)
            return inner if len(value) == 1 else f"({inner})"
        if isinstance(value, str):
            return self.infinity if value == "inf" else f"'{value}'"
        return self.size(value) if isinstance(value, Dim) else repr(value)


def _is_entrywise(node: Node) -> bool:
    """Whether a product of arrays entry by entry: before `@` it reads better in brackets, though it needs none."""
    while node.op.name in {"multiply", "divide"}:
        if node.inputs[0].shape and node.inputs[1].shape:
            return True
        node = node.inputs[0]
    return False


def _nested(node: Node, number: Callable[[float], Written]) -> str:
    entries = [number(value)[0] for value in memoryview(node.attributes.content).cast("d")]
    for size in reversed(node.shape):
        if not isinstance(size, int):
            break
        count = len(entries) // size if size else 0
        entries = ["[" + ", ".join(entries[k * size : (k + 1) * size]) + "]" for k in range(count)]
    return entries[0]
