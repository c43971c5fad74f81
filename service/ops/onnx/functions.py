"""Special functions, of which onnxruntime has none in float64, as sums of terms that do not cancel."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from numpy.polynomial import chebyshev

from service.errors import UnsupportedOperationError
from service.ir.node import Node
from service.ops.later import special
from service.ops.onnx.scalars import expm1_of
from service.ops.onnx.sheet import Value, op, where

NEAR = 0.6  # up to here, the series of erf
TERMS = 15
MIDDLE = 3.75  # of the map of 0 to infinity onto -1 to 1, in which the scaled function is smooth
DEGREE = 40
FARTHEST = 30.0  # beyond, exp(-x*x) is 0
PARTS = 2.0**20  # of a unit, so that the square of the front part of a number is exact


@cache
def _scaled_erfc() -> tuple[float, ...]:
    """Chebyshev coefficients of (x + MIDDLE)*exp(x*x)*erfc(x) in t = (x - MIDDLE)/(x + MIDDLE)."""

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
    """The kernel's quotient; by its integral where derivatives of it are asked for."""
    if dict(node.attributes)["order"]:
        message = "exprel is written in ONNX for order 0 alone"
        raise UnsupportedOperationError(message)
    return where(x.is_(0.0), 1.0, expm1_of(x) / where(x.is_(0.0), 1.0, x))


def _sinc(x: Value) -> Value:
    return where(x.is_(0.0), 1.0, op("Sin", x) / where(x.is_(0.0), 1.0, x))


def sinc(_: Node, x: Value) -> Value:
    """NumPy's sinc."""
    return _sinc(x * math.pi)


def spherical_jn(node: Node, x: Value) -> Value:
    """Number 0, the sine over its argument."""
    if dict(node.attributes)["n"]:
        message = "spherical_jn is written in ONNX for n = 0 alone"
        raise UnsupportedOperationError(message)
    return _sinc(x)
