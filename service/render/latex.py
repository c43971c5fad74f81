"""Closed forms as LaTeX, in the subset that KaTeX and MathJax share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from service.ir.leaves import ARRAY, FILL, SIZE, VARIABLE, fill_value
from service.ir.node import Node
from service.ir.op import Notation
from service.ir.size import Dim
from service.ir.walk import topological
from service.ops.signature import is_default
from service.render.printer import ATOM, Written, fill_in, write
from service.render.text import PRODUCT, SUM, TextDialect

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
}  # fmt: skip
PREFIXES = ("t", "s", "u", "v", "q", "h", *(f"T^{{({k})}}" for k in range(10**3)))  # of named subterms
POSTFIX = 90
MINUS = SUM + 1


def latex_form(root: Node, symbols: Mapping[str, str] | None = None) -> str:
    """The form of a user graph as LaTeX without delimiters; `symbols` are variables that are not set by their name."""
    names = frozenset(node.attributes for node in topological([root]) if node.op is VARIABLE)
    program = write(root, LatexDialect(names, symbols))
    if not program.assignments:
        return program.result
    lines = [*(rf"{name} &= {text}" for name, text in program.assignments), "& " + program.result]
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def latex_name(name: str, rank: int) -> str:
    """A variable's name: Greek letters, final digits as an index, vectors in bold; different names look different."""
    letters, digits = re.fullmatch(r"(.*?)(\d*)", name).groups()  # type: ignore[union-attr]
    plain = letters.replace("_", r"\_")
    shown = rf"\{letters}" if letters in GREEK else plain if len(letters) == 1 else rf"\mathrm{{{plain}}}"
    if rank == 1:
        shown = rf"\boldsymbol{{{shown}}}" if letters in GREEK else rf"\mathbf{{{plain}}}"
    return f"{shown}_{{{digits}}}" if digits else shown


