"""The stock Python client against a running service, compared with JAX and with finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import umbridge

jax.config.update("jax_enable_x64", True)

EXACT = 1e-12  # relative: both sides are exact but for the rounding of a few operations
STEP, NEAR = 1e-5, 1e-7  # central differences of functions of size 1: rounding 1e-11, truncation 1e-10 and some room

DESIGN = [[1.0, 2.0], [0.5, -1.0], [0.3, 0.7]]
TARGET = [[0.2, 0.1], [0.4, -0.3]]
SEVERAL: dict[str, Any] = {
    "version": 1,
    "inputs": [{"name": "X", "shape": ["m", 2]}, {"name": "s", "shape": []}, {"name": "v", "shape": [2]}],
    "constants": [{"name": "T", "shape": [2, 2], "data": [0.2, 0.1, 0.4, -0.3]}],
    "nodes": [
        {"name": "Xv", "op": "matmul", "inputs": ["X", "v"]},
        {"name": "curve", "op": "sin", "inputs": ["Xv"]},
        {"name": "first", "op": "multiply", "inputs": ["curve", "s"]},
        {"name": "product", "op": "matmul", "inputs": ["X", "T"]},
        {"name": "grown", "op": "exp", "inputs": ["product"]},
        {"name": "second", "op": "multiply", "inputs": ["grown", "s"]},
        {"name": "third", "op": "sum", "inputs": ["second"]},
    ],
    "outputs": ["first", "second", "third"],
}


class Case(NamedTuple):
    """A model with its config, the same function in JAX of vectors, and a point."""

    name: str
    config: Mapping[str, Any]
    oracle: Callable[..., list[Any]]
    point: list[list[float]]


def rosenbrock(x: Any) -> list[Any]:
    """The demonstration."""
    return [jnp.array([-(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2) / 20])]


def affine(y: Any, x: Any) -> list[Any]:
    """The expression of two inputs and data."""
    return [jnp.sin(jnp.array(DESIGN) @ x) * y + jnp.exp(y)]


def several(matrix: Any, s: Any, v: Any) -> list[Any]:
    """The graph of three inputs and three outputs of different shapes."""
    square = matrix.reshape(2, 2)
    second = jnp.exp(square @ jnp.array(TARGET)) * s[0]
    return [jnp.sin(square @ v) * s[0], second.reshape(-1), second.sum().reshape(1)]


CASES = {
    "demonstration": Case("rosenbrock", {}, rosenbrock, [[0.3, -0.4]]),
    "text": Case(
        "expression",
        {
            "expression": "sin(A @ x)*y + exp(y)",
            "variables": {"A": {"shape": ["m", "n"]}, "x": {"shape": ["n"]}, "y": {"shape": ["m"]}},
            "wrt": ["y", "x"],
            "at": {"A": DESIGN},
        },
        affine,
        [[0.1, 0.2, 0.3], [0.5, -0.4]],
    ),
    "graph": Case(
        "expression",
        {"graph": SEVERAL, "sizes": {"m": 2}},
        several,
        [[0.5, -0.2, 0.1, 0.8], [1.3], [0.7, -0.6]],
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each model in turn."""
    return CASES[request.param]


@pytest.fixture
def model(server: str, case: Case) -> umbridge.HTTPModel:
    """The client's side of it, as it is made of an address."""
    return umbridge.HTTPModel(server + "/umbridge", case.name)


def close(found: Any, expected: Any) -> None:
    """Equal but for rounding; entries that are zero need not be exactly so."""
    np.testing.assert_allclose(found, expected, rtol=EXACT, atol=EXACT)


def weights(size: int) -> list[float]:
    """As many numbers of both signs."""
    return [(-1.0) ** k * (k + 1) / 2 for k in range(size)]


def weighted(case: Case, output: int, sens: list[float]) -> Callable[..., Any]:
    """The scalar of which gradient and Hessian are."""
    return lambda *inputs: jnp.dot(jnp.array(sens), case.oracle(*inputs)[output])


def arrays(case: Case) -> list[Any]:
    """The point as arrays."""
    return [np.array(vector) for vector in case.point]


def test_sizes_and_values(model: umbridge.HTTPModel, case: Case) -> None:
    """Every input is a vector, whatever the shape of its variable, and so is every output."""
    expected = case.oracle(*arrays(case))
    assert model.get_input_sizes(case.config) == [len(vector) for vector in case.point]
    assert model.get_output_sizes(case.config) == [len(vector) for vector in expected]
    for found, vector in zip(model(case.point, case.config), expected, strict=True):
        close(found, vector)


def test_every_gradient_and_jacobian(model: umbridge.HTTPModel, case: Case) -> None:
    """J^T sens and J vec for each output and input; the two are adjoint to each other."""
    for output, size in enumerate(model.get_output_sizes(case.config)):
        sens = weights(size)
        for place, vector in enumerate(case.point):
            vec = weights(len(vector))
            pulled = model.gradient(output, place, case.point, sens, case.config)
            close(pulled, jax.grad(weighted(case, output, sens), place)(*arrays(case)))
            pushed = model.apply_jacobian(output, place, case.point, vec, case.config)
            exact = jax.jacobian(lambda *inputs, k=output: case.oracle(*inputs)[k], place)(*arrays(case))
            close(pushed, exact @ np.array(vec))
            close(np.dot(pulled, vec), np.dot(sens, pushed))


