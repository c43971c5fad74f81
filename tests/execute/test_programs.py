"""Compiled programs against NumPy where the graph holds slices of slices, powers of identities and extreme numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.tasks.compute import compute
from service.tasks.messages import Task

RNG = np.random.default_rng(7)
X3, X4, Y2 = RNG.normal(size=3), RNG.normal(size=4), RNG.normal(size=2)
B, K = RNG.normal(size=(4, 4)), RNG.normal(size=(2, 3, 3))

CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("(x[1:]*y)[:1]", {"x": X3, "y": Y2}, (X3[1:] * Y2)[:1]),
    ("(x[1:]*y)[::-1]", {"x": X3, "y": Y2}, (X3[1:] * Y2)[::-1]),
    ("(x[1:]*x[:-1])[1:]", {"x": X4}, (X4[1:] * X4[:-1])[1:]),
    ("diag(B, k=1)[1:]", {"B": B}, np.diag(B, k=1)[1:]),
    ("x[::-2]", {"x": X3}, X3[::-2]),
    ("trace(eye(4)[::-1])", {}, 0.0),
    ("square(eye(3)) @ x", {"x": X3}, X3),
    ("exp(-(1/eye(2))*x)", {"x": np.abs(Y2)}, np.diag(np.exp(-np.abs(Y2)))),
    ("outer(exp(x), exp(x))*exp(-x)[:, None]", {"x": X3}, np.tile(np.exp(X3), (3, 1))),
    ("einsum('bij,bji->', inv(K), K)", {"K": K}, 6.0),
    ("(0.01*x)**200", {"x": 100.0}, 1.0),
    ("(100*x)**200", {"x": 0.01}, 1.0),
    ("(1e10*abs(x))**2", {"x": 3.0}, 9e20),
    ("(1e-200*x)*(1e-200*y)", {"x": 1e200, "y": 1e200}, 1.0),
    ("(1e200*x)*(1e200*y)", {"x": 1e-200, "y": 1e-200}, 1.0),
    ("norm(x, ord=inf)", {"x": np.zeros(0)}, 0.0),
]


@pytest.mark.parametrize(("expression", "at", "expected"), CASES, ids=[case[0] for case in CASES])
def test_values(expression: str, at: dict[str, Any], expected: Any) -> None:
    """Each is what NumPy computes, or what it is exactly."""
    arrays = {name: np.asarray(value, dtype=float) for name, value in at.items()}
    (value,) = compute(Task("evaluate", expression, at=arrays)).values or ()
    # 1e-12: sums of a few products in another order, and powers up to 200.
    np.testing.assert_allclose(value, expected, rtol=1e-12)


JACOBIANS = ["((x[1:] - x[:-1])**2)[::2]", "x[::-2]", "(x[1:]*x[:-1])[1:]", "concatenate([x[::-2], x])**2", "1/x**x"]


@pytest.mark.parametrize("expression", JACOBIANS)
def test_jacobians(expression: str) -> None:
    """Slices of slices are differentiated as central differences say, and the form has the value."""
    x = np.abs(X4) + 0.5
    block = compute(Task("jacobian", expression, at={"x": x}, forms=("text",))).blocks[0]
    assert block.value is not None
    step = 1e-6
    columns = []
    for k in range(x.size):
        ends = [compute(Task("evaluate", expression, at={"x": x + s * step * np.eye(4)[k]})).values for s in (1, -1)]
        assert ends[0] is not None
        assert ends[1] is not None
        columns.append((ends[0][0] - ends[1][0]) / (2 * step))
    # 1e-7: what central differences with this step can tell.
    np.testing.assert_allclose(block.value, np.stack(columns, axis=-1), atol=1e-7)
    (again,) = compute(Task("evaluate", block.forms["text"], at={"x": x})).values or ()
    np.testing.assert_allclose(again, block.value, rtol=1e-13)  # the same operations in another order


def test_a_scalar_comparison_is_a_factor_like_others() -> None:
    """It has the axes of an array, of which there are none, and can be repeated along those of another factor."""
    at = {"s": np.array(2.0), "t": np.array(1.0), "x": np.arange(3.0)}
    answer = compute(Task("gradient", "sum(exp((s > t)*x)*(s < t + x))", at=at, wrt=("x",)))
    np.testing.assert_array_equal(answer.blocks[0].value, np.exp(at["x"]) * (at["x"] > 1))
