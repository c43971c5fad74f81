"""One entry per operation that a user can call: how it is tried, where, and what it refuses.

Everything the tests know of an operation stands here. `jax` is needed only where JAX has no function of the same name
and meaning; `exact` is the name of mpmath's function, or a function of mpmath numbers, tried at `points` to 50 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import mpmath

Shapes = Mapping[str, tuple[int, ...]]
Exact = Callable[..., Any]

V: Shapes = {"x": (3,)}
VV: Shapes = {"x": (3,), "y": (3,)}
M: Shapes = {"X": (2, 3)}
SQUARE: Shapes = {"X": (3, 3)}
CUBE: Shapes = {"X": (2, 3, 3)}
LARGE = (-30.0, -3.0, -0.25, -1e-9, 1e-9, 0.25, 3.0, 30.0)
POSITIVE = (1e-300, 1e-9, 0.3, 1.0 + 1e-9, 7.0, 1e9, 1e300)


@dataclass(frozen=True)
class Sample:
    """A text that uses the operation, the shapes of its variables, and the box that random points come from."""

    text: str
    shapes: Shapes = field(default_factory=lambda: V)
    domain: tuple[float, float] | Mapping[str, tuple[float, float]] = (0.3, 1.7)
    invertible: bool = False  # square matrices get a heavier diagonal


@dataclass(frozen=True)
class Bad:
    """A text that is refused, and a piece of the message."""

    text: str
    message: str
    shapes: Shapes = field(default_factory=lambda: {"x": (3,), "y": (2,), "X": (2, 3), "s": (), "K": (2, 3, 4)})


@dataclass(frozen=True)
class Entry:
    """What the tests know of an operation. `analytic` functions are also tried by complex step."""

    samples: tuple[Sample, ...]
    bad: tuple[Bad, ...] = ()
    jax: Callable[..., Any] | None = None
    analytic: bool = False
    exact: Exact | None = None
    points: tuple[float, ...] = ()


def unary(
    name: str,
    low: float = -1.7,
    high: float = 1.7,
    *,
    exact: Exact | None = None,
    points: tuple[float, ...] = LARGE,
    analytic: bool = False,
    jax: Callable[..., Any] | None = None,
) -> Entry:
    """An elementwise function of one argument: a vector, a scalar inside of a product, and too many arguments."""
    samples = (
        Sample(f"{name}(x)", V, (low, high)),
        Sample(f"s*{name}(X)", {"s": (), "X": (2, 2)}, (low, high)),
        Sample(f"{name}(x) @ y", VV, (low, high)),
    )
    bad = (
        Bad(f"{name}(x, x)", f"{name} takes {name}("),
        Bad(f"{name}()", "x is missing"),
        Bad(f"{name}(x, axis=1)", "has no parameter axis"),
    )
    return Entry(samples, bad, jax, analytic, exact, points)


def binary(text: str, low: float = 0.3, high: float = 1.7, **more: Any) -> Entry:
    """An elementwise function of two arguments, with NumPy's broadcasting; `text` is in x and y."""
    domain = (low, high)
    spread = text.replace("x", "X")
    samples = (
        Sample(text, VV, domain),
        Sample(spread, {"X": (2, 3), "y": (3,)}, domain),
        Sample(spread, {"X": (2, 1), "y": (3,)}, domain),
        Sample(text, {"x": (3,), "y": ()}, domain),
        Sample(text.replace("y", "0.75"), V, domain),
    )
    bad = (Bad(text, "cannot broadcast (3,) and (2,)"), *more.pop("bad", ()))
    return Entry(samples, bad, **more)


def reduction(name: str, *, empty: bool = True, **more: Any) -> Entry:
    """A reduction with `axis` and `keepdims`."""
    samples = (
        Sample(f"{name}(x)"),
        Sample(f"{name}(X)", M),
        Sample(f"{name}(X, axis=0)", M),
        Sample(f"{name}(X, axis=-1)", M),
        Sample(f"X * {name}(X, axis=1, keepdims=True)", M),
        Sample(f"{name}(K, axis=(0, 2))", {"K": (2, 3, 2)}),
        Sample(f"{name}(K, axis=1)", {"K": (2, 3, 2)}),
        Sample(f"{name}(s)", {"s": ()}),
        Sample(f"y * {name}(X.T, axis=0)", {"X": (2, 3), "y": (2,)}),
        *more.pop("samples", ()),
    )
    bad = [
        Bad(f"{name}(x, axis=1)", "1 is out of range for an array with 1 axes"),
        Bad(f"{name}(X, axis=(0, 0))", "names an axis twice"),
        Bad(f"{name}(x, keepdims=1)", "keepdims must be True or False"),
        Bad(f"{name}(x, axis=1.5)", "must be an integer"),
    ]
    if not empty:
        bad.append(Bad(f"{name}(x)", f"{name} of no entries", {"x": (0,)}))
    return Entry(samples, (*bad, *more.pop("bad", ())), **more)


