"""Every row of the table, by value at random points of its domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from service.ir.walk import topological
from service.rewrite.rows import ROWS
from service.rewrite.simplify import simplify
from tests.functions import Function, heavy, random_point, run

POINTS = 5
# Both sides are well conditioned at these points; the right one is the more accurate.
RTOL = 1e-12


@dataclass(frozen=True)
class Case:
    """A left side and its right side as texts, with the shapes and the box of the points."""

    before: str
    after: str
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: {"x": (3,), "y": (3,)})
    domain: tuple[float, float] = (-1.5, 1.5)


MATRIX = {"X": (3, 3), "y": (3,)}
STACK = {"X": (2, 3, 3)}
CASES: Mapping[str, tuple[Case, ...]] = {
    "log(exp(x)) -> x": (Case("log(exp(x))", "x"), Case("log(exp(s))", "s", {"s": ()})),
    "log(1 + exp(x)) -> softplus(x)": (
        Case("log(1 + exp(x))", "softplus(x)"),
        Case("log(exp(x*y) + 1)", "softplus(x*y)"),
    ),
    "log1p(exp(x)) -> softplus(x)": (Case("log1p(exp(x))", "softplus(x)"),),
    "log(exp(x) + exp(y)) -> logaddexp(x, y)": (Case("log(exp(x) + exp(y))", "logaddexp(x, y)"),),
    "log(sigmoid(x)) -> -softplus(-x)": (Case("log(sigmoid(x))", "-softplus(-x)"),),
    "1/(1 + exp(x)) -> sigmoid(-x)": (Case("1/(1 + exp(x))", "sigmoid(-x)"), Case("1/(1 + exp(-x))", "sigmoid(x)"),
        Case("(1 + exp(x*y))**-2.5", "sigmoid(-x*y)**2.5")),
    "1 - sigmoid(x) -> sigmoid(-x)": (
        Case("1 - sigmoid(x)", "sigmoid(-x)"),
        Case("log(1 - sigmoid(2*x))", "-softplus(2*x)"),
    ),
    "sigmoid(x) - 1 -> -sigmoid(-x)": (Case("sigmoid(x*y) - 1", "-sigmoid(-x*y)"),),
    "exp(x)*sigmoid(-x) -> sigmoid(x)": (
        Case("exp(x)/(1 + exp(x))", "sigmoid(x)"),
        Case("y*exp(-x)/(1 + exp(-x))**2", "y*sigmoid(-x)*sigmoid(x)"),
        Case("exp(x - y)/(exp(x - y) + 1)", "sigmoid(x - y)"),
    ),
    "exp(x)/sum(exp(x)) -> softmax(x)": (
        Case("exp(x)/sum(exp(x))", "softmax(x)"),
        Case("y*exp(x)/sum(exp(x))**2", "y*softmax(x)/sum(exp(x))"),
        Case("exp(X)/sum(exp(X), axis=1, keepdims=True)", "softmax(X, axis=1)", {"X": (2, 3)}),
        Case("exp(X)/sum(exp(X), axis=0)", "softmax(X, axis=0)", {"X": (2, 3)}),
        Case("exp(X)/sum(exp(X))", "softmax(X, axis=(0, 1))", {"X": (2, 3)}),
        Case("exp(K)/sum(exp(K), axis=(0, 2))[:, None]", "softmax(K, axis=(0, 2))", {"K": (2, 3, 2)}),
    ),
    "log1p(-1 + x) -> log(x)": (Case("log1p(x - 1)", "log(x)", domain=(0.2, 1.5)),),
    "log(sum(exp(x))) -> logsumexp(x)": (
        Case("log(sum(exp(x)))", "logsumexp(x)"),
        Case("log(sum(exp(X), axis=0))", "logsumexp(X, axis=0)", {"X": (2, 3)}),
        Case("log(sum(exp(X), axis=1))", "logsumexp(X, axis=1)", {"X": (2, 3)}),
        Case("log(sum(exp(K), axis=(0, 2)))", "logsumexp(K, axis=(0, 2))", {"K": (2, 3, 2)}),
    ),
    "log(x**3) -> 3*log(x)": (
        Case("log(x**3)", "3*log(x)", domain=(0.2, 1.5)),
        Case("log(sqrt(x))", "log(x)/2", domain=(0.2, 1.5)),
        Case("log(1/x)", "-log(x)", domain=(0.2, 1.5)),
    ),
    "log(softmax(x)) -> x - logsumexp(x)": (
        Case("log(softmax(x))", "x - logsumexp(x)"),
        Case("log(softmax(X, axis=1))", "X - logsumexp(X, axis=1, keepdims=True)", {"X": (2, 3)}),
    ),
    "sum(x - mean(x)) -> 0": (
        Case("sum(x - mean(x))", "0*sum(x)"),
        Case("sum(X - mean(X, axis=0), axis=0)", "zeros(3)*sum(X)", {"X": (2, 3)}),
        Case("s*sum(x - sum(x)/3 + 2)", "6*s", {"x": (3,), "s": ()}),
    ),
    "sum(eigvalsh(X)) -> trace(X)": (
        Case("sum(eigvalsh(X))", "trace(X)", {"X": (3, 3)}),
        Case("sum(eigvalsh(K), axis=1)*x", "trace(K)*x", {"K": (2, 3, 3), "x": (2,)}),
        Case("sum(eigenprojections(X), axis=0) @ y", "y", MATRIX),
    ),
    "where(1, x, y) -> x": (Case("where(0 < 1, x, y)", "x"), Case("where(2 < 1, x, y)", "y")),
    "log(det(X)) -> logdet(X)": (
        Case("log(det(X))", "logdet(X)", MATRIX),
        Case("log(det(X + 2*eye(3)))", "logdet(X + 2*eye(3))", STACK, (0, 0.4)),
    ),
    "inv(inv(X)) -> X": (Case("inv(inv(X))", "X", MATRIX),),
    "logdet(inv(X)) -> -logdet(X)": (Case("logdet(inv(X))", "-logdet(X)", MATRIX),),
    "det(inv(X)) -> 1/det(X)": (Case("det(inv(X))", "1/det(X)", MATRIX),),
    "inv(X) @ X -> eye(n)": (
        Case("inv(X) @ X @ y", "y", MATRIX),
        Case("X @ inv(X)", "eye(3)", MATRIX),
        Case("trace(X.T @ inv(X).T)", "3 + 0*y[0]", MATRIX),
    ),
    "cofactor(X)/det(X) -> inv(X).T": (
        Case("cofactor(X)/det(X)", "inv(X).T", MATRIX),
        Case("cofactor(X)/det(X)**2", "inv(X).T/det(X)", MATRIX),
    ),
    "exp(x) - 1 -> expm1(x)": (Case("exp(x) - 1", "expm1(x)"), Case("exp(x*y) - 1", "expm1(x*y)")),
    "1 - exp(x) -> -expm1(x)": (Case("1 - exp(x)", "-expm1(x)"),),
    "log1p(expm1(x)) -> x": (Case("log1p(exp(x) - 1)", "x"),),
    "sin(x)/x -> spherical_jn(0, x)": (
        Case("sin(x)/x", "spherical_jn(0, x)"),
        Case("sin(2*x)/x", "2*spherical_jn(0, 2*x)"),
        Case("y*sin(x*y)**2/(x*y)**3", "y*spherical_jn(0, x*y)**2/(x*y)"),
        Case("sin(x)**3/x**2", "spherical_jn(0, x)**2*sin(x)"),
    ),
    "expm1(x)/x -> exprel(x)": (
        Case("expm1(x)/x", "exprel(x)"),
        Case("(exp(-3*x) - 1)/x", "-3*exprel(-3*x)"),
        Case("sum((1 - exp(x))/x)", "-sum(exprel(x))"),
    ),
    "x**a*log(x) -> xlogy(x**a, x)": (
        Case("x*log(x)", "xlogy(x, x)", domain=(0.2, 1.5)),
        Case("y*sqrt(x)*log(x)", "y*xlogy(sqrt(x), x)", domain=(0.2, 1.5)),
        Case("x @ log(x)", "sum(xlogy(x, x))", domain=(0.2, 1.5)),
    ),
    "norm(2*x) -> 2*norm(x)": (
        Case("norm(-2*x)", "2*norm(x)"),
        Case("norm(3*X, axis=0)", "3*norm(X, axis=0)", MATRIX),
    ),
    "exp(x)*exp(y) -> exp(x + y)": (
        Case("exp(x)*exp(-x)", "1 + 0*x"),
        Case("exp(x*y - x)*exp(x)", "exp(x*y)"),
        Case("exp(-x**2)*exp(x**2 + y)", "exp(y)"),
    ),
}  # fmt: skip
each_case = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.before) for cases in CASES.values() for case in cases]
)


def test_every_row_has_a_case() -> None:
    """A row without a case is untested."""
    assert {row.identity for row in ROWS} == set(CASES)
    assert len({row.identity for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.identity)
def test_the_row_fires(row) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Some node of each of its cases is one that the row itself improves."""
    for case in CASES[row.identity]:
        nodes = topological([Function(case.before, case.shapes).lowered])
        improved = [row.apply(node) for node in nodes if node.op is row.op]
        assert any(new is not None for new in improved) or _fires_late(row, case), case.before


