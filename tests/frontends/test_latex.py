"""`syntax: "latex"`: the formulas of textbooks mean the same function as their spelling in Python."""

# ruff: noqa: E501 - a row is a line

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import FluxionError, LimitError
from service.frontends.identity import function_id
from service.frontends.latex.notation import heads
from service.frontends.text import Reading, Scope, read_text
from service.ir.op import operations
from service.ir.size import Shape, named
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Limits, Task
from tests.frontends.reading import LIMITS, caret

M, N = named("m"), named("n")
SHAPES: dict[str, Shape] = {
    "a": (), "b": (), "c": (), "lambda": (), "theta": (N,), "x1": (), "u_k": (), "learning_rate": (), "x": (N,), "v": (N,), "w": (N,),
    "y": (M,), "y_hat": (M,), "mu": (N,), "Sigma": (N, N), "A": (M, N), "B": (N, N), "X": (N, N), "z": (3,), "K": (2, 3, 4),
}  # fmt: skip
SCOPE = Scope(SHAPES)
PARSE, UNKNOWN, SHAPE = "parse-error", "unknown-name", "shape-error"


def read(source: str, limits: Limits = LIMITS, scope: Scope = SCOPE) -> Reading:
    """The reading of a text of this dialect."""
    return read_text(source, scope, limits, "latex")


def refusal(source: str, limits: Limits = LIMITS) -> FluxionError:
    """The error that a text is refused with; it has a place, and says little."""
    with pytest.raises(FluxionError) as caught:
        read(source, limits)
    assert caught.value.place is not None
    assert len(caught.value.detail) < 400
    return caught.value


