"""Where the textbooks' own statements lead a straightforward implementation astray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.errors import ShapeError
from service.tasks.compute import compute
from service.tasks.messages import Array, Declaration, Kind, Task


def ask(kind: Kind, expression: str, at: dict[str, Any], wrt: tuple[str, ...] | None = None) -> list[Array]:
    """The values of the derivatives, or the function's own for `evaluate`."""
    point = {name: np.asarray(value, float) for name, value in at.items()}
    variables = {name: Declaration(value.shape) for name, value in point.items()}
    answer = compute(Task(kind, expression, variables=variables, at=point, wrt=wrt))
    found = answer.values if kind == "evaluate" else [block.value for block in answer.blocks]
    return [value for value in found or () if value is not None]


def test_a_squared_norm_at_zero() -> None:
    """The gradient of norm(r)**2 is 0 at a perfect fit, where the norm has none, and the Hessian is 2I."""
    at = {"A": np.eye(2), "x": [1.0, 2.0], "b": [1.0, 2.0]}
    (gradient,) = ask("gradient", "norm(A @ x - b)**2", at, ("x",))
    (hessian,) = ask("hessian", "norm(A @ x - b)**2", at, ("x",))
    np.testing.assert_array_equal(gradient, [0.0, 0.0])
    np.testing.assert_array_equal(hessian, 2 * np.eye(2))


def test_a_power_of_a_negative_number_with_a_variable_exponent() -> None:
    """By x it is real at x = -2, n = 3; the derivative by n, which is not asked for, does not spoil it."""
    (gradient,) = ask("gradient", "x**n", {"x": -2.0, "n": 3.0}, ("x",))
    assert gradient == pytest.approx(12.0, rel=1e-15)
    (value,) = ask("evaluate", "x**n", {"x": 0.0, "n": 0.0})
    assert value == 1.0


def test_the_logarithm_of_an_even_power() -> None:
    """log(x**4) exists at negative x, 4*log(x) does not."""
    (value,) = ask("evaluate", "log(x**4)", {"x": -2.0})
    (gradient,) = ask("gradient", "log(x**4)", {"x": -2.0})
    assert value == pytest.approx(4 * np.log(2.0))
    assert gradient == pytest.approx(-2.0)


def test_names_that_are_constants_or_letters_of_derivatives() -> None:
    """A program may assign to e, f and d."""
    (gradient,) = ask("gradient", "d = x**2\ne = exp(d)\nf = d + e\nsqrt(f) + cos(f)", {"x": 0.5})
    f = 0.25 + np.exp(0.25)
    assert gradient == pytest.approx((1 / (2 * np.sqrt(f)) - np.sin(f)) * (1 + np.exp(0.25)), rel=1e-14)


def test_a_variable_that_is_not_used() -> None:
    """Its derivative is zero, of its own shape."""
    (gradient,) = ask("gradient", "y.T @ y", {"y": [1.0, 2.0], "beta": [0.0, 0.0, 0.0]}, ("beta",))
    np.testing.assert_array_equal(gradient, np.zeros(3))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]]),
        ([[0.0, 1.0], [1.0, 0.0]], [[0.0, -1.0], [-1.0, 0.0]]),
        ([[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_the_determinant_at_singular_matrices_and_zero_diagonals(matrix: Any, expected: Any) -> None:
    """Its gradient is the matrix of cofactors, which exists where the inverse does not."""
    (gradient,) = ask("gradient", "det(X)", {"X": matrix})
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-15)


def test_the_logistic_function_at_large_arguments() -> None:
    """Neither it nor its derivative overflows: at -800 both are exactly what is left of exp(-800)."""
    for x, value, slope in ((-700.0, np.exp(-700.0), np.exp(-700.0)), (800.0, 1.0, 0.0), (-800.0, 0.0, 0.0)):
        assert ask("evaluate", "1/(1 + exp(-x))", {"x": x})[0] == pytest.approx(value, rel=1e-13)
        assert ask("gradient", "1/(1 + exp(-x))", {"x": x})[0] == pytest.approx(slope, rel=1e-13)


def test_the_trace_of_a_rectangular_matrix() -> None:
    """NumPy has one, mathematics has not."""
    with pytest.raises(ShapeError, match="square"):
        ask("evaluate", "trace(X)", {"X": np.ones((2, 3))})


def test_einsum_without_an_arrow() -> None:
    """The output's labels are those seen once, in alphabetical order: ba is a transpose."""
    (value,) = ask("evaluate", "einsum('ba', X)", {"X": [[1.0, 2.0], [3.0, 4.0]]})
    np.testing.assert_array_equal(value, [[1.0, 3.0], [2.0, 4.0]])


def test_the_derivative_of_an_inverse_by_its_matrix() -> None:
    """MML (5.101): entry (i, j, k, l) is -inv(X)[i, k] * inv(X)[l, j]; products act on the first two axes."""
    matrix = np.array([[2.0, 1.0], [0.5, 3.0]])
    (jacobian,) = ask("jacobian", "a.T @ inv(X) @ b", {"a": [1.0, 2.0], "b": [3.0, -1.0], "X": matrix}, ("X",))
    inverse = np.linalg.inv(matrix)
    np.testing.assert_allclose(jacobian, -inverse.T @ np.outer([1.0, 2.0], [3.0, -1.0]) @ inverse.T, rtol=1e-13)
    (tensor,) = ask("jacobian", "inv(X)", {"X": matrix})
    np.testing.assert_allclose(tensor, -np.einsum("ik,lj->ijkl", inverse, inverse), rtol=1e-13)
