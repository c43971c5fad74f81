r"""Index notation: `A_{ij} x_j` is a product of entries, `\sum_j` a sum, `\left[...\right]_{i}` names axes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from service.errors import LimitError, ParseError, ShapeError
from service.frontends.builder import Builder, operation
from service.frontends.indices import WHOLE
from service.frontends.latex.values import Formula, Indexed, Piece
from service.frontends.sizes import ABSENT
from service.frontends.values import Span
from service.ir import size
from service.ir.node import Node
from service.ir.size import Size, written
from service.ops.structural import MOST_OPERANDS

_RANGE = re.compile(r"\\(sum|prod)(?:\\(?:no)?limits)?(?:_\{?([A-Za-z](?:,?[A-Za-z])*)(?:=(0|1))?\}?)?")


def letters_below(text: str) -> tuple[str, str, int | None]:
    """`sum` or `prod`, the letters below it, and where their range begins, if that is told."""
    match = _RANGE.fullmatch("".join(text.split()))
    if match is None or not match[2]:
        message = r"below a sum stand its indices, such as \sum_{i}, \sum_{i,j} or \sum_{i=1}^{n}"
        raise ParseError(message)
    return match[1], match[2].replace(",", ""), None if match[3] is None else int(match[3])


class Entries:
    """Makes nodes of what is indexed."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def apply(self, name: str, *inputs: Node, **attributes: Any) -> Node:
        """A user's operation."""
        return self.builder.apply(operation(name), inputs, attributes)

    def labelled(self, span: Span, value: Piece, labels: str) -> Piece:
        """`x_i`: letters for the axes of an array; of what is indexed, the order in which its letters become axes."""
        if isinstance(value, Formula):
            if len(labels) != len(value.node.shape):
                message = f"{len(labels)} letters cannot name the axes of an array of shape {written(value.node.shape)}"
                raise ShapeError(message)
            self._sizes(((value.node, labels),))
            return Indexed(span, ((value.node, labels),))
        if len(set(labels)) != len(labels) or set(labels) != set(value.free):
            message = f"the letters below the bracket must be those that are not summed over, {', '.join(value.free)}"
            raise ShapeError(message)
        return Formula(span, self._summed(value, labels))

    def summed(self, span: Span, value: Indexed, name: str, labels: str) -> Piece:
        """The sum or product over letters."""
        missing = [letter for letter in labels if letter not in value.free]
        if missing:
            message = f"nothing after the sum has the index {missing[0]}"
            raise ShapeError(message)
        if name == "prod":
            node, free = self.array(value)
            axes = tuple(free.index(letter) for letter in labels)
            kept = "".join(letter for letter in free if letter not in labels)
            product = self.apply("prod", node, axis=None if len(axes) == len(free) else axes)
            return Indexed(span, ((product, kept),)) if kept else Formula(span, product)
        found = Indexed(span, value.factors, value.bound | set(labels))
        return found if found.free else Formula(span, self._summed(found, ""))

    def check_range(self, value: Indexed, labels: str, low: int | None, high: Size) -> None:
        """A sum goes over the whole of an axis."""
        sizes = self._sizes(value.factors)
        for letter in labels:
            last = sizes.get(letter, high) if low == 1 else size.subtract(sizes.get(letter, high), 1)
            if low is None or last != high:
                goes = f"the index {letter} goes over an axis of size {sizes.get(letter)!r}"
                message = f"{goes}: a sum over a part is written with a slice"
                raise ShapeError(message)

    def _sizes(self, factors: Sequence[tuple[Node, str]]) -> dict[str, Size]:
        sizes: dict[str, Size] = {}
        for node, labels in factors:
            for letter, n in zip(labels, node.shape, strict=True):
                if sizes.setdefault(letter, n) != n:
                    message = f"the index {letter} names axes of size {sizes[letter]!r} and {n!r}"
                    raise ShapeError(message)
        return sizes

    def _summed(self, value: Indexed, out: str) -> Node:
        """The array whose axes are the letters of `out`."""
        self._sizes(value.factors)
        node, labels = value.factors[0]
        if len(value.factors) == 1 and len(set(labels)) == len(labels):
            if labels == out:
                return node
            if not out:
                return self.apply("sum", node)
        subscripts = ",".join(labels for _, labels in value.factors) + "->" + out
        return self.apply("einsum", *(node for node, _ in value.factors), subscripts=subscripts)

    def array(self, value: Indexed) -> tuple[Node, str]:
        """One array with a letter for each axis."""
        node, labels = value.factors[0]
        if len(value.factors) == 1 and not value.bound and len(set(labels)) == len(labels):
            return node, labels
        return self._summed(value, value.free), value.free

    def product(self, span: Span, left: Piece, right: Piece) -> Indexed:
        """The product of entries, not yet formed: a sum may follow."""
        factors = self._factors(left) + self._factors(right)
        if len(factors) > MOST_OPERANDS:
            raise LimitError("einsum_operands", len(factors), MOST_OPERANDS, hint="name a part of the product")
        self._sizes(factors)
        return Indexed(span, factors)

    def _factors(self, value: Piece) -> tuple[tuple[Node, str], ...]:
        if isinstance(value, Formula):
            if value.node.shape:
                message = (
                    f"beside entries with an index stands a number, got an array of shape {written(value.node.shape)}"
                )
                raise ShapeError(message)
            return ((value.node, ""),)
        return (self.array(value),) if value.bound else value.factors

    def function(self, span: Span, name: str, *operands: Piece) -> Indexed:
        """A function of entries: the letters of all operands are those of the result."""
        arrays = [self.array(Indexed(span, self._factors(operand))) for operand in operands]
        letters = "".join(dict.fromkeys("".join(labels for _, labels in arrays)))
        nodes = [self._arranged(node, labels, letters) for node, labels in arrays]
        self._sizes(arrays)
        return Indexed(span, ((self.apply(name, *nodes), letters),))

    def _arranged(self, node: Node, labels: str, letters: str) -> Node:
        """The array with its axes in the order of `letters`, and an axis of size 1 for each that it lacks."""
        order = tuple(labels.index(letter) for letter in letters if letter in labels)
        if order != tuple(range(len(order))):
            node = self.apply("transpose", node, axes=order)
        first = next((k for k, letter in enumerate(letters) if letter in labels), len(letters))
        if not labels or all(letter in labels for letter in letters[first:]):
            return node  # axes that lack at the front are NumPy's broadcasting
        return self.apply("getitem", node, index=tuple(WHOLE if letter in labels else None for letter in letters))


def plain_of(value: Piece) -> Any:
    """What a value is as an attribute."""
    return value.plain if isinstance(value, Formula) else ABSENT