TEXTBOOK = [
    # Products, transposes, quadratic forms and norms.
    (r"\frac{1}{2} x^\top B x", "1/2*x @ B @ x"),
    (r"\mathbf{x}^T \mathbf{B} \mathbf{x}", "x @ B @ x"),
    (r"x^{\mathrm{T}}x", "x @ x"),
    (r"x \cdot v", "x @ v"),
    (r"x v^\top", "outer(x, v)"),
    (r"(x v^{\top}) w", "outer(x, v) @ w"),
    (r"a A x b", "a*A @ x*b"),
    (r"2ab", "2*a*b"),
    (r"a(b + c)", "a*(b + c)"),
    (r"(a + b)(a - b)", "(a + b)*(a - b)"),
    (r"3 \times a", "3*a"),
    (r"x \odot v \circ w", "x*v*w"),
    (r"A x \odot y", "A @ x*y"),
    (r"x \oslash v", "x/v"),
    (r"B \otimes X", "kron(B, X)"),
    (r"\|Ax - y\|_2^2", "norm(A @ x - y)**2"),
    (r"\|Ax - y\|^2_2 + \lambda \|x\|_1", "norm(A @ x - y)**2 + lambda*norm(x, 1)"),
    (r"\frac12 \left\| A \mathbf{x} - \mathbf{y} \right\|_{2}^{2}", "1/2*norm(A @ x - y)**2"),
    (r"\lVert x \rVert + \| x \|_\infty", "norm(x) + norm(x, inf)"),
    (r"\|A\|_F^2", "norm(A)**2"),
    (r"\|a\|", "abs(a)"),
    (r"|a| b |c|", "abs(a)*b*abs(c)"),
    (r"\lvert a - \lvert b \rvert \rvert", "abs(a - abs(b))"),
    (r"\lfloor a \rfloor - \lceil x \rceil", "floor(a) - ceil(x)"),
    # Inverses, determinants, traces.
    (r"-\frac{1}{2}(x-\mu)^\top \Sigma^{-1} (x-\mu)", None),
    (r"B^{-1} x", "inv(B) @ x"),
    (r"B^{-\top} x", "inv(B).T @ x"),
    (r"\operatorname{tr}(B X^\top)", "tr(B @ X.T)"),
    (r"\mathrm{tr}\left(B^{-1} X\right)", "tr(inv(B) @ X)"),
    (r"\text{tr}(B)\,\Tr(B)", "tr(B)*tr(B)"),
    (r"\log \det(B)", "logdet(B)"),
    (r"\log\det B", "logdet(B)"),
    (r"\log(\det B)", "log(det(B))"),
    (r"\det(B)^2", "det(B)**2"),
    # Functions, powers, roots.
    (r"\exp(-a^2/2)", "exp(-a**2/2)"),
    (r"e^{-a}", "exp(-a)"),
    (r"e^{\odot x}", "exp(x)"),
    (r"\sin^2 a + \cos^{2}(a)", "sin(a)**2 + cos(a)**2"),
    (r"\sin a \cos b", "sin(a)*cos(b)"),
    (r"\sin a \cdot \cos b", "sin(a)*cos(b)"),
    (r"1/a \cdot b", "1/a*b"),
    (r"\sin a^2", "sin(a**2)"),
    (r"\sin(a)^2", "sin(a)**2"),
    (r"\ln x_1", "log(x1)"),
    (r"\log_{2} a + \log_2(b)", "log2(a) + log2(b)"),
    (r"\sqrt{a^2 + b^2}", "sqrt(a**2 + b**2)"),
    (r"\sqrt[3]{a}", "a**(1/3)"),
    (r"\sigma(w^\top x + b)", "sigmoid(w @ x + b)"),
    (r"\tanh\left(B x + w\right)", "tanh(B @ x + w)"),
    (r"\operatorname{relu}(x)", "relu(x)"),
    (r"\operatorname{softmax}_{0}(B)", "softmax(B, axis=0)"),
    (r"\operatorname{sum}_{\text{keepdims}=\text{True}}(B)", "sum(B, keepdims=True)"),
    (r"\max(a, b) \min(x)", "maximum(a, b)*min(x)"),
    (r"x^{\odot 2}", "x**2"),
    (r"a^{-1}b^c", "a**-1*b**c"),
    (r"a^{b^{c}}", "a**b**c"),
    (r"\pi a + \infty", "pi*a + inf"),
    (r"2 \cdot 10^{-3} a", "2e-3*a"),
    # Sums over indices.
    (r"\sum_{i=1}^{n} x_i^2", "sum(x**2)"),
    (r"\sum_{i=0}^{n-1} x_i", "sum(x)"),
    (r"\sum\limits_i x_i v_i", "einsum('i,i->', x, v)"),
    (r"\sum_i \exp(x_i)", "sum(exp(x))"),
    (r"\log \sum_i e^{x_i}", "log(sum(exp(x)))"),
    (r"\sum_{i,j} A_{ij} x_j y_i", "einsum('ij,j,i->', A, x, y)"),
    (r"\sum_i \sum_j A_{ij}^2", "sum(A**2)"),
    (r"\sum_{i=1}^m \left(y_i - \sum_{j=1}^n A_{ij} x_j\right)^2", "sum((y - einsum('ij,j->i', A, x))**2)"),
    (r"-\sum_{i=1}^m y_i \log(\hat{y}_i)", "-einsum('i,i->', y, log(y_hat))"),
    (r"\sum_i (x_i - a)^2 + b", "sum((x - a)**2) + b"),
    (r"\sum_{ij} (y_i - x_j)^2", "sum((y[:, None] - x)**2)"),
    (r"\sum_i \frac{x_i}{v_i}", "sum(x/v)"),
    (r"\prod_i x_i", "prod(x)"),
    (r"\left[\sum_j B_{ij} x_j\right]_i", "einsum('ij,j->i', B, x)"),
    (r"\sum_i B_{ii}", "einsum('ii->', B)"),
    # Matrices, cases, constants, indices.
    (r"\begin{pmatrix} a \\ b \end{pmatrix}", "[a, b]"),
    (r"\begin{bmatrix} a & b \\ 1 & c \end{bmatrix} \begin{pmatrix} 1 \\ 2 \end{pmatrix}", "[[a, b], [1, c]] @ [1, 2]"),
    (r"\begin{pmatrix} x \\ v \end{pmatrix}", "concatenate([x, v])"),
    (r"\begin{pmatrix} x^\top \\ v^\top \end{pmatrix}", "[x, v]"),
    (r"\begin{cases} a^2, & a \geq 0, \\ 0, & \text{otherwise} \end{cases}", "where(a >= 0, a**2, 0)"),
    (r"\begin{cases} a & \text{if } a > b \\ b & a < 0 \\ c & \text{otherwise} \end{cases}", "where(a > b, a, where(a < 0, b, c))"),
    (r"B - \lambda I_n", "B - lambda*eye(n)"),
    (r"\mathbf{1}_{n}^\top x", "ones(n) @ x"),
    (r"\mathbf{0}_{m \times n} + A", "zeros((m, n)) + A"),
    (r"x_{[0]} z_{[1:]}", "x[0]*z[1:]"),
    # Names, programs, and what is only for the eye.
    (r"\boldsymbol{\theta}^\top x + \mathrm{learning\_rate} \, u_k", "theta @ x + learning_rate*u_k"),
    (r"z = A x - y \\ z^\top z", "z = A @ x - y\nz @ z"),
    (r"\begin{aligned} r_{1} &= A x - y \\ p &:= r_1^\top r_1 \\ & p + 1 \end{aligned}", "r = A @ x - y\np = r @ r\np + 1"),
    ("\\displaystyle a ~ \\quad b % a comment\n\\; c", "a*b*c"),
    (r"\bigl( a + \Bigl[ b \Bigr] \bigr)", "a + b"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "python"), TEXTBOOK)
