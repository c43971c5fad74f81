"""Spread over axes: variance and standard deviation, NumPy's, with `ddof` entries off the divisor."""

from __future__ import annotations

import math

from service.ir import size
from service.ir.leaves import constant, fill_value, size_value
from service.ir.node import Node
from service.ir.op import Parameter
from service.ir.power import raise_to
from service.ir.size import Shape
from service.ops.declaring import declare
from service.ops.onnx import reducing
from service.ops.reductions import Axes, reduced_shape, require_entries, restored, summed
from service.ops.signature import ARRAY, AXIS, KEEPDIMS


def variance(x: Node, axis: Axes, ddof: int, keepdims: bool) -> Node:  # noqa: FBT001 - NumPy's name
    """The sum of squares of what is left of x without its mean, over the number of entries less `ddof`."""
    gone = range(len(x.shape)) if axis is None else axis
    count = size.count(x.shape[k] for k in gone)
    mean = restored(summed(x, axis), x, axis, keepdims=True) * raise_to(size_value(count), -1)
    squares = summed(raise_to(x - mean, 2), axis)
    divisor = size_value(size.subtract(count, ddof))
    known = fill_value(divisor)
    if known is not None and known <= 0:
        return restored(constant(math.nan, squares.shape), x, axis, keepdims=keepdims)
    return restored(squares * raise_to(divisor, -1), x, axis, keepdims=keepdims)


def deviation(x: Node, axis: Axes, ddof: int, keepdims: bool) -> Node:  # noqa: FBT001 - NumPy's name
    """The square root of the variance; its derivative at a constant is 0, as the norm's."""
    return raise_to(variance(x, axis, ddof, keepdims), 0.5)


def _shape_of(name: str) -> object:
    def shape(x: Shape, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Shape:  # noqa: FBT001, FBT002
        require_entries(name, x, axis)
        return reduced_shape(x, axis, keepdims, ddof=ddof)

    return shape


_PARAMETERS = (ARRAY, AXIS, Parameter("ddof", "integer", 0, required=False), KEEPDIMS)
for _name, _summary, _lower, _onnx in (
    ("var", "variance over axes: mean square of what is left without the mean", variance, reducing.var),
    (
        "std",
        "standard deviation over axes: square root of the variance; derivative 0 at a constant",
        deviation,
        reducing.std,
    ),
):
    declare(_name, _summary, _shape_of(_name), _lower, _PARAMETERS, family="reduction", onnx=_onnx)  # type: ignore[arg-type]
