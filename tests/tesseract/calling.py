"""Registered functions with the same ones in JAX, the stock client of each, and calls made without it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import jax
import jax.numpy as jnp
import numpy as np
from tesseract_core import Tesseract

jax.config.update("jax_enable_x64", True)

EXACT = 1e-12  # relative and absolute: both sides are exact but for the rounding of a few operations on numbers near 1

Arrays = Mapping[str, Any]


class Case(NamedTuple):
    """What registers a function, the same function in JAX, a point, and the shapes that the document shows."""

    registration: Mapping[str, Any]
    oracle: Callable[[Arrays], dict[str, Any]]
    point: Mapping[str, Any]
    inputs: Mapping[str, list[int | None]]
    outputs: Mapping[str, list[int | None]]


def _loss(at: Arrays) -> dict[str, Any]:
    residual = at["A"] @ at["x"] - at["y"]
    return {"output": jnp.sum(residual**2) + jnp.sin(at["t"]) * jnp.sum(at["x"])}


def _matrix(at: Arrays) -> dict[str, Any]:
    return {"output": jnp.linalg.inv(at["X"]) @ at["X"].T}


def _several(at: Arrays) -> dict[str, Any]:
    x, scale = at["x"], at["s"]
    return {
        "output0": jnp.sum(jnp.sin(x)) * scale,
        "output1": jnp.outer(x, x) * scale,
        "output2": jnp.concatenate([x, jnp.sin(x)]),
    }


SEVERAL: dict[str, Any] = {
    "version": 1,
    "inputs": [{"name": "x", "shape": ["n"]}, {"name": "s", "shape": []}],
    "nodes": [
        {"name": "wave", "op": "sin", "inputs": ["x"]},
        {"name": "total", "op": "sum", "inputs": ["wave"]},
        {"name": "first", "op": "multiply", "inputs": ["total", "s"]},
        {"name": "square", "op": "outer", "inputs": ["x", "x"]},
        {"name": "second", "op": "multiply", "inputs": ["square", "s"]},
        {"name": "third", "op": "concatenate", "inputs": ["x", "wave"]},
    ],
    "outputs": ["first", "second", "third"],
}
CASES = {
    "scalar": Case(
        {
            "expression": "sum((A @ x - y)**2) + sin(t)*sum(x)",
            "variables": {"A": {"shape": ["m", 2]}, "x": {"shape": [2]}, "y": {"shape": ["m"]}, "t": {"shape": []}},
        },
        _loss,
        {"A": [[1.0, 2.0], [0.5, -1.0], [0.3, 0.7]], "x": [0.4, -0.3], "y": [0.2, 0.1, -0.5], "t": 0.7},
        {"A": [None, 2], "t": [], "x": [2], "y": [None]},
        {"output": []},
    ),
    "matrix": Case(
        {"expression": "inv(X) @ X.T", "variables": {"X": {"shape": ["n", "n"]}}},
        _matrix,
        {"X": [[1.5, 0.3], [-0.2, 0.8]]},
        {"X": [None, None]},
        {"output": [None, None]},
    ),
    "several": Case(
        {"graph": SEVERAL},
        _several,
        {"x": [0.3, -0.6, 0.9], "s": 1.3},
        {"s": [], "x": [None]},
        {"output0": [], "output1": [None, None], "output2": [None]},
    ),
}


def at(case: Case) -> dict[str, Any]:
    """The point as arrays."""
    return {name: np.array(value) for name, value in case.point.items()}


def registered(server: str, registration: Mapping[str, Any]) -> str:
    """The address of a function that is registered by this."""
    status, answer, _ = post(f"{server}/v1/functions", registration)
    assert status in {200, 201}, answer
    return f"{server}/tesseract/{answer['function_id']}"


def client(server: str, case: Case) -> Tesseract:
    """The stock client, as it is made of an address."""
    return Tesseract.from_url(registered(server, case.registration))


def post(address: str, body: Any, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
    """Status, answer and headers; bytes are sent as they are."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request("POST", url.path, raw, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        return response.status, json.loads(response.read()), {k.lower(): v for k, v in response.getheaders()}
    finally:
        connection.close()


def close(found: Any, expected: Any) -> None:
    """The same names, and arrays of one shape that are equal but for rounding."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.shape(mine) == np.shape(other)
        np.testing.assert_allclose(mine, other, rtol=EXACT, atol=EXACT)


def directions(shapes: Mapping[str, Any]) -> dict[str, Any]:
    """For each name an array of its shape, with entries of both signs."""
    rng = np.random.default_rng(7)
    return {name: np.asarray(rng.normal(size=shape)) for name, shape in sorted(shapes.items())}
