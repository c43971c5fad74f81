"""The samples of reductions, structure, linear algebra and learning."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from tests.ops.entry import CUBE, SQUARE, VV, Bad, Entry, M, Sample, matrix_function, reduction


def batched_trace(x: Any) -> Any:
    """The trace of the last two axes; JAX takes the first two."""
    return jnp.trace(x, axis1=-2, axis2=-1)


def entries(x: Any, index: Any) -> Any:
    """NumPy's basic indexing, from the attribute of `getitem`."""
    return x[tuple(slice(*item) if isinstance(item, tuple) else item for item in index)]


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002, FBT001, FBT002
    """JAX's norm with our spelling of infinity, away from 0; three axes and more are one long vector."""
    if ord in (None, "fro"):
        return jnp.sqrt(jnp.sum(x * x, axis=axis, keepdims=keepdims))
    axis = axis[0] if isinstance(axis, tuple) else axis
    return jnp.linalg.norm(x, ord=jnp.inf if ord == "inf" else ord, axis=axis, keepdims=keepdims)


def prod_except(x: Any, order: int = 1) -> Any:
    """The derivatives of a product of the last axis, one axis more each, by JAX."""
    function: Any = jnp.prod
    for _ in range(order):
        function = jax.jacrev(function)
    for _ in range(x.ndim - 1):
        function = jax.vmap(function)
    return function(x)


def cofactor(x: Any, order: int = 1) -> Any:
    """The derivatives of a determinant by JAX."""
    function: Any = jnp.linalg.det
    for _ in range(order):
        function = jax.jacrev(function)
    for _ in range(x.ndim - 2):
        function = jax.vmap(function)
    return function(x)


REDUCTIONS = {
    "sum": reduction("sum", samples=(Sample("sum(x)", {"x": (0,)}),)),
    "mean": reduction("mean", empty=False),
    "prod": reduction("prod", samples=(Sample("prod(x)", {"x": (0,)}), Sample("prod(x)", {"x": (5,)}, (-0.0, 0.0)))),
    "max": reduction("max", empty=False),
    "min": reduction("min", empty=False),
    "logsumexp": reduction("logsumexp", empty=False),
    "norm": reduction(
        "norm",
        samples=(
            Sample("norm(x, ord=1)"),
            Sample("norm(x, 2)"),
            Sample("norm(x, inf)"),
            Sample("norm(X, ord='fro')", M),
            Sample("norm(X, ord=1, axis=0)", M),
            Sample("norm(X, ord=inf, axis=1, keepdims=True)", M),
        ),
        bad=(
            Bad("norm(X, ord=1)", "norm with ord=1 is that of a vector, got (2, 3)"),
            Bad("norm(x, ord='fro')", "norm with ord='fro' is that of a matrix, got (3,)"),
            Bad("norm(x, ord=3)", "must be 1, 2, inf, 'fro' or None"),
        ),
        jax=norm,
    ),
    "prod_except": Entry(
        (Sample("prod_except(x)"), Sample("prod_except(X, 2)", M), Sample("prod_except(x, order=0)")),
        (Bad("prod_except(s)", "prod_except needs an array with at least one axis"),),
        jax=prod_except,
    ),
}

LEARNING = {
    name: Entry(
        (
            Sample(f"{name}(x)"),
            Sample(f"{name}(X)", M),
            Sample(f"{name}(X, axis=0)", M),
            Sample(f"{name}(K, axis=1)", {"K": (2, 3, 2)}),
            Sample(f"{name}(X, axis=None)", M),
            Sample(f"{name}(1000*x) @ y", VV),
        ),
        (
            Bad(f"{name}(x, axis=1)", "1 is out of range for an array with 1 axes"),
            Bad(f"{name}(x)", f"{name} of no entries", {"x": (0,)}),
        ),
        jax=lambda x, axis=-1, name=name: getattr(jax.nn, name)(x, axis=tuple(range(x.ndim)) if axis is None else axis),
    )
    for name in ("softmax", "log_softmax")
}

