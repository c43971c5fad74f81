"""Special functions, of which onnxruntime has none in float64, as sums of terms that do not cancel."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from service.ir.node import Node
from service.ops.later import special
from service.ops.onnx.scalars import expm1_of
from service.ops.onnx.sheet import Value, is_infinite, lacking, op, where

NEAR = 0.6  # up to here, the series of erf
TERMS = 15
MIDDLE = 3.75  # of the map of 0 to infinity onto -1 to 1, in which the scaled function is smooth
DEGREE = 40
NODES = 64  # of the quadrature
EXPREL_FAR = 40.0
BESSEL_TERMS = 60
BESSEL_MOST = 16  # the series loses digits with n, up to 3 here
BESSEL_LACKS = f"it is written for n up to {BESSEL_MOST}, beyond which the series loses digits"
FARTHEST = 30.0  # beyond, exp(-x*x) is 0
PARTS = 2.0**20  # of a unit, so that the square of the front part of a number is exact


@cache
def _scaled_erfc() -> tuple[float, ...]:
    """Chebyshev coefficients of (x + MIDDLE)*exp(x*x)*erfc(x) in t = (x - MIDDLE)/(x + MIDDLE)."""
    from numpy.polynomial import chebyshev

    def scaled(t: Any) -> Any:
        x = MIDDLE * (1 + t) / (1 - t)
        return (x + MIDDLE) * special.erfcx(x)

    return tuple(map(float, chebyshev.chebinterpolate(scaled, DEGREE)))


def _clenshaw(coefficients: tuple[float, ...], t: Value) -> Value:
    """A sum of Chebyshev polynomials."""
    twice, above, last = t * 2.0, t * 0.0, t * 0.0 + coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        above, last = last, twice * last - above + coefficient
    return t * last - above + coefficients[0]


def _erf_near(x: Value) -> Value:
    square = x * x
    terms = [(-1.0) ** k * 2 / math.sqrt(math.pi) / (math.factorial(k) * (2 * k + 1)) for k in range(TERMS)]
    series = square * terms[-1] + terms[-2]
    for term in terms[-3::-1]:
        series = series * square + term
    return x * series


def _erfc_far(x: Value) -> Value:
    """For x >= 0: the square in the exponent is split, so that its rounding is not multiplied by it."""
    near = op("Min", x, FARTHEST)
    front = op("Floor", near * PARTS) / PARTS
    decay = op("Exp", -(front * front)) * op("Exp", -((near - front) * (near + front)))
    shape = _clenshaw(_scaled_erfc(), (near - MIDDLE) / (near + MIDDLE))
    return decay * shape / (near + MIDDLE)


def erfc_of(x: Value) -> Value:
    """1 - erf(x), to the last digits for large x too."""
    size = abs(x)
    far = _erfc_far(op("Max", size, NEAR))
    return where(size < NEAR, 1.0 - _erf_near(x), where(x < 0.0, 2.0 - far, far))


def erf(_: Node, x: Value) -> Value:
    """The error function."""
    size = abs(x)
    far = 1.0 - _erfc_far(op("Max", size, NEAR))
    return where(size < NEAR, _erf_near(x), op("Sign", x) * far)


def erfc(_: Node, x: Value) -> Value:
    """Its complement."""
    return erfc_of(x)


def gelu(_: Node, x: Value) -> Value:
    """The argument times the normal distribution."""
    return x * 0.5 * erfc_of(x * (-1 / math.sqrt(2)))


def exprel(node: Node, x: Value) -> Value:
    """The quotient; a derivative of it by the quadrature of Gauss, and for large x by parts, as the kernel has it."""
    order, rank = dict(node.attributes)["order"], len(node.shape)
    if not order:
        return _exprel(x)
    from numpy.polynomial import legendre

    places, weights = legendre.leggauss(NODES)
    times = x.sheet.numbers([float(1 + place) / 2 for place in places])
    large = abs(x) > EXPREL_FAR
    powers = op("Exp", op("Unsqueeze", where(large, 0.0, x), x.sheet.integers([rank])) * times)
    each = [float(weight) / 2 * (float(1 + place) / 2) ** order for place, weight in zip(places, weights, strict=True)]
    integral = op("ReduceSum", powers * x.sheet.numbers(each), x.sheet.integers([rank]), keepdims=0)
    far = where(large, x, 1.0)
    by_parts = _exprel(far)
    for k in range(1, order + 1):
        by_parts = (op("Exp", far) - by_parts * float(k)) / far
    return where(large, by_parts, integral)


def _exprel(x: Value) -> Value:
    whole = expm1_of(x) / where(x.is_(0.0), 1.0, x)
    return where(x.is_(math.inf), math.inf, where(x.is_(0.0), 1.0, whole))


def _sinc(x: Value) -> Value:
    whole = op("Sin", x) / where(x.is_(0.0), 1.0, x)
    return where(is_infinite(x), 0.0, where(x.is_(0.0), 1.0, whole))


def sinc(_: Node, x: Value) -> Value:
    """NumPy's sinc."""
    return _sinc(x * math.pi)


def spherical_jn(node: Node, x: Value) -> Value:
    """By the power series (DLMF 10.53.1) up to where the recurrence (10.51.1) is stable, from n on."""
    n = dict(node.attributes)["n"]
    if not n:
        return _sinc(x)
    if n > BESSEL_MOST:
        raise lacking(node)
    small = abs(x) < n + 1.0
    near, far = where(small, x, 0.0), where(small, n + 1.0, x)
    half, series = near * near * -0.5, near * 0.0 + 1.0
    for k in range(BESSEL_TERMS, 0, -1):
        series = series * half / float(k * (2 * n + 2 * k + 1)) + 1.0
    for k in range(n):
        series = series * near / float(2 * k + 3)
    previous, current = op("Cos", far) / far, _sinc(far)
    for k in range(n):
        previous, current = current, current * (2 * k + 1.0) / far - previous
    return where(is_infinite(x), 0.0, where(small, series, current))