def test_textbooks(source: str, python: str | None) -> None:
    """Each is the same function, by its identity, as its spelling in Python."""
    found = read(source).output
    wanted = read_text(python or "-(1/2)*(x - mu) @ inv(Sigma) @ (x - mu)", SCOPE, LIMITS).output
    assert found.shape == wanted.shape
    assert function_id([found], SHAPES.items()) == function_id([wanted], SHAPES.items())


def test_through_the_tasks() -> None:
    """A request's `syntax` is what its expression is read by, and its LaTeX can be sent back."""
    declared = {"x": Declaration(("n",)), "A": Declaration(("n", "n"))}
    first = compute(Task("gradient", r"x^\top A x", syntax="latex", variables=declared, wrt=("x",)))
    written = compute(Task("gradient", "x.T @ A @ x", variables=declared, wrt=("x",)))
    assert first.function_id == written.function_id
    second = compute(Task("jacobian", first.blocks[0].forms["latex"], syntax="latex", variables=declared, wrt=("x",)))
    assert second.blocks[0].forms["text"] == "A + A.T"


def test_a_name_hides_a_function_and_a_constant() -> None:
    """Where e and sigma are declared, they are variables; T is one only where a scalar has it as its exponent."""
    scope = Scope({"e": (), "sigma": (), "T": (), "a": (), "X": (2, 2)})
    wanted = read_text("e**a*sigma + a**T + sum(X.T)", scope, LIMITS).output
    assert read(r"e^{a} \sigma + a^T + \operatorname{sum}(X^T)", scope=scope).output is wanted


def test_undeclared_names_are_scalars_where_told() -> None:
    """Every letter is a name of its own."""
    assert read("ab + c_{1}", scope=Scope({}, open_to_scalars=True)).variables == {"a": (), "b": (), "c1": ()}


@pytest.mark.parametrize("name", [name for name, op in operations().items() if not op.internal])
def test_every_operation_has_a_head(name: str) -> None:
    r"""`\operatorname{...}` with an operation's name calls it, whatever its own notation."""
    assert heads()[rf"\operatorname{{{name}}}"][0].name == name


