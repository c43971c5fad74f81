"""The meaning of names, numbers and operators of `syntax: "latex"`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from service.errors import ParseError, UnknownNameError
from service.frontends.bounds import Limits, is_integer
from service.frontends.builder import operation
from service.frontends.latex.algebra import Algebra
from service.frontends.latex.entries import letters_below, plain_of
from service.frontends.latex.notation import infixes
from service.frontends.latex.scanner import LatexScanner
from service.frontends.latex.values import DIVISOR, Formula, Indexed, Piece
from service.frontends.names import Names, Scope
from service.frontends.places import Source
from service.frontends.reader import Assignment, Reader, Reading
from service.frontends.reductions import Reduction
from service.frontends.sizes import calculate
from service.frontends.tokens import Token
from service.frontends.values import Span, Term
from service.frontends.words import CONSTANTS
from service.ir.leaves import constant
from service.ir.node import Node
from service.ir.size import Dim

_NO_FUNCTIONS: Callable[[], list[str]] = list


class LatexOperators(Reader):
    """Reads statements, products, sums and powers; functions and matrices are those of `LatexProgram`."""

    def __init__(self, source: Source, scope: Scope, limits: Limits) -> None:
        super().__init__(source, limits)
        self.names = Names(scope, self.builder, dict(CONSTANTS), _NO_FUNCTIONS)
        self.algebra = Algebra(self.builder)
        self.assigned: list[tuple[str, Node]] = []

    def reading(self, rules: Sequence[Reduction]) -> Reading:
        """The program as a graph."""
        output: Piece = self.read(rules)
        node = self.builder.keep(self.array(output).node)
        return Reading(node, self.names.used, tuple(self.assigned))

    def array(self, value: Any) -> Formula:
        """The value, which must be an array."""
        if isinstance(value, Formula):
            return value
        if isinstance(value, Indexed):
            message = f"nothing sums over {', '.join(value.free)}: write \\sum, or \\left[...\\right]_{{{value.free}}}"
            raise ParseError(message, place=self.source.place(*value.span))
        message = "this stands only below a function, as an attribute"
        raise ParseError(message, place=self.source.place(*value.span))

    def _formula(self, span: Span, value: Formula, **changes: Any) -> Formula:
        kept = {"row": value.row, "plain": value.plain} | changes
        return Formula(span, value.node, **kept)

    def binary(self, name: str, span: Span, left: Piece, right: Piece) -> Piece:
        """Sums and differences."""
        result = self.algebra.infix(span, operation(name), left, right)
        if isinstance(result, Formula):
            result.plain = calculate(name, plain_of(left), plain_of(right))
        return result

    def on_assignment(self, _: Span, name: Token, __: Token, value: Piece) -> Assignment:
        """The name stands for the value from here on; a number behind a name is no literal."""
        found = self.array(value)
        self.assigned.append((str(name), found.node))
        self.names.assigned[str(name)] = self._formula(found.span, found)
        return Assignment(str(name))

    def on_name(self, span: Span, name: Token) -> Formula:
        """A name."""
        text = str(name)
        try:
            found = self.names.resolve(text, span)
        except UnknownNameError as error:
            base = text.rstrip("0123456789")
            if base != text and self.names.is_known(base):
                error.detail += f"; an entry of {base} is written {base}_{{[0]}}, counted from 0"
            raise
        if isinstance(found, Term):
            is_e = text == "e" and not self.names.is_known(text)
            return Formula(span, found.node, plain=found.plain, literal=found.literal, is_e=is_e)
        value: Formula = found
        return value

    def on_number(self, span: Span, text: Token) -> Formula:
        """A number; what looks like an integer stays one for attributes."""
        value = float(text)
        if math.isinf(value):
            message = r"the number is beyond the range of a double; infinity is written \infty"
            raise ParseError(message)
        return Formula(span, constant(value), plain=int(text) if text.isdigit() else value, literal=True)

    def on_infinity(self, span: Span, _: Token) -> Formula:
        r"""`\infty`."""
        return Formula(span, constant(math.inf), plain=math.inf, literal=True)

    def on_bracketed(self, span: Span, value: Piece) -> Piece:
        """Brackets end a literal and an argument."""
        if isinstance(value, Indexed):
            return Indexed(span, value.factors, value.bound)
        return self._formula(span, value)

    def on_negative(self, span: Span, value: Piece) -> Piece:
        """Minus; that of a number written out makes another number."""
        if isinstance(value, Indexed):
            return self.algebra.entries.function(span, "negative", value)
        if value.literal and math.copysign(1.0, float(value.node.attributes)) > 0:
            return Formula(span, constant(-float(value.node.attributes)), plain=-value.plain, literal=True)
        result = self.algebra.named(span, "negative", value)
        result.plain, result.loose = calculate("multiply", -1, value.plain), value.loose
        return result

    def on_positive(self, _: Span, value: Piece) -> Piece:
        """Plus changes nothing."""
        return value

    def on_infix(self, span: Span, left: Piece, symbol: Token, right: Piece) -> Piece:
        r"""`\odot`, `\otimes`, comparisons."""
        return self.algebra.infix(span, infixes()[str(symbol)], left, right)

    def on_juxtaposed(self, span: Span, left: Piece, right: Piece) -> Piece:
        """A product without a sign."""
        if self.source.text[right.span[0]].isdigit():
            message = r"a number follows what it multiplies: a product is written with \cdot, and an exponent in braces"
            raise ParseError(message)
        result = self.algebra.beside(span, left, right, called=self._begins_with_function(right))
        if isinstance(result, Formula) and isinstance(right, Formula):
            result.loose = right.loose
        return result

    def _begins_with_function(self, value: Piece) -> bool:
        r"""Whether a factor clearly ends the argument before it, as in `\sin a \cos b`."""
        text, start = self.source.text, value.span[0]
        return text.startswith(r"\operatorname", start) or LatexScanner.head_pattern.match(text, start) is not None

    def on_dotted(self, span: Span, left: Piece, sign: Token, right: Piece) -> Piece:
        r"""A product with `\cdot`, or of scalars with `\times`."""
        if sign == r"\times" and all(isinstance(v, Formula) and v.node.shape for v in (left, right)):
            message = r"\times multiplies scalars; a matrix product is written A B, entry by entry is \odot"
            raise ParseError(message)
        self.algebra.check_end(left, called=self._begins_with_function(right), divided=False)
        result = self.algebra.product(span, left, right, dotted=True)
        if isinstance(result, Formula) and isinstance(right, Formula):
            result.loose = right.loose
        return result

    def on_slash(self, span: Span, left: Piece, right: Piece) -> Piece:
        """A quotient; a factor after it would be above or below."""
        if isinstance(left, Formula) and left.loose:
            self.algebra.beside(span, left, right, called=False)
        result = self.algebra.quotient(span, left, right)
        if isinstance(result, Formula):
            result.loose = DIVISOR
        return result

    def on_transposed(self, span: Span, value: Piece, sign: Token) -> Piece:
        r"""`X^\top`, `X^T`, `X^{-\top}`; `s^T` is a power where T is a name and s a scalar."""
        is_name = "top" not in sign and "intercal" not in sign and "\\" not in sign and self.names.is_known("T")
        if is_name and isinstance(value, Formula) and not value.node.shape:
            exponent = self.on_name(span, Token("NAME", "T"))
            return self.algebra.power(span, value, self.on_negative(span, exponent) if "-" in sign else exponent)
        if "-" in sign:
            value = self.algebra.power(span, value, Formula(span, constant(-1), plain=-1))
        return self.algebra.transposed(span, value)

    def on_power(self, span: Span, base: Piece, exponent: Piece) -> Piece:
        """A power."""
        result = self.algebra.power(span, base, exponent)
        if isinstance(result, Formula):
            result.plain = calculate("power", plain_of(base), plain_of(exponent))
        return result

    def on_power_of_entries(self, span: Span, base: Piece, _: Token, exponent: Piece) -> Piece:
        r"""`x^{\odot 2}`."""
        return self.algebra.power_of_entries(span, base, exponent)

    def on_labelled(self, span: Span, value: Piece, labels: Token) -> Piece:
        """`A_{ij}`."""
        return self.algebra.entries.labelled(span, value, str(labels))

    def on_big(self, span: Span, sign: Token, value: Piece, high: Formula | None = None) -> Piece:
        r"""`\sum_{i} x_i`."""
        name, labels, low = letters_below(str(sign))
        if isinstance(value, Formula):
            message = f"nothing after the sum has the index {labels[0]}: {labels[0]} stands below a name, x_{labels[0]}"
            raise ParseError(message)
        if high is not None:
            last = plain_of(high)
            if not (is_integer(last) or isinstance(last, Dim)):
                message = "a sum ends at a number or a named size"
                raise ParseError(message)
            self.algebra.entries.check_range(value, labels, low, last)
        return self.algebra.entries.summed(span, value, name, labels)

    def on_big_to(self, span: Span, sign: Token, high: Formula, value: Piece) -> Piece:
        r"""`\sum_{i=1}^{n} x_i`."""
        return self.on_big(span, sign, value, high)
