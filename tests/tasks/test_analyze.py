"""What an analysis says, against NumPy's linear algebra on derivatives written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.errors import FluxionError, InvalidRequestError, LimitError, ShapeError, UnsupportedOperationError
from service.tasks.analyze import norm
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.tasks.asking import ask

SCALAR = {
    "gradient", "gradient_norm", "is_critical", "hessian", "eigenvalues", "classification", "convexity", "newton_point",
}  # fmt: skip
SQUARE = {"jacobian", "determinant", "absolute_determinant", "root_point"}
KINDS = [
    ("x @ x", "minimum", "strictly_convex"),
    ("-x @ x", "maximum", "strictly_concave"),
    ("x[0]**2 - x[1]**2", "saddle", "indefinite"),
    ("x[0]**2 - x[1]**2 + 0*x[2]", "saddle", "indefinite"),
    ("x[0]**4 + x[1]**2 + x[2]**2", "inconclusive", "convex"),
    ("-(x[0] + x[1] + x[2])**2", "inconclusive", "concave"),
    ("x[0]**3*x[1]", "inconclusive", "flat"),
    ("x @ x + x[0]", "not_critical", "strictly_convex"),
    ("x @ x + 0.9e-8*x[0]", "minimum", "strictly_convex"),
    ("x @ x + 1.1e-8*x[0]", "not_critical", "strictly_convex"),
    ("(pi*x[0] + e*x[1] + x[2]/3)**2 + x[1]**2", "inconclusive", "convex"),
    ("1e-8*x[0]**2 + 1e3*(x[1]**2 + x[2]**2)", "minimum", "strictly_convex"),
    ("1e-200*(x @ x)", "minimum", "strictly_convex"),
]


@pytest.mark.parametrize(("expression", "kind", "convexity"), KINDS, ids=[case[0] for case in KINDS])
def test_kinds_of_points(expression: str, kind: str, convexity: str) -> None:
    """Eigenvalues that are rounding beside the largest count as 0, small ones that are not do not."""
    part = ask("analyze", expression, {"x": (3,)}, at={"x": [0, 0, 0]}).parts["analysis"]
    assert (part["classification"], part["convexity"]) == (kind, convexity)
    assert part["is_critical"] is (kind != "not_critical")


def test_a_scalar_of_several_variables() -> None:
    """Variables of any shape are joined row by row, in the order asked for; Newton's step solves the whole system."""
    rng = np.random.default_rng(8)
    q = rng.normal(size=(5, 5))
    q += q.T
    x = rng.normal(size=(2, 2))
    at = {"X": x, "t": 0.7, "Q": q}
    expression = "v = t*eye(5)[0] + eye(5)[:, 1:] @ reshape(X, (4,))\n0.5*v @ Q @ v + v[0]"
    shapes: dict[str, tuple[int | str, ...]] = {"X": (2, 2), "t": (), "Q": (5, 5)}
    part = ask("analyze", expression, shapes, at=at, wrt=("t", "X"), step_size=0.25).parts["analysis"]
    v = np.concatenate([[0.7], x.ravel()])
    gradient = q @ v + np.eye(5)[0]
    assert set(part) == SCALAR | {"descent_point"}
    np.testing.assert_allclose(part["gradient"], gradient, atol=1e-12)
    np.testing.assert_allclose(part["hessian"], q, atol=1e-12)
    np.testing.assert_allclose(part["eigenvalues"], np.linalg.eigvalsh(q), atol=1e-12)
    np.testing.assert_allclose(part["gradient_norm"], np.linalg.norm(gradient))
    np.testing.assert_allclose(part["newton_point"], v - np.linalg.solve(q, gradient), atol=1e-10)
    np.testing.assert_allclose(part["descent_point"], v - 0.25 * gradient, atol=1e-12)


