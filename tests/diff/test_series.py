"""Derivatives of high order agree with mpmath's, whatever operations the function is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from service.diff.series import derivatives_along
from service.errors import LimitError
from service.ir.leaves import constant, variable
from service.ir.walk import topological
from tests.functions import Function, run, shapes

ORDER = 12
X = 0.37
SCALAR: dict[str, Callable[[Any], Any]] = {
    "exp(x)*sin(x)/(1 + x**2)": lambda x: mpmath.exp(x) * mpmath.sin(x) / (1 + x * x),
    "tanh(x)*log(2 + x)*x**1.5": lambda x: mpmath.tanh(x) * mpmath.log(2 + x) * x**1.5,
    "arctan(x) + arcsin(x) + arctanh(x)": lambda x: mpmath.atan(x) + mpmath.asin(x) + mpmath.atanh(x),
    "x**x + gammaln(x)": lambda x: x**x + mpmath.loggamma(x),
    "sigmoid(sigmoid(x))": lambda x: 1 / (1 + mpmath.exp(-1 / (1 + mpmath.exp(-x)))),
    "logsumexp([x, 2*x, sin(x)])": lambda x: mpmath.log(mpmath.exp(x) + mpmath.exp(2 * x) + mpmath.exp(mpmath.sin(x))),
    "det([[x, 1, exp(x)], [2, x, x**2], [3, 1, x]])": lambda x: (
        x * (x**2 - x**2) - (2 * x - 3 * x**2) + mpmath.exp(x) * (2 - 3 * x)
    ),
    "trace(inv([[x, 1], [2, x**2]]))": lambda x: (x**2 + x) / (x**3 - 2),
    "solve([[x, 1], [2, x**2]], [1, x])[0]": lambda x: (x * x - x) / (x**3 - 2),
    "prod([x, exp(x), sin(x)])": lambda x: x * mpmath.exp(x) * mpmath.sin(x),
    "norm([x, x**2, 1])": lambda x: mpmath.sqrt(x**2 + x**4 + 1),
    "max([x, exp(x)])": mpmath.exp,
    "softmax([x, x**2])[0]": lambda x: 1 / (1 + mpmath.exp(x * x - x)),
    "reshape(outer([x, 1], [x, exp(x)]), (4,))[1]": lambda x: x * mpmath.exp(x),
    "where(x > 0, sqrt(x), x)": mpmath.sqrt,
}


@pytest.mark.parametrize("text", SCALAR)
def test_scalar_functions(text: str) -> None:
    """Every derivative up to order 12, to the accuracy of its own conditioning."""
    function = Function(text, shapes(x=[]))
    nodes = derivatives_along(function.kernel, {variable("x", ()): constant(1.0)}, ORDER, 20_000)
    found = run(nodes, {"x": np.array(X)})
    with mpmath.workdps(60):
        expected = [float(mpmath.diff(SCALAR[text], mpmath.mpf(X), k)) for k in range(ORDER + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-300)


def test_the_branch_not_taken_does_not_count() -> None:
    """At 0 the root has no finite derivative, but it is not the branch that is taken."""
    function = Function("where(x > 0, sqrt(x), x**2)", shapes(x=[]))
    nodes = derivatives_along(function.kernel, {variable("x", ()): constant(1.0)}, 3, 1000)
    np.testing.assert_array_equal(run(nodes, {"x": np.array(0.0)}), [0, 0, 2, 0])


def test_a_product_of_many_factors() -> None:
    """A trace of a product in which every factor moves, with fixed ones between, against its polynomial."""
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=(2, 2)) for name in "ABCPQ"}
    function = Function("trace(A @ P @ B @ C @ Q @ A)", shapes(**{name: [2, 2] for name in values}))
    moved = {variable(name, (2, 2)): variable(f"d{name}", (2, 2)) for name in "ABC"}
    nodes = derivatives_along(function.kernel, moved, 5, 1000)
    steps = {f"d{name}": rng.normal(size=(2, 2)) for name in "ABC"}
    found = np.array(run(nodes, {**values, **steps}))

    def along(t: float) -> float:
        a, b, c = (values[name] + t * steps[f"d{name}"] for name in "ABC")
        return float(np.trace(a @ values["P"] @ b @ c @ values["Q"] @ a))

    grid = np.linspace(-1, 1, 5)  # a polynomial of degree 4 has five coefficients
    coefficients = np.linalg.solve(np.vander(grid, 5, increasing=True), [along(t) for t in grid])
    np.testing.assert_allclose(found, [*(coefficients * [1, 1, 2, 6, 24]), 0], atol=1e-10)


def test_the_graph_stays_small() -> None:
    """Twice the order takes four times the nodes, not their square."""
    function = Function("exp(x)*sin(x)/(1 + x**2)", shapes(x=[]))
    counts = [
        len(topological(derivatives_along(function.kernel, {variable("x", ()): constant(1.0)}, order, 20_000)))
        for order in (8, 16)
    ]
    assert counts[1] < 5 * counts[0]


def test_the_work_is_bounded() -> None:
    """The bound is met while the derivatives are worked out, not after."""
    function = Function("exp(x)*sin(x)/(1 + x**2)", shapes(x=[]))
    with pytest.raises(LimitError, match="nodes: 101 is over the limit of 100; ask for a lower order"):
        derivatives_along(function.kernel, {variable("x", ()): constant(1.0)}, 20, 100)
