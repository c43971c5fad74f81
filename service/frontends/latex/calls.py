"""Functions in LaTeX: which operation a head with its attributes and arguments is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import ParseError, nearest
from service.frontends.latex.notation import heads
from service.frontends.values import Span
from service.ir.op import Op, Parameter
from service.ops.signature import signature


@dataclass(frozen=True)
class Named:
    """An attribute by name."""

    span: Span
    name: str
    value: Any


@dataclass(frozen=True)
class Attributes:
    """What stands below a function, in order."""

    span: Span
    items: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Head:
    """A function that is not applied yet."""

    span: Span
    name: str
    below: Attributes


def chosen(head: Head, arguments: int) -> tuple[Op, list[tuple[Parameter, Any]]]:
    """The operation and its attributes; among those of one name, the first that takes these arguments."""
    candidates = heads()[head.name]
    matches = [(op, matched) for op in candidates if (matched := _matched(op, head.below.items, arguments)) is not None]
    if not matches:
        usage = " or ".join(f"{op.name}({signature(op)})" for op in candidates)
        message = f"{head.name} is {usage}, got {arguments} argument(s) and {len(head.below.items)} attribute(s)"
        unknown = [item.name for item in head.below.items if isinstance(item, Named)]
        known = [parameter.name for op in candidates for parameter in op.parameters]
        raise ParseError(message + "".join(nearest(name, known) for name in unknown if name not in known))
    return matches[0]


def _matched(op: Op, items: Sequence[Any], arguments: int) -> list[tuple[Parameter, Any]] | None:
    """The attributes by parameter, or None if they or the arguments do not fit."""
    inputs = [parameter for parameter in op.parameters if parameter.is_input]
    many = any(parameter.kind != "array" for parameter in inputs)
    if arguments != len(inputs) and not (many and arguments):
        return None
    left = {parameter.name: parameter for parameter in op.parameters if not parameter.is_input}
    matched = []
    for item in items:
        name = item.name if isinstance(item, Named) else next(iter(left), "")
        if name not in left:
            return None
        matched.append((left.pop(name), item.value if isinstance(item, Named) else item))
    return None if any(parameter.required for parameter in left.values()) else matched
