"""The samples of what moves entries about, of triangles, spread and functions of whole matrices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from tests.ops.entry import CUBE, SQUARE, VV, Bad, Entry, M, Sample, matrix_function


def flip(x: Any, axis: Any = None) -> Any:
    """JAX's flip, which takes no empty list of axes for a scalar."""
    return jnp.flip(x, axis) if x.ndim else x


def symmetric(x: Any) -> Any:
    """The part of a matrix that is read."""
    return (x + jnp.swapaxes(x, -1, -2)) / 2


def eigenprojections(x: Any) -> Any:
    """The derivatives of the eigenvalues by JAX's forward mode, one matrix each."""
    function = jax.jacrev(lambda matrix: jnp.linalg.eigvalsh(symmetric(matrix)))
    for _ in range(x.ndim - 2):
        function = jax.vmap(function)
    return function(x)


def reduced_resolvents(x: Any) -> Any:
    """Sums of projections over differences of eigenvalues."""
    values, vectors = jnp.linalg.eigh(symmetric(x))
    gap = values[..., :, None] - values[..., None, :]
    weights = jnp.where(gap == 0, 0.0, 1 / jnp.where(gap == 0, 1.0, gap))
    return jnp.einsum("...ik,...ak,...bk->...iab", weights, vectors, vectors)


def expm_frechet(x: Any, *directions: Any) -> Any:
    """The derivative of JAX's expm along each direction in turn."""
    function: Any = jax.scipy.linalg.expm
    for direction in directions:
        function = _along(function, direction)
    return function(jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, *(e.shape for e in directions))))


def _along(function: Any, direction: Any) -> Any:
    return lambda x: jax.jvp(function, (x,), (jnp.broadcast_to(direction, x.shape),))[1]


def spread(name: str) -> Entry:
    """A measure of spread over axes."""
    return Entry(
        (
            Sample(f"{name}(x)"),
            Sample(f"{name}(X)", M),
            Sample(f"{name}(X, axis=0)", M),
            Sample(f"{name}(X, axis=1, keepdims=True)*X", M),
            Sample(f"{name}(X, axis=1, ddof=1)", M),
            Sample(f"{name}(K, axis=(0, 2), ddof=2)", CUBE),
        ),
        (Bad(f"{name}(x)", f"{name} of no entries", {"x": (0,)}), Bad(f"{name}(x, ddof=1.5)", "must be an integer")),
    )


def part(name: str) -> Entry:
    """A triangular part of matrices."""
    return Entry(
        (
            Sample(f"{name}(X)", SQUARE),
            Sample(f"{name}(X, 1)", M),
            Sample(f"{name}(X, k=-1) @ x", {"X": (3, 3), "x": (3,)}),
            Sample(f"{name}(X @ X.T)", M),
            Sample(f"sum({name}(X)**2)", SQUARE),
            Sample(f"{name}(K)", CUBE),
        ),
        (Bad(f"{name}(x)", f"{name} needs a matrix (m, n), got (3,)"),),
    )