def test_one_variable_keeps_its_shape() -> None:
    """Points and gradients of a matrix are matrices, its Hessian has four axes, its eigenvalues one."""
    at = {"X": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])}
    part = ask("analyze", "sum(X**2 - X)", at=at, step_size=1.0).parts["analysis"]
    assert part["gradient"].tolist() == (2 * at["X"] - 1).tolist()
    assert part["hessian"].shape == (2, 3, 2, 3)
    assert part["eigenvalues"].tolist() == [2.0] * 6
    np.testing.assert_array_equal(part["newton_point"], np.full((2, 3), 0.5))
    np.testing.assert_array_equal(part["descent_point"], 1 - at["X"])


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_a_square_map(layout: Any) -> None:
    """The Jacobian of A @ A is kron(A, I) + kron(I, A.T) by rows; Newton's step is Heron's for matrices."""
    a = np.array([[1.0, 2.0], [3.0, 5.0]])
    part = ask("analyze", "A @ A - [[2, 0], [0, 3]]", at={"A": a}, layout=layout).parts["analysis"]
    jacobian = np.kron(a, np.eye(2)) + np.kron(np.eye(2), a.T)
    assert set(part) == SQUARE
    shown = part["jacobian"].reshape(4, 4)
    np.testing.assert_allclose(shown if layout == "numerator" else shown.T, jacobian)
    np.testing.assert_allclose(part["determinant"], np.linalg.det(jacobian))
    step = np.linalg.solve(jacobian, (a @ a - np.diag([2, 3])).ravel())
    np.testing.assert_allclose(part["root_point"], a - step.reshape(2, 2))


def test_orientation() -> None:
    """A map that turns the plane over has a negative determinant; areas grow by its absolute value."""
    part = ask("analyze", "[-2*x + y, x + y]", at={"x": 0.3, "y": -0.9}).parts["analysis"]
    assert part["determinant"] == pytest.approx(-3)
    assert part["absolute_determinant"] == pytest.approx(3)


def test_a_scalar_of_a_scalar_is_both() -> None:
    """Newton's steps to a critical point and to a root, all as scalars."""
    part = ask("analyze", "x**2 - 2", at={"x": 1.5}).parts["analysis"]
    assert set(part) == SCALAR | SQUARE
    assert part["newton_point"].tolist() == 0
    assert part["root_point"].tolist() == pytest.approx(1.5 - 0.25 / 3)
    assert (part["determinant"], part["jacobian"].shape, part["hessian"].shape) == (3.0, (), ())
    assert isinstance(part["newton_point"], np.ndarray)


def test_a_map_that_is_not_square() -> None:
    """Only the Jacobian applies."""
    part = ask("analyze", "[x, x*y, y]", at={"x": 2, "y": 3}).parts["analysis"]
    assert set(part) == {"jacobian"}
    np.testing.assert_array_equal(part["jacobian"], [[1, 0], [3, 2], [0, 1]])


SINGULAR = [
    ("[x[0]**2 + x[1], x[0]*x[1]]", [1.0, 2.0], "root_point", "Jacobian"),
    ("[x[0]/3 + x[1]/7, 3*(x[0]/3 + x[1]/7) + 1]", [1.0, 2.0], "root_point", "Jacobian"),
    ("x[0]**4 + x[1]**2", [0.0, 0.0], "newton_point", "Hessian"),
    ("(x[0]/3 + x[1]/7)**2", [1.0, 2.0], "newton_point", "Hessian"),
]


@pytest.mark.parametrize(("expression", "x", "point", "matrix"), SINGULAR)
def test_singular_matrices(expression: str, x: list[float], point: str, matrix: str) -> None:
    """The step does not exist, also where rounding would give one."""
    answer = ask("analyze", expression, at={"x": x})
    assert answer.parts["analysis"][point] is None
    (notice,) = answer.warnings
    assert (notice.code, notice.where) == ("singular_matrix", f"/analysis/{point}")
    assert matrix in notice.message


def test_derivatives_that_are_not_finite() -> None:
    """What hangs on them is null; every null has a notice."""
    answer = ask("analyze", "x**1.5 + y", {"x": (), "y": ()}, at={"x": 0, "y": 0})
    part = answer.parts["analysis"]
    assert part["classification"] == "not_critical"
    absent = {name for name, value in part.items() if value is None}
    assert absent == {"eigenvalues", "convexity", "newton_point"}
    assert {notice.where for notice in answer.warnings} == {f"/analysis/{name}" for name in (*absent, "hessian")}
    answer = ask("analyze", "log(x) + y", {"x": (), "y": ()}, at={"x": -1, "y": 0}, step_size=0.1)
    absent = {name for name, value in answer.parts["analysis"].items() if value is None}
    assert absent == SCALAR - {"gradient", "hessian"} | {"descent_point"}
    assert absent < {notice.where.removeprefix("/analysis/") for notice in answer.warnings}


