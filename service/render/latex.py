"""Closed forms as LaTeX, in the subset that KaTeX and MathJax share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.ir.leaves import ARRAY, FILL, SIZE, VARIABLE, fill_value
from service.ir.node import Node
from service.ir.op import Notation
from service.ir.size import Dim
from service.ir.walk import topological
from service.ops.orientation import reads_as_row
from service.ops.signature import is_default
from service.ops.structural import einsum_labels
from service.render.latex_vectors import POSTFIX, agreed, flipped, in_brackets
from service.render.printer import ATOM, Written, fill_in, fresh_name, write
from service.render.text import PRODUCT, SUM, UNARY, TextDialect

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
}  # fmt: skip
PREFIXES = ("t", "s", "u", "v", "q", "h")  # of named subterms
MINUS = SUM + 1
MATRIX = 2  # axes


def latex_form(root: Node, names: Iterable[str] = (), symbols: Mapping[str, str] | None = None) -> str:
    """The form of a user graph as LaTeX without delimiters.

    `names` are taken by variables and sizes; `symbols` are variables that are not set by their name.
    """
    used = {node.attributes for node in topological([root]) if node.op is VARIABLE}
    program = write(root, LatexDialect(frozenset(used.union(names)), symbols))
    if not program.assignments:
        return program.result
    # A line that begins with a sign could go on with the one before.
    result = in_brackets((program.result, 0), 1) if program.result.startswith("-") else program.result
    lines = [*(rf"{name} &= {text}" for name, text in program.assignments), "& " + result]
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
        self.rows: dict[Node, bool] = {}  # which terms read as rows
        self.entries: dict[str, list[str]] = {}  # of columns that are written out

    def notation(self, node: Node) -> Notation:
        """The operation's notation as LaTeX."""
        return node.op.latex

    def name(self, number: int) -> str:
        """The name of subterm `number`."""
        taken = {name.rstrip("0123456789") for name in self.names}
        prefix = next((letter for letter in PREFIXES if letter not in taken), None)
        return f"{prefix}_{{{number}}}" if prefix else latex_name(fresh_name("t", number, self.names), 0)

    def leaf(self, node: Node) -> Written:
        """A variable, number, matrix of numbers, size, or constant matrix."""
        if node.op is VARIABLE:
            return self.symbols.get(node.attributes) or latex_name(node.attributes, len(node.shape)), ATOM
        if node.op in (FILL, ARRAY):
            return super().leaf(node)
        return self.size(node.attributes if node.op is SIZE else 0), SUM

    def size(self, size: int | Dim) -> str:
        """A size."""
        return re.sub(r"[A-Za-z]\w*", lambda name: latex_name(name[0], 0), repr(size)).replace("*", r" \, ")

    def number(self, value: float) -> Written:
        """A number, with a power of ten where the text has an exponent."""
        if value < 0:
            text, precedence = self.number(-value)
            return f"-{text}", min(precedence, UNARY)
        text, precedence = super().number(value)
        if "e" in text and "infty" not in text:
            mantissa, exponent = text.split("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}", PRODUCT
        return text, precedence

    def literal(self, node: Node) -> str:
        """Numbers as a column or a matrix; other shapes as a column whose entries are rearranged."""
        numbers = [self.number(value)[0] for value in memoryview(node.attributes.content).cast("d")]
        width = node.shape[-1] if len(node.shape) == MATRIX else 1
        if len(node.shape) == 1 or (len(node.shape) == MATRIX and isinstance(width, int) and width > 1 and numbers):
            step = width if isinstance(width, int) else 1
            return pmatrix(" & ".join(numbers[k : k + step]) for k in range(0, len(numbers), step))
        return rf"\operatorname{{reshape}}_{{{self.value(node.shape)}}}\left({pmatrix(numbers)}\right)"

    def special(self, node: Node, inputs: Sequence[Written]) -> Written | None:
        """What depends on shapes: products, quotients, powers, indices, lists, index notation."""
        self.rows[node] = reads_as_row(node, [self.rows.get(child, False) for child in node.inputs])
        inputs = agreed(node, inputs, self.rows)
        rule = _SPECIAL.get(node.op.name)
        if rule is None and node.op.latex.template is not None:
            rule = _templated
        return rule(self, node, inputs) if rule else None

    def call(self, node: Node, name: str, inputs: Sequence[Written]) -> str:
        """A function of its arguments; attributes stand below it, by name where one before them is left out."""
        taken = name[1:] in self.names  # a variable called sigma
        name = name if name.startswith("\\") and not taken else rf"\operatorname{{{node.op.name if taken else name}}}"
        name = name.replace("_", r"\_") if name.startswith(r"\operatorname") else name
        shown, skipped = list[str](), False
        for parameter in node.op.parameters:
            if parameter.is_input:
                continue
            if not parameter.required and is_default(node, parameter):
                skipped = True
                continue
            value = self.value(dict(node.attributes)[parameter.name])
            shown.append(rf"\text{{{parameter.name}}}={value}" if skipped else value)
        below = f"_{{{', '.join(shown)}}}" if shown else ""
        arguments = ", ".join(text for text, _ in inputs)
        return rf"{name}{below}\left({arguments}\right)" if inputs else f"{name}{below}"

    def value(self, value: Any) -> str:
        """An attribute's value below a function's name."""
        if value is None or isinstance(value, bool) or (isinstance(value, str) and value != "inf"):
            return rf"\text{{{value}}}"
        return self.size(value) if isinstance(value, Dim) else super().value(value)

    def index(self, item: Any) -> str:
        """One index."""
        return r"\text{None}" if item is None else super().index(item)


def pmatrix(rows: Iterable[str]) -> str:
    """A matrix of rows."""
    joined = r" \\ ".join(rows)
    return rf"\begin{{pmatrix}} {joined} \end{{pmatrix}}"


def _multiply(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    """Numbers and scalars stand beside what they multiply; arrays multiply entry by entry."""
    one, other = node.inputs
    # A leading minus belongs to the whole product just as well and needs no brackets.
    minus = inputs[0][1] == MINUS
    left = inputs[0][0] if minus else in_brackets(inputs[0], PRODUCT)
    # An array beside an inner product must not be multiplied with its first factor.
    # Nor must a scalar that is no number: it would be read as a factor of the first vector of an outer product.
    apart = (one.shape and not other.shape) or (other.op.name == "outer" and fill_value(one) is None)
    right = in_brackets(inputs[1], 56 if apart else PRODUCT + 1)
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


def _square(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    return _power(dialect, node, [*inputs, ("2", ATOM)])


def _transpose(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written | None:
    if dict(node.attributes)["axes"] is not None:
        return dialect.call(node, "transpose", inputs), ATOM
    return flipped(inputs[0])


def _abs(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    # Bars around a vector or a matrix are also read as its norm or determinant.
    return (dialect.call(node, "abs", inputs), ATOM) if node.shape else _templated(dialect, node, inputs)


def _getitem(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    index = ", ".join(dialect.index(item) for item in dict(node.attributes)["index"])
    return rf"{{{in_brackets(inputs[0], POSTFIX)}}}_{{[{index}]}}", POSTFIX


def _stack(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    """Scalars are a column, columns of scalars the rows of a matrix, other vectors rows by their transposes."""
    first = node.inputs[0]
    if dict(node.attributes)["axis"] != 0 or len(first.shape) > 1:
        return dialect.call(node, "stack", inputs), ATOM
    texts = [text for text, _ in inputs]
    if not first.shape:
        text = pmatrix(texts)
        dialect.entries[text] = texts
        return text, ATOM
    if all(text in dialect.entries for text in texts) and len(dialect.entries[texts[0]]) > 1:
        return pmatrix(" & ".join(dialect.entries[text]) for text in texts), ATOM
    rows = [w if dialect.rows.get(n, False) else flipped(w) for n, w in zip(node.inputs, inputs, strict=True)]
    return pmatrix(text for text, _ in rows), ATOM


def _einsum(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    """Index notation: the free labels below the bracket, the others under a sum sign."""
    labels, out = einsum_labels(dict(node.attributes)["subscripts"], [child.shape for child in node.inputs])
    summed = sorted(set("".join(labels)) - set(out))
    factors = " ".join(
        rf"{{{in_brackets(written, POSTFIX)}}}" + (f"_{{{label}}}" if label else "")
        for written, label in zip(inputs, labels, strict=True)
    )
    total = (rf"\sum_{{{','.join(summed)}}} " if summed else "") + factors
    return (rf"\left[{total}\right]_{{{out}}}", POSTFIX) if out else (total, SUM)


def _eye(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    if any(re.fullmatch(r"I\d*", name) for name in dialect.names):
        return dialect.call(node, "eye", inputs), ATOM
    return f"I_{{{dialect.size(dict(node.attributes)['n'])}}}", ATOM


def _filled(symbol: str) -> Any:
    def written(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
        if not node.shape:
            return dialect.call(node, node.op.name, inputs), ATOM
        shape = r" \times ".join(map(dialect.size, node.shape))
        return rf"\mathbf{{{symbol}}}_{{{shape}}}", ATOM

    return written


def _norm(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    attributes = dict(node.attributes)
    order, rank = attributes["ord"], len(node.inputs[0].shape)
    whole = attributes["axis"] in {None, tuple(range(rank))} and not attributes["keepdims"]
    if not whole or not rank or (order == 1 and rank > 1):
        return dialect.call(node, "norm", inputs), ATOM
    below = {None: "F" if rank > 1 else "2", "inf": r"\infty", "fro": "F"}.get(order, str(order))
    return rf"\left\|{inputs[0][0]}\right\|_{{{below}}}", POSTFIX


def _negative(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    return "-" + in_brackets(inputs[0], PRODUCT), MINUS


def _matmul(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    one, other = node.inputs
    entrywise = any(symbol in inputs[0][0] for symbol in (r" \odot ", r" \oslash ", r" \otimes "))
    minus = inputs[0][1] == MINUS and not entrywise
    numbered = one.op.name == "multiply" and not one.inputs[0].shape and not entrywise
    left = inputs[0][0] if minus or numbered else in_brackets(inputs[0], 55)
    if len(one.shape) == 1 and not dialect.rows.get(one, False):
        left = flipped(inputs[0])[0]
    turned = len(other.shape) == 1 and dialect.rows.get(other, False)
    return rf"{left} \, {in_brackets(flipped(inputs[1]) if turned else inputs[1], 56)}", MINUS if minus else 55


def _outer(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    if any(len(child.shape) != 1 for child in node.inputs):
        return dialect.call(node, "outer", inputs), ATOM
    left, right = (dialect.rows.get(child, False) for child in node.inputs)
    column, row = flipped(inputs[0]) if left else inputs[0], inputs[1] if right else flipped(inputs[1])
    return rf"{in_brackets(column, 55)} \, {in_brackets(row, 56)}", 55


def _equal(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    # Without brackets, an equals sign gives a value to a name.
    return in_brackets(_templated(dialect, node, inputs), ATOM), ATOM


def _templated(dialect: LatexDialect, node: Node, inputs: Sequence[Written]) -> Written:
    notation = node.op.latex
    grown = [(in_brackets(w, n), ATOM) for w, n in zip(inputs, notation.needs or (0,) * len(inputs), strict=True)]
    return fill_in(notation, grown), notation.precedence


_SPECIAL = {
    "multiply": _multiply, "divide": _divide, "power": _power, "transpose": _transpose, "getitem": _getitem,
    "stack": _stack, "einsum": _einsum, "eye": _eye, "zeros": _filled("0"), "ones": _filled("1"), "norm": _norm,
    "negative": _negative, "matmul": _matmul, "outer": _outer, "square": _square, "abs": _abs,
    "equal": _equal,
}  # fmt: skip
