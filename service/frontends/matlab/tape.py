"""What is to be built, in order: nodes have shapes, so none is made before every size of the program is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import FluxionError, ParseError
from service.frontends.builder import Builder, operation
from service.frontends.matlab.sizing import AnySize, Unknown, settled
from service.frontends.places import Source
from service.frontends.values import Span
from service.ir.node import Node


@dataclass(frozen=True, slots=True)
class Step:
    """A node that exists, or an operation on earlier steps; attributes may have sizes that are still unknown."""

    span: Span
    name: str
    inputs: tuple[int, ...] = ()
    attributes: Mapping[str, Any] | None = None
    node: Node | None = None


class Tape:
    """The steps of one program."""

    def __init__(self, source: Source, builder: Builder) -> None:
        self.source = source
        self.builder = builder
        self.steps: list[Step] = []

    def given(self, span: Span, node: Node) -> int:
        """The step of a leaf."""
        self.steps.append(Step(span, "", node=node))
        return len(self.steps) - 1

    def apply(self, span: Span, name: str, *inputs: int, **attributes: Any) -> int:
        """The step of an operation."""
        self.steps.append(Step(span, name, inputs, attributes))
        return len(self.steps) - 1

    def build(self) -> Sequence[Node]:
        """The node of every step."""
        nodes: list[Node] = []
        for step in self.steps:
            try:
                nodes.append(self._built(step, nodes))
            except FluxionError as error:
                error.place = error.place or self.source.place(*step.span)
                raise
        return nodes

    def _built(self, step: Step, nodes: Sequence[Node]) -> Node:
        if step.node is not None:
            return self.builder.keep(step.node)
        op = operation(step.name)
        inputs = [nodes[number] for number in step.inputs]
        attributes = {name: _known(step.name, value) for name, value in (step.attributes or {}).items()}
        checked = {p.name: self.builder.attribute(op, p, attributes[p.name], inputs) for p in op.parameters
                   if p.name in attributes}  # fmt: skip
        return self.builder.apply(op, inputs, checked)


def _known(name: str, value: Any) -> Any:
    """An attribute with numbers or names for the sizes that were unknown."""
    if isinstance(value, tuple) and name in {"ones", "zeros"}:
        return tuple(_size(entry) for entry in value)
    return _size(value) if isinstance(value, Unknown) else value


def _size(size: AnySize) -> Any:
    found = settled(size)
    if isinstance(found, Unknown):
        message = "its size cannot be told: nothing around it has a known size that must be equal"
        raise ParseError(message)
    return found