def test_numbers_too_large() -> None:
    """A determinant beyond float64 is absent, with a notice, while the step to the root is not."""
    answer = ask("analyze", "1e200*x", at={"x": [1.0, 2.0]})
    part = answer.parts["analysis"]
    assert part["determinant"] is None
    np.testing.assert_array_equal(part["root_point"], [0, 0])
    assert {(notice.code, notice.where) for notice in answer.warnings} == {
        ("overflow", "/analysis/determinant"),
        ("overflow", "/analysis/absolute_determinant"),
    }
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert norm(np.array([3e-200, 4e-200])) == pytest.approx(5e-200)


def test_a_constrained_problem() -> None:
    """At an eigenvector the Lagrangian is stationary, and a saddle whatever kind the constrained point is."""
    at = {"S": [[2.0, 1.0], [1.0, 2.0]], "w": np.full(2, 0.5**0.5), "lam": 3.0}
    part = ask("analyze", "w @ S @ w - lam*(w @ w - 1)", at=at, wrt=("w", "lam")).parts["analysis"]
    assert (part["is_critical"], part["classification"]) == (True, "saddle")
    np.testing.assert_allclose(part["eigenvalues"], [-4, -2, 2], atol=1e-12)


def test_newton_solves_least_squares() -> None:
    """From anywhere, one step reaches the solution of the normal equations."""
    rng = np.random.default_rng(2)
    at = {"X": rng.normal(size=(6, 3)), "y": rng.normal(size=6), "b": rng.normal(size=3)}
    part = ask("analyze", "norm(y - X @ b)**2", at=at, wrt=("b",)).parts["analysis"]
    np.testing.assert_allclose(part["newton_point"], np.linalg.lstsq(at["X"], at["y"], rcond=None)[0], rtol=1e-10)


REFUSED: list[tuple[dict[str, Any], type[FluxionError], str]] = [
    (
        {"at": {"x": [[1, 2], [3, 4]], "y": 1}},
        UnsupportedOperationError,
        "analyze is at one point; at has a batch of 2",
    ),
    ({"at": {"x": [1, 2]}}, InvalidRequestError, "at has no value for y"),
    ({"limits": Limits(elements=8)}, LimitError, "elements: 9 is over the limit of 8; analyze fewer variables"),
    ({"limits": Limits(operations=200)}, LimitError, "operations: 270 is over the limit of 200"),
]


@pytest.mark.parametrize(("more", "error", "message"), REFUSED)
def test_refusals(more: dict[str, Any], error: type[FluxionError], message: str) -> None:
    """What cannot be analyzed is said before work is done."""
    with pytest.raises(error, match=message):
        ask("analyze", "sum(x)*y", {"x": (2,), "y": ()}, **{"at": {"x": [1, 2], "y": 2}, **more})


def test_without_a_point() -> None:
    """The variables that need a value are named."""
    with pytest.raises(InvalidRequestError, match="at is missing: analyze needs a point, with a value for x and y"):
        ask("analyze", "x*y")


def test_nothing_to_differentiate_by() -> None:
    """Neither a constant nor a variable without entries has a point to analyze."""
    with pytest.raises(InvalidRequestError, match="by at least one variable"):
        ask("analyze", "2", {}, at={})
    with pytest.raises(ShapeError, match="at least one entry"):
        ask("analyze", "sum(x)", {"x": (0,)}, at={"x": np.zeros(0)})


def test_several_outputs() -> None:
    """A graph of two functions is refused, not analyzed for the first of them."""
    graph = {"version": 1, "inputs": [{"name": "x", "shape": []}], "nodes": [], "outputs": ["x", "x"]}
    with pytest.raises(UnsupportedOperationError, match="analyze is of one output; the graph has 2"):
        compute(Task("analyze", graph=graph, at={"x": np.array(1.0)}))
