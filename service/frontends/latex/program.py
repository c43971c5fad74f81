"""The meaning of the rules of `syntax: "latex"`: a syntax tree into a graph."""

from __future__ import annotations

from typing import Any

from service.errors import FluxionError, ParseError
from service.frontends.bounds import is_integer
from service.frontends.builder import operation
from service.frontends.indices import canonical_index
from service.frontends.latex.calls import Attributes, Head, Named, chosen
from service.frontends.latex.entries import plain_of
from service.frontends.latex.matrices import Row, matrix
from service.frontends.latex.notation import commands, fences
from service.frontends.latex.operators import LatexOperators
from service.frontends.latex.values import ARGUMENT, Formula, Piece
from service.frontends.tokens import Token
from service.frontends.values import Group, Slice, Span, Term, Word, attribute_of
from service.frontends.words import LITERALS
from service.ir.leaves import constant


class LatexProgram(LatexOperators):
    """Reads one program."""

    def on_fence(self, span: Span, opening: Token, value: Piece, closing: Token) -> Piece:
        r"""`|x|`, `\|x\|_2`, `\lfloor x \rfloor`."""
        _, op = fences()[str(opening)]
        if op.name == "norm":
            return self._norm(span, self.array(value), str(closing)[2:])
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
        return item if isinstance(item, Word | Group) else self.array(item)

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
        return Row(tuple(self.array(entry) for entry in entries))

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
        array = self.array(value)
        plain = [
            item.plain if isinstance(item, Slice) else attribute_of(self._attribute(item), "an index") for item in items
        ]
        op = operation("getitem")
        index = canonical_index(plain, len(array.node.shape))
        checked = self.builder.attribute(op, op.parameters[-1], index, (array.node,))
        return self.algebra.made(span, op, array, **{op.parameters[-1].name: checked})
