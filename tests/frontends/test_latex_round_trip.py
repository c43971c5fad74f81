"""What we write as LaTeX is read as the same function: random programs, closed forms, and every notation."""

# ruff: noqa: E501 - a table of texts

from __future__ import annotations

import pytest
from hypothesis import given, settings

from service.errors import FluxionError
from service.frontends.identity import function_id
from service.ir.node import Node
from service.ir.size import Shape, named
from service.render.latex import latex_form
from service.tasks.messages import Layout
from tests.diff.expressions import SHAPES, programs
from tests.functions import Function, kernel_of, shapes
from tests.render.golden import GOLDEN, Row
from tests.render.test_golden import answer, block

N = named("n")
NAMED: dict[str, Shape] = {
    **shapes(x=["n"], y=["n"], w=["m"], A=["n", "n"], B=["m", "n"], C=["n", "n"], u=["n", 1], K=[2, "n", "n"], v=[3]),
    "s": (), "t": (), "a": (), "b": (),
}  # fmt: skip


def reads_back(function: Function, node: Node, *, same_id: bool = False) -> None:
    """The LaTeX of a user's graph is that function again."""
    latex = latex_form(node, list(function.shapes))
    again = function.again(latex, "latex")
    assert again.user.shape == node.shape, latex
    assert again.kernel is kernel_of(node), latex
    if same_id:
        inputs = function.shapes.items()
        assert function_id([again.user], inputs) == function_id([node], inputs), latex


@settings(max_examples=150, deadline=None)
@given(programs())
def test_random_programs(text: str) -> None:
    """The programs that the derivatives are tested with, as they were written, and their values' closed forms."""
    function = Function(text, SHAPES)
    reads_back(function, function.user)
    reads_back(function, function.closed_form(function.kernel))


@settings(max_examples=60, deadline=None)
@given(programs(scalar=True, steps=3))
def test_derivatives_of_random_programs(text: str) -> None:
    """Closed forms of first and second derivatives."""
    function = Function(text, SHAPES)
    for names in (("x",), ("A",), ("x", "x")):
        reads_back(function, function.closed_form(function.derivative(*names)))


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row.text} {row.kind} {row.wrt}")
def test_golden_forms(row: Row, layout: Layout) -> None:
    """With named sizes and through the tasks, the LaTeX is the same function as the text."""
    forms = block(row, answer(row, layout, forms=("text", "latex"))).forms
    first, second = (
        Function(forms[form], row.shapes, syntax) for form, syntax in (("text", "python"), ("latex", "latex"))
    )
    assert first.user.shape == second.user.shape
    assert first.kernel is second.kernel


ORIENTED = [
    "x @ A @ x", "x.T @ A @ x", "x @ A", "x @ A @ A", "(x @ A) @ (A @ x)", "(x @ A) @ (y @ A)", "A @ (x @ A)",
    "x @ A + y", "x @ A + y @ A", "exp(x @ A) + y", "exp(x @ A) @ A", "(x @ A)*y", "(x @ A)/(A @ x)", "(x @ A)**y",
    "A + x", "A*x", "A/(x @ A)", "A - x @ A", "x + A", "x**A", "where(A > x, x, A)", "maximum(A, x)", "x < A",
    "x.T.T + y", "x.T + y", "outer(x @ A, y @ A)", "outer(x, y) @ A", "A @ outer(x, y)", "outer(A, x)", "outer(x.T, y)",
    "2*x @ A", "-x @ A", "(x @ A)*s @ A", "x*(x @ y)", "A*(x @ y)", "(x @ y)*A", "s*(x*y)", "(x*y)*s", "(s*A) @ x",
    "(A*2) @ x", "(A*C) @ x", "-(A*C) @ x", "(-A*C) @ x", "(s*(A*C)) @ x", "-(A @ x)", "-(x*y)", "(-x)*y", "-kron(A, C)",
    "kron(A, C) @ ones(n*n)", "-kron(A, C) @ ones(n*n)", "kron(x, y)", "kron(x @ A, y)", "kron(x @ A, y @ A)",
    "kron(A, x)", "kron(A @ C, A*C)", "kron(A, kron(A, C))", "kron(kron(A, C), A)", "A*C*A", "A*(C*A)", "A*(C @ A)",
    "A/C*A", "A/(C*A)", "A @ (C*A)", "A @ C/2", "A @ (C/2)", "2/A", "x/2", "K @ x", "x @ K", "K @ A", "K + A", "K*x",
    "[x, y]", "[x @ A, y]", "[[s, t], [t, s]]", "[[s], [t]]", "[[s, t]]", "[s]", "[s, 1, 2]", "[[1, 2], v[:2]]",
    "stack([A, C])", "stack([x, y], axis=1)", "concatenate([x, y])", "[[s < t, where(s < t, 1, 2)], [s == t, 1]]",
    "[1, -2.5, 1e-7]", "[[1], [2]]", "[[1]]", "[[1, 2]]", "[[[1, 2], [3, 4]]]", "[]", "[[], []]", "[1, 2] @ [3, 4]*x",
    "dot(x, y)", "dot(A, x)", "x @ u", "u.T @ A @ u", "u*x", "u @ u.T", "A.T @ x", "(A @ C).T", "(A + C).T @ x", "A.T.T",
    "inv(A).T @ x", "inv(A.T)", "inv(A) @ inv(C)", "(inv(A) @ x) @ y", "inv(A + C)", "-inv(A)", "inv(K) @ x",
    "transpose(K, (0, 2, 1)) @ x", "transpose(A, (0, 1))", "transpose(x, (0,))", "s.T*x",
]  # fmt: skip