STRUCTURE = {
    "reshape": Entry(
        (
            Sample("reshape(X, (3, 2))", M),
            Sample("reshape(X, 6)", M),
            Sample("reshape(X, (-1, 1, 2))", M),
            Sample("reshape(x, (3, 1))*y", {"x": (3,), "y": (2,)}),
            Sample("reshape(X @ X.T, 4)", M),
            Sample("reshape(X.T, (2, 3))", M),
        ),
        (
            Bad("reshape(x, (2, 2))", "reshape cannot turn (3,) into (2, 2)"),
            Bad("reshape(x, (-1, -1))", "reshape cannot turn (3,)"),
            Bad("reshape(x)", "shape is missing"),
        ),
    ),
    "stack": Entry(
        (
            Sample("stack([x, y])", VV),
            Sample("stack([x, sin(y), x*y], axis=1)", VV),
            Sample("[s, 2*s, t]", {"s": (), "t": ()}),
            Sample("[[s, t], [t, s]] @ x", {"s": (), "t": (), "x": (2,)}),
            Sample("stack([X, Y], axis=-1)", {"X": (2, 3), "Y": (2, 3)}),
        ),
        (Bad("stack([x, y])", "stack needs parts of one shape, got (3,) and (2,)"), Bad("stack([x], axis=2)", "axis")),
    ),
    "concatenate": Entry(
        (
            Sample("concatenate([x, y])", {"x": (3,), "y": (2,)}),
            Sample("concatenate([X, 2*X, Y], axis=1)", {"X": (2, 3), "Y": (2, 1)}),
            Sample("concatenate([X, Y], axis=0)", {"X": (2, 3), "Y": (1, 3)}),
        ),
        (Bad("concatenate([X, K])", "concatenate needs parts that agree in every axis but 0"),),
    ),
    "getitem": Entry(
        (
            Sample("x[0]*x[-1]"),
            Sample("x[1:] - x[:-1]"),
            Sample("x[::-1]*x"),
            Sample("X[1, :2] @ X[0, ::2]", M),
            Sample("X[:, None, 1]", M),
            Sample("x[2:0:-1]"),
            Sample("K[0][..., 1]", {"K": (2, 3, 2)}),
            Sample("x[5:]"),
        ),
        (Bad("x[3]", "index 3 is out of range for an axis of size 3"), Bad("x[0, 0]", "too many"), Bad("x[::0]", "0")),
        jax=entries,
    ),
    "diag": Entry(
        (
            Sample("diag(x)"),
            Sample("diag(x, k=1)"),
            Sample("diag(x, -2)"),
            Sample("diag(X)", M),
            Sample("diag(X, 1)", M),
            Sample("diag(X, k=-1)", M),
            Sample("diag(diag(X)) @ X", SQUARE),
        ),
        (Bad("diag(s)", "diag needs a vector or a matrix"), Bad("diag(x, k=1.5)", "must be an integer")),
    ),
    "einsum": Entry(
        (
            Sample("einsum('ij,j->i', X, x)", {"X": (2, 3), "x": (3,)}),
            Sample("einsum('ij,kj', X, X)", M),
            Sample("einsum('ii', X)", SQUARE),
            Sample("einsum('ii->i', X)", SQUARE),
            Sample("einsum('i,j,k->kij', x, x, y)", {"x": (2,), "y": (3,)}),
            Sample("einsum('...ij,...jk->...ik', K, K)", CUBE),
            Sample("einsum('ij->', X)", M),
        ),
        (
            Bad("einsum('ij,j->i', X, y)", "j is both 3 and 2"),
            Bad("einsum('ij->i', x)", "names 2 axes of an operand of shape (3,)"),
            Bad("einsum('i->ii', x)", "must name each of its labels once"),
            Bad("einsum('i,j', x)", "does not name the axes of 1 operand"),
        ),
    ),
    "zeros": Entry((Sample("zeros(3)*x"), Sample("zeros((2, 3)) + x")), (Bad("zeros(-1)", "-1"),)),
    "ones": Entry((Sample("ones(3) @ x"), Sample("ones((2, 3)) + x")), (Bad("ones(1.5)", "must be a size"),)),
}

