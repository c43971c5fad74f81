"""`syntax: "matlab"`: what people have at matrixcalculus.org means the same function as its spelling in Python."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import FluxionError, LimitError
from service.frontends.identity import function_id
from service.frontends.text import Reading, Scope, read_text
from service.ir.op import find, operations
from service.ir.size import Shape, named
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Limits, Task
from tests.frontends.reading import LIMITS, caret

K, M, N = named("k"), named("m"), named("n")
SHAPES: dict[str, Shape] = {
    "a": (), "b": (), "c": (), "x": (N,), "v": (N,), "w": (N,), "y": (M,), "u": (N, 1), "r": (1, N), "A": (M, N),
    "B": (N, N), "C": (N, N), "X": (N, N), "T": (M, N), "U": (M, K), "V": (N, K), "S": (1, 1), "L": (2, 3, 4),
    "z": (3,),
}  # fmt: skip
SCOPE = Scope(SHAPES)
PARSE, UNKNOWN, SHAPE = "parse-error", "unknown-name", "shape-error"


def read(source: str, limits: Limits = LIMITS, scope: Scope = SCOPE) -> Reading:
    """The reading of a text of this dialect."""
    return read_text(source, scope, limits, "matlab")


def refusal(source: str, limits: Limits = LIMITS) -> FluxionError:
    """The error that a text is refused with; it has a place, and says little."""
    with pytest.raises(FluxionError) as caught:
        read(source, limits)
    assert caught.value.place is not None
    assert len(caught.value.detail) < 400
    return caught.value


# The examples of matrixcalculus.org's page and documentation, textbook objectives, and each operator and function.
PASTED = [
    ("x'*B*x", "x.T @ B @ x"),
    ("0.5*x'*B*x", "0.5*x.T @ B @ x"),
    ("x'*B*x + c*sin(w)'*x", "x @ B @ x + c*sin(w) @ x"),
    ("A*exp(x)", "A @ exp(x)"),
    ("(x.*v)'*x", "(x*v) @ x"),
    ("a^b", "a**b"),
    ("norm1(A*x-y)", "norm(A @ x - y, 1)"),
    ("norm2(A*x-y)^2", "norm(A @ x - y)**2"),
    ("sum(log(exp(-y.*(A*w)) + vector(1)))", "sum(log(exp(-y*(A @ w)) + ones(m)))"),
    ("tr(B*X'*C*X*C)", "tr(B @ X.T @ C @ X @ C)"),
    ("log(det(inv(X)))", "log(det(inv(X)))"),
    ("log(det(X))", "log(det(X))"),
    ("logdet(X)", "logdet(X)"),
    ("norm2(T - U*V')^2", "norm(T - U @ V.T)**2"),
    ("sum((y - A*w).^2)", "sum((y - A @ w)**2)"),
    ("(y - A*w)'*(y - A*w)/2", "(y - A @ w) @ (y - A @ w)/2"),
    ("exp(-x'*x/2)", "exp(-x @ x/2)"),
    ("X*x/(x'*x)", "X @ x/(x @ x)"),
    ("B*inv(X)*C", "B @ inv(X) @ C"),
    ("X^(-1)*x", "inv(X) @ x"),
    ("x'*X^-1*x", "x @ inv(X) @ x"),
    ("a^-1", "a**-1"),
    ("a^2^b", "(a**2)**b"),
    ("-a^2", "-a**2"),
    ("x*v'", "outer(x, v)"),
    ("x*v'*w", "outer(x, v) @ w"),
    ("x*(2*v')", "outer(x, 2*v.T)"),
    ("x'*v*w", "x @ v*w"),
    ("(A*x)'", "A @ x"),
    ("x'*A'", "x @ A.T"),
    ("x''", "x"),
    ("a'*x", "a*x"),
    ("x*a", "x*a"),
    ("A*2", "A*2"),
    ("2/a*x", "2/a*x"),
    ("1./x", "1/x"),
    ("1.5./x.^2", "1.5/x**2"),
    ("2.^x", "2**x"),
    ("x.^v", "x**v"),
    ("A.*T./A", "A*T/A"),
    ("x + 1", "x + 1"),
    ("relu(A*x)", "relu(A @ x)"),
    ("arcsin(x) + asin(x)", "arcsin(x) + arcsin(x)"),
    ("maximum(x, 0)", "maximum(x, 0)"),
    ("sum(A)", "sum(A)"),
    ("sum(a)", "sum(a)"),
    ("norm1(A)", "sum(abs(A))"),
    ("norm1(a)", "abs(a)"),
    ("norm2(A)", "norm(A)"),
    ("norm2(a)", "abs(a)"),
    ("trace(X) + det(X)", "tr(X) + det(X)"),
    ("adj(X)", "cofactor(X).T"),
    ("diag(x)*B", "diag(x) @ B"),
    ("diag(X)'*x", "diag(X) @ x"),
    ("diag(x')", "diag(x)"),
    ("vector(1)'*x", "ones(n) @ x"),
    ("A*vector(1)", "A @ ones(n)"),
    ("x*vector(1)'*A'", "outer(x, ones(n)) @ A.T"),
    ("B - vector(2)*x'", "B - outer(2*ones(n), x)"),
    ("vector(0) + x", "zeros(n) + x"),
    ("vector(a).*x", "a*ones(n)*x"),
    ("matrix(1) - A", "ones((m, n)) - A"),
    ("A*matrix(1)*y", "A @ ones((n, m)) @ y"),
    ("o = vector(1); x'*o", "x @ ones(n)"),
    ("diag(vector(3)) + B", "diag(3*ones(n)) + B"),
    ("diag(exp(vector(1))).*B", "diag(exp(ones(n)))*B"),
    ("eye - X", "eye(n) - X"),
    ("tr(eye + X)", "tr(eye(n) + X)"),
    ("eye(3)*z", "eye(3) @ z"),
    ("n*x + pi", "n*x + pi"),
    ("e = A*w - y;\ne'*e % squares", "e = A @ w - y\ne.T @ e"),
    ("x.*u", "x[:, None]*u"),
    ("x' + r", "x[None, :] + r"),
    ("u'*B*u", "(u.T @ B @ u)[0, 0]"),
    ("u'*x", "(u.T @ x)[0]"),
    ("x'*u", "(x @ u)[0]"),
    ("x*r", "outer(x, r)"),
    ("u*x'", "outer(u, x)"),
    ("S*x", "S[0, 0]*x"),
    ("x/S", "x/S[0, 0]"),
    ("S^2", "S[0, 0]**2"),
    ("a*... the rest follows\nx", "a*x"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "python"), PASTED, ids=lambda text: ascii(text)[:40])
def test_pasted(source: str, python: str) -> None:
    """Each is the same function, by its identity, as its spelling in Python."""
    found, wanted = read(source).output, read_text(python, SCOPE, LIMITS).output
    assert found.shape == wanted.shape
    assert function_id([found], SHAPES.items()) == function_id([wanted], SHAPES.items())


def test_through_the_tasks() -> None:
    """A request's `syntax` is what its expression is read by, and the id is that of Python's spelling."""
    declared = {"x": Declaration(("n",)), "A": Declaration(("n", "n"))}
    pasted = compute(Task("gradient", "x'*A*x", syntax="matlab", variables=declared, wrt=("x",)))
    written = compute(Task("gradient", "x.T @ A @ x", variables=declared, wrt=("x",)))
    assert pasted.function_id == written.function_id
    assert pasted.blocks[0].forms["text"] == "x.T @ (A + A.T)"


def test_a_program_is_listed() -> None:
    """Variables are listed by first use, and assignments in order."""
    reading = read("p = A*x; q = p.^2\nsum(q)")
    assert list(reading.variables) == ["A", "x"]
    assert [(name, node.shape) for name, node in reading.assigned] == [("p", (M,)), ("q", (M,))]


def test_undeclared_names_are_scalars_where_told() -> None:
    """Among them is `e`, which is no constant here."""
    scope = Scope({"x": (2,)}, open_to_scalars=True)
    assert read("e*x'*x", scope=scope).variables == {"e": (), "x": (2,)}


@pytest.mark.parametrize(
    "name", [name for name, op in operations().items() if op.family == "elementwise" and not op.internal]
)
def test_functions_of_entries(name: str) -> None:
    """Every elementwise function of arrays alone is one of this dialect too; others are refused."""
    op = find(name)
    assert op is not None
    text = f"{name}({', '.join('x' for _ in op.parameters)})"
    if any(parameter.kind != "array" for parameter in op.parameters):
        assert "not a function of this syntax" in refusal(text).detail
    else:
        assert read(text).output is read_text(text, SCOPE, LIMITS).output


CASES = [
    ("x*v", SHAPE, "x*v", "got (n, 1) and (n, 1); an inner product is written x'*y"),
    ("x'*v'", SHAPE, "x'*v'", "got (1, n) and (1, n)"),
    ("y'*A*y", SHAPE, "y'*A*y", "equal inner sizes, (m, n)*(n, p), got (1, n) and (m, 1)"),
    ("a + x*B", SHAPE, "x*B", "got (n, 1) and (n, n)"),
    ("x.*v'", SHAPE, "x.*v'", "x .* y needs equal rows and columns, or a scalar, got (n, 1) and (1, n); one of them"),
    ("x + A", SHAPE, "x + A", "got (n, 1) and (m, n)"),
    ("x + y", SHAPE, "x + y", "got (n, 1) and (m, 1)"),
    ("x + z", SHAPE, "x + z", "got (n, 1) and (3, 1)"),
    ("maximum(x, y)", SHAPE, "maximum(x, y)", "maximum needs equal rows and columns"),
    ("1/x", SHAPE, "1/x", "entry by entry is x./y"),
    ("A/B", SHAPE, "A/B", "by a matrix A*inv(B)"),
    ("x^2", SHAPE, "x^2", "entry by entry is x.^y"),
    ("2^x", SHAPE, "2^x", "entry by entry is x.^y"),
    ("A^-1", SHAPE, "A^-1", "a square matrix, got (m, n)"),
    ("X^0.5", SHAPE, "X^0.5", "entry by entry is X.^y"),
    ("tr(A)", SHAPE, "tr(A)", "trace needs a square matrix, got (m, n)"),
    ("det(x)", SHAPE, "det(x)", "det needs a square matrix, got (n, 1)"),
    ("diag(a)", SHAPE, "diag(a)", "a vector or a matrix"),
    ("vector(x)", SHAPE, "vector(x)", "the scalar that is everywhere"),
    ("L", SHAPE, "L", "scalars, vectors and matrices, got (2, 3, 4)"),
    ("sum(vector(1))", PARSE, "vector(1)", "its size cannot be told"),
    ("x*vector(1)'", PARSE, "vector(1)", "its size cannot be told"),
    ("eye*eye", PARSE, "eye", "its size cannot be told"),
    ("o = vector(1); A*o + o", SHAPE, "A*o + o", "got (m, 1) and (n, 1)"),
    ("eye(a)", PARSE, "eye(a)", "eye takes a size"),
    ("sum(x, 1)", PARSE, "sum(x, 1)", "sum takes one argument, got 2"),
    ("sin()", PARSE, "sin()", "sin takes one argument, got 0"),
    ("softmax(x)", "unsupported-operation", "softmax(x)", "softmax is not a function of this syntax"),
    ("sinn(x)", UNKNOWN, "sinn(x)", "sinn is not a known function; did you mean sin"),
    ("a(x)", PARSE, "a(x)", "a product is written a*(...)"),
    ("sin + a", PARSE, "sin", "sin is a function: write sin(...)"),
    ("q*x", UNKNOWN, "q", "q is not declared"),
    ("a + e", UNKNOWN, "e", "e is not declared"),
    ("A @ x", PARSE, "@", "a matrix product is written A*B"),
    ("x'v", PARSE, "v", "a product is written with *"),
    ("(a)(b)", PARSE, "(", "a product is written with *"),
    ("2x", PARSE, "2", "a product is written 2*x"),
    ("a**2", PARSE, "*", "powers are written ^"),
    ("[1 2]", PARSE, "[", "arrays of numbers are given as variables"),
    ("a == b", PARSE, "=", "expected a name, a number or '(', got '='"),
    ("x.T", PARSE, ".", "entry by entry are .* ./ and .^"),
    ("sum(x", PARSE, "(", "'(' is never closed"),
    ("sum(x; v)", PARSE, "(", "'(' is still open"),
    ("x = a", PARSE, "", "the last line must be the output"),
    ("a\nb", PARSE, "a", "only the last line may be an expression"),
    ("class + a", PARSE, "class", "is a keyword"),
    ("", PARSE, "", "empty"),
    ("a + 1e999", PARSE, "1e999", "beyond the range"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "code", "underlined", "message"), CASES, ids=lambda text: ascii(text)[:40])
def test_refusals(source: str, code: str, underlined: str, message: str) -> None:
    """Every kind of error shows its place and says what to do, with rows and columns as MATLAB counts them."""
    error = refusal(source)
    assert (error.code, caret(error)[2]) == (code, underlined)
    assert message in error.detail


REFUSED = {
    "open brackets": "(" * 151,
    "calls": "sin(" * 5000 + "a" + ")" * 5000,
    "a long sum": "1" + "+0" * 20_000,
    "a long number": "1" * 5000,
    "full-width letters": "\uff45\uff58\uff50(1)",
    "only separators": ";" * 65_000,
    "only dots": "." * 65_000,
    "surrogates": "\ud800" * 20_000,
    "holes without a size": "vector(1)" + "+vector(1)" * 3000,
    "an unknown name after many": "o=a;" * 3000 + "oo",
    "an immense identity": "eye(2147483649)",
}

ACCEPTED = {
    "signs": "-" * 15_000 + "a",
    "transposes": "X" + "'" * 15_000,
    "powers": "a" + "^a" * 7900,
    "holes in a chain": "x" + "+vector(1)" * 3000,
    "holes before a size": "vector(1)+" * 3000 + "x",
    "doublings": "o = a;" + "o = o*o;" * 2000 + "o",
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
        (Limits(depth=2), "(((a)))", "depth"),
        (Limits(nodes=2), "sin(sin(a))", "nodes"),
        (Limits(axes=1), "x*x'", "axes"),
    ],
)
def test_every_bound_is_told(limits: Limits, source: str, name: str) -> None:
    """The bounds are those of every dialect."""
    with pytest.raises(LimitError) as caught:
        read(source, limits)
    assert caught.value.limit == name


WORDS = "a x A X n u sin sum vector eye norm1 1 2.5 ( ) , + - * .* ./ .^ ^ ' .' = ; % [ @ ="
ALPHABET = st.sampled_from([*WORDS.split(), " ", "\n", "\u00e9"])


def refused(source: str) -> FluxionError | None:
    """The error that a text is refused with, or None; any other exception is a defect."""
    try:
        read(source)
    except FluxionError as error:
        return error
    return None


@settings(max_examples=500, deadline=None)
@given(st.lists(ALPHABET, max_size=20).map("".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused(source: str) -> None:
    """Whatever is sent, the answer is a graph or an error with a place."""
    error = refused(source)
    assert error is None or error.place is not None
