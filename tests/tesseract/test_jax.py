"""Registered functions as part of JAX programs, by way of tesseract-jax: every transformation against JAX's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tesseract_core import Tesseract
from tesseract_jax import apply_tesseract

from tests.tesseract.calling import CASES, Case, at, client, close, directions


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each function in turn."""
    return CASES[request.param]


@pytest.fixture
def served(server: str, case: Case) -> Tesseract:
    """Its client."""
    return client(server, case)


def composed(function: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Any]:
    """A scalar that is computed before and after a function: what is differentiated is all of it."""

    def scalar(point: Any) -> Any:
        bent = {name: jnp.tanh(value) + 0.5 * value for name, value in point.items()}
        return sum(jnp.sum(jnp.cos(value) * value) for value in function(bent).values())

    return scalar


def through(served: Tesseract) -> Callable[[Any], dict[str, Any]]:
    """The function as the service computes it."""
    return lambda point: apply_tesseract(served, point, vmap_method="sequential")


def test_gradients(served: Tesseract, case: Case) -> None:
    """jax.grad by all inputs, with and without jit."""
    exact = jax.grad(composed(case.oracle))(at(case))
    close(jax.grad(composed(through(served)))(at(case)), exact)
    close(jax.jit(jax.grad(composed(through(served))))(at(case)), exact)
    value, gradient = jax.value_and_grad(composed(through(served)))(at(case))
    close({"value": value, "gradient": gradient}, {"value": composed(case.oracle)(at(case)), "gradient": exact})


@pytest.mark.parametrize("transformation", [jax.jacobian, jax.jacfwd, jax.jacrev])
def test_jacobians(served: Tesseract, case: Case, transformation: Any) -> None:
    """Of outputs of every shape by inputs of every shape."""
    point = {name: jnp.asarray(value) for name, value in at(case).items()}
    close(transformation(through(served))(point), transformation(case.oracle)(point))


def test_products(served: Tesseract, case: Case) -> None:
    """jax.jvp and jax.vjp."""
    point = {name: jnp.asarray(value) for name, value in at(case).items()}
    tangents = {k: jnp.asarray(v) for k, v in directions({k: v.shape for k, v in point.items()}).items()}
    found, exact = (jax.jvp(f, (point,), (tangents,)) for f in (through(served), case.oracle))
    close(found, exact)
    cotangents = directions({name: value.shape for name, value in exact[0].items()})
    pulled = [
        jax.vjp(f, point)[1]({k: jnp.asarray(v) for k, v in cotangents.items()}) for f in (through(served), case.oracle)
    ]
    close(*pulled)


def test_one_input_is_held(server: str) -> None:
    """The gradient by one input, while another is a plain array of the program."""
    case = CASES["scalar"]
    served, point = client(server, case), at(case)

    def moving(function: Any) -> Any:
        return lambda x: function({**point, "x": x})["output"]

    close(jax.grad(moving(through(served)))(point["x"]), jax.grad(moving(case.oracle))(point["x"]))


def test_a_batch(server: str) -> None:
    """Vmap of the function and of its gradient."""
    case = CASES["matrix"]
    served = client(server, case)
    stack = jnp.stack([at(case)["X"] + shift * jnp.eye(2) for shift in (0.0, 0.5, 1.0)])

    def norm(function: Any) -> Any:
        return lambda x: jnp.sum(function({"X": x})["output"] ** 2)

    close(jax.vmap(norm(through(served)))(stack), jax.vmap(norm(case.oracle))(stack))
    close(jax.vmap(jax.grad(norm(through(served))))(stack), jax.vmap(jax.grad(norm(case.oracle)))(stack))


def test_a_descent(server: str) -> None:
    """A loop of gradient steps under jit, which ends where that of JAX's own function ends."""
    case = CASES["scalar"]
    served, point = client(server, case), at(case)

    def descended(function: Any) -> Any:
        def step(x: Any) -> Any:
            return x - 0.1 * jax.grad(lambda moving: function({**point, "x": moving})["output"])(x)

        step, x = jax.jit(step), jnp.asarray(point["x"])
        for _ in range(10):
            x = step(x)
        return x

    np.testing.assert_allclose(descended(through(served)), descended(case.oracle), rtol=1e-11)  # ten times EXACT