WRITTEN = [
    "s**2", "s**-1", "(-s)**2", "-s**2", "(-2)**s", "2**-s", "s**t**2", "(s**t)**2", "(s + t)**2", "(s*t)**2", "exp(s)**2",
    "x**2", "square(s)", "square(x)", "sqrt(x)**3", "A**2", "e**s", "e**x", "1/s", "reciprocal(x)", "s/t/2", "s/(t/2)",
    "2*3*s", "s*2", "s*-3", "-3*s", "2*-3", "s - -3", "s + -t", "s - (t - 1)", "s - -t", "-(-s)", "-(2)", "1e-7*s",
    "-1e20*s", "s*1e-7", "1e-7**s", "-1e-7", "1e-7*1e-8", "inf*s", "-inf", "s*0.1", "inf - inf", "-(s + t)", "-s*t",
    "abs(s)*abs(t)", "abs(x)", "abs(A)", "abs(s - abs(t))", "floor(x) + ceil(s)", "floor(ceil(x))", "norm(x)", "norm(A)",
    "norm(x, 1)", "norm(x, inf)", "norm(x, 2)**2", "norm(A, ord='fro')", "norm(A, ord=1, axis=0)", "norm(s)", "norm(K)",
    "norm(A, axis=1, keepdims=True)", "norm(x)**2", "norm(x - y)*norm(y)", "norm(x/norm(x))", "sum(A, axis=0)",
    "sum(A, keepdims=True)", "sum(A, axis=(0, 1))", "sum(K, axis=(0, 2), keepdims=True)", "sum(K, axis=())", "max(A)",
    "max(x, axis=0)", "maximum(x, y)", "min(maximum(x, s))", "softmax(A, axis=0)", "softmax(A, axis=None)",
    "log(det(A))", "logdet(A)", "log(s)*det(A)", "det(A)**2", "log2(s)", "log10(x)", "ln(log2(s))", "polygamma(2, x)",
    "digamma(s)", "sigmoid(s)", "sigmoid(x)*s", "tr(A @ C)", "cofactor(A)", "cofactor(A, 2)", "clip(x, 0, s)",
    "where(s > 0, s, 0)", "where(s > 0, 1, where(t > 0, 2, 3))", "where(s == t, s, t)", "where(x >= y, x, y) @ y",
    "where(s != t, 1, 0) + 1", "(s < t)*(t <= 1)", "s == t", "x == y", "(s == t) + 1", "(s < t) < 1", "a = s == t\na*a",
    "x[0]", "x[-1]", "x[n - 1]", "A[0, 1:]", "A[:, None]", "A[::1, 0]", "x[:][1:]", "v[::-1]", "v[2:0:-1]", "x[...]",
    "A[None, :, :]", "(x + y)[0]", "s[None]", "(A @ x)[0]**2", "x[1:-1]", "K[0, 1:n]",
    "einsum('ij,j->i', A, x)", "einsum('ij,j', A, x)", "einsum('ii', A)", "einsum('ii->i', A)", "einsum('ij->ji', A)",
    "einsum('i,i->', x, y)", "einsum('i->', x)", "einsum('i->i', x)", "einsum('ij->', A)", "einsum('ij->j', A)",
    "einsum(',i->i', s, x)", "einsum(',->', s, t)", "einsum('...ij,...jk->...ik', K, K)", "einsum('i,j->ji', x, y)",
    "einsum('ij,jk,k->i', A, C, x)*y", "2*einsum('i,i->', x, y)", "einsum('i,i->', x, y)**2", "einsum('ij,j->i', A, x @ A)",
    "einsum('i,i->', einsum('ij,j->i', A, x), y)", "einsum('i,i->', x + y, exp(x))", "s - einsum('i,i->', x, y)",
    "x*einsum('i,i->', x, y)", "einsum('aB,B->a', A, x)", "-einsum('i,i->', x, y)", "einsum('ij,ij->ij', A, C) @ x",
    "eye(n) @ x", "eye(n + 1)", "eye(2*n) @ ones(2*n)", "zeros((m, n)) + B", "ones(())*s", "zeros(3)*v", "ones((n, n)) @ x",
    "ones(n*m)", "ones((n + 1, 2))", "n*s", "n**2*s", "(n + m)*x", "x/n", "reshape(A, (n*n,))", "reshape(A, -1)",
    "reshape(x, (1, n, 1))", "vec(A)", "diag(x)", "diag(x, k=-1)", "diag(v, 1)", "solve(A, x)", "solve(A, C).T @ x",
    "gammaln(s)", "relu(A @ x)", "logaddexp(s, t)", "hypot(x, y)", "arctan2(s, t)", "log_softmax(x)", "gelu(s)*silu(t)",
    "prod(x)", "prod_except(x)", "prod_except(x, 2)", "mean(x)*logsumexp(x)", "erf(s)", "round(s)", "sign(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", [*ORIENTED, *WRITTEN])
