"""Products that differ in one sum: what their sums have in common is gone before it can cost digits."""

from __future__ import annotations

from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.asking import ask

TINY = [1e-4, 1e-10, -3e-12, 1e-150, 5e-300]
EXACT: dict[str, Any] = {
    "arcsin(x)": lambda x: x / mpmath.sqrt(1 - x**2) ** 3,
    "arccos(x)": lambda x: -x / mpmath.sqrt(1 - x**2) ** 3,
    "arctanh(x)": lambda x: 2 * x / (1 - x**2) ** 2,
    "sqrt((2 - x)*(2 + x))": lambda x: -4 / mpmath.sqrt(4 - x**2) ** 3,
}


@pytest.mark.parametrize("x", [*TINY, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("expression", EXACT)
def test_second_derivatives_keep_their_digits(expression: str, x: float) -> None:
    """From zero to the end of the domain."""
    (block,) = ask("hessian", expression, at={"x": x}).blocks
    assert block.value is not None
    with mpmath.workdps(400):
        exact = EXACT[expression](mpmath.mpf(x))
        assert abs(mpmath.mpf(float(block.value)) - exact) <= 1e-14 * abs(exact)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(-3, 3), st.integers(-3, 3))
def test_what_does_not_cancel_is_right_too(x: float, y: float, a: int, b: int) -> None:
    """Sums of products with common factors, whatever the numbers in them are."""
    expression = f"{a}*(1 + x)*exp(y) + {b}*(1 - x)*exp(y) + (x - y)*sin(x) - (x + y)*sin(x)"
    found = float(ask("evaluate", expression, at={"x": x, "y": y}).values[0])  # type: ignore[index]
    with mpmath.workdps(50):
        u, v = mpmath.mpf(x), mpmath.mpf(y)
        exact = (a * (1 + u) + b * (1 - u)) * mpmath.exp(v) - 2 * v * mpmath.sin(u)
        size = (abs(a) + abs(b)) * (1 + abs(u)) * mpmath.exp(v) + 2 * abs(v) + 2 * abs(u)
        assert abs(mpmath.mpf(found) - exact) <= 1e-14 * size
