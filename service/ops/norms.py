"""Norms of vectors and matrices; the Euclidean one has a kernel, and so has the unit vector, its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from service.errors import ShapeError
from service.ir import size
from service.ir.contraction import contract
from service.ir.node import Node, make
from service.ir.op import Kink, Notation, Parameter, lowered
from service.ir.power import raise_to
from service.ir.size import Shape
from service.ops.declaring import Form, declare, kernel
from service.ops.onnx import reducing
from service.ops.reductions import (
    MAX,
    Axes,
    last,
    raised_reduction,
    reduce,
    reduced_shape,
    restored,
    split_labels,
    summed,
    trailing,
)
from service.ops.signature import ARRAY, AXIS, KEEPDIMS, term

MATRIX = 2  # axes
SAFE = (1e-280, 1e300)  # a sum of squares within has neither overflowed nor lost a digit to underflow


def norm_kernel(x: Any, count: int) -> Any:
    """The norm over the last `count` axes, divided by the largest entry first where squares leave the range."""
    axes = trailing(count)
    squares = np.sum(x * x, axis=axes)
    safe = (squares > SAFE[0]) & (squares < SAFE[1])
    if np.all(safe):
        return np.sqrt(squares)
    largest = np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    scaled = np.squeeze(scale, axis=axes) * np.sqrt(np.sum((x / scale) ** 2, axis=axes))
    return np.where(safe, np.sqrt(squares), scaled)


def unit_kernel(x: Any, count: int) -> Any:
    """X divided by its norm over the last `count` axes; 0 at 0, the subgradient of least norm."""
    length = norm_kernel(x, count).reshape(x.shape[: x.ndim - count] + (1,) * count)
    return x / np.where(length == 0, 1.0, length)


def euclidean(x: Node, count: int) -> Node:
    """The norm over the last `count` axes, as a kernel term."""
    return reduce(NORM, x, count)


def _norm_vjp(g: Node, out: Node, _: int) -> Node:
    (x,), (lead, kept, gone) = out.inputs, split_labels(g, out)
    unit = make(UNIT_VECTOR, (x,), (("count", len(gone)),), x.shape)
    return contract([(g, lead + kept), (unit, kept + gone)], lead + kept + gone)


def _unit_vjp(g: Node, out: Node, _: int) -> Node:
    """(g - u (u . g)) / norm, with 0 for 1/0: the projection onto the tangent of the sphere."""
    (x,), count = out.inputs, dict(out.attributes)["count"]
    rank = len(out.shape)
    lead = [f"o{k}" for k in range(len(g.shape) - rank)]
    labels = [f"k{k}" for k in range(rank)]
    kept = labels[: rank - count]
    other = kept + [f"r{k}" for k in range(count)]
    inverse = lowered("reciprocal_or_zero", euclidean(x, count))
    direct = contract([(g, lead + labels), (inverse, kept)], lead + labels)
    return direct - contract([(g, lead + other), (out, other), (out, labels), (inverse, kept)], lead + labels)


def _unit_plain(x: Node, count: int) -> Node:
    labels = range(len(x.shape))
    return contract([(x, labels), (raise_to(euclidean(x, count), -1), labels[: len(labels) - count])], labels)


def _raised_norm(node: Node, form: Form) -> Node:
    """NumPy's norm has one axis, two, or all of them."""
    written = raised_reduction("norm")(node, form)
    (x,), axis = written.inputs, dict(written.attributes)["axis"]
    if axis is None or len(axis) <= MATRIX:
        return written
    return term("sqrt", term("sum", term("square", x), axis=axis))


NORM = kernel(
    "reduce_norm",
    norm_kernel,
    _norm_vjp,
    raised=_raised_norm,
    kink=Kink(lambda x, count: np.all(x == 0, axis=trailing(count)) & (x.size > 0), "0"),
)
UNIT_VECTOR = kernel("reduce_unit", unit_kernel, _unit_vjp, plain=_unit_plain)


def _norm(x: Node, axis: Axes, ord: Any = None) -> Node:  # noqa: A002 - NumPy's name
    if ord == 1:
        return summed(lowered("abs", x), axis)
    if ord == "inf" and 0 in x.shape:
        return summed(x, axis)  # of no entries: 0
    moved, count = last(x, axis)
    if ord == "inf":
        return reduce(MAX, lowered("abs", moved), count)
    return euclidean(moved, count) if count else lowered("abs", x)


def _norm_shape(x: Shape, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Shape:  # noqa: A002, FBT001, FBT002
    axes = len(x) if axis is None else len(axis)
    if (ord in (1, 2, "inf") and axes != 1) or (ord == "fro" and axes != 2):  # noqa: PLR2004 - a matrix has 2 axes
        message = f"norm with ord={ord!r} is that of a {'matrix' if ord == 'fro' else 'vector'}, got {size.written(x)}"
        raise ShapeError(message)
    return reduced_shape(x, axis, keepdims)


declare(
    "norm",
    "Euclidean norm of a vector, Frobenius norm of a matrix; ord=1, 2, inf or 'fro'; derivative 0 at 0",
    _norm_shape,
    lambda x, ord, axis, keepdims: restored(_norm(x, axis, ord), x, axis, keepdims=keepdims),  # noqa: A006
    (ARRAY, Parameter("ord", "order", None, required=False), AXIS, KEEPDIMS),
    family="reduction",
    latex=Notation(r"\left\|#1\right\|"),
    numpy=Notation(name="np.linalg.norm"),
    onnx=reducing.norm,
)
