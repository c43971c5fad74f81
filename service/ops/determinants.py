"""Inverse, determinant and its logarithm: the matrix functions with kernels and derivatives of their own."""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from service.errors import LimitError
from service.ir.contraction import contract
from service.ir.leaves import constant
from service.ir.node import Node, make
from service.ir.op import Notation, Parameter
from service.ir.size import Shape, Size, bulk, numbers
from service.ops.declaring import Form, called, declare, kernel, pasteable
from service.ops.onnx import matrices, minors
from service.ops.products import MOST_LEFT_OUT
from service.ops.signature import ARRAY, refuse, term

MATRIX = 2

_declare = partial(declare, family="linear algebra")


def square(name: str, x: Shape) -> Size:
    """The size of the square matrices in the last two axes."""
    if len(x) < MATRIX or x[-1] != x[-2]:
        raise refuse(name, "a square matrix (n, n)", x)
    return x[-1]


def inverse(x: Node) -> Node:
    """The inverses of the matrices in the last two axes, as a kernel term."""
    return make(INV, (x,), (), x.shape)


def logdet(x: Node) -> Node:
    """The logarithms of determinants, as a kernel term."""
    return make(LOGDET, (x,), (), x.shape[:-2])


def cofactors(x: Node, order: int) -> Node:
    """Derivative number `order` of det: signed minors without `order` rows and columns, axes (i, j, k, l, ...).

    It is 0 where the matrix has fewer rows than that.
    """
    n, shape = x.shape[-1], x.shape[:-2] + x.shape[-2:] * order
    if isinstance(n, int) and order > n:
        return constant(0.0, shape)
    if order > MOST_LEFT_OUT:
        raise LimitError("order", order, MOST_LEFT_OUT)
    return make(COFACTORS, (x,), (("order", order),), shape)


def _batch(node: Node) -> list[str]:
    return [f"b{k}" for k in range(len(node.shape) - MATRIX)]


def _lead(g: Node, out: Node) -> list[str]:
    return [f"o{k}" for k in range(len(g.shape) - len(out.shape))]


def _inv_vjp(g: Node, out: Node, _: int) -> Node:
    """DY = -Y dX Y (Matrix Cookbook, eq. 59)."""
    batch, lead = _batch(out), _lead(g, out)
    factors = [(out, [*batch, "k", "i"]), (g, [*lead, *batch, "k", "l"]), (out, [*batch, "j", "l"])]
    return contract(factors, [*lead, *batch, "i", "j"], coefficient=-1)


def _logdet_vjp(g: Node, out: Node, _: int) -> Node:
    """D log det X = tr(inv(X) dX) (Matrix Cookbook, eq. 57)."""
    (x,) = out.inputs
    batch, lead = _batch(x), _lead(g, out)
    return contract([(g, lead + batch), (inverse(x), [*batch, "j", "i"])], [*lead, *batch, "i", "j"])


def _cofactors_vjp(g: Node, out: Node, _: int) -> Node:
    (x,) = out.inputs
    order = dict(out.attributes)["order"]
    batch, lead = _batch(x), _lead(g, out)
    deleted = [f"d{k}" for k in range(2 * order)]
    factors = [(g, lead + batch + deleted), (cofactors(x, order + 1), [*batch, *deleted, "i", "j"])]
    return contract(factors, [*lead, *batch, "i", "j"])


def inverse_kernel(x: Any) -> Any:
    """Inverses of the matrices in the last two axes; NaN for one that is singular to working precision."""
    try:
        inverses = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        if x.ndim == MATRIX:
            return np.full_like(x, np.nan)
        inverses = np.stack([inverse_kernel(matrix) for matrix in x])
    condition = np.linalg.norm(x, 1, axis=(-2, -1)) * np.linalg.norm(inverses, 1, axis=(-2, -1)) if x.size else 0.0
    return np.where(np.asarray(condition * np.finfo(float).eps < 1)[..., None, None], inverses, np.nan)


def logdet_kernel(x: Any) -> Any:
    """log(det(x)) by factorisation, without overflow; NaN where the determinant is negative."""
    sign, value = np.linalg.slogdet(x)
    return np.where(sign >= 0, value, np.nan)


