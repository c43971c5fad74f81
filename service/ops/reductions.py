"""Reductions over axes. The kernel forms act on the last `count` axes; lowering moves the reduced axes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from service.errors import DomainError
from service.ir import size
from service.ir.coefficient import parts
from service.ir.contraction import contract
from service.ir.leaves import size_value
from service.ir.node import Node, make
from service.ir.op import Kink, Notation, Op, Rule, lowered
from service.ir.power import raise_to
from service.ir.size import Shape
from service.ops.declaring import Form, declare, kernel
from service.ops.onnx import reducing
from service.ops.signature import ARRAY, AXIS, KEEPDIMS, term

Axes = tuple[int, ...] | None


def reduced_shape(x: Shape, axis: Axes = None, keepdims: bool = False, **_: Any) -> Shape:  # noqa: FBT001, FBT002 - NumPy's names
    """NumPy's shape of a reduction."""
    gone = range(len(x)) if axis is None else axis
    return tuple(1 if k in gone else n for k, n in enumerate(x) if keepdims or k not in gone)


def last(node: Node, axis: Axes) -> tuple[Node, int]:
    """The node with the reduced axes moved to the end, and how many they are."""
    rank = len(node.shape)
    gone = list(range(rank)) if axis is None else list(axis)
    order = [k for k in range(rank) if k not in gone] + gone
    return contract([(node, range(rank))], order), len(gone)


def restored(node: Node, x: Node, axis: Axes, *, keepdims: bool) -> Node:
    """The reduced node with its axes of size 1 put back, where `keepdims` asks for them."""
    if not keepdims:
        return node
    shape = reduced_shape(x.shape, axis, keepdims=True)
    gone = range(len(x.shape)) if axis is None else axis
    return contract(
        [(node, [k for k in range(len(shape)) if k not in gone])], range(len(shape)), dict(enumerate(shape))
    )


def require_entries(name: str, x: Shape, axis: Axes) -> None:
    """Refuse an empty reduction that has no neutral element."""
    gone = range(len(x)) if axis is None else axis
    if any(x[k] == 0 for k in gone):
        message = f"{name} of no entries does not exist: the shape is {size.written(x)}"
        raise DomainError(message)


def declare_reduction(name: str, summary: str, lower: Rule, *, empty: bool = True, **more: Any) -> None:
    """Enter a reduction that `lower(x, axis)` writes in kernel terms; `empty` ones have a value for no entries."""

    def shape(x: Shape, axis: Axes = None, keepdims: bool = False) -> Shape:  # noqa: FBT001, FBT002 - NumPy's names
        if not empty:
            require_entries(name, x, axis)
        return reduced_shape(x, axis, keepdims)

    def whole(x: Node, axis: Axes = None, keepdims: bool = False) -> Node:  # noqa: FBT001, FBT002
        return restored(lower(x, axis), x, axis, keepdims=keepdims)

    declare(name, summary, shape, whole, (ARRAY, AXIS, KEEPDIMS), family="reduction", **more)


def summed(x: Node, axis: Axes) -> Node:
    """The sum over axes, as a contraction."""
    gone = range(len(x.shape)) if axis is None else axis
    return contract([(x, range(len(x.shape)))], [k for k in range(len(x.shape)) if k not in gone])


def _mean(x: Node, axis: Axes) -> Node:
    gone = range(len(x.shape)) if axis is None else axis
    return summed(x, axis) * raise_to(size_value(size.count(x.shape[k] for k in gone)), -1)


def trailing(count: int) -> tuple[int, ...]:
    """The last `count` axes, as NumPy names them."""
    return tuple(range(-count, 0))


def _over(op: Op) -> Rule:
    def lower(x: Node, axis: Axes) -> Node:
        moved, count = last(x, axis)
        return reduce(op, moved, count) if count else x

    return lower


def reduce(op: Op, x: Node, count: int) -> Node:
    """The kernel reduction `op` of the last `count` axes."""
    return make(op, (x,), (("count", count),), x.shape[: len(x.shape) - count])


def split_labels(g: Node, out: Node) -> tuple[list[str], list[str], list[str]]:
    """Labels for an adjoint with further leading axes: those, the kept axes, the reduced ones."""
    x = out.inputs[0]
    lead = [f"o{k}" for k in range(len(g.shape) - len(out.shape))]
    kept = [f"k{k}" for k in range(len(out.shape))]
    return lead, kept, [f"r{k}" for k in range(len(x.shape) - len(out.shape))]


def _extreme_vjp(g: Node, out: Node, _: int) -> Node:
    """The entries that attain the extreme share its adjoint equally."""
    (x,), (lead, kept, gone) = out.inputs, split_labels(g, out)
    labels = kept + gone
    sizes = dict(zip(labels, x.shape, strict=True))
    attained = lowered("chosen", lowered("equal", x, contract([(out, kept)], labels, sizes)))
    ties = contract([(attained, labels)], kept)
    return contract([(g, lead + kept), (attained, labels), (raise_to(ties, -1), kept)], lead + labels)


