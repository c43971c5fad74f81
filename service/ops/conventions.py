"""Factors of derivatives that carry a number convention: right where the ordinary formula overflows or has no value.

Each has a `plain` rule, the formula that it equals everywhere else, which is what closed forms show.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from service.ir.leaves import constant
from service.ir.node import Node
from service.ir.op import lowered
from service.ir.power import raise_to
from service.ops.elementwise import function, where

call = lowered
_declare = partial(function, internal=True)


def _order(out: Node) -> int:
    return int(dict(out.attributes)["order"])


def _reciprocal(x: Any) -> Any:
    return np.where(x == 0, 0.0, 1 / np.where(x == 0, 1.0, x))


_declare("reciprocal_or_zero", _reciprocal, lambda out, x: -(out**2), summary="1/x, and 0 at 0",
         plain=lambda x: raise_to(x, -1))  # fmt: skip


# Where cosh overflows, its inverse square and all derivatives of that are 0, and not infinite times 0.
_declare("sech_squared", lambda x: np.cosh(x) ** -2, lambda out, x: -2 * out * call("tanh", x),
         summary="cosh(x)**-2", plain=lambda x: raise_to(call("cosh", x), -2))  # fmt: skip


# Masks: 0 or 1 (or a half), and a factor 0 means that the other factors are not used at all.
_declare("chosen", lambda c: np.where(c != 0, 1.0, 0.0), None, summary="1 where a branch is taken", strong=True,
         plain=lambda c: where(c, 1, 0))  # fmt: skip
_declare("passed_over", lambda c: np.where(c != 0, 0.0, 1.0), None, summary="1 where a branch is not taken",
         strong=True, plain=lambda c: where(c, 0, 1))  # fmt: skip
_declare("share", lambda x, y: 0.5 * np.greater(x, y) + 0.5 * np.greater_equal(x, y), None, None,
         summary="1 where x > y, a half where x == y", strong=True,
         plain=lambda x, y: where(call("equal", x, y), 0.5, where(call("greater", x, y), 1, 0)))  # fmt: skip


# Powers with a variable exponent: x**0 is 1 and has no slope, and x**y*log(x)**k tends to 0 with x for every y > 0.
def _falling(y: Any, order: int) -> Any:
    """The product y (y - 1) ... (y - order + 1): what `order` derivatives put before a power."""
    product = y
    for k in range(1, order):
        product = product * (y - k)
    return product


def _slope_kernel(x: Any, y: Any, order: int) -> Any:
    front = _falling(y, order)
    return np.where(front == 0, 0.0, front * np.power(x, y - order))


def _slope_by_exponent(out: Node, x: Node, y: Node) -> Node:
    order = _order(out)
    inner = constant(0.0, y.shape)
    for left_out in range(order):
        product = constant(1.0, y.shape)
        for k in range(order):
            product = product if k == left_out else product * (y - k)
        inner = inner + product
    log = call("power_log", x, y - order, order=1)
    result: Node = inner * call("power", x, y - order) + _falling(y, order) * log
    return result


def _log_kernel(x: Any, y: Any, order: int) -> Any:
    with np.errstate(all="ignore"):
        value = np.power(x, y) * np.log(x) ** order
    return np.where(x == 0, np.where(y >= 0, 0.0, np.nan), value)


def _log_by_base(out: Node, x: Node, y: Node) -> Node:
    order = _order(out)
    fewer = call("power_log", x, y - 1, order=order - 1) if order > 1 else call("power", x, y - 1)
    return y * call("power_log", x, y - 1, order=order) + order * fewer


_declare("power_slope", _slope_kernel, lambda out, x, y: call("power_slope", x, y, order=_order(out) + 1),
         _slope_by_exponent, summary="derivative number `order` of x**y by x; 0 where the factor before it is 0",
         plain=lambda x, y, order: _falling(y, order) * call("power", x, y - order))  # fmt: skip
_declare("power_log", _log_kernel, _log_by_base,
         lambda out, x, y: call("power_log", x, y, order=_order(out) + 1),
         summary="x**y*log(x)**order, and 0 at x = 0 <= y",
         plain=lambda x, y, order: call("power", x, y) * raise_to(call("log", x), order))  # fmt: skip


# The point (x, y) on the unit circle and on the inverted plane, divided by the hypotenuse rather than by its square.
def _over_hypot(x: Any, y: Any) -> Any:
    length = np.hypot(x, y)
    return np.where(length == 0, 0.0, x / np.where(length == 0, 1.0, length))


def _over_square(x: Any, y: Any) -> Any:
    length = np.hypot(x, y)
    with np.errstate(all="ignore"):
        return x / length / length


def _inverse_length(x: Node, y: Node) -> Node:
    return call("reciprocal_or_zero", call("hypot", x, y))


_declare("over_hypot", _over_hypot,
         lambda out, x, y: call("over_hypot", y, x) ** 2 * _inverse_length(x, y),
         lambda out, x, y: -out * call("over_hypot", y, x) * _inverse_length(x, y),
         summary="x/hypot(x, y), and 0 at 0", plain=lambda x, y: x / call("hypot", x, y))  # fmt: skip
_declare("over_square", _over_square,
         lambda out, x, y: call("over_square", y, x) ** 2 - out**2,
         lambda out, x, y: -2 * out * call("over_square", y, x),
         summary="x/(x**2 + y**2), without overflow", plain=lambda x, y: x / (x**2 + y**2))  # fmt: skip