LINEAR_ALGEBRA = {
    "matmul": Entry(
        (
            Sample("X @ x", {"X": (2, 3), "x": (3,)}),
            Sample("x @ y", VV),
            Sample("x @ X", {"X": (3, 2), "x": (3,)}),
            Sample("X @ X.T @ X", M),
            Sample("K @ X", {"K": (2, 3, 3), "X": (3, 2)}),
            Sample("K @ K", CUBE),
            Sample("matmul(K, x)", {"K": (2, 3, 3), "x": (3,)}),
            Sample("K @ L", {"K": (1, 2, 3), "L": (2, 3, 1)}),
        ),
        (
            Bad("X @ y", "matmul needs equal inner sizes, (m, n) @ (n, p), got (2, 3) and (2,)"),
            Bad("s @ x", "matmul needs arrays with at least one axis each, got () and (3,)"),
        ),
    ),
    "transpose": Entry(
        (
            Sample("X.T", M),
            Sample("x.T @ x"),
            Sample("transpose(K, axes=(1, 2, 0))", {"K": (2, 3, 1)}),
            Sample("transpose(K)", {"K": (2, 3, 1)}),
            Sample("transpose(K, (0, 2, 1)) @ K", CUBE),
        ),
        (Bad("transpose(X, axes=(0, 0))", "is no permutation of the 2 axes"),),
    ),
    "dot": Entry(
        (
            Sample("dot(x, y)", VV),
            Sample("dot(X, x)", {"X": (2, 3), "x": (3,)}),
            Sample("dot(K, X)", {"K": (2, 2, 3), "X": (3, 2)}),
            Sample("dot(s, x)", {"s": (), "x": (3,)}),
            Sample("dot(K, L)", {"K": (2, 1, 3), "L": (2, 3, 2)}),
        ),
        (Bad("dot(x, y)", "dot needs equal inner sizes, got (3,) and (2,)"),),
    ),
    "outer": Entry((Sample("outer(x, y)", {"x": (3,), "y": (2,)}), Sample("outer(X, x)", {"X": (2, 2), "x": (3,)}))),
    "kron": Entry(
        (
            Sample("kron(X, Y)", {"X": (2, 3), "Y": (2, 2)}),
            Sample("kron(x, y)", {"x": (3,), "y": (2,)}),
            Sample("kron(X, x)", {"X": (2, 2), "x": (3,)}),
            Sample("kron(X, X) @ y", {"X": (2, 2), "y": (4,)}),
            Sample("kron(X, s)", {"X": (2, 2), "s": ()}),
        ),
    ),
    "vec": Entry(
        (Sample("vec(X)", M), Sample("vec(X @ X.T) @ vec(Y)", {"X": (2, 3), "Y": (2, 2)})),
        (Bad("vec(x)", "vec needs a matrix (m, n), got (3,)"),),
        jax=lambda x: jnp.reshape(x.T, -1),
    ),
    "trace": matrix_function("trace", Sample("tr(X.T @ X)", M), jax=batched_trace),
    "inv": matrix_function("inv", Sample("inv(X) @ x", {"X": (3, 3), "x": (3,)}, invertible=True)),
    "det": matrix_function("det"),
    "logdet": matrix_function("logdet", jax=lambda x: jnp.linalg.slogdet(x)[1]),
    "cofactor": matrix_function("cofactor", Sample("cofactor(X, 2)", SQUARE, invertible=True), jax=cofactor),
    "solve": Entry(
        (
            Sample("solve(X, x)", {"X": (3, 3), "x": (3,)}, invertible=True),
            Sample("solve(X, Y)", {"X": (3, 3), "Y": (3, 2)}, invertible=True),
            Sample("solve(K + 2*eye(2), X)", {"K": (3, 2, 2), "X": (2, 3)}, (-0.4, 0.4)),
            Sample("solve(K + 2*eye(2), L)", {"K": (3, 2, 2), "L": (3, 2, 1)}, (-0.4, 0.4)),
            Sample("solve(K + 2*eye(2), x)", {"K": (3, 2, 2), "x": (2,)}, (-0.4, 0.4)),
        ),
        (
            Bad("solve(X, x)", "solve needs a square matrix (n, n), got (2, 3)"),
            Bad("solve(X[:, :2], x)", "solve needs a right side with as many rows as the matrix, got (2, 2) and (3,)"),
        ),
    ),
    "eye": Entry(
        (
            Sample("eye(3) @ x"),
            Sample("eye(3) + x"),
            Sample("trace(eye(4)[::-1])*x"),
            Sample("x*eye(3)[::-1]"),
            Sample("eye(3)[::-1]*eye(3) @ x"),
        ),
        (Bad("eye(2.5)", "must be a size"), Bad("eye(-1)", "-1")),
    ),
}

ARRAYS = REDUCTIONS | LEARNING | STRUCTURE | LINEAR_ALGEBRA