MOVED = {
    "cumsum": Entry(
        (
            Sample("cumsum(x)"),
            Sample("sum(cumsum(x*y)**2)", VV),
            Sample("cumsum(X)", M),
            Sample("cumsum(X, axis=0)*X", M),
            Sample("cumsum(sin(K), axis=-2)", CUBE),
        ),
        (Bad("cumsum(x, axis=1)", "1 is out of range for an array with 1 axes"),),
    ),
    "flip": Entry(
        (
            Sample("flip(x)*x"),
            Sample("flip(X)*X", M),
            Sample("flip(X, axis=1) @ x", {"X": (2, 3), "x": (3,)}),
            Sample("flip(K, axis=(0, 2))", CUBE),
            Sample("flip(s)", {"s": ()}),
        ),
        (Bad("flip(x, axis=1)", "1 is out of range"),),
        jax=flip,
    ),
    "roll": Entry(
        (
            Sample("roll(x, 1)*x"),
            Sample("roll(x, -4) @ y", VV),
            Sample("roll(X, 1)*X", M),
            Sample("roll(X, 2, axis=1)*X", M),
            Sample("roll(exp(X), (1, 2), axis=(0, 1))", M),
            Sample("roll(K, 1, axis=(0, 2))", CUBE),
        ),
        (Bad("roll(x, (1, 2))", "2 shifts need as many axes"), Bad("roll(x, 1.5)", "must be an integer")),
    ),
    "ravel": Entry((Sample("ravel(X) @ x", {"X": (2, 3), "x": (6,)}), Sample("ravel(K)*2", CUBE))),
    "broadcast_to": Entry(
        (
            Sample("broadcast_to(x, (2, 3))"),
            Sample("broadcast_to(s, 3) @ x", {"s": (), "x": (3,)}),
            Sample("broadcast_to(X, (2, 2, 3))*Y", {"X": (1, 3), "Y": (2, 2, 3)}),
        ),
        (Bad("broadcast_to(x, (3, 2))", "broadcast_to"), Bad("broadcast_to(X, 3)", "broadcast_to needs a shape")),
    ),
    "diagonal": Entry(
        (
            Sample("diagonal(X)*x", {"X": (3, 3), "x": (3,)}),
            Sample("diagonal(X, 1)", M),
            Sample("diagonal(K, offset=-1, axis1=1, axis2=2)", CUBE),
            Sample("diagonal(K)", {"K": (2, 2, 3)}),
        ),
        (
            Bad("diagonal(x)", "out of range for an array with 1 axes"),
            Bad("diagonal(X, 0, 1, 1)", "two different axes"),
        ),
    ),
    "inner": Entry(
        (
            Sample("inner(x, y)", VV),
            Sample("inner(X, x)", {"X": (2, 3), "x": (3,)}),
            Sample("inner(X, K)", {"X": (2, 3), "K": (2, 1, 3)}),
            Sample("inner(s, x)", {"s": (), "x": (3,)}),
        ),
        (Bad("inner(x, y)", "inner needs equal last sizes, got (3,) and (2,)"),),
    ),
    "tril": part("tril"),
    "triu": part("triu"),
    "var": spread("var"),
    "std": spread("std"),
}

SPECTRAL = {
    "cholesky": matrix_function(
        "cholesky",
        Sample("sum(cholesky(X)**3)", SQUARE, invertible=True),
        jax=lambda x: jnp.linalg.cholesky(symmetric(x), symmetrize_input=False),
    ),
    "eigvalsh": matrix_function(
        "eigvalsh",
        Sample("sum(eigvalsh(X)**3)", SQUARE),
        Sample("sum(eigvalsh(X))", SQUARE),
        jax=lambda x: jnp.linalg.eigvalsh(symmetric(x)),
    ),
    "eigenprojections": matrix_function(
        "eigenprojections", Sample("sum(eigenprojections(X), axis=0)", SQUARE), jax=eigenprojections
    ),
    "reduced_resolvents": matrix_function("reduced_resolvents", jax=reduced_resolvents),
    "matrix_power": Entry(
        (
            Sample("matrix_power(X, 3)", {"X": (2, 2)}),
            Sample("trace(matrix_power(X/4, 7))", SQUARE),
            Sample("sum(matrix_power(X/4, 11))", {"X": (2, 2)}),
            Sample("matrix_power(X, -2)", {"X": (2, 2)}, invertible=True),
            Sample("matrix_power(X, 0) @ X", SQUARE),
            Sample("matrix_power(K, 2)", CUBE),
        ),
        (Bad("matrix_power(X, 2)", "matrix_power needs a square matrix"), Bad("matrix_power(X, 0.5)", "an integer")),
    ),
    "expm": matrix_function(
        "expm", Sample("trace(expm(X) @ Y)", {"X": (2, 2), "Y": (2, 2)}), jax=jax.scipy.linalg.expm
    ),
    "expm_frechet": Entry(
        (
            Sample("expm_frechet(X, Y)", {"X": (2, 2), "Y": (2, 2)}),
            Sample("sum(expm_frechet(X, Y, Y))", {"X": (2, 2), "Y": (2, 2)}),
            Sample("expm_frechet(X, K)", {"X": (2, 2), "K": (2, 2, 2)}),
        ),
        (Bad("expm_frechet(K[:, :, :3], x)", "expm_frechet needs directions with the shape of the matrix"),),
        jax=expm_frechet,
    ),
}

MATRICES = MOVED | SPECTRAL
for _name in ("eigvalsh", "eigenprojections", "reduced_resolvents", "std"):
    _distinct = tuple(replace(sample, distinct=True) for sample in MATRICES[_name].samples)
    MATRICES[_name] = replace(MATRICES[_name], samples=_distinct)
