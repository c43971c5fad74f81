"""Functions of machine learning that act along an axis."""

from __future__ import annotations

from typing import Any

from service.ir.contraction import permute
from service.ir.node import Node, make
from service.ir.op import Notation, Parameter, Rule, lowered
from service.ir.size import Shape
from service.ops.declaring import declare
from service.ops.onnx import reducing
from service.ops.reductions import SOFTMAX, last, require_entries
from service.ops.signature import ARRAY, axis_in


def softmax(x: Node, axis: Any = -1) -> Node:
    """exp(x) / sum(exp(x)) along an axis, or over all entries for None."""
    axes = _axes(axis, len(x.shape))
    moved, count = last(x, axes)
    if not count:
        return lowered("exp", x - x)
    node = make(SOFTMAX, (moved,), (("count", count),), moved.shape)
    order = [k for k in range(len(x.shape)) if k not in axes] + list(axes)
    return permute(node, [order.index(k) for k in range(len(x.shape))])


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None or rank == 0:
        return tuple(range(rank))
    return tuple(sorted(axis_in(k, rank) for k in (axis if isinstance(axis, tuple | list) else (axis,))))


def _log_softmax(x: Node, axis: Any = -1) -> Node:
    return x - lowered("logsumexp", x, axis=_axes(axis, len(x.shape)), keepdims=True)


def _declare(name: str, summary: str, lower: Rule, onnx: Any) -> None:
    def shape(x: Shape, axis: Any = -1) -> Shape:
        require_entries(name, x, _axes(axis, len(x)))
        return x

    declare(
        name,
        summary,
        shape,
        lower,
        (ARRAY, Parameter("axis", "axes", -1, required=False)),
        family="learning",
        latex=Notation(name=rf"\operatorname{{{name.replace('_', ' ')}}}"),
        numpy=Notation(name=f"special.{name}", always=("axis",)),
        onnx=onnx,
    )


_declare("softmax", "exp(x) / sum(exp(x)) along an axis, the last unless told", softmax, reducing.softmax)
_declare("log_softmax", "x - logsumexp(x) along an axis, the last unless told", _log_softmax,
         reducing.log_softmax)  # fmt: skip
