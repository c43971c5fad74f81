"""The logarithm of the gamma function and its derivatives, by recurrence, reflection and asymptotic series.

Formulas are those of the NIST Digital Library of Mathematical Functions, chapter 5.
"""

from __future__ import annotations

import math
from fractions import Fraction

from service.ir.node import Node
from service.ops.later import special
from service.ops.onnx.scalars import log1p_of
from service.ops.onnx.sheet import Value, is_infinite, lacking, op, where

BERNOULLI = tuple(map(Fraction, ("1/6", "-1/30", "1/42", "-1/30", "5/66", "-691/2730", "7/6", "-3617/510")))
ENOUGH = 10  # from here on, the asymptotic series are exact to rounding
NEAR_TWO = 2.5
TERMS = 30  # of the series about 2, each a quarter of the one before
HALF = 0.5
EULER = 0.5772156649015329  # the constant of Euler and Mascheroni
MOST_ORDER = 32
POLYGAMMA_LACKS = f"it is written for n from 0 to {MOST_ORDER}"


def _horner(coefficients: list[float], x: Value) -> Value:
    """A polynomial from its coefficients, the highest first."""
    total = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        total = (total + coefficient) * x
    return total + coefficients[-1]


def _about_two(over: Value) -> Value:
    """The logarithm at 2 + over, for at most a half of that (5.7.3, moved on by one)."""
    series = [(-1.0) ** k * float(special.zetac(k)) / k for k in range(TERMS, 1, -1)]
    return over * _horner([*series, 1 - EULER], over)


def _log_of_far(x: Value) -> Value:
    """Stirling's series (5.11.1)."""
    series = [float(b / (2 * k * (2 * k - 1))) for k, b in enumerate(BERNOULLI, 1)]
    inverse = 1.0 / x
    return (x - 0.5) * op("Log", x) - x + math.log(2 * math.pi) / 2 + inverse * _horner(series[::-1], inverse * inverse)


def _log_from_half(x: Value) -> Value:
    """The logarithm for x of a half and more."""
    small, left, factor = x < 2.0 - HALF, op("Min", x, float(ENOUGH)), x.sheet.number(1.0)
    for _ in range(ENOUGH - 2):
        high = left > NEAR_TWO
        left = where(high, left - 1.0, left)
        factor = where(high, factor * left, factor)
    over = where(small, x - 1.0, left - 2.0)
    near = _about_two(over) + where(small, -log1p_of(over), op("Log", factor))
    return where(x < float(ENOUGH), near, _log_of_far(op("Max", x, float(ENOUGH))))


def _turn(x: Value) -> Value:
    """The angle pi*x without whole half-turns."""
    return (x - op("Round", x)) * math.pi


def gammaln(_: Node, x: Value) -> Value:
    """The logarithm of the absolute value; below a half by reflection (5.5.3)."""
    left = x < HALF
    found = _log_from_half(where(left, 1.0 - x, x))
    mirrored = math.log(math.pi) - op("Log", abs(op("Sin", _turn(x)))) - found
    return where(is_infinite(x), x, where(left, mirrored, found))


def _psi_from_half(x: Value, order: int) -> Value:
    """The derivative `order` of digamma for x of a half and more: a sum (5.15.1), and what is left of it (5.15.8)."""
    steps = ENOUGH + order
    far = x + float(steps)
    inverse = 1.0 / far
    if order == 0:
        series = [float(-b / (2 * k)) for k, b in enumerate(BERNOULLI, 1)]
        total = op("Log", far) - inverse * 0.5 + inverse * inverse * _horner(series[::-1], inverse * inverse)
        for k in range(steps):
            total = total - 1.0 / (x + float(k))
        return total
    series = [float(b * math.factorial(2 * k + order - 1) / math.factorial(2 * k)) for k, b in enumerate(BERNOULLI, 1)]
    rest = _horner([*series[::-1], 0.0], inverse * inverse) + inverse * (math.factorial(order) / 2)
    total = op("Pow", inverse, float(order)) * (rest + float(math.factorial(order - 1)))
    for k in range(steps):
        total = total + op("Pow", x + float(k), -order - 1.0) * float(math.factorial(order))
    return total * (-1.0) ** (order + 1)


def _cotangents(order: int) -> list[int]:
    """The polynomial in the cotangent that is its derivative `order`, the lowest coefficient first."""
    found = [0, 1]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(found)][1:]
        found = [-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return found


def psi_of(x: Value, order: int) -> Value:
    """Derivative `order` of digamma; below a half by reflection (5.15.6)."""
    left = x < HALF
    found = _psi_from_half(where(left, 1.0 - x, x), order)
    turn = _turn(x)
    cotangent = op("Cos", turn) / op("Sin", turn)
    slope = _horner([float(c) * math.pi ** (order + 1) for c in _cotangents(order)[::-1]], cotangent)
    return where(left, found * (-1.0) ** order - slope, found)


def digamma(_: Node, x: Value) -> Value:
    """Not a number at negative integers; at 0 infinite, with the sign that is not that of 0."""
    gone = op("And", x < 0.0, x.is_(op("Floor", x)))
    return where(gone, math.nan, where(x.is_(0.0), -1.0 / x, psi_of(x, 0)))


def polygamma(node: Node, x: Value) -> Value:
    """The derivatives of digamma."""
    order = dict(node.attributes)["n"]
    if not 0 <= order <= MOST_ORDER:
        raise lacking(node)
    if order == 0:
        return digamma(node, x)
    return where(x.is_(-math.inf), math.inf * (-1.0) ** (order + 1), psi_of(x, order))
