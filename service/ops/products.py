"""Products over axes, with derivatives that leave entries out instead of dividing by them: exact at zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from service.errors import LimitError
from service.ir import size
from service.ir.contraction import contract
from service.ir.leaves import constant
from service.ir.node import Node, make
from service.ir.op import Notation, Parameter
from service.ir.size import Shape
from service.ops.declaring import Form, declare, kernel, pasteable
from service.ops.onnx import reducing
from service.ops.reductions import Axes, declare_reduction, last
from service.ops.signature import ARRAY, refuse, term

MOST_LEFT_OUT = 8  # entries, or rows and columns of a determinant: the highest derivative of prod and det


def _left_out(x: Shape, order: int) -> int:
    return size.bulk(x) * int(max(size.numbers(x)[-1], 1) ** order)


def _products_vjp(g: Node, out: Node, _: int) -> Node:
    """Leaving one more factor out: the derivative of the product of all but r entries is that of all but r + 1."""
    (x,) = out.inputs
    order = dict(out.attributes)["order"]
    lead = [f"o{k}" for k in range(len(g.shape) - len(out.shape))]
    kept = [f"k{k}" for k in range(len(x.shape) - 1)]
    left = [f"r{k}" for k in range(order)]
    return contract([(g, lead + kept + left), (products(x, order + 1), [*kept, *left, "n"])], [*lead, *kept, "n"])


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
    """The kernel term of the products over the last axis that leave `order` entries out; 0 where there are fewer."""
    n, shape = x.shape[-1], x.shape[:-1] + x.shape[-1:] * order
    if isinstance(n, int) and order > n:
        return constant(0.0, shape)
    if order > MOST_LEFT_OUT:
        raise LimitError("order", order, MOST_LEFT_OUT)
    return make(PRODUCTS, (x,), (("order", order),), shape)


def _raised_products(node: Node, form: Form) -> Node:
    (x,), order = node.inputs, dict(node.attributes)["order"]
    if order:
        return term("prod_except", form(x), order=order)
    return term("prod", form(x), axis=None if len(x.shape) == 1 else (len(x.shape) - 1,))


PRODUCTS = kernel("reduce_products", products_kernel, _products_vjp, cost=_left_out, raised=_raised_products)


def _prod(x: Node, axis: Axes) -> Node:
    moved, count = last(x, axis)
    for _ in range(count):
        moved = products(moved, 0)
    return moved


def _prod_except_shape(x: Shape, order: int = 1) -> Shape:
    if not x or not 0 <= order <= MOST_LEFT_OUT:
        raise refuse("prod_except", f"an array with at least one axis, and an order of 0 to {MOST_LEFT_OUT}", x)
    return x[:-1] + x[-1:] * order


declare_reduction(
    "prod",
    "product over axes; the derivative is exact where entries are 0",
    _prod,
    onnx=reducing.reduction("ReduceProd"),
)
declare(
    "prod_except",
    "products over the last axis leaving `order` entries out: the derivatives of prod",
    _prod_except_shape,
    products,
    (ARRAY, Parameter("order", "integer", 1, required=False)),
    family="reduction",
    numpy=Notation(name="prod_except", prelude=pasteable(products_kernel, "prod_except")),
    onnx=reducing.prod_except,
)