def test_every_hessian(model: umbridge.HTTPModel, case: Case) -> None:
    """The derivative of each gradient along each input; swapping the inputs transposes it."""
    for output, size in enumerate(model.get_output_sizes(case.config)):
        sens, at = weights(size), arrays(case)
        for first, one in enumerate(case.point):
            for second, other in enumerate(case.point):
                vec, back = weights(len(other)), weights(len(one))
                found = model.apply_hessian(output, first, second, case.point, sens, vec, case.config)
                exact = jax.jacobian(jax.grad(weighted(case, output, sens), first), second)(*at)
                close(found, exact @ np.array(vec))
                swapped = model.apply_hessian(output, second, first, case.point, sens, back, case.config)
                close(np.dot(back, found), np.dot(vec, swapped))


def test_finite_differences(model: umbridge.HTTPModel, case: Case) -> None:
    """The client's own answers at nearby points lead to the same numbers."""
    for place, vector in enumerate(case.point):
        vec = weights(len(vector))
        below, above = (moved(case.point, place, vec, step) for step in (-STEP, STEP))
        values = [model(point, case.config) for point in (below, above)]
        for output, (low, high) in enumerate(zip(*values, strict=True)):
            differences = (np.array(high) - np.array(low)) / (2 * STEP)
            found = model.apply_jacobian(output, place, case.point, vec, case.config)
            np.testing.assert_allclose(found, differences, rtol=NEAR, atol=NEAR)
            sens = weights(len(low))
            gradients = [model.gradient(output, 0, point, sens, case.config) for point in (below, above)]
            differences = (np.array(gradients[1]) - np.array(gradients[0])) / (2 * STEP)
            found = model.apply_hessian(output, 0, place, case.point, sens, vec, case.config)
            np.testing.assert_allclose(found, differences, rtol=NEAR, atol=NEAR)


def moved(point: list[list[float]], place: int, vec: list[float], step: float) -> list[list[float]]:
    """The point with one input moved."""
    found = [list(vector) for vector in point]
    found[place] = [entry + step * change for entry, change in zip(found[place], vec, strict=True)]
    return found


def test_many_at_once(server: str) -> None:
    """Clients of different models at different points each get their own answers."""
    models = {case.name: umbridge.HTTPModel(server, case.name) for case in CASES.values()}

    def ask(number: int) -> None:
        case = list(CASES.values())[number % len(CASES)]
        point = [[entry + number / 100 for entry in vector] for vector in case.point]
        for found, vector in zip(
            models[case.name](point, case.config), case.oracle(*map(np.array, point)), strict=True
        ):
            close(found, vector)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(96)))


def test_long_vectors(server: str) -> None:
    """10^5 entries in and out, whose Hessian of 10^10 is not formed."""
    size = 100_000
    config = {"expression": "x**2 / 2 + x", "variables": {"x": {"shape": [size]}}}
    model = umbridge.HTTPModel(server, "expression")
    x, v = np.linspace(-1, 1, size), np.linspace(0, 2, size)
    point = [x.tolist()]
    assert model.get_input_sizes(config) == model.get_output_sizes(config) == [size]
    close(model(point, config)[0], x**2 / 2 + x)
    close(model.gradient(0, 0, point, v.tolist(), config), v * (x + 1))
    close(model.apply_jacobian(0, 0, point, v.tolist(), config), v * (x + 1))
    close(model.apply_hessian(0, 0, 0, point, x.tolist(), v.tolist(), config), x * v)


def test_numbers_that_are_not_finite(server: str) -> None:
    """The client reads them in answers; no answer has null in their place."""
    config = {"expression": "log(x)", "variables": {"x": {"shape": [4]}}}
    model = umbridge.HTTPModel(server, "expression")
    (found,) = model([[0.0, -1.0, 1.0, 2.0]], config)
    np.testing.assert_array_equal(found[:3], [-np.inf, np.nan, 0.0])
    assert model.gradient(0, 0, [[0.0, 1.0, 2.0, 4.0]], [1.0] * 4, config) == [np.inf, 1.0, 0.5, 0.25]


def test_refusals_reach_the_user(server: str) -> None:
    """The client raises what the service says."""
    model = umbridge.HTTPModel(server, "expression")
    with pytest.raises(Exception, match="InvalidInput: input 0 has 2 entries; it takes 1"):
        model([[1.0, 2.0]], {"expression": "x"})
    with pytest.raises(Exception, match="InvalidInput: '\\(' is never closed"):
        model([[1.0]], {"expression": "log(x"})
    with pytest.raises(Exception, match="Model unknown not supported"):
        umbridge.HTTPModel(server, "unknown")
