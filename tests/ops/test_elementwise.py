"""Elementwise functions to 50 digits at easy and at extreme points, and by complex step."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from service.ir.op import operations
from tests.functions import Function, run
from tests.ops.entry import Exact
from tests.ops.samples import SAMPLES

DIGITS = 50
# Two units in the last place of every operation of a short formula, times the condition number of the derivative.
RTOL = 1e-13
COMPLEX_STEP = 1e-12  # the gate for analytic functions; the step of 1e-30 has no truncation error
STEP = 1e-30

EXACT = [
    pytest.param(name, entry.exact, point, id=f"{name} at {point!r}")
    for name, entry in SAMPLES.items() if entry.exact is not None for point in entry.points
]  # fmt: skip
ANALYTIC = [name for name, entry in SAMPLES.items() if entry.analytic]


def digits(point: float) -> int:
    """50 that count, after those lost where exp(point) is added to 1 or where mpmath's step must stay below point."""
    return DIGITS + int(2 * abs(math.log10(abs(point)))) + int(min(abs(point), 1000))


def condition(exact: Exact, order: int, point: float) -> float:
    """By how much a relative error of the argument grows in derivative number `order`, at least 1."""
    with mpmath.workdps(digits(point)):
        value, slope = (mpmath.diff(exact, mpmath.mpf(point), k) for k in (order, order + 1))
        return float(max(1, abs(point * slope / value))) if value else 1.0


@pytest.mark.parametrize(("name", "exact", "point"), EXACT)
@pytest.mark.parametrize("order", [0, 1])
def test_accuracy(name: str, exact: Exact, point: float, order: int) -> None:
    """Value and derivative keep their relative accuracy, far out and near 0 too."""
    text = f"{name}(1, x)" if name in {"polygamma", "spherical_jn"} else f"{name}(x)"
    function = Function(text, {"x": ()})
    (value,) = run([function.derivative("x") if order else function.kernel], {"x": np.float64(point)})
    with mpmath.workdps(digits(point)):
        wanted = float(mpmath.diff(exact, mpmath.mpf(point), order))
    tolerance = RTOL * condition(exact, order, point)
    assert float(value) == pytest.approx(wanted, rel=tolerance, abs=1e-307)


@pytest.mark.parametrize("name", ANALYTIC)
def test_complex_step(name: str) -> None:
    """The derivative is the imaginary part of f(x + ih)/h, NumPy's complex function being another piece of code."""
    sample = SAMPLES[name].samples[0]
    assert isinstance(sample.domain, tuple)
    points = np.linspace(*sample.domain, 23)
    kernel = operations()[name].kernel or {"sqrt": np.sqrt, "square": np.square, "reciprocal": np.reciprocal}[name]
    wanted = kernel(points + 1j * STEP).imag / STEP
    function = Function(f"{name}(x)", {"x": ()})
    (value,) = run([function.derivative("x")], {"x": points}, frozenset({"x"}))
    np.testing.assert_allclose(value, wanted, COMPLEX_STEP, COMPLEX_STEP)
