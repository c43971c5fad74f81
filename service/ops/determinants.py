"""Inverse, determinant and its logarithm: the matrix functions with kernels and derivatives of their own."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from service.errors import LimitError
from service.ir.contraction import contract
from service.ir.node import Node, make
from service.ir.op import Notation, Op, Parameter, register
from service.ir.size import Shape, Size
from service.ops.declaring import declare
from service.ops.reductions import MOST_LEFT_OUT, products_kernel
from service.ops.signature import ARRAY, refuse

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
    """Derivative number `order` of det: signed minors without `order` rows and columns, axes (i, j, k, l, ...)."""
    if order > MOST_LEFT_OUT:
        raise LimitError("order", order, MOST_LEFT_OUT)
    return make(COFACTORS, (x,), (("order", order),), x.shape[:-2] + x.shape[-2:] * order)


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
    flat = np.ascontiguousarray(x, dtype=float).reshape((-1, *x.shape[-2:]))
    result = np.full_like(flat, np.nan)
    for k, matrix in enumerate(flat):
        result[k] = _inverse(matrix)
    return result.reshape(x.shape)


def _inverse(matrix: Any) -> Any:
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.nan
    if not matrix.size:
        return inverse
    condition = np.linalg.norm(matrix, 1) * np.linalg.norm(inverse, 1)
    return inverse if condition * np.finfo(float).eps < 1 else np.nan


def logdet_kernel(x: Any) -> Any:
    """log(det(x)) by factorisation, without overflow; NaN where the determinant is negative."""
    sign, value = np.linalg.slogdet(x)
    return np.where(sign >= 0, value, np.nan)


def cofactors_kernel(x: Any, order: int) -> Any:
    """Derivatives of det from the singular value decomposition, without division: exact at singular matrices.

    With X = U S V', entry (i1, j1, ..., ir, jr) is det(U) det(V) times the sum over permutations p of the sign of p
    times sum_k P[k1..kr] U[i1,k1] V[j1,kp1] ... , P being the products of singular values that leave k1..kr out.
    """
    if order == 0:
        return np.linalg.det(x)
    u, s, vt = np.linalg.svd(x)
    left = products_kernel(s, order) * (np.linalg.det(u) * np.linalg.det(vt))[(..., *(None,) * order)]
    ks, rows, columns = "abcdefgh"[:order], "ijklmnop"[:order], "qrstuvwx"[:order]
    out = "".join(row + column for row, column in zip(rows, columns, strict=True))
    result: Any = 0.0
    for places in permutations(range(order)):
        factors = [f"...{row}{k}" for row, k in zip(rows, ks, strict=True)]
        factors += [f"...{ks[place]}{column}" for place, column in zip(places, columns, strict=True)]
        spec = ",".join([f"...{ks}", *factors]) + "->..." + out
        result = result + _sign(places) * np.einsum(spec, left, *[u] * order, *[vt] * order, optimize=True)
    return result


def _sign(places: tuple[int, ...]) -> int:
    swaps = sum(places[a] > places[b] for a in range(len(places)) for b in range(a + 1, len(places)))
    return -1 if swaps % 2 else 1


INV = register(Op("kernel_inv", "kernel", kernel=inverse_kernel, vjp=_inv_vjp, internal=True))


LOGDET = register(Op("kernel_logdet", "kernel", kernel=logdet_kernel, vjp=_logdet_vjp, internal=True))


COFACTORS = register(Op("kernel_cofactors", "kernel", kernel=cofactors_kernel, vjp=_cofactors_vjp, internal=True))


def _square_shape(name: str, keep: int) -> Any:
    def shape(x: Shape, **_: Any) -> Shape:
        square(name, x)
        return x[: len(x) - MATRIX + keep]

    return shape


def _cofactor_shape(x: Shape, order: int = 1) -> Shape:
    n = square("cofactor", x)
    if not 0 <= order <= MOST_LEFT_OUT:
        raise refuse("cofactor", f"an order of 0 to {MOST_LEFT_OUT}", x)
    return (*x[:-2], *(n, n) * order)


_LOGDET_CODE = """\
def logdet(x):
    sign, value = np.linalg.slogdet(x)
    return np.where(sign >= 0, value, np.nan)
"""


_COFACTOR_CODE = """\
def cofactor(x, order=1):
    u, s, vt = np.linalg.svd(x)
    ks, rows, columns = "abcd"[:order], "ijkl"[:order], "mnop"[:order]
    rest = [
        np.prod(np.delete(s, list(k), axis=-1), axis=-1) if len(set(k)) == order else 0*s[..., 0]
        for k in np.ndindex(s.shape[-1:]*order)
    ]
    signs = (np.linalg.det(u)*np.linalg.det(vt))[(..., *(None,)*order)]
    left = signs*np.stack(rest, axis=-1).reshape(s.shape[:-1] + s.shape[-1:]*order)
    total = 0.0
    for p in permutations(range(order)):
        sign = np.linalg.det(np.eye(order)[list(p)])
        inputs = [ks, *(r + k for r, k in zip(rows, ks)), *(ks[q] + c for q, c in zip(p, columns))]
        spec = ",".join("..." + labels for labels in inputs) + "->..." + "".join(r + c for r, c in zip(rows, columns))
        total = total + sign*np.einsum(spec, left, *[u]*order, *[vt]*order)
    return total
"""


_declare("inv", "inverse of a square matrix", _square_shape("inv", 2), inverse, numpy=Notation(name="np.linalg.inv"),
         latex=Notation("{#1}^{-1}", precedence=70, needs=(90,)))  # fmt: skip


_declare("det", "determinant; its derivative is exact at singular matrices too", _square_shape("det", 0),
         lambda x: cofactors(x, 0), numpy=Notation(name="np.linalg.det"), latex=Notation(name=r"\det"))  # fmt: skip


_declare("logdet", "log(det(X)); not a number where det(X) < 0", _square_shape("logdet", 0), logdet,
         numpy=Notation(name="logdet", prelude=_LOGDET_CODE),
         latex=Notation(name=r"\log\det"))  # fmt: skip


_declare("cofactor", "signed minors: derivative number `order` of det, det(X)*inv(X).T for 1", _cofactor_shape,
         cofactors, (ARRAY, Parameter("order", "integer", 1, required=False)),
         numpy=Notation(name="cofactor", prelude=_COFACTOR_CODE))  # fmt: skip
