"""JAX's derivatives without its compiler: what it traces is evaluated by NumPy, one primitive after another.

A program that runs once is not worth compiling: XLA takes seconds for what NumPy does in a millisecond. The rules of
differentiation stay JAX's; a primitive that has no entry here is run by JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal, Primitive
from scipy import special

Array = Any


def _dot_general(x: Array, y: Array, dimension_numbers: Any, **_: Any) -> Array:
    (inner_x, inner_y), (batch_x, batch_y) = dimension_numbers
    left, right = list(range(x.ndim)), [x.ndim + k for k in range(y.ndim)]
    for a, b in (*zip(inner_x, inner_y, strict=True), *zip(batch_x, batch_y, strict=True)):
        right[b] = left[a]
    batch = [left[a] for a in batch_x]
    gone = {left[a] for a in inner_x} | set(batch)
    out = batch + [n for n in left if n not in gone] + [n for n in right if n not in gone]
    return np.einsum(x, left, y, right, out)


def _broadcast_in_dim(x: Array, *_: Any, shape: Sequence[int], broadcast_dimensions: Sequence[int], **__: Any) -> Array:
    placed = [1] * len(shape)
    for axis, place in enumerate(broadcast_dimensions):
        placed[place] = x.shape[axis]
    return np.broadcast_to(np.reshape(x, placed), shape)


def _select_n(which: Array, *cases: Array) -> Array:
    return np.choose(np.asarray(which).astype(int), cases) if len(cases) > 2 else np.where(which, cases[1], cases[0])


def _integer_pow(x: Array, y: int) -> Array:
    return np.power(x, float(y))


def _slice(x: Array, start_indices: Any, limit_indices: Any, strides: Any) -> Array:
    steps = strides or (1,) * len(start_indices)
    return x[tuple(slice(*bounds) for bounds in zip(start_indices, limit_indices, steps, strict=True))]


def _iota(*_: Any, dtype: Any, shape: Any, dimension: int, **__: Any) -> Array:
    sizes = [n if k == dimension else 1 for k, n in enumerate(shape)]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(sizes), shape)


def _reshape(x: Array, *_: Any, new_sizes: Sequence[int], dimensions: Sequence[int] | None) -> Array:
    return np.reshape(x if dimensions is None else np.transpose(x, dimensions), new_sizes)


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axes, **_: function(x, axis=tuple(axes))


ENTRYWISE: dict[str, Callable[..., Array]] = {
    "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "max": np.maximum, "min": np.minimum, "pow": np.power, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "log": np.log, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "sqrt": np.sqrt, "square": np.square,
    "rsqrt": lambda x: 1 / np.sqrt(x), "erf": special.erf, "erfc": special.erfc, "lgamma": special.gammaln,
    "digamma": special.digamma, "polygamma": lambda n, x: special.polygamma(np.asarray(n).astype(int), x),
    "logistic": special.expit, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "and": np.bitwise_and, "or": np.bitwise_or, "not": np.invert, "is_finite": np.isfinite,
    "select_n": _select_n, "stop_gradient": np.asarray, "copy": np.asarray, "copy_p": np.asarray,
}  # fmt: skip

ARRANGING: dict[str, Callable[..., Array]] = {
    "dot_general": _dot_general,
    "broadcast_in_dim": _broadcast_in_dim,
    "integer_pow": _integer_pow,
    "slice": _slice,
    "iota": _iota,
    "transpose": lambda x, permutation: np.transpose(x, axes=permutation),
    "reshape": _reshape,
    "squeeze": lambda x, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, dimensions: np.expand_dims(x, tuple(dimensions)),
    "rev": lambda x, dimensions: np.flip(x, tuple(dimensions)),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension),
    "convert_element_type": lambda x, new_dtype, **_: np.asarray(x).astype(new_dtype),
    "reduce_sum": _reduction(np.sum),
    "reduce_prod": _reduction(np.prod),
    "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min),
    "reduce_and": _reduction(np.all),
    "reduce_or": _reduction(np.any),
}
NESTED = ("jaxpr", "call_jaxpr", "fun_jaxpr")


def evaluate(function: Callable[..., Any], *arguments: Any) -> Any:
    """The value of a function of JAX arrays, traced by JAX and computed by NumPy."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(arguments)]
    with np.errstate(all="ignore"):
        results = _run(closed.jaxpr, closed.consts, leaves)
    return jax.tree.unflatten(jax.tree.structure(shape), results)


def _run(jaxpr: Any, constants: Sequence[Array], arguments: Sequence[Array]) -> list[Array]:
    known = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def value(term: Any) -> Array:
        return np.asarray(term.val) if isinstance(term, Literal) else known[term]

    for equation in jaxpr.eqns:
        results = _apply(equation.primitive, [value(term) for term in equation.invars], equation.params)
        known |= dict(zip(equation.outvars, results, strict=True))
    return [value(term) for term in jaxpr.outvars]


def _apply(primitive: Primitive, inputs: list[Array], params: Any) -> Sequence[Array]:
    name = primitive.name
    if name in ENTRYWISE:
        return [ENTRYWISE[name](*inputs)]
    if name in ARRANGING:
        return [ARRANGING[name](*inputs, **{key: entry for key, entry in params.items() if key != "sharding"})]
    if name in {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"}:
        inner = next(params[key] for key in NESTED if key in params)
        return _run(inner.jaxpr, inner.consts, inputs)
    found = primitive.bind(*map(jax.numpy.asarray, inputs), **params)
    return [np.asarray(one) for one in (found if primitive.multiple_results else [found])]