def cofactors_kernel(x: Any, order: int = 1) -> Any:
    """Derivatives of det from the singular value decomposition, without division: exact at singular matrices.

    With X = U S V', entry (i1, j1, ..., ir, jr) is det(U) det(V) times the sum over r-subsets K of the singular values
    of the product of those not in K, the minor of U in rows i and columns K, and the minor of V in rows j and columns K
    (Cauchy and Binet).
    """
    if order == 0:
        return np.linalg.det(x)
    n, lead = x.shape[-1], x.ndim - 2
    u, s, vt = np.linalg.svd(x)
    rows = np.indices((n,) * order).reshape(order, -1).T
    result = np.zeros((*x.shape[:-2], len(rows), len(rows)))
    for kept in combinations(range(n), order):
        rest = np.prod(np.delete(s, kept, axis=-1), axis=-1)
        left = np.linalg.det(u[..., rows, :][..., kept])
        right = np.linalg.det(np.swapaxes(vt, -1, -2)[..., rows, :][..., kept])
        result += rest[..., None, None] * left[..., :, None] * right[..., None, :]
    result *= (np.linalg.det(u) * np.linalg.det(vt))[..., None, None]
    axes = [*range(lead), *(lead + k + side * order for k in range(order) for side in (0, 1))]
    return result.reshape((*x.shape[:-2], *(n,) * (2 * order))).transpose(axes)


def _cubic(x: Shape) -> int:
    return bulk(x) * numbers(x)[-1]


def _minors(x: Shape, order: int) -> int:
    n = numbers(x)[-1]
    return bulk(x[:-2]) * max(math.comb(n, order), 1) * int(max(n, 1) ** (2 * order)) * max(order, 1)


def _raised_cofactors(node: Node, form: Form) -> Node:
    order = dict(node.attributes)["order"]
    return term("cofactor", form(node.inputs[0]), order=order) if order else term("det", form(node.inputs[0]))


INV = kernel("kernel_inv", inverse_kernel, _inv_vjp, cost=_cubic, raised=called("inv"))
LOGDET = kernel("kernel_logdet", logdet_kernel, _logdet_vjp, cost=_cubic, raised=called("logdet"))
COFACTORS = kernel("kernel_cofactors", cofactors_kernel, _cofactors_vjp, cost=_minors, raised=_raised_cofactors)


def square_shape(name: str, axes: int) -> Any:
    """The shape rule of a function of square matrices whose result has so many axes of their size."""

    def shape(x: Shape, **_: Any) -> Shape:
        return (*x[:-MATRIX], *(square(name, x),) * axes)

    return shape


def _cofactor_shape(x: Shape, order: int = 1) -> Shape:
    n = square("cofactor", x)
    if not 0 <= order <= MOST_LEFT_OUT:
        raise refuse("cofactor", f"an order of 0 to {MOST_LEFT_OUT}", x)
    return (*x[:-2], *(n, n) * order)


_declare("inv", "inverse of a square matrix", square_shape("inv", 2), inverse, numpy=Notation(name="np.linalg.inv"),
         latex=Notation("{#1}^{-1}", precedence=70, needs=(90,)), onnx=matrices.inv)  # fmt: skip


_declare("det", "determinant; its derivative is exact at singular matrices too", square_shape("det", 0),
         lambda x: cofactors(x, 0), numpy=Notation(name="np.linalg.det"), latex=Notation(name=r"\det"),
         onnx=matrices.det, onnx_lacks=matrices.BY_STEPS)  # fmt: skip


_declare("logdet", "log(det(X)); not a number where det(X) < 0", square_shape("logdet", 0), logdet,
         numpy=Notation(name="logdet", prelude=pasteable(logdet_kernel, "logdet")),
         latex=Notation(name=r"\log\det"), onnx=matrices.logdet, onnx_lacks=matrices.BY_STEPS)  # fmt: skip


_declare("cofactor", "signed minors: derivative number `order` of det, det(X)*inv(X).T for 1", _cofactor_shape,
         cofactors, (ARRAY, Parameter("order", "integer", 1, required=False)),
         numpy=Notation(name="cofactor", prelude=pasteable(cofactors_kernel, "cofactor")),
         onnx=minors.cofactor, onnx_lacks=minors.MINORS)  # fmt: skip
