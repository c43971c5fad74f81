"""What an entry of the samples says, and short ways to write the usual ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mpmath

Shapes = Mapping[str, tuple[int, ...]]
Exact = Callable[..., Any]

V: Shapes = {"x": (3,)}
VV: Shapes = {"x": (3,), "y": (3,)}
M: Shapes = {"X": (2, 3)}
SQUARE: Shapes = {"X": (3, 3)}
CUBE: Shapes = {"K": (2, 3, 3)}
LARGE = (-30.0, -3.0, -0.25, -1e-9, 1e-9, 0.25, 3.0, 30.0)
POSITIVE = (1e-300, 1e-9, 0.3, 1.0 + 1e-9, 7.0, 1e9, 1e300)


@dataclass(frozen=True)
class Sample:
    """A text that uses the operation, the shapes of its variables, and the box that random points come from."""

    text: str
    shapes: Shapes = field(default_factory=lambda: V)
    domain: tuple[float, float] | Mapping[str, tuple[float, float]] = (0.3, 1.7)
    invertible: bool = False  # square matrices get a heavier diagonal
    distinct: bool = False  # not smooth where entries or eigenvalues are equal


@dataclass(frozen=True)
class Bad:
    """A text that is refused, and a piece of the message."""

    text: str
    message: str
    shapes: Shapes = field(default_factory=lambda: {"x": (3,), "y": (2,), "X": (2, 3), "s": (), "K": (2, 3, 4)})


@dataclass(frozen=True)
class Entry:
    """What the tests know of an operation.

    `jax` is needed only where JAX has no function of the same name and meaning, `analytic` says that NumPy's function
    takes complex numbers, `exact` is the function of mpmath numbers, tried with its derivative at `points`.
    """

    samples: tuple[Sample, ...]
    bad: tuple[Bad, ...] = ()
    jax: Callable[..., Any] | None = None
    analytic: bool = False
    exact: Exact | None = None
    points: tuple[float, ...] = ()


def unary(  # noqa: PLR0913 - an entry says what its function needs
    name: str,
    low: float = -1.7,
    high: float = 1.7,
    *,
    exact: Exact | None = None,
    points: tuple[float, ...] = LARGE,
    analytic: bool = False,
    jax: Callable[..., Any] | None = None,
) -> Entry:
    """An elementwise function of one argument: a vector, a matrix inside of a product, and wrong arguments."""
    samples = (
        Sample(f"{name}(x)", V, (low, high)),
        Sample(f"s*{name}(X) @ y", {"s": (), "X": (2, 2), "y": (2,)}, (low, high)),
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
    spread = re.sub(r"\bx\b", "X", text)
    samples = (
        Sample(text, VV, domain),
        Sample(spread, {"X": (2, 1), "y": (3,)}, domain),
        Sample(text, {"x": (3,), "y": ()}, domain),
        Sample(re.sub(r"\by\b", "0.75", text), V, domain),
    )
    bad = (Bad(text, "cannot broadcast"), *more.pop("bad", ()))
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


def mp(name: str) -> Exact:
    """The function of mpmath that has this name."""
    function: Exact = getattr(mpmath, name)
    return function


def matrix_function(name: str, *more: Sample, **given: Any) -> Entry:
    """A function of square matrices in the last two axes."""
    samples = (
        Sample(f"{name}(X)", SQUARE, invertible=True),
        Sample(f"{name}(X)", {"X": (1, 1)}),
        Sample(f"{name}(K + 2*eye(2))", {"K": (3, 2, 2)}, (-0.4, 0.4)),
        *more,
    )
    rule = f"{name} needs a square matrix (n, n), got "
    return Entry(samples, (Bad(f"{name}(x)", rule + "(3,)"), Bad(f"{name}(X)", rule + "(2, 3)")), **given)
