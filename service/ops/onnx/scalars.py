"""Functions applied entry by entry, from the operators that onnxruntime has in float64.

Each keeps the digits that its NumPy kernel keeps: near the points where the plain formula cancels, and for arguments so
large that it overflows.
"""

from __future__ import annotations

import math
from typing import Any

from service.ir.node import Node
from service.ops.onnx.sheet import Value, is_infinite, is_nan, number, op, where

LOG2 = math.log(2)
HALVINGS = 3  # of the angle, after which nine terms of the series of arctan are exact to rounding
FAR = 22.0  # beyond, exp(-2x) is below rounding
QUARTER = 0.25
HUGE = 2.0**28  # beyond, x*x + 1 is x*x


def comparison(operator: str, *, negated: bool = False) -> Any:
    """1 where two numbers compare, 0 elsewhere."""

    def write(_: Node, x: Value, y: Value) -> Value:
        found = op(operator, x, y)
        return number(op("Not", found) if negated else found)

    return write


def chosen(_: Node, condition: Value, then: Value, otherwise: Value) -> Value:
    """NumPy's `where`: everything but 0 counts as true, also what is not a number."""
    return where(op("Not", condition.is_(0.0)), then, otherwise)


def expm1_of(x: Value) -> Value:
    """W. Kahan's way: the rounding error of exp(x) is undone by that of its logarithm."""
    power = op("Exp", x)
    near = (power - 1.0) * x / op("Log", power)
    small = where(power.is_(1.0), x, near)
    return where(abs(x) > 1.0, power - 1.0, small)


def log1p_of(x: Value) -> Value:
    """The same for the logarithm."""
    above = x + 1.0
    near = where(above.is_(1.0), x, op("Log", above) * x / (above - 1.0))
    return where(x > 1.0, op("Log", above), near)


def arctan_of(x: Value) -> Value:
    """The angle is brought below 1/10 by halving it, and the series summed."""
    steep = abs(x) > 1.0
    tangent = where(steep, 1.0 / x, x)
    for _ in range(HALVINGS):
        tangent = tangent / (op("Sqrt", tangent * tangent + 1.0) + 1.0)
    square = tangent * tangent
    series = square * (1 / 17) - 1 / 15
    for k in range(13, 0, -2):
        series = series * square + math.copysign(1 / k, 1 if k % 4 == 1 else -1)
    angle = tangent * series * float(2**HALVINGS)
    return where(steep, op("Sign", x) * (math.pi / 2) - angle, angle)


def expm1(_: Node, x: Value) -> Value:
    """The exponential less 1."""
    return expm1_of(x)


def log1p(_: Node, x: Value) -> Value:
    """The logarithm of 1 + x."""
    return log1p_of(x)


def arctan(_: Node, x: Value) -> Value:
    """The inverse tangent."""
    return arctan_of(x)


def arcsin(_: Node, x: Value) -> Value:
    """By the sides of the triangle; (1 - x)(1 + x) keeps the digits near 1."""
    return arctan_of(x / op("Sqrt", (1.0 - x) * (x + 1.0)))


def arccos(_: Node, x: Value) -> Value:
    """By the tangent of half of the angle."""
    return arctan_of(op("Sqrt", (1.0 - x) / (x + 1.0))) * 2.0


def _is_negative(x: Value) -> Value:
    """Also of -0."""
    return where(x.is_(0.0), 1.0 / x, x) < 0.0


def arctan2(_: Node, y: Value, x: Value) -> Value:
    """By the quotient, turned by pi in the left half-plane."""
    far = op("And", is_infinite(x), is_infinite(y))
    y, x = where(far, op("Sign", y), y), where(far, op("Sign", x), x)
    origin = op("And", x.is_(0.0), y.is_(0.0))
    angle = arctan_of(where(origin, y, y / x))
    turned = angle + where(_is_negative(y), -math.pi, math.pi)
    turned = where(origin, where(_is_negative(y), -math.pi, math.pi), turned)
    return where(_is_negative(x), turned, angle)


def square(_: Node, x: Value) -> Value:
    """A number times itself."""
    return x * x