class LatexDialect(TextDialect):
    """Mathematics as it is set."""

    infinity = r"\infty"

    def __init__(self, names: frozenset[str], symbols: Mapping[str, str] | None = None) -> None:
        """`names` are those a named subterm must not take, `symbols` the LaTeX of some of them."""
        super().__init__(names)
        self.symbols = symbols or {}

    def notation(self, node: Node) -> Notation:
        """The operation's notation as LaTeX."""
        return node.op.latex

    def name(self, number: int) -> str:
        """The name of subterm `number`."""
        taken = {name.rstrip("0123456789") for name in self.names}
        prefix = next(letter for letter in PREFIXES if letter not in taken)
        return f"{prefix}_{{{number}}}"

    def leaf(self, node: Node) -> Written:
        """A variable, number, matrix of numbers, size, or constant matrix."""
        if node.op is VARIABLE:
            return self.symbols.get(node.attributes) or latex_name(node.attributes, len(node.shape)), ATOM
        if node.op in (FILL, ARRAY):
            return super().leaf(node)
        return self.size(node.attributes if node.op is SIZE else 0), SUM

    def size(self, size: int | Dim) -> str:
        """A size."""
        return repr(size).replace("*", r" \, ")

    def number(self, value: float) -> Written:
        """A number, with a power of ten where the text has an exponent."""
        text, precedence = super().number(value)
        if "e" in text and "infty" not in text:
            mantissa, exponent = text.split("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}", PRODUCT
        return text, precedence

    def array(self, inner: str) -> str:
        """Nested lists of numbers as a matrix."""
        rows = inner.removeprefix("[").removesuffix("]").split("], [")
        joined = (" & ".join(row.strip("[]").split(", ")) for row in rows)
        separator = r" \\ "
        flat = (
            separator.join(joined)
            if len(rows) > 1 or inner.startswith("[[")
            else separator.join(inner.strip("[]").split(", "))
        )
        return rf"\begin{{pmatrix}} {flat} \end{{pmatrix}}"

    def special(self, node: Node, inputs: Sequence[Written]) -> Written | None:
        """What depends on shapes: products, quotients, powers, indices, lists, index notation."""
        rule = _SPECIAL.get(node.op.name)
        if rule is None and node.op.latex.template is not None:
            rule = _templated
        return rule(self, node, inputs) if rule else None

    def call(self, node: Node, name: str, inputs: Sequence[Written]) -> str:
        """A function of its arguments; attributes stand below it."""
        name = name if name.startswith("\\") else rf"\operatorname{{{name}}}"
        name = name.replace("_", r"\_") if name.startswith(r"\operatorname") else name
        shown = []
        for parameter in node.op.parameters:
            value = dict(node.attributes).get(parameter.name) if not parameter.is_input else None
            if value is not None and (parameter.required or not is_default(node, parameter)):
                shown.append(self.value(value))
        below = f"_{{{', '.join(shown)}}}" if shown else ""
        arguments = ", ".join(text for text, _ in inputs)
        return rf"{name}{below}\left({arguments}\right)" if inputs else f"{name}{below}"

    def value(self, value: Any) -> str:
        """An attribute's value below a function's name."""
        return super().value(value).replace("'", "")


def in_brackets(written: Written, need: int) -> str:
    """The text, in growing brackets unless its precedence is at least `need`."""
    return written[0] if written[1] >= need else rf"\left({written[0]}\right)"


def _multiply(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    """Numbers and scalars stand beside what they multiply; arrays multiply entry by entry."""
    one, other = node.inputs
    # A leading minus belongs to the whole product just as well and needs no brackets.
    minus = inputs[0][1] == MINUS
    left, right = inputs[0][0] if minus else in_brackets(inputs[0], PRODUCT), in_brackets(inputs[1], PRODUCT + 1)
    precedence = MINUS if minus else PRODUCT
    if one.shape and other.shape:
        return rf"{left} \odot {right}", precedence
    joint = r" \cdot " if fill_value(other) is not None or right[:1].isdigit() else r" \, "
    return left + joint + right, precedence


def _divide(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    if node.inputs[0].shape and node.inputs[1].shape:
        return in_brackets(inputs[0], PRODUCT) + r" \oslash " + in_brackets(inputs[1], PRODUCT + 1), PRODUCT
    return rf"\frac{{{inputs[0][0]}}}{{{inputs[1][0]}}}", 80


def _power(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    sign = r"\odot " if node.shape else ""
    return rf"{{{in_brackets(inputs[0], POSTFIX)}}}^{{{sign}{inputs[1][0]}}}", 70


def _transpose(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written | None:
    axes = dict(node.attributes)["axes"]
    if axes is not None:
        return rf"\operatorname{{transpose}}_{{{dialect.value(axes)}}}\left({inputs[0][0]}\right)", ATOM
    return rf"{{{in_brackets(inputs[0], POSTFIX)}}}^{{\top}}", 85


def _getitem(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    index = ", ".join(dialect.index(item) for item in dict(node.attributes)["index"])
    return rf"{{{in_brackets(inputs[0], POSTFIX)}}}_{{[{index}]}}", POSTFIX


def _stack(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written | None:
    if dict(node.attributes)["axis"] != 0:
        return None
    rows = [text.removeprefix(r"\begin{pmatrix} ").removesuffix(r" \end{pmatrix}") for text, _ in inputs]
    if node.inputs[0].shape and all(child.op.name == "stack" and len(child.shape) == 1 for child in node.inputs):
        rows = [row.replace(r" \\ ", " & ") for row in rows]
    elif node.inputs[0].shape:
        rows = [text for text, _ in inputs]
    joined = r" \\ ".join(rows)
    return rf"\begin{{pmatrix}} {joined} \end{{pmatrix}}", ATOM


def _einsum(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    """Index notation: the free labels below the bracket, the others under a sum sign."""
    operands, _, out = dict(node.attributes)["subscripts"].partition("->")
    labels = operands.split(",")
    summed = sorted(set("".join(labels)) - set(out))
    factors = " ".join(
        rf"{{{in_brackets(written, POSTFIX)}}}_{{{label}}}" for written, label in zip(inputs, labels, strict=True)
    )
    total = (rf"\sum_{{{','.join(summed)}}} " if summed else "") + factors
    return (rf"\left[{total}\right]_{{{out}}}", POSTFIX) if out else (total, SUM)


def _eye(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    return f"I_{{{dialect.size(dict(node.attributes)['n'])}}}", ATOM


def _filled(symbol: str) -> Any:
    def written(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
        shape = r" \times ".join(map(dialect.size, node.shape))
        return rf"\mathbf{{{symbol}}}_{{{shape}}}", ATOM

    return written


def _norm(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    order = dict(node.attributes)["ord"]
    below = {None: "F" if len(node.inputs[0].shape) > 1 else "2", "inf": r"\infty", "fro": "F"}.get(order, str(order))
    return rf"\left\|{inputs[0][0]}\right\|_{{{below}}}", POSTFIX


def _negative(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    return "-" + in_brackets(inputs[0], PRODUCT), MINUS


def _is_row(node: Node) -> bool:
    """Whether a vector is already written as a row: transposed, or a row times a matrix."""
    while node.op.name in {"matmul", "multiply", "negative"}:
        node = node.inputs[0] if node.op.name != "multiply" or node.inputs[0].shape else node.inputs[1]
        if node.op.name == "transpose" or len(node.shape) > 1:
            break
    return node.op.name == "transpose" and len(node.shape) == 1


def _matmul(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    one = node.inputs[0]
    minus = inputs[0][1] == MINUS and r" \odot " not in inputs[0][0]
    numbered = one.op.name == "multiply" and not one.inputs[0].shape
    left = inputs[0][0] if minus or numbered else in_brackets(inputs[0], 55)
    if len(one.shape) == 1 and not _is_row(one):
        left = rf"{{{in_brackets(inputs[0], POSTFIX)}}}^{{\top}}"
    return rf"{left} \, {in_brackets(inputs[1], 56)}", MINUS if minus else 55


def _templated(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    notation = node.op.latex
    grown = [(in_brackets(w, n), ATOM) for w, n in zip(inputs, notation.needs or (0,) * len(inputs), strict=True)]
    return fill_in(notation, grown), notation.precedence


_SPECIAL = {
    "multiply": _multiply, "divide": _divide, "power": _power, "transpose": _transpose, "getitem": _getitem,
    "stack": _stack, "einsum": _einsum, "eye": _eye, "zeros": _filled("0"), "ones": _filled("1"), "norm": _norm,
    "negative": _negative, "matmul": _matmul,
}  # fmt: skip
