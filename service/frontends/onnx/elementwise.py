"""ONNX operators that work entry by entry. A text names the same operation of ours; a rule says it in ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce

from service.errors import ParseError, quote
from service.frontends.onnx.values import Known, Tensor, Value

LARGEST_FLOAT = (2 - 2.0**-23) * 2.0**127  # what an absent bound of Clip is written as in old models


def _folded(name: str) -> Callable[..., Tensor]:
    return lambda *parts: reduce(lambda x, y: x.call(name, y), parts)


def _mean(*parts: Tensor) -> Tensor:
    return reduce(Tensor.__add__, parts) / len(parts)


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None, **bounds: float) -> Tensor:
    low_bound = bounds.get("min", -LARGEST_FLOAT) if low is None else low
    high_bound = bounds.get("max", LARGEST_FLOAT) if high is None else high
    if low_bound != -LARGEST_FLOAT:
        x = x.call("maximum", low_bound)
    return x if high_bound == LARGEST_FLOAT else x.call("minimum", high_bound)


def _power(x: Tensor, y: Value) -> Tensor:
    return x ** (y.tensor(x.builder) if isinstance(y, Known) else y)


def _gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    if approximate == "none":
        return x.call("gelu")
    if approximate != "tanh":
        message = f"approximate is 'none' or 'tanh', got {quote(approximate)}"
        raise ParseError(message)
    return 0.5 * x * (1 + (math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)).call("tanh"))


def _celu(x: Tensor, *, alpha: float) -> Tensor:
    if alpha == 0:
        message = "alpha is 0, by which is divided"
        raise ParseError(message)
    return (x > 0).where(x, alpha * (x / alpha).call("expm1"))


def _unit(x: Tensor) -> Tensor:
    return x.call("maximum", 0).call("minimum", 1)


def _chosen(condition: Value, x: Tensor, y: Value) -> Tensor:
    of, otherwise = (part.tensor(x.builder) if isinstance(part, Known) else part for part in (condition, y))
    return of.where(x, otherwise)


ELEMENTWISE: Mapping[str, str | Callable[..., Tensor]] = {
    **{name: name.lower() for name in (
        "Abs", "Add", "Ceil", "Cos", "Cosh", "Equal", "Erf", "Exp", "Floor", "Greater", "Less", "Log", "Reciprocal",
        "Relu", "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Sqrt", "Tan", "Tanh",
    )},
    "Acos": "arccos", "Acosh": "arccosh", "Asin": "arcsin", "Asinh": "arcsinh", "Atan": "arctan", "Atanh": "arctanh",
    "Div": "divide", "GreaterOrEqual": "greater_equal", "LessOrEqual": "less_equal", "Mul": "multiply",
    "Neg": "negative", "Sub": "subtract",
    "And": "multiply",
    "Celu": _celu,
    "Clip": _clip,
    "Elu": lambda x, *, alpha: (x > 0).where(x, alpha * x.call("expm1")),
    "Gelu": _gelu,
    "HardSigmoid": lambda x, *, alpha, beta: _unit(alpha * x + beta),
    "HardSwish": lambda x: x * _unit(x / 6 + 0.5),
    "Identity": lambda x: x,
    "LeakyRelu": lambda x, *, alpha: (x > 0).where(x, alpha * x),
    "Max": _folded("maximum"),
    "Mean": _mean,
    "Min": _folded("minimum"),
    "Mish": lambda x: x * x.call("softplus").call("tanh"),
    "Not": lambda x: 1 - x,
    "Or": "maximum",
    "PRelu": lambda x, slope: (x > 0).where(x, slope * x),
    "Pow": _power,
    "Selu": lambda x, *, alpha, gamma: gamma * (x > 0).where(x, alpha * x.call("expm1")),
    "Shrink": lambda x, *, bias, lambd: (x < -lambd).where(x + bias, (x > lambd).where(x - bias, 0)),
    "Softsign": lambda x: x / (1 + x.call("abs")),
    "Sum": _folded("add"),
    "Swish": lambda x, *, alpha: x * (alpha * x).call("sigmoid"),
    "ThresholdedRelu": lambda x, *, alpha: (x > alpha).where(x, 0),
    "Where": _chosen,
    "Xor": "not_equal",
}  # fmt: skip
