"""The gradient check finds wrong derivatives and passes right ones, with numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.optimize

from service.errors import (
    DomainError,
    FluxionError,
    InvalidRequestError,
    LimitError,
    ParseError,
    ShapeError,
    UnknownNameError,
    UnsupportedOperationError,
)
from service.tasks.check import relative_error
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.tasks.asking import ask

RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("sum(exp(x))", {"x": [0.99, 0.85, 0.63]}),
    ("sin(A @ x)", {"A": [[1.0, 2.0], [0.5, -1.0], [0.0, 1.0]], "x": [0.3, 0.4]}),
    ("logdet(X) + trace(X)", {"X": [[2.0, 1.0], [1.0, 3.0]]}),
    ("t**3", {"t": 1e2}),
    ("[x*y, 3, x/y]", {"x": 0.5, "y": 2.0}),
]


@pytest.mark.parametrize("scheme", ["central", "forward"])
@pytest.mark.parametrize(("expression", "at"), RIGHT, ids=[case[0] for case in RIGHT])
def test_right_derivatives_pass(expression: str, at: dict[str, Any], scheme: Any) -> None:
    """The default steps are small enough for the default tolerance, and not too small."""
    part = ask("check", expression, at=at, scheme=scheme).parts["check"]
    assert part["passes"] is True
    assert part["relative_error"] < 1e-6
    assert (part["scheme"], part["step"]) == (scheme, {"central": 1e-5, "forward": 1e-8}[scheme])
    np.testing.assert_allclose(part["differences"], part["derivative"], rtol=1e-5, atol=1e-6)


def test_differences_against_scipy() -> None:
    """Forward differences of several variables, each flattened row by row, in the order asked for."""
    at = {"A": np.array([[1.0, 2.0], [3.0, -1.0]]), "x": np.array([0.3, 0.4])}
    part = ask("check", "sum(exp(A @ x))", at=at, wrt=("x", "A"), scheme="forward", step=1e-4).parts["check"]

    def function(v: Any) -> Any:
        return np.exp(v[2:].reshape(2, 2) @ v[:2]).sum()

    expected = scipy.optimize.approx_fprime(np.concatenate([at["x"], at["A"].ravel()]), function, 1e-4)
    np.testing.assert_allclose(part["differences"], expected, rtol=1e-9)


def test_the_ratio_of_the_book() -> None:
    """Forward differences of x**2 at 3 with h = 0.5 are 6.5, the derivative is 6: the ratio is 0.5/12.5."""
    part = ask("check", "x**2", at={"x": 3}, scheme="forward", step=0.5).parts["check"]
    assert part["relative_error"] == pytest.approx(0.04)
    assert part["passes"] is False
    assert ask("check", "x**2", at={"x": 3}, scheme="forward", step=0.5, tolerance=0.041).parts["check"]["passes"]


def test_nothing_against_nothing() -> None:
    """0/0 is null and passes; a forward difference that is not 0 is as wrong as can be."""
    part = ask("check", "x @ x", at={"x": [0, 0]}).parts["check"]
    assert (part["relative_error"], part["passes"]) == (None, True)
    part = ask("check", "x @ x", at={"x": [0, 0]}, scheme="forward").parts["check"]
    assert (part["relative_error"], part["passes"]) == (1.0, False)


def test_relative_error_is_safe_at_any_size() -> None:
    """Squares of large and of small entries would overflow and vanish."""
    for size in (1e300, 1.0, 1e-300):
        found = relative_error(np.array([size, 0.0]), np.array([size, size / 2]))
        assert found == pytest.approx(0.5 / math.hypot(2, 0.5))


@pytest.mark.parametrize(
    ("candidate", "passes"), [("(A + A.T) @ x", True), ("2*A @ x", False), ("g = A @ x\ng + x @ A", True)]
)
def test_candidates(candidate: str, passes: bool) -> None:  # noqa: FBT001 - a row of a table
    """A derivative that the request offers is compared in place of the service's own."""
    at = {"A": [[2.0, 1.0], [3.0, 4.0]], "x": [0.7, -1.2]}
    assert ask("check", "x @ A @ x", at=at, wrt=("x",), candidate=candidate).parts["check"]["passes"] is passes


