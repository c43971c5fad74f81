"""The rules of a text into values, parts before what they are part of: they may nest as deep as the text is long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from service.errors import FluxionError, ParseError
from service.frontends.bounds import Limits
from service.frontends.builder import Builder
from service.frontends.places import Source
from service.frontends.reductions import Reduction
from service.frontends.tokens import Token
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

    def read(self, rules: Sequence[Reduction]) -> Any:
        """The value of the last rule, the whole."""
        values: list[Any] = []
        meanings: dict[str, Callable[..., Any]] = {}
        for name, span, parts in rules:
            own = [values[part] if type(part) is int else part for part in parts]
            rule = meanings.get(name)
            if rule is None:
                rule = meanings[name] = getattr(self, f"on_{name}", None) or partial(self.binary, name)
            try:
                values.append(rule(span, *own))
            except FluxionError as error:
                error.place = error.place or self.source.place(*span)
                raise
        return values[-1]

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
