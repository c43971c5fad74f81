"""Reductions over axes. The kernel forms act on the last `count` axes; lowering moves the reduced axes there."""

from __future__ import annotations

from typing import Any

import numpy as np

from service.errors import DomainError, LimitError
from service.ir import size
from service.ir.contraction import contract
from service.ir.leaves import size_value
from service.ir.node import Node, make
from service.ir.op import Kink, Notation, Op, Parameter, Rule, lowered, register
from service.ir.power import raise_to
from service.ir.size import Shape
from service.ops.declaring import declare, pasteable
from service.ops.signature import ARRAY, AXIS, KEEPDIMS, refuse

Axes = tuple[int, ...] | None
MOST_LEFT_OUT = 8  # entries, or rows and columns of a determinant: the highest derivative of prod and det


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


def _declare(name: str, summary: str, lower: Rule, *, empty: bool = True, **more: Any) -> None:
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


def kernel_reduction(name: str, kernel: Any, vjp: Any, cost: Any = None, **more: Any) -> Op:
    """A kernel reduction over the last `count` axes."""
    return register(Op(name, "kernel", kernel=kernel, vjp=vjp, cost=cost, internal=True, **more))


def _left_out(x: Shape, order: int) -> int:
    return size.bulk(x) * int(max(size.numbers(x)[-1], 1) ** order)


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


def _softmax_of(x: Node, count: int) -> Node:
    return make(SOFTMAX, (x,), (("count", count),), x.shape)


def _logsumexp_vjp(g: Node, out: Node, _: int) -> Node:
    (x,), (lead, kept, gone) = out.inputs, split_labels(g, out)
    return contract([(g, lead + kept), (_softmax_of(x, len(gone)), kept + gone)], lead + kept + gone)


def _softmax_vjp(g: Node, out: Node, _: int) -> Node:
    """The Jacobian diag(p) - p p' of each row, contracted with the adjoint."""
    count = dict(out.attributes)["count"]
    rank = len(out.shape)
    lead = [f"o{k}" for k in range(len(g.shape) - rank)]
    labels = [f"k{k}" for k in range(rank)]
    other = labels[: rank - count] + [f"r{k}" for k in range(count)]
    direct = contract([(g, lead + labels), (out, labels)], lead + labels)
    return direct - contract([(g, lead + other), (out, other), (out, labels)], lead + labels)


def _products_vjp(g: Node, out: Node, _: int) -> Node:
    """Leaving one more factor out: the derivative of the product of all but r entries is that of all but r + 1."""
    (x,) = out.inputs
    order = dict(out.attributes)["order"]
    lead = [f"o{k}" for k in range(len(g.shape) - len(out.shape))]
    kept = [f"k{k}" for k in range(len(x.shape) - 1)]
    left = [f"r{k}" for k in range(order)]
    return contract([(g, lead + kept + left), (products(x, order + 1), [*kept, *left, "n"])], [*lead, *kept, "n"])


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


def products_kernel(x: Any, order: int = 1) -> Any:
    """Products over the last axis of all entries but `order` of them, without division: exact at zeros.

    Shape (..., n) to (..., n, ..., n) with `order` further axes; entries with a repeated index are 0.
    """
    if order == 0:
        return np.prod(x, axis=-1)
    n = x.shape[-1]
    if order == 1:
        ones = np.ones((*x.shape[:-1], 1))
        before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)[..., :n]
        after = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)[..., :n]
        return before * after[..., ::-1]
    without = np.where(np.eye(n, dtype=bool), 1.0, x[..., None, :])
    inner = products_kernel(without, order - 1)
    keep = 1 - np.eye(n)
    for axis in range(order - 1):
        inner = inner * keep.reshape((n, *(n if k == axis else 1 for k in range(order - 1))))
    return inner


def products(x: Node, order: int) -> Node:
    """The kernel term of the products over the last axis that leave `order` entries out."""
    if order > MOST_LEFT_OUT:
        raise LimitError("order", order, MOST_LEFT_OUT)
    return make(PRODUCTS, (x,), (("order", order),), x.shape[:-1] + x.shape[-1:] * order)


def _max(x: Any, count: int) -> Any:
    return np.max(x, axis=trailing(count))


def _min(x: Any, count: int) -> Any:
    return np.min(x, axis=trailing(count))


def _tie(extreme: Any) -> Kink:
    def at(x: Any, count: int) -> Any:
        found = extreme(x, axis=trailing(count), keepdims=True)
        return np.sum(x == found, axis=trailing(count)) > 1

    return Kink(at, "equal shares", "tie")


MAX = kernel_reduction("reduce_max", _max, _extreme_vjp, kink=_tie(np.max))
MIN = kernel_reduction("reduce_min", _min, _extreme_vjp, kink=_tie(np.min))
LOGSUMEXP = kernel_reduction("reduce_logsumexp", _logsumexp_kernel, _logsumexp_vjp)
SOFTMAX = kernel_reduction("reduce_softmax", softmax_kernel, _softmax_vjp)
PRODUCTS = kernel_reduction("reduce_products", products_kernel, _products_vjp, _left_out)


def _prod(x: Node, axis: Axes) -> Node:
    moved, count = last(x, axis)
    for _ in range(count):
        moved = products(moved, 0)
    return moved


def _prod_except_shape(x: Shape, order: int = 1) -> Shape:
    if not x or not 0 <= order <= MOST_LEFT_OUT:
        raise refuse("prod_except", f"an array with at least one axis, and an order of 0 to {MOST_LEFT_OUT}", x)
    return x[:-1] + x[-1:] * order


_declare("sum", "sum over axes", summed)
_declare("mean", "arithmetic mean over axes", _mean, empty=False)
_declare("prod", "product over axes; the derivative is exact where entries are 0", _prod)
_declare(
    "max", "largest entry; ties share the derivative equally", _over(MAX), latex=Notation(name=r"\max"), empty=False
)
_declare(
    "min", "smallest entry; ties share the derivative equally", _over(MIN), latex=Notation(name=r"\min"), empty=False
)
_declare("logsumexp", "log(sum(exp(x))), without overflow", _over(LOGSUMEXP), empty=False,
         numpy=Notation(name="special.logsumexp"))  # fmt: skip
declare(
    "prod_except",
    "products over the last axis leaving `order` entries out: the derivatives of prod",
    _prod_except_shape,
    products,
    (ARRAY, Parameter("order", "integer", 1, required=False)),
    family="reduction",
    numpy=Notation(name="prod_except", prelude=pasteable(products_kernel, "prod_except")),
)