def softmax(x: Node, count: int) -> Node:
    """The softmax along the last `count` axes, as a kernel term."""
    return make(SOFTMAX, (x,), (("count", count),), x.shape)


def _logsumexp_vjp(g: Node, out: Node, _: int) -> Node:
    (x,), (lead, kept, gone) = out.inputs, split_labels(g, out)
    return contract([(g, lead + kept), (softmax(x, len(gone)), kept + gone)], lead + kept + gone)


def _softmax_vjp(g: Node, out: Node, _: int) -> Node:
    """The Jacobian diag(p) - p p' of each row, contracted with the adjoint."""
    count = dict(out.attributes)["count"]
    rank = len(out.shape)
    lead = [f"o{k}" for k in range(len(g.shape) - rank)]
    labels = [f"k{k}" for k in range(rank)]
    other = labels[: rank - count] + [f"r{k}" for k in range(count)]
    direct = contract([(g, lead + labels), (out, labels)], lead + labels)
    return direct - contract([(g, lead + other), (out, other), (out, labels)], lead + labels)


def _logsumexp_kernel(x: Any, count: int) -> Any:
    axes = trailing(count)
    peak = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    peak = np.where(np.isfinite(peak), peak, 0.0)
    return np.log(np.sum(np.exp(x - peak), axis=axes)) + np.squeeze(peak, axis=axes)


def softmax_kernel(x: Any, count: int) -> Any:
    """The softmax over the last `count` axes, shifted by the largest entry."""
    axes = trailing(count)
    powers = np.exp(x - np.max(x, axis=axes, keepdims=True, initial=-np.inf))
    return powers / np.sum(powers, axis=axes, keepdims=True)


def _max(x: Any, count: int) -> Any:
    return np.max(x, axis=trailing(count))


def _min(x: Any, count: int) -> Any:
    return np.min(x, axis=trailing(count))


def raised_reduction(name: str) -> Callable[[Node, Form], Node]:
    """The user's reduction; axes that were moved to the end for the kernel stay where they are."""

    def raised(node: Node, form: Form) -> Node:
        (child,), rank = node.inputs, len(node.shape)
        source, axes = child, tuple(range(rank, len(child.shape)))
        coefficient, factors, _ = parts(child)
        if len(factors) == 1 and coefficient == 1:
            (x, labels), kept = factors[0], [label for label in factors[0][1] if label < rank]
            if sorted(labels) == list(range(len(child.shape))) and kept == sorted(kept):
                source, axes = x, tuple(k for k, label in enumerate(labels) if label >= rank)
        return term(name, form(source), axis=None if len(axes) == len(source.shape) else axes)

    return raised


def _raised_softmax(node: Node, form: Form) -> Node:
    count, rank = dict(node.attributes)["count"], len(node.shape)
    axis = -1 if count == 1 else None if count == rank else tuple(range(rank - count, rank))
    return term("softmax", form(node.inputs[0]), axis=axis)


def _tie(extreme: Any) -> Kink:
    def at(x: Any, count: int) -> Any:
        found = extreme(x, axis=trailing(count), keepdims=True)
        return np.sum(x == found, axis=trailing(count)) > 1

    return Kink(at, "equal shares", "tie")


MAX = kernel("reduce_max", _max, _extreme_vjp, raised=raised_reduction("max"), kink=_tie(np.max))
MIN = kernel("reduce_min", _min, _extreme_vjp, raised=raised_reduction("min"), kink=_tie(np.min))
LOGSUMEXP = kernel("reduce_logsumexp", _logsumexp_kernel, _logsumexp_vjp, raised=raised_reduction("logsumexp"))
SOFTMAX = kernel("reduce_softmax", softmax_kernel, _softmax_vjp, raised=_raised_softmax)


declare_reduction("sum", "sum over axes", summed, onnx=reducing.reduction("ReduceSum"))
declare_reduction("mean", "arithmetic mean over axes", _mean, empty=False, onnx=reducing.mean)
declare_reduction(
    "max",
    "largest entry; ties share the derivative equally",
    _over(MAX),
    latex=Notation(name=r"\max"),
    empty=False,
    onnx=reducing.extremum("ReduceMax"),
)
declare_reduction(
    "min",
    "smallest entry; ties share the derivative equally",
    _over(MIN),
    latex=Notation(name=r"\min"),
    empty=False,
    onnx=reducing.extremum("ReduceMin"),
)
declare_reduction("logsumexp", "log(sum(exp(x))), without overflow", _over(LOGSUMEXP), empty=False,
         numpy=Notation(name="special.logsumexp"), onnx=reducing.logsumexp)  # fmt: skip