CASES = [
    ("x v", SHAPE, "x v", r"got (n, 1) and (n, 1); an inner product is written x^\top y"),
    ("x B", SHAPE, "x B", "equal inner sizes, (m, n) (n, p), got (n, 1) and (n, n)"),
    ("A y", SHAPE, "A y", "matmul needs equal inner sizes"),
    (r"x + v^\top", SHAPE, r"x + v^\top", "add of a row and a column is not defined"),
    ("B + x", SHAPE, "B + x", "a row meets every row"),
    ("x^2", SHAPE, "x^2", r"entry by entry is ^{\odot y}"),
    ("a^x", SHAPE, "a^x", r"entry by entry is ^{\odot x}"),
    (r"\frac{x}{v}", SHAPE, r"\frac{x}{v}", r"entry by entry is \oslash"),
    (r"A^{-1}", SHAPE, r"A^{-1}", "square"),
    ("x_{ij}", SHAPE, "x_{ij}", "2 letters cannot name the axes of an array of shape (n,)"),
    (r"\sum_i A_{ij} x_i", SHAPE, r"A_{ij} x_i", "the index i names axes of size"),
    (r"\sum_{i=1}^{m} x_i", SHAPE, r"\sum_{i=1}^{m} x_i", "goes over an axis of size n"),
    (r"\sum_{i=0}^{n} x_i", SHAPE, r"\sum_{i=0}^{n} x_i", "a sum over a part is written with a slice"),
    (r"\begin{pmatrix} a & b \\ c \end{pmatrix}", SHAPE, None, "the rows of a matrix must be equally long"),
    (r"\begin{pmatrix} B \\ X \end{pmatrix}", SHAPE, None, "a matrix is made of scalars"),
    ("x_i", PARSE, "x_i", "nothing sums over i"),
    (r"\sum_i a", PARSE, r"\sum_i a", "nothing after the sum has the index i"),
    (r"\sum x_i", PARSE, r"\sum x_i", "below a sum stand its indices"),
    (r"\sin 2 a", PARSE, r"\sin 2 a", "write it in brackets"),
    (r"\log a b", PARSE, r"\log a b", "write it in brackets"),
    (r"\log a \sqrt{b}", PARSE, r"\log a \sqrt{b}", "write it in brackets"),
    (r"\log a \cdot b", PARSE, r"\log a \cdot b", "write it in brackets"),
    (r"\sin a / b", PARSE, r"\sin a / b", "write it in brackets"),
    ("1/2 a", PARSE, "1/2 a", r"write \frac{...}{...}"),
    ("2 3", PARSE, "2 3", r"is written with \cdot"),
    ("a^23", PARSE, "a^23", "an exponent in braces"),
    (r"x \times v", PARSE, r"x \times v", r"\times multiplies scalars"),
    ("|x|", PARSE, "|x|", "may be a norm, a determinant or absolute values"),
    (r"\|A\|", PARSE, r"\|A\|", r"the Frobenius norm is written \|X\|_F"),
    (r"\|x\|_3", PARSE, r"\|x\|_3", "the norm with 3 below is not known"),
    (r"\sin^{-1} a", PARSE, r"\sin^{-1} a", "the inverse has its own name"),
    ("f(x) = a", PARSE, "=", "as a comparison it stands in brackets"),
    ("a = b", PARSE, "", "the last line must be the output"),
    (r"p &= a \\ &+ b", PARSE, "+", "may go on with the one before"),
    (r"a \\ b", PARSE, "a", "only the last line may be an expression"),
    ("a < b < c", PARSE, "<", "comparisons cannot be chained"),
    (r"\mathbf{1}^\top x", PARSE, r"\mathbf{1}", r"the size is written below \mathbf{1}"),
    (r"\begin{cases} a & a > 0 \end{cases}", PARSE, None, r"cases end with a row of \text{otherwise}"),
    (r"\begin{array} a \end{array}", PARSE, r"\begin{array}", "there are pmatrix, cases and aligned"),
    (r"\begin{cases} a \end{pmatrix}", PARSE, r"\end{pmatrix}", "is closed by"),
    (r"\left(a", PARSE, None, "'(' is never closed"),
    ("{a)", PARSE, ")", "'{' is closed by ')'"),
    ("a}", PARSE, "}", "'}' closes nothing"),
    (r"\frac{a}", PARSE, "", "expected a name"),
    ("a +", PARSE, "", "expected a name, a number, '(' or a function, got the end"),
    ("$a$", PARSE, "$", "without the $"),
    ("a'", PARSE, "'", r"a transpose is written ^\top"),
    (r"\nabla a", PARSE, r"\nabla", r"\nabla is not part of this syntax"),
    (r"\alpa", PARSE, r"\alpa", r"did you mean \alpha"),
    (r"\operatorname{sum}_{\text{axs}=0}(B)", PARSE, None, "did you mean axis?"),
    (r"\operatorname{sum}_{a}(B)", PARSE, "_{a}", "axis must be written out"),
    (r"\operatorname{softmx}(x)", UNKNOWN, r"\operatorname", "softmx is not a known function; did you mean softmax"),
    ("x_2", UNKNOWN, "x_2", r"an entry of x is written x_{[0]}, counted from 0"),
    ("a + q", UNKNOWN, "q", "q is not declared"),
    (r"a \mathrm{if}", PARSE, r"\mathrm", "is a keyword"),
    ("", PARSE, "", "empty"),
    (r"1 \cdot 10^{999}", PARSE, None, "beyond the range"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code", "underlined", "message"), CASES)
def test_refusals(source: str, code: str, underlined: str | None, message: str) -> None:
    """What is wrong or not clear is refused, with its place and what to write instead."""
    error = refusal(source)
    assert error.code == code
    assert underlined is None or caret(error)[2] == underlined
    assert message in error.detail


REFUSED = {
    "brackets": "(" * 20_000 + "a" + ")" * 20_000,
    "braces": "{" * 200,
    "calls": r"\sin(" * 5000 + "a" + ")" * 5000,
    "fractions": r"\frac" * 9000,
    "environments": r"\begin{pmatrix}" * 200,
    "bars": "|" * 60_000,
    "norms": r"\|" * 30_000,
    "subscripts": "x_" * 30_000,
    "letters": "x_{" + "i" * 60_000 + "}",
    "an open text": r"\text{" + " " * 60_000,
    "an open name": r"\mathbf{" * 8000,
    "an open power": r"\|x\|^{" + "2" * 60_000 + "}_2",
    "accents": r"\hat{" * 8000,
    "a long function": r"\operatorname{" + "a" * 60_000 + "}(a)",
    "a long number": "1" * 5000,
    "an immense power of ten": r"1 \cdot 10^{" + "9" * 5000 + "}",
    "an immense shape": r"\mathbf{1}_{9^{9^{9}} \times 2}",
    "an immense identity": "I_{2147483649}",
    "many axes": r"\mathbf{1}_{" + r"1 \times " * 99 + "1}",
    "only breaks": "\\" * 60_000,
    "only marks": "&" * 60_000,
    "only spaces": " " * 65_000,
    "surrogates": "\ud800" * 20_000,
    "an empty index": "a_{[]}_{[]}_{",
}

ACCEPTED = {
    "signs": "-" * 15_000 + "a",
    "scripts": "a" + "^a" * 7000,
    "transposes": "B" + r"^\top" * 8000,
    "factors": "a " * 7900,
    "functions": r"\sin " * 7000 + "a",
    "labels in a sum": r"\sum_i (" + "x_i+" * 3000 + "x_i)",
    "a column": r"\begin{pmatrix}" + r"a\\" * 5000 + r"a\end{pmatrix}",
    "cases": r"\begin{cases}" + r"a & a>0\\" * 2000 + r"a & \text{otherwise}\end{cases}",
    "an empty index": "a_{[]}",
    "doublings": r"p = a \\" + r"p = p p \\" * 1500 + "p",
}


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_texts_are_refused(source: str) -> None:
    """Each is refused as wrong, never by an error of Python's own, and within the time that any test has."""
    refusal(source)


@pytest.mark.parametrize("source", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_large_texts_are_read(source: str) -> None:
    """Depth and length within the bounds are no reason to fail."""
    read(source)


@pytest.mark.parametrize(
    ("limits", "source", "name"),
    [
        (Limits(expression_bytes=4), "a + a", "expression_bytes"),
        (Limits(tokens=4), "a+a+a", "tokens"),
        (Limits(depth=2), "({(a)})", "depth"),
        (Limits(nodes=2), r"\sin(\sin(a))", "nodes"),
        (Limits(axes=1), r"x x^\top", "axes"),
    ],
)
def test_every_bound_is_told(limits: Limits, source: str, name: str) -> None:
    """The bounds are those of every dialect."""
    with pytest.raises(LimitError) as caught:
        read(source, limits)
    assert caught.value.limit == name


WORDS = r"""a x A B n i 1 2.5 ( ) [ ] { } ^ _ + - / = < & | \| \\ , : \cdot \odot \top \frac \sqrt \sin \sum \log\det
\sum_i _{ij} _i ^{\top} ^{\odot _{[0]} \begin{pmatrix} \end{pmatrix} \begin{cases} \end{cases} \begin{aligned} \end{aligned}
\left( \right) \operatorname{tr} \mathbf{1}_ I_ \mathrm{if} \text{if} \text{otherwise} \sigma \theta \infty e ' ="""
ALPHABET = st.sampled_from([*WORDS.split(), " ", "\n", "\u00e9"])


def refused(source: str) -> FluxionError | None:
    """The error that a text is refused with, or None; any other exception is a defect."""
    try:
        read(source)
    except FluxionError as error:
        return error
    return None


@settings(max_examples=800, deadline=None)
@given(st.lists(ALPHABET, max_size=20).map("".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused(source: str) -> None:
    """Whatever is sent, the answer is a graph or an error with a place."""
    error = refused(source)
    assert error is None or error.place is not None