def test_notations(text: str) -> None:
    """Rows and columns, precedence, numbers, attributes, indices, constants: each is read as it is written."""
    function = Function(text, NAMED)
    reads_back(function, function.user)


@pytest.mark.parametrize(
    "text", ["x @ A @ x", "x @ A", "outer(x, y) @ A", "(x @ A)*y", "A + x", "[x, y]", "A @ (x @ A)", "kron(x @ A, y)"]
)
def test_orientation_keeps_identity(text: str) -> None:
    """Transposes that only LaTeX must write are no part of a function."""
    function = Function(text, NAMED)
    reads_back(function, function.user, same_id=True)


AWKWARD: dict[str, Shape] = {
    "sigma": (), "psi": (), "I": (2, 2), "I3": (2, 2), "T": (), "e": (), "pi": (), "x1": (2,), "x_1": (2,), "x_": (2,),
    "theta": (2,), "theta12": (), "Theta": (2, 2), "lambda": (), "t": (), "t0": (), "u": (), "v": (), "q": (), "h": (),
    "s": (), "learning_rate": (), "a_b_2": (2,), "x_k": (), "xk": (), "x": (2,), "i": (), "j": (), "sum": (), "tr": (),
    "log": (), "F": (2, 2), "inf": (), "A1": (2, 2), "varepsilon": (), "epsilon": (), "ell": (), "Gamma": (), "M2x": (),
    "y_hat": (2,), "omicron": (2,), "mathbf": (),
}  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_names(name: str) -> None:
    """Every name is written so that it is read as itself, beside all others, and in products, powers and indices."""
    function = Function(f"sum({name} + x) + {name}**T + 2*{name}*sigma + sigmoid(sigma)*psi + digamma({name})", AWKWARD)
    reads_back(function, function.user, same_id=True)
    other = Function(f"I @ x1*x_1 + eye(2) @ x*e + {name}", AWKWARD)
    reads_back(other, other.user)


def test_named_subterms() -> None:
    """A long form is a program whose names are free, whichever the user has taken; a signed result is in brackets."""
    long = "a = " + " + ".join(f"sin({k}*x1 + x_1)*cos(x*{k})" for k in range(9)) + "\nb = a*a @ I\n-b*b - b*sum(b)"
    function = Function(long, AWKWARD)
    latex = latex_form(function.user, list(AWKWARD))
    assert r"\begin{aligned}" in latex
    reads_back(function, function.user)
    free = Function(long, {name: AWKWARD[name] for name in ("x", "x1", "x_1", "I")})
    assert r"t_{0} &=" in latex_form(free.user)
    reads_back(free, free.user)


def test_sizes_of_many_letters() -> None:
    """Named sizes are names like any other."""
    named_sizes = shapes(X=["batch", "n1"], w=["n1"], theta=["alpha"])
    for text in ("sum(X @ w)/batch", "ones((batch, n1)) + X", "eye(alpha) @ theta*(batch*n1 - 1)", "w[:n1 - 1]"):
        function = Function(text, named_sizes)
        reads_back(function, function.user, same_id=True)


def test_a_function_that_is_also_a_name() -> None:
    r"""`\sigma(x)` is no product by accident: where sigma is declared, both readings must be spelled out."""
    with pytest.raises(FluxionError, match="may be a product or a function"):
        _ = Function(r"\sigma(x)", AWKWARD, "latex").user
