"""A syntax tree into values, bottom-up over an explicit stack: a tree may be as deep as the text is long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lark import Token, Tree

from service.errors import FluxionError, ParseError
from service.frontends.bounds import Limits
from service.frontends.builder import Builder
from service.frontends.places import Source
from service.frontends.values import Span
from service.ir.node import Node
from service.ir.size import Shape


@dataclass(frozen=True)
class Reading:
    """A program as a graph: its output, the variables in order of first use, and the assignments in order."""

    output: Node
    variables: Mapping[str, Shape]
    assigned: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Assignment:
    """A statement that is not the output."""

    name: str


class Reader:
    """Reads one program; the methods called `on_...` give the meaning of the grammar's rules, one class per dialect."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.builder = Builder(limits)

    def read(self, tree: Tree[Token]) -> Any:
        """The value of the tree's root."""
        postfix: list[Any] = []
        pending: list[Any] = [tree]
        while pending:
            item = pending.pop()
            postfix.append(item)
            if isinstance(item, Tree):
                pending += item.children
        values: list[Any] = []
        for item in reversed(postfix):
            if isinstance(item, Tree):
                first = len(values) - len(item.children)
                item_values = values[first:]
                del values[first:]
                item = self._meaning(item, item_values)  # noqa: PLW2901 - the tree becomes its value
            values.append(item)
        return values[0]

    def _meaning(self, tree: Tree[Token], values: Sequence[Any]) -> Any:
        span = (0, 0) if tree.meta.empty else (tree.meta.start_pos, tree.meta.end_pos)
        rule: Callable[..., Any] | None = getattr(self, f"on_{tree.data}", None)
        try:
            return rule(span, *values) if rule else self.binary(str(tree.data), span, *values)
        except FluxionError as error:
            error.place = error.place or self.source.place(*span)
            raise

    def binary(self, name: str, span: Span, *operands: Any) -> Any:
        """The meaning of a rule without a method: an operation of that name on two operands."""
        raise NotImplementedError

    def on_program(self, span: Span, *statements: Any) -> Any:
        """The output is the last statement, and the only one without a name."""
        *before, last = (statement for statement in statements if not isinstance(statement, Token))
        for statement in before:
            if not isinstance(statement, Assignment):
                message = "only the last line may be an expression: give this one a name, or remove it"
                raise ParseError(message, place=self.source.place(*statement.span))
        if isinstance(last, Assignment):
            message = f"the last line must be the output, an expression such as {last.name}"
            raise ParseError(message, place=self.source.place(span[1], span[1]))
        return last
