"""The meaning of the rules of `syntax: "matlab"`: a syntax tree onto a tape, then into a graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from service.errors import ParseError, ShapeError, UnsupportedOperationError
from service.frontends.bounds import Limits
from service.frontends.matlab.algebra import MATRIX, Algebra
from service.frontends.matlab.sizing import Oriented, Unknown
from service.frontends.matlab.tape import Tape
from service.frontends.names import Names, Scope
from service.frontends.places import Source
from service.frontends.reader import Assignment, Reader, Reading
from service.frontends.reductions import Reduction
from service.frontends.sizes import ABSENT, calculate
from service.frontends.tokens import Token
from service.frontends.values import Span, Term
from service.ir.leaves import constant
from service.ir.node import Node
from service.ir.op import Op, find, spellings
from service.ir.size import Dim, written

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "inf": math.inf, "Inf": math.inf}  # `e` is a variable there
HOLES = {"vector": 1, "matrix": 2}
_SQUARE = {"trace": 0, "det": 0, "logdet": 0, "inv": MATRIX}
_OWN = ("vector", "matrix", "eye", "norm1", "norm2", "adj", "sum", "diag", *_SQUARE)


def is_entrywise(op: Op | None) -> bool:
    """Whether a function is called entry by entry, with nothing but arrays."""
    return op is not None and op.family == "elementwise" and all(p.kind == "array" for p in op.parameters)


def functions() -> list[str]:
    """Every function of this dialect by every name."""
    return [*_OWN, *(name for name in spellings() if is_entrywise(find(name)) or _canonical(name) in _OWN)]


def _canonical(name: str) -> str:
    op = find(name)
    return name if op is None else op.name


class MatlabProgram(Reader):
    """Reads one program."""

    def __init__(self, source: Source, scope: Scope, limits: Limits) -> None:
        super().__init__(source, limits)
        self.names = Names(scope, self.builder, CONSTANTS, functions)
        self.tape = Tape(source, self.builder)
        self.algebra = Algebra(self.tape)
        self.assigned: list[tuple[str, int]] = []
        self.variables: dict[str, Oriented] = {}

    def reading(self, rules: Sequence[Reduction]) -> Reading:
        """The program as a graph."""
        output: Oriented = self.read(rules)
        nodes = self.tape.build()
        assigned = tuple((name, nodes[step]) for name, step in self.assigned)
        return Reading(nodes[output.step], self.names.used, assigned)

    def binary(self, name: str, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """Operators entry by entry."""
        result = self.algebra.entrywise(span, name, left, right)
        result.plain = calculate(name, left.plain, right.plain)
        return result

    def on_assignment(self, _: Span, name: Token, value: Oriented) -> Assignment:
        """The name stands for the value from here on; a number behind a name is no number that is written out."""
        self.assigned.append((str(name), value.step))
        self.names.assigned[str(name)] = Oriented(
            value.span, value.step, value.rank, value.rows, value.columns, value.row, value.plain
        )
        return Assignment(str(name))

    def on_name(self, span: Span, name: Token) -> Oriented:
        """A name that is not called; `eye` alone is an identity matrix of the size that fits."""
        text = str(name)
        if text in self.names.assigned:
            found: Oriented = self.names.resolve(text, span)
            return found
        if text == "eye" and not self.names.is_known(text):
            return self._eye(span, Unknown())
        found_term = self.names.declared(text, span)
        assert isinstance(found_term, Term)  # noqa: S101 - words are no names of this dialect
        return self._leaf(span, found_term.node, found_term.plain)

    def _leaf(self, span: Span, node: Node, plain: object = ABSENT) -> Oriented:
        if len(node.shape) > MATRIX:
            message = f"this syntax has scalars, vectors and matrices, got {written(node.shape)}"
            raise ShapeError(message)
        rows, columns = (*node.shape, 1, 1)[:MATRIX]
        return Oriented(span, self.tape.given(span, node), len(node.shape), rows, columns, plain=plain)

    def on_number(self, span: Span, text: Token) -> Oriented:
        """A number; what looks like an integer is a size too."""
        value = float(text)
        if math.isinf(value):
            message = "the number is beyond the range of a double; infinity is written inf"
            raise ParseError(message)
        plain = int(text) if text.isdigit() else value
        return Oriented(span, self.tape.given(span, constant(value)), plain=plain, number=value)

    def on_bracketed(self, span: Span, value: Oriented) -> Oriented:
        """Brackets change nothing but the place that errors show."""
        return Oriented(
            span, value.step, value.rank, value.rows, value.columns, value.row, value.plain, value.number
        )  # fmt: skip

    def on_negative(self, span: Span, value: Oriented) -> Oriented:
        """Minus; that of a positive number written out makes another number."""
        if value.number is not None and self.source.text[value.span[0]] not in "(-+":
            step = self.tape.given(span, constant(-value.number))
            return Oriented(span, step, plain=calculate("multiply", -1, value.plain), number=-value.number)
        result = self.algebra.like(span, value, "negative", value.step)
        result.plain = calculate("multiply", -1, value.plain)
        return result

    def on_positive(self, span: Span, value: Oriented) -> Oriented:
        """Plus changes nothing."""
        return self.on_bracketed(span, value)

    def on_transposed(self, span: Span, value: Oriented) -> Oriented:
        """`x'`."""
        return self.algebra.transposed(span, value)

    def on_product(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """`A*B`, the matrix product."""
        result = self.algebra.product(span, left, right)
        result.plain = calculate("multiply", left.plain, right.plain)
        return result

    def on_quotient(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """`A/s`."""
        return self.algebra.quotient(span, left, right)

    def on_power(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """`s^t`, `A^(-1)`."""
        return self.algebra.power(span, left, right)

    def on_power_of_entries(self, span: Span, left: Oriented, right: Oriented) -> Oriented:
        """`x.^y`."""
        return self.binary("power", span, left, right)

    def on_call(self, span: Span, name: Token, *arguments: Oriented) -> Oriented:
        """A call of a function."""
        text = _canonical(str(name))
        if text not in functions():
            if find(text) is not None:
                message = f"{name} is not a function of this syntax, though of 'python'"
                raise UnsupportedOperationError(message)
            raise self.names.unknown_function(str(name))
        op = find(text)
        if op is not None and is_entrywise(op):
            if len(arguments) != len(op.parameters):
                raise self._arguments(text, len(op.parameters), len(arguments))
            return self.algebra.entrywise(span, text, *arguments)
        if len(arguments) != 1:
            raise self._arguments(text, 1, len(arguments))
        rule: Callable[[Span, Oriented], Oriented] | None = getattr(self, f"_{text}", None)
        return rule(span, arguments[0]) if rule else self._of_square(span, text, arguments[0])

    def _arguments(self, name: str, wanted: int, got: int) -> ParseError:
        shown = "one argument" if wanted == 1 else f"{wanted} arguments"
        return ParseError(f"{name} takes {shown}, got {got}")

    def _of_square(self, span: Span, name: str, value: Oriented) -> Oriented:
        self.algebra.square(name, value)
        step = self.tape.apply(span, name, value.step)
        return Oriented(span, step, _SQUARE[name], *((value.rows, value.columns) if _SQUARE[name] else (1, 1)))

    def _vector(self, span: Span, value: Oriented) -> Oriented:
        """A column with the same number everywhere."""
        return self._spread(span, value, Oriented(span, 0, 1, Unknown(), 1))

    def _matrix(self, span: Span, value: Oriented) -> Oriented:
        """A matrix with the same number everywhere."""
        return self._spread(span, value, Oriented(span, 0, MATRIX, Unknown(), Unknown()))

    def _spread(self, span: Span, value: Oriented, shape: Oriented) -> Oriented:
        if value.rank:
            message = f"vector and matrix take the scalar that is everywhere in them, got {value.written}"
            raise ShapeError(message)
        sizes = (shape.rows, shape.columns)[: shape.rank]
        name = "zeros" if value.number == 0 else "ones"
        filled = self.algebra.like(span, shape, name, shape=sizes)
        if value.number in {0, 1}:
            return filled
        return self.algebra.like(span, shape, "multiply", value.step, filled.step)

    def _eye(self, span: Span, size: object) -> Oriented:
        """The identity matrix, of a size that is written out or that fits."""
        n = size.plain if isinstance(size, Oriented) else size
        if not isinstance(n, int | Dim | Unknown):
            message = "eye takes a size, as a number or a named size; eye alone has the size that fits"
            raise ParseError(message)
        return Oriented(span, self.tape.apply(span, "eye", n=n), MATRIX, n, n)

    def _sum(self, span: Span, value: Oriented) -> Oriented:
        """The sum of all entries."""
        return Oriented(span, self.tape.apply(span, "sum", value.step))

    def _norm1(self, span: Span, value: Oriented) -> Oriented:
        """The sum of all absolute values."""
        if value.rank == 1:
            return Oriented(span, self.tape.apply(span, "norm", value.step, ord=1))
        absolute = self.tape.apply(span, "abs", value.step)
        return Oriented(span, self.tape.apply(span, "sum", absolute) if value.rank else absolute)

    def _norm2(self, span: Span, value: Oriented) -> Oriented:
        """The root of the sum of all squares."""
        return Oriented(span, self.tape.apply(span, "norm" if value.rank else "abs", value.step))

    def _diag(self, span: Span, value: Oriented) -> Oriented:
        """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
        return self.algebra.diagonal(span, value)

    def _adj(self, span: Span, value: Oriented) -> Oriented:
        """The adjugate: the signed minors, transposed."""
        self.algebra.square("adj", value)
        minors = self.tape.apply(span, "cofactor", value.step)
        return self.algebra.like(span, value, "transpose", minors)
