"""Reductions over axes, and functions along one."""

from __future__ import annotations

import math
from typing import Any

from service.ir import size
from service.ir.node import Node
from service.ops.onnx.sheet import Value, is_infinite, is_nan, number, op, where


def _axes(node: Node) -> tuple[int, ...]:
    axis = dict(node.attributes)["axis"]
    return tuple(range(len(node.inputs[0].shape))) if axis is None else axis


def _keeps(node: Node) -> bool:
    return bool(dict(node.attributes).get("keepdims"))


def reduced(operator: str, x: Value, axes: tuple[int, ...], *, keepdims: bool = False) -> Value:
    """A reduction by an operator of ONNX; over no axes, nothing happens."""
    return op(operator, x, x.sheet.integers(axes), keepdims=int(keepdims)) if axes else x


def extreme(operator: str, x: Value, axes: tuple[int, ...], *, keepdims: bool = False) -> Value:
    """The largest or smallest entry; not a number where one is not, of which onnxruntime looks at the first only."""
    gone = reduced("ReduceMax", number(is_nan(x)), axes, keepdims=keepdims)
    return where(gone > 0.0, math.nan, reduced(operator, x, axes, keepdims=keepdims))


def reduction(operator: str) -> Any:
    """A reduction that ONNX has."""

    def write(node: Node, x: Value) -> Value:
        return reduced(operator, x, _axes(node), keepdims=_keeps(node))

    return write


def mean(node: Node, x: Value) -> Value:
    """The sum over the number of entries; ReduceMean is what onnxruntime looks for to fuse in lower precision."""
    count = size.count(node.inputs[0].shape[k] for k in _axes(node))
    return reduced("ReduceSum", x, _axes(node), keepdims=_keeps(node)) / x.sheet.size_as_number(count)


def extremum(operator: str) -> Any:
    """The largest or the smallest entry."""

    def write(node: Node, x: Value) -> Value:
        return extreme(operator, x, _axes(node), keepdims=_keeps(node))

    return write


def logsumexp_of(x: Value, axes: tuple[int, ...], *, keepdims: bool) -> Value:
    """Shifted by the largest entry, where that is finite."""
    peak = extreme("ReduceMax", x, axes, keepdims=True)
    peak = where(is_infinite(peak), 0.0, peak)
    total = op("Log", reduced("ReduceSum", op("Exp", x - peak), axes, keepdims=True)) + peak
    return total if keepdims or not axes else op("Squeeze", total, x.sheet.integers(axes))


def logsumexp(node: Node, x: Value) -> Value:
    """The logarithm of the sum of exponentials."""
    return logsumexp_of(x, _axes(node), keepdims=_keeps(node)) if _axes(node) else x


def softmax(node: Node, x: Value) -> Value:
    """Shifted by the largest entry."""
    powers = op("Exp", x - extreme("ReduceMax", x, _axes(node), keepdims=True))
    return powers / reduced("ReduceSum", powers, _axes(node), keepdims=True)


def log_softmax(node: Node, x: Value) -> Value:
    """What is left of x without logsumexp."""
    return x - logsumexp_of(x, _axes(node), keepdims=True) if _axes(node) else x - x


def _variance(node: Node, x: Value) -> Value:
    axes, ddof = _axes(node), dict(node.attributes)["ddof"]
    count = size.count(node.inputs[0].shape[k] for k in axes)
    rest = x - reduced("ReduceSum", x, axes, keepdims=True) / x.sheet.size_as_number(count)
    squares = reduced("ReduceSum", rest * rest, axes, keepdims=_keeps(node))
    divisor = x.sheet.size_as_number(size.subtract(count, ddof))
    return squares / where(divisor > 0.0, divisor, math.nan)


def var(node: Node, x: Value) -> Value:
    """The mean square of what is left without the mean; not a number where the divisor is not positive."""
    return _variance(node, x)


def std(node: Node, x: Value) -> Value:
    """The root of the variance."""
    return op("Sqrt", _variance(node, x))


def norm(node: Node, x: Value) -> Value:
    """Divided by the largest entry first, so that no square overflows."""
    axes, keepdims, order = _axes(node), _keeps(node), dict(node.attributes)["ord"]
    if order == 1 or not axes or any(node.inputs[0].shape[k] == 0 for k in axes):
        return reduced("ReduceSum", abs(x), axes, keepdims=keepdims)
    if order == "inf":
        return extreme("ReduceMax", abs(x), axes, keepdims=keepdims)
    largest = reduced("ReduceMax", abs(x), axes, keepdims=True)
    scale = where(op("Or", largest.is_(0.0), is_infinite(largest)), 1.0, largest)
    scaled = x / scale
    found = op("Sqrt", reduced("ReduceSum", scaled * scaled, axes, keepdims=True)) * scale
    return found if keepdims else op("Squeeze", found, x.sheet.integers(axes))


def prod_except(node: Node, x: Value) -> Value:
    """Products in which the left out entries stand as 1; 0 where one would be left out twice."""
    rank, order = len(node.inputs[0].shape), dict(node.attributes)["order"]
    n, sheet = node.inputs[0].shape[-1], x.sheet
    eye = op("EyeLike", sheet.filled(0.0, (n, n)))
    masks = [op("Unsqueeze", eye, sheet.integers([a for a in range(order + 1) if a not in (k, order)]))
             for k in range(order)]  # fmt: skip
    factors = op("Unsqueeze", x, sheet.integers(list(range(rank - 1, rank - 1 + order)))) if order else x
    for mask in masks:
        factors = where(mask > 0.0, 1.0, factors)
    last = (rank - 1 + order,)
    found = reduced("ReduceProd", factors, last)
    for one in range(order):
        for other in range(one):
            twice = op("Unsqueeze", eye, sheet.integers([k for k in range(order) if k not in (one, other)]))
            found = where(twice > 0.0, 0.0, found)
    return found


def cumsum(node: Node, x: Value) -> Value:
    """Along an axis, or of all entries in a row."""
    axis = dict(node.attributes)["axis"]
    flat = x if axis is not None else op("Reshape", x, x.sheet.shape(node.shape), allowzero=1)
    return op("CumSum", flat, x.sheet.integer(axis or 0))