def _fires_late(row, case: Case) -> bool:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A factor may stand in a nested product until the pass has flattened it."""
    fired: list[bool] = []
    original = row.apply

    def watched(node):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        better = original(node)
        fired.append(better is not None)
        return better

    object.__setattr__(row, "apply", watched)
    try:
        simplify([Function(case.before, case.shapes).lowered])
    finally:
        object.__setattr__(row, "apply", original)
    return any(fired)


@each_case
def test_value(case: Case) -> None:
    """Both sides, and the simplified left one, are equal at random points."""
    before, after = Function(case.before, case.shapes), Function(case.after, case.shapes)
    for seed in range(POINTS):
        point = random_point(case.shapes, case.domain, seed)
        point = heavy(point) if case.shapes is MATRIX else point
        left, right, simplified = run([before.lowered, after.lowered, before.kernel], point)
        np.testing.assert_allclose(left, np.broadcast_to(right, left.shape), RTOL, RTOL)
        np.testing.assert_allclose(simplified, left, RTOL, RTOL)


@each_case
def test_result(case: Case) -> None:
    """The simplified left side is the simplified right side: one node, and a fixed point."""
    before, after = Function(case.before, case.shapes), Function(case.after, case.shapes)
    assert before.kernel is after.kernel
    assert simplify([before.kernel])[0] is before.kernel
