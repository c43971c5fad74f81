"""MathJSON with declared shapes: products, matrices, lists, and sums over ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.frontends.mathjson_forms import FORMS
from service.tasks.compute import compute
from service.tasks.messages import Task
from tests.frontends.mathjson import read, same
from tests.frontends.test_mathjson import ARRAYS

V, M, B = (3,), (2, 2), (2, 3)
MATRIX_TEXTS: list[tuple[Any, str, dict[str, tuple[int, ...]]]] = [
    (["Dot", "v", "w"], "v @ w", {"v": V, "w": V}),
    (["MatrixMultiply", "B", "v"], "B @ v", {"B": B, "v": V}),
    (["Transpose", "B"], "transpose(B)", {"B": B}),
    (["Determinant", "M"], "det(M)", {"M": M}),
    (["Inverse", "M"], "inv(M)", {"M": M}),
    (["Trace", "M"], "trace(M)", {"M": M}),
    (["Diagonal", "v"], "diag(v)", {"v": V}),
    (["LinearSolve", "M", ["List", 1, 2]], "solve(M, [1, 2])", {"M": M}),
    (["Mean", "v"], "mean(v)", {"v": V}),
    (["Variance", "v"], "var(v, ddof=1)", {"v": V}),
    (["PopulationVariance", "v"], "var(v)", {"v": V}),
    (["StandardDeviation", "v"], "std(v, ddof=1)", {"v": V}),
    (["PopulationStandardDeviation", "v"], "std(v)", {"v": V}),
]
FORM_TEXTS: list[tuple[Any, str, dict[str, tuple[int, ...]]]] = [
    (["MatrixPower", "M", -2], "matrix_power(M, -2)", {"M": M}),
    (["Add", "M", ["IdentityMatrix", 2]], "M + eye(2)", {"M": M}),
    (["Norm", "v"], "norm(v, ord=2)", {"v": V}),
    (["Norm", "v", 1], "norm(v, ord=1)", {"v": V}),
    (["Norm", "v", "Infinity"], "norm(v, ord=inf)", {"v": V}),
    (["Norm", "v", "'Infinity'"], "norm(v, ord=inf)", {"v": V}),
    (["Norm", "B"], "norm(B)", {"B": B}),
    (["Norm", "B", {"str": "Frobenius"}], "norm(B)", {"B": B}),
    (["Norm", "x"], "abs(x)", {"x": ()}),
    (["Sum", "v"], "sum(v)", {"v": V}),
    (["Product", "v"], "prod(v)", {"v": V}),
    (["Max", "v"], "max(v)", {"v": V}),
    (["Min", "v"], "min(v)", {"v": V}),
    (["Exp", ["Negate", "B"]], "exp(-B)", {"B": B}),
    (["Divide", ["Multiply", 2, "B"], "x"], "2*B/x", {"B": B, "x": ()}),
    (["Power", "v", 2], "v**2", {"v": V}),
    (["At", "B", 2, -1], "B[1, -1]", {"B": B}),
    (["At", "B", 1], "B[0]", {"B": B}),
    (["Add", "v", ["List", 1, 2, "Half"]], "v + [1, 2, 0.5]", {"v": V}),
    (["Determinant", ["Matrix", ["List", ["List", 1, "x"], ["List", "x", 4]], "'[]'"]], "det([[1, x], [x, 4]])",
     {"x": ()}),
    (["Trace", ["List", ["List", 1, 2], ["List", 3, 4]]], "trace([[1, 2], [3, 4]])", {}),
    (["Sum", ["Power", "x", "k"], ["Limits", "k", 1, 3]], "x**1 + x**2 + x**3", {"x": ()}),
    (["Product", ["At", "v", ["Add", "k", 1]], ["Tuple", "k", 0, 2]], "v[0]*v[1]*v[2]", {"v": V}),
    (["Sum", ["At", "B", "i", "j"], ["Limits", "i", 1, 2], ["Limits", "j", 2, 3]],
     "B[0, 1] + B[0, 2] + B[1, 1] + B[1, 2]", {"B": B}),
    (["Sum", ["Sum", ["Multiply", "i", "x"], ["Limits", "i", 1, "j"]], ["Limits", "j", 1, 2]],
     "1*x + (1*x + 2*x)", {"x": ()}),
    (["Sum", "x", ["Limits", "i", 2, 1]], "0", {"x": ()}),
    (["Product", "i", ["Limits", "i", 2, 1]], "1", {"x": ()}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "text", "shapes"), MATRIX_TEXTS + FORM_TEXTS)
def test_arrays_and_ranges(content: Any, text: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """The same function as a text."""
    same(content, text, **shapes)


def test_every_operator_on_arrays_is_tested() -> None:
    """Each has an entry."""
    assert {content[0] for content, _, _ in MATRIX_TEXTS} == ARRAYS
    assert {*FORMS} - {"Rational", "Root", "PolyGamma", "Which", "Delimiter", "List", "Matrix", "IdentityMatrix"} <= {
        content[0] for content, _, _ in FORM_TEXTS
    }


def test_a_least_squares_problem() -> None:
    """Declared shapes with a named size, and the gradient of it."""
    residual = ["Subtract", ["Dot", "A", "x"], "b"]
    graph = read(["Dot", residual, residual], A=["m", 2], x=[2], b=["m"])
    a, x, b = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([0.5, -1.0]), np.array([1.0, 0, 2])
    answer = compute(Task("gradient", graph=graph, wrt=("x",), at={"A": a, "x": x, "b": b}, forms=("text",)))
    assert answer.blocks[0].forms["text"] == "2*(A @ x - b) @ A"
    assert answer.blocks[0].value is not None
    np.testing.assert_allclose(answer.blocks[0].value, 2 * a.T @ (a @ x - b), rtol=1e-14)
