"""What a piece of text means before it is known whether it stands for an array or for an attribute.

`(2, 3)` is a shape, `[x, y]` an array or a list of parts, `n` a size and a number, `2` an axis and a constant: only
the call around them tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from service.errors import FluxionError, ParseError, ShapeError
from service.frontends.bounds import AXES, check_count
from service.frontends.builder import Builder, array_of_numbers, operation
from service.frontends.places import Source
from service.frontends.sizes import ABSENT
from service.ir.leaves import fill_value
from service.ir.node import Node
from service.ir.size import Shape, written

Span = tuple[int, int]


@dataclass(slots=True)
class Term:
    """An array, and what it is as an attribute: a number or a size. A literal is a number written out."""

    span: Span
    node: Node
    plain: Any = ABSENT
    literal: bool = False


@dataclass(slots=True)
class Word:
    """What is only ever an attribute: a string, True, False, None or `...`."""

    span: Span
    plain: Any


@dataclass(slots=True)
class Group:
    """A tuple or list. `numbers` are the shape and entries of a list of nothing but numbers."""

    span: Span
    items: tuple[Value, ...]
    is_list: bool
    nesting: int = 1
    numbers: tuple[Shape, list[float]] | None = None
    node: Node | None = field(default=None, repr=False)


Value = Term | Word | Group


@dataclass(slots=True)
class Slice:
    """`start:stop:step` in an index, each an integer or None."""

    span: Span
    plain: tuple[Any, Any, Any]


def group(span: Span, items: tuple[Value, ...], *, is_list: bool, axes: int) -> Group:
    """A tuple or list; `axes` bounds how deep they nest, and with it every recursion over them."""
    made = Group(span, items, is_list, 1 + max((i.nesting for i in items if isinstance(i, Group)), default=0))
    check_count(AXES, made.nesting - 1, axes)  # a list of parts is one level deeper than they are
    if is_list:
        made.numbers = _numbers(items)
    return made


def _numbers(items: tuple[Value, ...]) -> tuple[Shape, list[float]] | None:
    terms = [fill_value(item.node) for item in items if isinstance(item, Term) and item.literal]
    if len(terms) == len(items):
        return (len(items),), [value for value in terms if value is not None]
    rows = [item.numbers for item in items if isinstance(item, Group) and item.numbers is not None]
    if len(rows) < len(items) or any(shape != rows[0][0] for shape, _ in rows):
        return None
    return (len(rows), *rows[0][0]), [value for _, row in rows for value in row]


def attribute_of(value: Value, what: str) -> Any:
    """The value as an attribute: a number, a size, a word, or a tuple of them."""
    if isinstance(value, Group):
        return tuple(attribute_of(item, what) for item in value.items)
    if value.plain is ABSENT:
        message = f"{what} must be written out, as a number or a named size"
        raise ParseError(message)
    return value.plain


class Arrays:
    """Makes arrays of values."""

    def __init__(self, source: Source, builder: Builder) -> None:
        self.source = source
        self.builder = builder

    def node(self, value: Value) -> Node:
        """The value as an array."""
        if isinstance(value, Term):
            return value.node
        try:
            if isinstance(value, Word):
                raise _not_an_array(value.plain)
            if value.node is None:
                value.node = self._list(value)
        except FluxionError as error:
            error.place = error.place or self.source.place(*value.span)
            raise
        return value.node

    def parts(self, value: Value) -> list[Node]:
        """The value as a list of arrays, which need not have one shape."""
        if isinstance(value, Group):
            return [self.node(item) for item in value.items]
        message = "a list of parts is expected, such as [x, y]"
        raise ParseError(message, place=self.source.place(*value.span))

    def _list(self, value: Group) -> Node:
        if not value.is_list:
            message = "a tuple is a shape or a list of axes, never an array: write it with [ ]"
            raise ParseError(message)
        if value.numbers is not None:
            return self.builder.keep(array_of_numbers(*value.numbers))
        nodes = [self.node(item) for item in value.items]
        shapes = dict.fromkeys(node.shape for node in nodes)
        if len(shapes) > 1:
            message = f"the elements of a list must have one shape, got {' and '.join(map(written, list(shapes)[:4]))}"
            raise ShapeError(message)
        return self.builder.apply(operation("stack"), nodes, {"axis": 0})


def _not_an_array(plain: object) -> ParseError:
    if isinstance(plain, str):
        return ParseError("a string stands only where a call expects one, such as einsum('ij,j->i', A, x)")
    return ParseError(f"{plain!r} stands only as an attribute, such as keepdims=True or axis=None")