def compared(symbol: str) -> Entry:
    """A comparison: its derivative is 0, so it is tried as a condition and as a number."""
    return binary(f"x {symbol} y")


def fixed(*texts: str, bad: tuple[Bad, ...] = ()) -> Entry:
    """An operation without inputs: tried in a product with a vector of 3."""
    return Entry(tuple(Sample(text) for text in texts), bad)


def mp(name: str) -> Exact:
    """mpmath's function."""
    function: Exact = getattr(mpmath, name)
    return function


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
    function = lambda row: jnp.prod(row)  # noqa: E731
    for _ in range(order):
        function = jax.jacrev(function)
    for _ in range(x.ndim - 1):
        function = jax.vmap(function)
    return function(x)


def cofactor(x: Any, order: int = 1) -> Any:
    """The derivatives of a determinant by JAX."""
    function = jnp.linalg.det
    for _ in range(order):
        function = jax.jacrev(function)
    for _ in range(x.ndim - 2):
        function = jax.vmap(function)
    return function(x)


INVERTIBLE = (Sample("{0}(X)", SQUARE, invertible=True),)


def matrix_function(name: str, *more: Sample, rule: str = "a square matrix (n, n)", **given: Any) -> Entry:
    """A function of square matrices in the last two axes."""
    samples = (
        Sample(f"{name}(X)", SQUARE, invertible=True),
        Sample(f"{name}(X)", {"X": (1, 1)}),
        Sample(f"{name}(K + 2*eye(2))", {"K": (3, 2, 2)}, (-0.4, 0.4)),
        *more,
    )
    bad = (Bad(f"{name}(x)", f"{name} needs {rule}, got (3,)"), Bad(f"{name}(X)", f"{name} needs {rule}, got (2, 3)"))
    return Entry(samples, bad, **given)


SAMPLES: dict[str, Entry] = {
    # Arithmetic.
    "add": binary("x + y"),
    "subtract": binary("x - y"),
    "multiply": binary("x*y"),
    "divide": binary("x/y"),
    "negative": Entry((Sample("-x"), Sample("-X @ y", {"X": (2, 3), "y": (3,)}), Sample("-(s)", {"s": ()}))),
    "power": binary(
        "x**y",
        bad=(),
        jax=None,
    ),
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
    "erf": unary("erf", exact=mp("erf"), points=(-5.0, -1.0, 1e-12, 0.5, 5.0, 20.0)),
    "erfc": unary("erfc", exact=mp("erfc"), points=(-5.0, -1.0, 1e-12, 0.5, 5.0, 20.0)),
    "gammaln": unary("gammaln", 0.3, 3.7, exact=lambda x: mpmath.log(abs(mpmath.gamma(x))), points=(1e-9, 0.3, 3.5, 50.0, -2.5)),
    "digamma": unary("digamma", 0.3, 3.7, exact=mp("digamma"), points=(1e-9, 0.3, 3.5, 50.0, 1e9, -2.5)),
    "polygamma": Entry(
        (Sample("polygamma(1, x)"), Sample("polygamma(2, X)", M), Sample("polygamma(0, s)", {"s": ()})),
        (Bad("polygamma(x, 1)", "n must be an integer"), Bad("polygamma(1.5, x)", "n must be an integer")),
        jax=lambda n, x: jax.scipy.special.polygamma(n, x) if n else jax.scipy.special.digamma(x),
        exact=lambda x: mpmath.psi(1, x),
        points=(1e-3, 0.3, 3.5, 50.0),
    ),
    "sigmoid": unary("sigmoid", exact=lambda x: 1 / (1 + mpmath.exp(-x)), points=(-700.0, *LARGE, 40.0, 700.0)),
    "logit": unary("logit", 0.1, 0.9, exact=lambda x: mpmath.log(x / (1 - x)), points=(1e-300, 0.1, 0.7, 1 - 1e-12)),
    "softplus": unary("softplus", exact=lambda x: mpmath.log1p(mpmath.exp(x)), points=(-700.0, *LARGE, 700.0)),
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
        "gelu", exact=lambda x: x * mpmath.ncdf(x), points=(-20.0, -3.0, 1e-9, 0.5, 30.0),
        jax=lambda x: jax.nn.gelu(x, approximate=False),
    ),  # fmt: skip
    "clip": Entry(
        (
            Sample("clip(x, 0.6, 1.2)"),
            Sample("clip(X, y, 2)", {"X": (2, 3), "y": (3,)}),
            Sample("clip(x, 0, y)", VV),
        ),
        (Bad("clip(x, 0)", "a_max is missing"), Bad("clip(x, y, 1)", "cannot broadcast")),
    ),
}
