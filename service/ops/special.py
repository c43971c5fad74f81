"""Quotients that are 0/0 as written at 0, under the names that SciPy and NumPy give them, and x*log(y)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from service.ir.coefficient import split_coefficient
from service.ir.node import Node
from service.ir.op import Notation, Parameter, lowered
from service.ir.power import raise_to
from service.ops.compositions import composed
from service.ops.declaring import pasteable
from service.ops.elementwise import function
from service.ops.later import special
from service.ops.onnx import functions, scalars

call = lowered
MOST_ELEMENTARY = 2  # a higher order is not written in elementary functions: it would cancel, and is too long to read


def _attribute(out: Node, name: str) -> int:
    return int(dict(out.attributes)[name])


function(
    "xlogy", special.xlogy, lambda out, x, y: call("log", y), lambda out, x, y: x * raise_to(y, -1),
    summary="x*log(y), and 0 where x is 0", numpy="special.xlogy", plain=lambda x, y: x * call("log", y),
    onnx=scalars.xlogy,
)  # fmt: skip


def _bessel_slope(out: Node, x: Node) -> Node:
    """Two neighbours, without a division by x (DLMF 10.51.2)."""
    n = _attribute(out, "n")
    above = call("spherical_jn", x, n=n + 1)
    if n == 0:
        return -above
    return (n / (2 * n + 1)) * call("spherical_jn", x, n=n - 1) - ((n + 1) / (2 * n + 1)) * above


def _bessel_plain(x: Node, n: int) -> Node | None:
    """Elementary functions by the recurrence DLMF 10.51.1."""
    if n > MOST_ELEMENTARY or not split_coefficient(x)[0].is_integer():
        return None
    over = raise_to(x, -1)
    previous, current = over * call("cos", x), over * call("sin", x)
    for k in range(n):
        previous, current = current, (2 * k + 1) * over * current - previous
    return current


function(
    "spherical_jn", lambda x, n: special.spherical_jn(n, x), _bessel_slope,
    summary="spherical Bessel function number n; number 0 is sin(x)/x, and 1 at 0",
    parameters=(Parameter("n", "order_of_function"), Parameter("x")), example="spherical_jn(0, x)",
    numpy="special.spherical_jn", latex="j", plain=_bessel_plain,
    onnx=functions.spherical_jn, onnx_lacks=functions.BESSEL_LACKS,
)  # fmt: skip
composed(
    "sinc", lambda x: call("spherical_jn", math.pi * x, n=0), summary="sin(pi*x)/(pi*x), and 1 at 0; NumPy's sinc",
    onnx=functions.sinc,
)  # fmt: skip


def exprel_kernel(x: Any, order: int = 0) -> Any:
    """Derivative number `order` of expm1(x)/x: the integral of t**order * exp(x*t) for t from 0 to 1.

    By the quadrature of Gauss, of positive terms only, and for large x by parts: E[k] = (exp(x) - k*E[k-1])/x.
    """
    if order == 0:
        return special.exprel(x)
    large = np.abs(x) > 40  # noqa: PLR2004 - the source is pasted into forms
    near, far = np.where(large, 0.0, x), np.where(large, x, 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    integral, by_parts = np.zeros_like(near), special.exprel(far)
    for node, weight in zip(nodes, weights, strict=True):
        t = (1 + node) / 2
        integral = integral + weight / 2 * t**order * np.exp(near * t)
    for k in range(1, order + 1):
        by_parts = (np.exp(far) - k * by_parts) / far
    return np.where(large, by_parts, integral)


def _exprel_plain(x: Node, order: int) -> Node | None:
    if order > MOST_ELEMENTARY:
        return None
    over = raise_to(x, -1)
    current = over * call("expm1", x)
    for k in range(1, order + 1):
        current = over * (call("exp", x) - k * current)
    return current


function(
    "exprel", exprel_kernel, lambda out, x: call("exprel", x, order=_attribute(out, "order") + 1),
    summary="expm1(x)/x, and 1 at 0; its derivative number `order`",
    parameters=(Parameter("x"), Parameter("order", "order_of_function", 0, required=False)), example="exprel(x)",
    numpy=Notation(name="exprel", prelude=pasteable(exprel_kernel, "exprel")), plain=_exprel_plain,
    onnx=functions.exprel,
)  # fmt: skip
