"""Operators on scalars, rows, columns and matrices: which operation each is, and which sizes must be equal."""

from __future__ import annotations

from typing import Any

from service.errors import ShapeError
from service.frontends.indices import WHOLE
from service.frontends.matlab.sizing import AnySize, Oriented, settled, unify
from service.frontends.matlab.tape import Tape
from service.frontends.values import Span
from service.ir.op import find
from service.ir.size import Dim

MATRIX = 2
_SYMBOLS = {"add": "+", "subtract": "-", "multiply": ".*", "divide": "./", "power": ".^"}


def _refusal(name: str, rule: str, *operands: Oriented, hint: str = "") -> ShapeError:
    return ShapeError(
        f"{name} needs {rule}, got {' and '.join(operand.written for operand in operands)}{hint and '; ' + hint}"
    )


class Algebra:
    """Makes the steps of operators; a vector of our language has one axis, and its orientation is kept here."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def like(self, span: Span, shape: Oriented, name: str, /, *inputs: int, **attributes: Any) -> Oriented:
        """An operation whose result has the rows and columns of `shape`."""
        step = self.tape.apply(span, name, *inputs, **attributes)
        return Oriented(span, step, shape.rank, shape.rows, shape.columns, shape.row)

    def scalar(self, value: Oriented) -> Oriented:
        """One row and one column are a scalar."""
        if value.rank == 0 or not value.is_single:
            return value
        return Oriented(value.span, self.tape.apply(value.span, "getitem", value.step, index=(0,) * value.rank))

    def entrywise(self, span: Span, name: str, *operands: Oriented) -> Oriented:
        """A function of entries: arrays have equal rows and columns, scalars stand beside any."""
        arrays = [operand for operand in operands if operand.rank]
        if not arrays:
            return Oriented(span, self.tape.apply(span, name, *(operand.step for operand in operands)))
        first = arrays[0]
        for other in arrays[1:]:
            if not (unify(first.rows, other.rows) and unify(first.columns, other.columns)):
                raise self._unequal(name, first, other)
        rank = max(operand.rank for operand in arrays)
        steps = [self._lifted(operand, rank).step for operand in operands]
        widest = next(operand for operand in arrays if operand.rank == rank)
        return self.like(span, widest, name, *steps)

    def _unequal(self, name: str, one: Oriented, other: Oriented) -> ShapeError:
        symbol = _SYMBOLS.get(name)
        shown = f"x {symbol} y" if symbol else name
        flipped = unify(one.rows, other.columns) and unify(one.columns, other.rows)
        hint = "one of them must be transposed" if flipped else ""
        return _refusal(shown, "equal rows and columns, or a scalar", one, other, hint=hint)

    def _lifted(self, operand: Oriented, rank: int) -> Oriented:
        """A vector beside a matrix of one column or row becomes such a matrix."""
        if operand.rank in {0, rank}:
            return operand
        index = (None, WHOLE) if operand.row else (WHOLE, None)
        step = self.tape.apply(operand.span, "getitem", operand.step, index=index)
        return Oriented(operand.span, step, MATRIX, operand.rows, operand.columns)

    def product(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """The matrix product; a scalar multiplies anything."""
        if left.rank == 0 or right.rank == 0:
            return self.entrywise(span, "multiply", left, right)
        if (left.rank == right.rank == 1 and left.row == right.row) or not unify(left.columns, right.rows):
            if left.is_single or right.is_single:
                return self.product(span, self.scalar(left), self.scalar(right))
            hint = ""
            if left.rank == right.rank == 1:
                hint = "an inner product is written x'*y, an outer product x*y', and x.*y is entry by entry"
            raise _refusal("x*y", "equal inner sizes, (m, n)*(n, p)", left, right, hint=hint)
        name = "outer" if _is_outer(left, right) else "matmul"
        step = self.tape.apply(span, name, left.step, self._untransposed(right) if name == "outer" else right.step)
        rank = left.rank + right.rank - MATRIX if name == "matmul" else MATRIX
        result = Oriented(span, step, rank, left.rows, right.columns, row=rank == 1 and left.rank == 1)
        return self.scalar(result)

    def _untransposed(self, value: Oriented) -> int:
        """`outer` takes vectors as they are: of a transposed vector, the vector."""
        step = self.tape.steps[value.step]
        return step.inputs[0] if step.name == "transpose" and value.rank == 1 else value.step

    def transposed(self, span: Span, value: Oriented) -> Oriented:
        """Rows become columns; a scalar stays what it is."""
        if value.rank == 0:
            return value
        step = self.tape.apply(span, "transpose", value.step)
        return Oriented(span, step, value.rank, value.columns, value.rows, row=value.rank == 1 and not value.row)

    def quotient(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """Division by a scalar."""
        below = self.scalar(right)
        if below.rank:
            hint = "entry by entry is x./y, by a matrix A*inv(B)"
            raise _refusal("x/y", "a scalar y", left, right, hint=hint)
        return self.entrywise(span, "divide", left, below)

    def power(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """A power of a scalar, or of a square matrix with a whole exponent that is written out."""
        above = self.scalar(right)
        if left.rank < MATRIX or left.is_single or above.rank:
            if self.scalar(left).rank or above.rank:
                hint = "entry by entry is x.^y"
                raise _refusal("x^y", "scalars, or a square matrix and a whole number", left, right, hint=hint)
            return self.entrywise(span, "power", self.scalar(left), above)
        if right.number == -1:
            return self.like(span, self.square("x^y", left), "inv", left.step)
        op = find("matrix_power")
        whole = right.number is not None and right.number.is_integer()
        if not whole or op is None:
            hint = "write X*X" if whole else "entry by entry is X.^y"
            raise _refusal("x^y", "y = -1 where x is a matrix", left, right, hint=hint)
        exponent = {op.parameters[-1].name: int(right.number or 0)}
        return self.like(span, self.square("x^y", left), op.name, left.step, **exponent)

    def square(self, name: str, value: Oriented) -> Oriented:
        """The value, which must be a square matrix."""
        if value.rank < MATRIX or not unify(value.rows, value.columns):
            raise _refusal(name, "a square matrix", value)
        return value

    def diagonal(self, span: Span, value: Oriented) -> Oriented:
        """`diag`, from a vector to a matrix or back."""
        if value.rank == 0:
            raise _refusal("diag", "a vector or a matrix", value)
        step = self.tape.apply(span, "diag", value.step)
        if value.rank == 1:
            length = value.columns if value.row else value.rows
            return Oriented(span, step, MATRIX, length, length)
        return Oriented(span, step, 1, _shorter(value.rows, value.columns), 1)


def _is_outer(left: Oriented, right: Oriented) -> bool:
    """Whether a column of one axis, or a row of one axis, meets a size that only a matrix has as an axis."""
    return (left.rank == 1 and not left.row) or (right.rank == 1 and right.row)


def _shorter(rows: AnySize, columns: AnySize) -> AnySize:
    one, other = settled(rows), settled(columns)
    op = find("diag")
    if isinstance(one, int | Dim) and isinstance(other, int | Dim) and op is not None and op.shape is not None:
        (length,) = op.shape((one, other))
        return length
    unify(one, other)
    return one
