"""The meaning of the rules of `syntax: "latex"`: a syntax tree into a graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lark import Token, Tree

from service.errors import FluxionError, ParseError, UnknownNameError
from service.frontends.bounds import Limits, is_integer
from service.frontends.builder import operation
from service.frontends.indices import canonical_index
from service.frontends.latex.algebra import Algebra
from service.frontends.latex.calls import Attributes, Head, Named, chosen
from service.frontends.latex.entries import letters_below, plain_of
from service.frontends.latex.matrices import Row, matrix
from service.frontends.latex.notation import commands, fences, infixes
from service.frontends.latex.values import ARGUMENT, DIVISOR, Formula, Indexed, Piece
from service.frontends.names import Names, Scope
from service.frontends.places import Source
from service.frontends.reader import Assignment, Reader, Reading
from service.frontends.sizes import calculate
from service.frontends.values import Group, Slice, Span, Term, Word, attribute_of
from service.frontends.words import CONSTANTS, LITERALS
from service.ir.leaves import constant
from service.ir.node import Node
from service.ir.size import Dim

_NO_FUNCTIONS: Callable[[], list[str]] = list


class LatexProgram(Reader):
    """Reads one program."""

    def __init__(self, source: Source, scope: Scope, limits: Limits) -> None:
        super().__init__(source, limits)
        self.names = Names(scope, self.builder, dict(CONSTANTS), _NO_FUNCTIONS)
        self.algebra = Algebra(self.builder)
        self.assigned: list[tuple[str, Node]] = []

    def reading(self, tree: Tree[Token]) -> Reading:
        """The program as a graph."""
        output: Piece = self.read(tree)
        node = self.builder.keep(self._array(output).node)
        return Reading(node, self.names.used, tuple(self.assigned))

    def _array(self, value: Any) -> Formula:
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
        found = self._array(value)
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
        called = isinstance(right, Formula) and (right.loose == ARGUMENT or self.source.text[right.span[0]] == "\\")
        result = self.algebra.beside(span, left, right, called=called and self._begins_with_function(right))
        if isinstance(result, Formula) and isinstance(right, Formula):
            result.loose = right.loose
        return result

    def _begins_with_function(self, value: Piece) -> bool:
        return isinstance(value, Formula) and value.node.op.family == "elementwise"

    def on_dotted(self, span: Span, left: Piece, sign: Token, right: Piece) -> Piece:
        r"""A product with `\cdot`, or of scalars with `\times`."""
        if sign == r"\times" and all(isinstance(v, Formula) and v.node.shape for v in (left, right)):
            message = r"\times multiplies scalars; a matrix product is written A B, entry by entry is \odot"
            raise ParseError(message)
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

    def on_fence(self, span: Span, opening: Token, value: Piece, closing: Token) -> Piece:
        r"""`|x|`, `\|x\|_2`, `\lfloor x \rfloor`."""
        _, op = fences()[str(opening)]
        if op.name == "norm":
            return self._norm(span, self._array(value), str(closing)[2:])
        if op.name == "abs" and isinstance(value, Formula) and value.node.shape:
            message = r"|x| of an array may be a norm, a determinant or absolute values: write \|x\|, \det(x)"
            raise ParseError(message + r" or \operatorname{abs}(x)")
        return self.algebra.function(span, op, value)

    def _norm(self, span: Span, value: Formula, order: str) -> Formula:
        if not value.node.shape:
            return self.algebra.named(span, "abs", value)
        matrix_like = len(value.node.shape) > 1
        if matrix_like and not order:
            message = r"which norm of a matrix is not clear: the Frobenius norm is written \|X\|_F"
            raise ParseError(message)
        default = {"F"} if matrix_like else {"", "2", "F"}
        known = {"1": 1, "2": 2, r"\infty": "inf"}
        if order not in default | known.keys():
            message = rf"the norm with {order} below is not known: there are \|x\|_1, \|x\|_2, \|x\|_\infty and \|X\|_F"
            raise ParseError(message)
        return self.algebra.named(span, "norm", value, **({} if order in default else {"ord": known[order]}))

    def on_command(self, span: Span, name: Token, *arguments: Piece) -> Piece:
        r"""`\frac{x}{y}`, `\sqrt{x}`."""
        op = commands()[str(name)]
        if op.name == "divide":
            return self.algebra.quotient(span, *arguments)
        return self.algebra.function(span, op, *arguments)

    def on_root(self, span: Span, name: Token, order: Piece, value: Piece) -> Piece:
        r"""`\sqrt[3]{x}`."""
        if name != r"\sqrt":
            message = f"{name} takes no argument in [ ]"
            raise ParseError(message)
        exponent = self.algebra.quotient(span, Formula(span, constant(1)), order)
        return self.algebra.power_of_entries(span, value, exponent)

    def on_head(self, span: Span, name: Token, below: Attributes | None = None) -> Head:
        """A function that is to be applied."""
        return Head(span, str(name), below or Attributes(span))

    def on_below(self, span: Span, *items: Any) -> Attributes:
        """What stands below a function."""
        return Attributes(span, items)

    def on_keyword(self, span: Span, name: Token, value: Any) -> Named:
        """An attribute by name."""
        return Named(span, str(name), value)

    def on_word(self, span: Span, text: Token) -> Word:
        """A word as an attribute."""
        return Word(span, LITERALS.get(str(text), str(text)))

    def on_group(self, span: Span, *items: Any) -> Group:
        """A tuple as an attribute."""
        return Group(span, tuple(self._attribute(item) for item in items), is_list=False)

    def _attribute(self, item: Any) -> Any:
        if isinstance(item, Formula):
            return Term(item.span, item.node, item.plain)
        return item if isinstance(item, Word | Group) else self._array(item)

    def on_application(self, span: Span, head: Head, *arguments: Piece | None) -> Piece:
        """A function of arguments in brackets."""
        given = [value for value in arguments if value is not None]
        op, attributes = chosen(head, len(given))
        inputs = [value.node for value in given if isinstance(value, Formula)]
        checked = {}
        for parameter, value in attributes:
            try:
                plain = attribute_of(self._attribute(value), f"{op.name}: {parameter.name}")
                checked[parameter.name] = self.builder.attribute(op, parameter, plain, inputs)
            except FluxionError as error:
                error.place = error.place or self.source.place(*head.below.span)
                raise
        return self.algebra.function(span, op, *given, **checked)

    def on_constant(self, span: Span, name: Token, below: Attributes | None = None) -> Piece:
        """A function without arguments."""
        return self.on_application(span, self.on_head(span, name, below))

    def on_open(self, span: Span, head: Head, value: Piece) -> Piece:
        r"""A function of an argument without brackets, `\log x`."""
        result = self.on_application(span, head, value)
        if isinstance(result, Formula):
            result.loose = ARGUMENT
        return result

    def on_open_power(self, span: Span, head: Head, exponent: Piece, value: Piece) -> Piece:
        r"""`\sin^2 x`."""
        result = self.on_application_power(span, head, exponent, value)
        if isinstance(result, Formula):
            result.loose = ARGUMENT
        return result

    def on_application_power(self, span: Span, head: Head, exponent: Piece, *arguments: Piece) -> Piece:
        r"""`\sin^2(x)`."""
        whole = plain_of(exponent)
        if not is_integer(whole) or whole < 1:
            message = f"{head.name}^... before its argument is a positive whole power; the inverse has its own name"
            raise ParseError(message)
        return self.algebra.power(span, self.on_application(span, head, *arguments), exponent)

    def on_identity(self, span: Span, _: Token, size: Piece) -> Formula:
        """`I_{n}`."""
        op = operation("eye")
        term = self._attribute(size)
        plain = self.builder.attribute(op, op.parameters[0], attribute_of(term, "the size of I"), ())
        return self.algebra.made(span, op, **{op.parameters[0].name: plain})

    def on_filled(self, span: Span, symbol: Token, *sizes: Any) -> Formula:
        r"""`\mathbf{1}_{m \times n}`."""
        op = operation("ones" if "1" in symbol else "zeros")
        terms = [self._attribute(entry) for entry in sizes if not isinstance(entry, Token)]
        shape = tuple(attribute_of(term, "the size of a constant matrix") for term in terms)
        checked = self.builder.attribute(op, op.parameters[0], shape, ())
        return self.algebra.made(span, op, **{op.parameters[0].name: checked})

    def on_row(self, _: Span, *entries: Piece) -> Row:
        """A row of a matrix."""
        return Row(tuple(self._array(entry) for entry in entries))

    def on_matrix(self, span: Span, *rows: Row | Token) -> Formula:
        r"""`\begin{pmatrix} ... \end{pmatrix}`."""
        return matrix(self.algebra, span, [row for row in rows if isinstance(row, Row)], self.limits)

    def on_case(self, _: Span, value: Piece, condition: Piece | None) -> tuple[Piece, Piece | None]:
        """A row of cases."""
        return value, condition

    def on_condition(self, _: Span, __: Token, condition: Piece) -> Piece:
        """`if`, which may be left out."""
        return condition

    def on_otherwise(self, _: Span, __: Token) -> None:
        """The last row of cases."""

    def on_cases(self, span: Span, *rows: Any) -> Piece:
        """Values and their conditions, the first that holds."""
        *before, last = (row for row in rows if not isinstance(row, Token))
        value, condition = last
        if condition is not None or not before or any(other is None for _, other in before):
            message = r"cases end with a row of \text{otherwise}, and only the last one is"
            raise ParseError(message)
        for then, where in reversed(before):
            value = self.algebra.function(span, operation("where"), where, then, value)
        result: Piece = value
        return result

    def on_items(self, _: Span, *items: Any) -> tuple[Any, ...]:
        """What stands between the brackets of an index."""
        return tuple(item for item in items if item is not None)

    def on_slice(self, span: Span, *parts: Any) -> Slice:
        """`start:stop:step`."""
        start, stop, step = (
            None if part is None else attribute_of(self._attribute(part), "a bound of a slice") for part in parts
        )
        return Slice(span, (start, stop, step))

    def on_index(self, span: Span, value: Piece, _: Token, items: tuple[Any, ...], __: Token) -> Formula:
        """`x_{[0, 1:]}`, which counts from 0 as NumPy does."""
        array = self._array(value)
        plain = [
            item.plain if isinstance(item, Slice) else attribute_of(self._attribute(item), "an index") for item in items
        ]
        op = operation("getitem")
        index = canonical_index(plain, len(array.node.shape))
        checked = self.builder.attribute(op, op.parameters[-1], index, (array.node,))
        return self.algebra.made(span, op, array, **{op.parameters[-1].name: checked})
