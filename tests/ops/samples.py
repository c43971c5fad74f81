"""One entry per operation that a user can call: how it is tried, where, what it refuses, and a second opinion.

Everything that the tests know of an operation stands in its entry; the suite is red while one has none.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import mpmath

from tests.ops.array_samples import ARRAYS
from tests.ops.entry import LARGE, POSITIVE, VV, Bad, Entry, M, Sample, V, binary, compared, mp, unary
from tests.ops.matrix_samples import MATRICES


def spherical_jn(n: int, x: Any) -> Any:
    """By Rayleigh's formula: number n is x**n times (-1/x d/dx)**n of sin(x)/x."""
    function: Any = lambda y: jnp.sinc(y / jnp.pi)  # noqa: E731 - replaced below
    for _ in range(n):
        slope = jax.grad(function)
        function = lambda y, slope=slope: -slope(y) / y  # noqa: E731
    return jnp.vectorize(lambda y: y**n * function(y))(x)


def exprel(x: Any, order: int = 0) -> Any:
    """The derivatives of expm1(x)/x by JAX."""
    function: Any = lambda y: jnp.expm1(y) / y  # noqa: E731 - replaced below
    for _ in range(order):
        function = jax.grad(function)
    return jnp.vectorize(function)(x)


SAMPLES: dict[str, Entry] = {
    # Arithmetic.
    "add": binary("x + y"),
    "subtract": binary("x - y"),
    "multiply": binary("x*y"),
    "divide": binary("x/y"),
    "negative": Entry((Sample("-x"), Sample("-X @ x", {"X": (2, 3), "x": (3,)}), Sample("-(s)", {"s": ()}))),
    "power": binary("x**y"),
    # Elementwise.
    "exp": unary("exp", exact=mp("exp"), analytic=True),
    "expm1": unary("expm1", exact=mp("expm1"), points=(-700.0, *LARGE)),
    "log": unary("log", 0.3, 1.7, exact=mp("log"), points=POSITIVE, analytic=True),
    "log1p": unary("log1p", -0.7, 1.7, exact=mp("log1p"), points=(-1 + 1e-9, -0.5, -1e-12, 1e-12, 3.0, 1e300)),
    "log2": unary("log2", 0.3, 1.7, exact=lambda x: mpmath.log(x, 2), points=POSITIVE),
    "log10": unary("log10", 0.3, 1.7, exact=mp("log10"), points=POSITIVE),
    "logaddexp": binary("logaddexp(x, y)", -1.7, 1.7),
    "sin": unary("sin", exact=mp("sin"), points=(*LARGE, 1e6), analytic=True),
    "cos": unary("cos", exact=mp("cos"), points=(*LARGE, 1e6), analytic=True),
    "tan": unary("tan", -1.2, 1.2, exact=mp("tan"), analytic=True),
    "arcsin": unary("arcsin", -0.9, 0.9, exact=mp("asin"), points=(-1 + 1e-12, -0.5, 1e-12, 0.5, 1 - 1e-12)),
    "arccos": unary("arccos", -0.9, 0.9, exact=mp("acos"), points=(-1 + 1e-12, -0.5, 1e-12, 0.5, 1 - 1e-12)),
    "arctan": unary("arctan", exact=mp("atan"), points=(*LARGE, 1e100, 1e200)),
    "arctan2": binary("arctan2(y, x)", -1.7, -0.3),
    "sinh": unary("sinh", exact=mp("sinh"), points=(-700.0, *LARGE), analytic=True),
    "cosh": unary("cosh", exact=mp("cosh"), points=(-700.0, *LARGE), analytic=True),
    "tanh": unary("tanh", exact=mp("tanh"), points=(-300.0, *LARGE, 300.0), analytic=True),
    "arcsinh": unary("arcsinh", exact=mp("asinh"), points=(*LARGE, 1e200)),
    "arccosh": unary("arccosh", 1.3, 2.7, exact=mp("acosh"), points=(1 + 1e-12, 1.5, 30.0, 1e200)),
    "arctanh": unary("arctanh", -0.9, 0.9, exact=mp("atanh"), points=(-1 + 1e-12, -0.5, 1e-12, 0.5, 1 - 1e-12)),
    "hypot": binary("hypot(x, y)"),
    "erf": unary("erf", exact=mp("erf"), points=(-5.0, -1.0, 1e-12, 0.5, 5.0, 8.0)),
    "erfc": unary("erfc", exact=mp("erfc"), points=(-5.0, -1.0, 1e-12, 0.5, 5.0, 8.0)),
    "gammaln": unary(
        "gammaln", 0.3, 3.7, exact=lambda x: mpmath.log(abs(mpmath.gamma(x))), points=(1e-9, 0.3, 3.5, 50.0, -2.5)
    ),
    "digamma": unary("digamma", 0.3, 3.7, exact=mp("digamma"), points=(1e-9, 0.3, 3.5, 50.0, 1e9, -2.5)),
    "polygamma": Entry(
        (Sample("polygamma(1, x)"), Sample("polygamma(2, X)", M), Sample("polygamma(0, s)", {"s": ()})),
        (Bad("polygamma(x, 1)", "n must be written out"), Bad("polygamma(1.5, x)", "n must be an integer")),
        jax=lambda n, x: jax.scipy.special.polygamma(n, x) if n else jax.scipy.special.digamma(x),
        exact=lambda x: mpmath.psi(1, x),
        points=(1e-3, 0.3, 3.5, 50.0),
    ),
    "sigmoid": unary("sigmoid", exact=lambda x: 1 / (1 + mpmath.exp(-x)), points=(-700.0, *LARGE, 40.0, 700.0)),
    "logit": unary("logit", 0.1, 0.9, exact=lambda x: mpmath.log(x / (1 - x)), points=(1e-300, 0.1, 0.7, 1 - 1e-12)),
    "softplus": unary("softplus", exact=lambda x: mpmath.log1p(mpmath.exp(x)), points=(-700.0, *LARGE, 700.0)),
    "xlogy": binary("xlogy(x, y)"),
    "spherical_jn": Entry(
        (
            Sample("spherical_jn(0, x)", V, (-1.7, 1.7)),
            Sample("spherical_jn(1, X)", M),
            Sample("s*spherical_jn(4, s)", {"s": ()}),
        ),
        (
            Bad("spherical_jn(x, 1)", "n must be written out"),
            Bad("spherical_jn(-1, x)", "n must be from 0 to 32, got -1"),
        ),
        jax=spherical_jn,
        exact=lambda x: mpmath.besselj(1.5, abs(x)) * mpmath.sqrt(mpmath.pi / 2 / abs(x)) * mpmath.sign(x),
        points=(-30.0, -1.3, 1e-9, 0.25, 3.0, 30.0),
    ),
    "sinc": unary("sinc", exact=lambda x: mpmath.sinc(mpmath.pi * x), points=(-30.3, -1.3, 1e-9, 0.25, 3.2)),
    "exprel": Entry(
        (
            Sample("exprel(x)", V, (-1.7, 1.7)),
            Sample("exprel(X, order=2)", M),
            Sample("s*exprel(s, 3)", {"s": ()}, (-50.0, -45.0)),
        ),
        (Bad("exprel(x, 1.5)", "order must be an integer"), Bad("exprel(x, 99)", "order must be from 0 to 32, got 99")),
        jax=exprel,
        exact=lambda x: mpmath.expm1(x) / x,
        points=(-700.0, -45.0, -39.0, *LARGE, 39.0, 45.0, 600.0),
    ),
    "abs": unary("abs", 0.3, 1.7, exact=abs, points=(-1e300, -3.0, 1e-300, 5.0)),
    "sign": unary("sign", 0.3, 1.7),
    "floor": unary("floor", 0.3, 0.7),
    "ceil": unary("ceil", 0.3, 0.7),
    "round": unary("round", 0.6, 1.4),
    "relu": unary("relu", 0.3, 1.7, exact=lambda x: max(x, 0), points=(-3.0, 5.0)),
    "maximum": binary("maximum(x, y)"),
    "minimum": binary("minimum(x, y)"),
    "where": Entry(
        (
            Sample("where(x > y, sin(x), x*y)", VV),
            Sample("where(X > 1, X, y)", {"X": (2, 3), "y": (3,)}),
            Sample("where(x, y, 2)", VV),
            Sample("where(x < 1, 1, 0)*y", VV),
        ),
        (Bad("where(x, y, 1)", "cannot broadcast"), Bad("where(x)", "missing")),
        jax=lambda condition, x, y: jnp.where(condition != 0, x, y),
    ),
    "less": compared("<"),
    "less_equal": compared("<="),
    "greater": compared(">"),
    "greater_equal": compared(">="),
    "equal": compared("=="),
    "not_equal": compared("!="),
    "sqrt": unary("sqrt", 0.3, 1.7, exact=mp("sqrt"), points=POSITIVE, analytic=True),
    "square": unary("square", exact=lambda x: x * x, points=(-1e100, -3.0, 1e-100), analytic=True),
    "reciprocal": unary("reciprocal", 0.3, 1.7, exact=lambda x: 1 / x, points=(-1e100, -3.0, 1e-100), analytic=True),
    "silu": unary("silu", exact=lambda x: x / (1 + mpmath.exp(-x)), points=(-700.0, *LARGE, 700.0)),
    "gelu": unary(
        "gelu",
        exact=lambda x: x * mpmath.ncdf(x),
        points=(-20.0, -3.0, 1e-9, 0.5, 30.0),
        jax=lambda x: jax.nn.gelu(x, approximate=False),
    ),
    "clip": Entry(
        (
            Sample("clip(x, 0.6, 1.2)"),
            Sample("clip(X, y, 2)", {"X": (2, 3), "y": (3,)}),
            Sample("clip(x, 0, y)", VV),
        ),
        (Bad("clip(x, 0)", "a_max is missing"), Bad("clip(x, y, 1)", "cannot broadcast")),
    ),
    **ARRAYS,
    **MATRICES,
}
