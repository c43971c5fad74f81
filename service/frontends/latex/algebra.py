"""Products, powers and transposes of scalars, vectors and matrices as mathematics writes them."""

from __future__ import annotations

from typing import Any

from service.errors import ParseError, ShapeError
from service.frontends.bounds import is_integer
from service.frontends.builder import Builder, operation
from service.frontends.latex.entries import Entries, plain_of
from service.frontends.latex.values import ARGUMENT, DIVISOR, Formula, Indexed, Piece
from service.frontends.sizes import calculate
from service.frontends.values import Span
from service.ir.node import Node
from service.ir.op import Op, find
from service.ir.size import written
from service.ops.orientation import reads_as_row

MATRIX = 2
_ENTRYWISE = {"arithmetic", "elementwise"}
_UNCLEAR = {
    ARGUMENT: "where the argument ends is not clear: write it in brackets",
    DIVISOR: "what is divided by is not clear: write \\frac{...}{...}",
}


class Algebra:
    """Makes formulas."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.entries = Entries(builder)

    def made(self, span: Span, op: Op, *inputs: Formula, **attributes: Any) -> Formula:
        """A user's operation, and whether it reads as a row."""
        node = self.builder.apply(op, [value.node for value in inputs], attributes)
        return Formula(span, node, reads_as_row(node, [value.row for value in inputs]))

    def named(self, span: Span, name: str, *inputs: Formula, **attributes: Any) -> Formula:
        """The operation of that name."""
        return self.made(span, operation(name), *inputs, **attributes)

    def infix(self, span: Span, op: Op, left: Piece, right: Piece) -> Piece:
        """An operator entry by entry: vectors are both columns or both rows, and a row is added to every row."""
        if isinstance(left, Indexed) or isinstance(right, Indexed):
            if op.name == "multiply":
                return self.entries.product(span, left, right)
            if op.family not in _ENTRYWISE:
                message = f"{op.name} is not defined for entries with an index"
                raise ParseError(message)
            return self.entries.function(span, op.name, left, right)
        self._check_orientation(op.name, left, right)
        return self.made(span, op, left, right)

    def _check_orientation(self, name: str, left: Formula, right: Formula) -> None:
        ranks = [len(value.node.shape) for value in (left, right)]
        vectors = [value for value, rank in zip((left, right), ranks, strict=True) if rank == 1]
        if len(vectors) == MATRIX and left.row != right.row:
            message = f"{name} of a row and a column is not defined: transpose one of them"
            raise ShapeError(message)
        if vectors and max(ranks) > 1 and not vectors[0].row:
            shapes = " and ".join(written(value.node.shape) for value in (left, right))
            message = f"{name} of a matrix and a column is not defined, got {shapes}; a row meets every row"
            raise ShapeError(message)

    def product(self, span: Span, left: Piece, right: Piece, *, dotted: bool = False) -> Piece:
        """The product of what stands side by side; a dot between two columns is their inner product."""
        if isinstance(left, Indexed) or isinstance(right, Indexed):
            return self.entries.product(span, left, right)
        if not left.node.shape or not right.node.shape:
            result = self.named(span, "multiply", left, right)
            result.plain = calculate("multiply", left.plain, right.plain)
            return result
        ranks = len(left.node.shape), len(right.node.shape)
        if ranks == (1, 1) and not left.row and right.row:
            return self.named(span, "outer", left, untransposed(right))
        inner = (ranks[0] > 1 or left.row) and (ranks[1] > 1 or not right.row)
        if inner or (dotted and ranks == (1, 1) and left.row == right.row):
            return self.named(span, "matmul", left, right)
        shown = " and ".join(map(_oriented, (left, right)))
        hint = r"; an inner product is written x^\top y, an outer one x y^\top, entry by entry x \odot y"
        message = f"a product needs equal inner sizes, (m, n) (n, p), got {shown}{hint if ranks == (1, 1) else ''}"
        raise ShapeError(message)

    def beside(self, span: Span, left: Piece, right: Piece, *, called: bool) -> Piece:
        """A product without a sign, where it is clear what its factors are."""
        self.check_end(left, called=called)
        return self.product(span, left, right)

    def check_end(self, left: Piece, *, called: bool, divided: bool = True) -> None:
        """Refuse a factor after what has no clear end; a function ends an argument, a sign what is divided by."""
        loose = left.loose if isinstance(left, Formula) else ""
        if (loose == DIVISOR and divided) or (loose == ARGUMENT and not called):
            raise ParseError(_UNCLEAR[loose])

    def quotient(self, span: Span, above: Piece, below: Piece) -> Piece:
        r"""`\frac`: by a scalar, or of one."""
        if isinstance(above, Formula) and isinstance(below, Formula) and above.node.shape and below.node.shape:
            shapes = f"{written(above.node.shape)} and {written(below.node.shape)}"
            message = f"a fraction needs a scalar above or below, got {shapes}; entry by entry is \\oslash"
            raise ShapeError(message)
        return self.infix(span, operation("divide"), above, below)

    def transposed(self, span: Span, value: Piece) -> Formula:
        r"""`X^\top`."""
        if isinstance(value, Indexed):
            message = "entries with an index have no transpose"
            raise ParseError(message)
        return self.named(span, "transpose", value)

    def power(self, span: Span, base: Piece, exponent: Piece) -> Piece:
        """A power of a scalar; the inverse and whole powers of a matrix."""
        if isinstance(base, Formula) and base.is_e and not (isinstance(exponent, Formula) and exponent.node.shape):
            return self.function(span, operation("exp"), exponent)
        if isinstance(base, Indexed) or not base.node.shape:
            if isinstance(exponent, Formula) and exponent.node.shape:
                message = r"an exponent is a scalar: entry by entry is ^{\odot x}"
                raise ShapeError(message)
            return self.infix(span, operation("power"), base, exponent)
        whole = plain_of(exponent)
        if len(base.node.shape) == 1 or not is_integer(whole):
            message = rf"{_oriented(base)} has no such power: entry by entry is ^{{\odot y}}"
            raise ShapeError(message)
        if whole == -1:
            return self.named(span, "inv", base)
        op = find("matrix_power")
        if op is None:
            message = r"whole powers of a matrix are written as products; entry by entry is ^{\odot y}"
            raise ShapeError(message)
        return self.made(span, op, base, **{op.parameters[-1].name: whole})

    def power_of_entries(self, span: Span, base: Piece, exponent: Piece) -> Piece:
        r"""`x^{\odot y}`."""
        if isinstance(base, Formula) and base.is_e:
            return self.function(span, operation("exp"), exponent)
        return self.infix(span, operation("power"), base, exponent)

    def function(self, span: Span, op: Op, *arguments: Piece, **attributes: Any) -> Piece:
        """A function of arrays, or of entries where it acts entry by entry."""
        formulas = [value for value in arguments if isinstance(value, Formula)]
        if len(formulas) == len(arguments):
            return self.made(span, op, *formulas, **attributes)
        if op.family not in _ENTRYWISE or attributes:
            message = f"{op.name} takes arrays, not entries with an index"
            raise ParseError(message)
        return self.entries.function(span, op.name, *arguments)


def untransposed(value: Formula) -> Formula:
    """`outer` takes vectors as they are: of a transposed vector, the vector."""
    node: Node = value.node
    return Formula(value.span, node.inputs[0]) if node.op.name == "transpose" else value


def _oriented(value: Formula) -> str:
    """The shape with the second axis that a vector has on paper."""
    shape = value.node.shape
    return written(shape if len(shape) != 1 else (1, *shape) if value.row else (*shape, 1))