def tan(_: Node, x: Value) -> Value:
    """Sine over cosine."""
    return op("Sin", x) / op("Cos", x)


def sinh(_: Node, x: Value) -> Value:
    """By expm1 near 0; far out by the square of the exponential of one half, which overflows last."""
    size = abs(x)
    less, root = expm1_of(size), op("Exp", size * 0.5)
    half = where(size > FAR, root * 0.5 * root, (less + less / (less + 1.0)) * 0.5)
    return where(x < 0.0, -half, where(x.is_(0.0), x, half))


def cosh(_: Node, x: Value) -> Value:
    """The mean of two exponentials."""
    size = abs(x)
    root = op("Exp", size * 0.5)
    return where(size > FAR, root * 0.5 * root, (op("Exp", size) + op("Exp", -size)) * 0.5)


def arcsinh(_: Node, x: Value) -> Value:
    """By log1p near 0; where the square overflows, by log(2x)."""
    size = abs(x)
    near = where(size > HUGE, 1.0, size)
    square = near * near
    close = log1p_of(near + square / (op("Sqrt", square + 1.0) + 1.0))
    found = where(size > HUGE, op("Log", size) + LOG2, close)
    return where(x < 0.0, -found, where(x.is_(0.0), x, found))


def arccosh(_: Node, x: Value) -> Value:
    """By log1p of what is over 1; where the square overflows, by log(2x)."""
    over = where(x > HUGE, 1.0, x - 1.0)
    found = where(x > HUGE, op("Log", x) + LOG2, log1p_of(over + op("Sqrt", over * 2.0 + over * over)))
    return where(x < 1.0, math.nan, found)


def arctanh(_: Node, x: Value) -> Value:
    """By log1p of the size."""
    size = abs(x)
    found = log1p_of(size * 2.0 / (1.0 - size)) * 0.5
    return where(x < 0.0, -found, where(x.is_(0.0), x, found))


def hypot(_: Node, x: Value, y: Value) -> Value:
    """The larger side times a root between 1 and 2, so that no square overflows."""
    longer, shorter = op("Max", abs(x), abs(y)), op("Min", abs(x), abs(y))
    ratio = shorter / where(longer.is_(0.0), 1.0, longer)
    found = longer * op("Sqrt", ratio * ratio + 1.0)
    return where(op("Or", is_infinite(x), is_infinite(y)), math.inf, found)


def logaddexp(_: Node, x: Value, y: Value) -> Value:
    """The larger one, and log1p of the rest."""
    rest = log1p_of(op("Exp", -abs(x - y)))
    return where(x.is_(y), x + LOG2, op("Max", x, y) + rest)


def softplus(_: Node, x: Value) -> Value:
    """The positive part, and log1p of the rest."""
    return op("Max", x, 0.0) + log1p_of(op("Exp", -abs(x)))


def logit(_: Node, x: Value) -> Value:
    """Near a half, by log1p of the distance to it."""
    over = x * 2.0 - 1.0
    near = op("And", x > QUARTER, x < 1.0 - QUARTER)
    close = where(near, over, 0.0)
    return where(near, log1p_of(close) - log1p_of(-close), op("Log", x / (1.0 - x)))


def sigmoid_of(x: Value) -> Value:
    """The formula of the NumPy kernel."""
    return 1.0 / (op("Exp", -x) + 1.0)


def sigmoid(_: Node, x: Value) -> Value:
    """The logistic function."""
    return sigmoid_of(x)


def silu(_: Node, x: Value) -> Value:
    """The argument times its logistic function."""
    return x * sigmoid_of(x)


def xlogy(_: Node, x: Value, y: Value) -> Value:
    """0 where x is 0, unless y is not a number."""
    return where(op("And", x.is_(0.0), op("Not", is_nan(y))), 0.0, x * op("Log", y))


def clip(_: Node, x: Value, low: Value, high: Value) -> Value:
    """The bounds in NumPy's order."""
    return op("Min", op("Max", x, low), high)


def over_log(base: float) -> Any:
    """The logarithm to a base."""

    def write(_: Node, x: Value) -> Value:
        return op("Log", x) / math.log(base)

    return write