def test_candidates_are_laid_out_as_asked() -> None:
    """The candidate of a Jacobian has its shape in the layout; of several variables, that of the joined vector."""
    at = {"A": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "x": [0.7, -1.2]}
    for layout, candidate in (("numerator", "A"), ("denominator", "A.T")):
        part = ask("check", "A @ x", at=at, wrt=("x",), candidate=candidate, layout=layout).parts["check"]
        assert part["passes"] is True
        with pytest.raises(ShapeError, match="candidate has shape"):
            ask("check", "A @ x", at=at, wrt=("x",), candidate="A.T" if candidate == "A" else "A", layout=layout)
    assert ask("check", "x**2*y", at={"x": 2, "y": 3}, candidate="[2*x*y, x**2]").parts["check"]["passes"] is True


def test_the_opposite_of_a_derivative() -> None:
    """The ratio is infinite: that is no number of JSON's, and must not pass."""
    answer = ask("check", "x*y", at={"x": 1, "y": 2}, candidate="-[y, x]")
    part = answer.parts["check"]
    assert (part["relative_error"], part["passes"]) == (None, False)
    assert [(notice.code, notice.where) for notice in answer.warnings] == [("opposite_sign", "/check/relative_error")]


def test_points_are_taken_in_parts() -> None:
    """With a small bound on entries the differences are the same."""
    at = {"x": np.linspace(0.1, 1, 40)}
    whole = ask("check", "sum(exp(x))*x[0]", at=at).parts["check"]
    parts = ask("check", "sum(exp(x))*x[0]", at=at, limits=Limits(elements=90)).parts["check"]
    np.testing.assert_allclose(parts["differences"], whole["differences"], rtol=1e-12)


def test_named_sizes_and_unused_variables() -> None:
    """Sizes come from the values; a variable that the function does not use has difference and derivative 0."""
    part = ask("check", "a @ a", {"a": ("n",), "b": ("n",)}, at={"a": [1, 2], "b": [3, 4]}).parts["check"]
    np.testing.assert_array_equal(part["derivative"], [2, 4, 0, 0])
    assert part["passes"] is True


REFUSED: list[tuple[str, dict[str, Any], type[FluxionError], str]] = [
    ("x*y", {"at": {"x": [1, 2], "y": 1}}, UnsupportedOperationError, "check is at one point; at has a batch of 2"),
    ("x*y", {"at": {"x": 1}}, InvalidRequestError, "at has no value for y"),
    ("x*y", {"candidate": "[y, z]"}, UnknownNameError, "z is not declared"),
    ("x*y", {"candidate": "[y, x"}, ParseError, "never closed"),
    ("x*y", {"candidate": "x"}, ShapeError, r"candidate has shape \(\), the derivative \(2,\)"),
    ("x*y", {"candidate": "[y, log(-x)]"}, DomainError, "candidate is not finite at this point"),
    ("x*y", {"at": {"x": 1e30, "y": 1}}, InvalidRequestError, r"step 1e-05 is too small beside x = 1e\+30"),
    ("log(x)*y", {"at": {"x": 0, "y": 1}}, DomainError, "log has a pole"),
    ("log(x)*y", {"at": {"x": 1e-6, "y": 1}}, DomainError, "the function is not finite at x = -9e-06"),
    ("log(x)*y", {"at": {"x": -1, "y": 1}, "candidate": "[y/x, log(-x)]"}, DomainError, "the function is not finite"),
    ("x*y", {"limits": Limits(operations=5)}, LimitError, "operations: "),
]


@pytest.mark.parametrize(("expression", "more", "error", "message"), REFUSED)
def test_refusals(expression: str, more: dict[str, Any], error: type[FluxionError], message: str) -> None:
    """What cannot be checked is said, not answered with numbers that mean nothing."""
    with pytest.raises(error, match=message) as refusal:
        ask("check", expression, {"x": (), "y": ()}, **{"at": {"x": 1, "y": 2}, **more})
    if "candidate" in more and expression == "x*y" and error is not DomainError:
        assert refusal.value.pointer == "/candidate"


def test_without_a_point() -> None:
    """The variables that need a value are named."""
    with pytest.raises(InvalidRequestError, match="at is missing: check needs a point, with a value for x and y"):
        ask("check", "x*y")


def test_several_outputs() -> None:
    """A graph of two functions is refused, not checked for the first of them."""
    graph = {"version": 1, "inputs": [{"name": "x", "shape": []}], "nodes": [], "outputs": ["x", "x"]}
    with pytest.raises(UnsupportedOperationError, match="check is of one output; the graph has 2"):
        compute(Task("check", graph=graph, at={"x": np.array(1.0)}))
