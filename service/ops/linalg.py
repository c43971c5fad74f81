"""Linear algebra: products are contractions; inverse, determinant and its logarithm have kernels of their own."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from service.ir import size
from service.ir.contraction import contract
from service.ir.leaves import delta
from service.ir.node import Node, make
from service.ir.op import Notation, Op, Parameter, Rule, register
from service.ir.size import Shape, Size
from service.ops.broadcasting import broadcast_labels, broadcast_shapes
from service.ops.reductions import products_kernel
from service.ops.signature import ARRAY, arrays, refuse
from service.ops.structural import reshape

MATRIX = 2


def square(name: str, x: Shape) -> Size:
    """The size of the square matrices in the last two axes."""
    if len(x) < MATRIX or x[-1] != x[-2]:
        raise refuse(name, "a square matrix (n, n)", x)
    return x[-1]


def inverse(x: Node) -> Node:
    """The kernel term inv(x)."""
    return make(INV, (x,), (), x.shape)


def logdet(x: Node) -> Node:
    """The kernel term logdet(x)."""
    return make(LOGDET, (x,), (), x.shape[:-2])


def cofactors(x: Node, order: int) -> Node:
    """Derivative number `order` of det: signed minors without `order` rows and columns, axes (i, j, k, l, ...)."""
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


def _declare(name: str, summary: str, shape: Any, lower: Rule, parameters: Any = (ARRAY,), **more: Any) -> None:
    more.setdefault("numpy", Notation(name=f"np.{name}"))
    more.setdefault("latex", Notation(name=rf"\operatorname{{{name}}}"))
    more.setdefault("example", f"{name}({', '.join(p.name.upper() for p in parameters if p.is_input)})")
    register(Op(name, "linear algebra", summary, parameters, shape, lower, **more))


def _matmul_shape(x: Shape, y: Shape) -> Shape:
    if not x or not y:
        raise refuse("matmul", "arrays with at least one axis each", x, y)
    if x[-1] != (y[-2] if len(y) > 1 else y[0]):
        raise refuse("matmul", "equal inner sizes, (m, n) @ (n, p)", x, y)
    return broadcast_shapes("matmul", x[:-2], y[:-2]) + x[-2:-1] + (y[-1:] if len(y) > 1 else ())


def matmul(x: Node, y: Node) -> Node:
    """NumPy's matmul: the last axis of x with the last but one of y, leading axes broadcast."""
    batch = broadcast_shapes("matmul", x.shape[:-2], y.shape[:-2])
    x_batch = broadcast_labels(x.shape[:-2], batch, "x")
    y_batch = broadcast_labels(y.shape[:-2], batch, "y")
    row = ["row"] if len(x.shape) > 1 else []
    column = ["column"] if len(y.shape) > 1 else []
    factors = [(x, [*x_batch, *row, "inner"]), (y, [*y_batch, "inner", *column])]
    return contract(factors, [*range(len(batch)), *row, *column], dict(enumerate(batch)))


def _transpose(x: Node, axes: Any = None) -> Node:
    rank = len(x.shape)
    return contract([(x, range(rank))], range(rank)[::-1] if axes is None else axes)


def _transpose_shape(x: Shape, axes: Any = None) -> Shape:
    return x[::-1] if axes is None else tuple(x[k] for k in axes)


def _trace(x: Node) -> Node:
    batch = _batch(x)
    return contract([(x, [*batch, "i", "i"])], batch)


def _trace_shape(x: Shape) -> Shape:
    square("trace", x)
    return x[:-2]


def _solve(a: Node, b: Node) -> Node:
    if len(b.shape) == 1:
        batch = _batch(a)
        return contract([(inverse(a), [*batch, "i", "j"]), (b, "j")], [*batch, "i"])
    return matmul(inverse(a), b)


def _solve_shape(a: Shape, b: Shape) -> Shape:
    n = square("solve", a)
    if not b or (b[0] if len(b) == 1 else b[-2]) != n:
        raise refuse("solve", "a right side with as many rows as the matrix", a, b)
    return _matmul_shape(a, b)


def _dot_shape(x: Shape, y: Shape) -> Shape:
    if not x or not y:
        return x + y
    if x[-1] != (y[-2] if len(y) > 1 else y[0]):
        raise refuse("dot", "equal inner sizes", x, y)
    return x[:-1] + (y[:-2] + y[-1:] if len(y) > 1 else ())


def _dot(x: Node, y: Node) -> Node:
    """NumPy's dot: the last axis of x with the last but one of y; scalars multiply."""
    left = [("x", k) for k in range(len(x.shape))]
    right = [("y", k) for k in range(len(y.shape))]
    if left and right:
        left[-1] = right[-2 if len(right) > 1 else 0] = ("inner", 0)
    free = [label for label in left + right if label[0] != "inner"]
    return contract([(x, left), (y, right)], free)


def _outer_shape(x: Shape, y: Shape) -> Shape:
    return (size.count(x), size.count(y))


def _outer(x: Node, y: Node) -> Node:
    flat = [reshape(node, (size.count(node.shape),)) for node in (x, y)]
    return contract([(flat[0], "i"), (flat[1], "j")], "ij")


def _kron_shape(x: Shape, y: Shape) -> Shape:
    rank = max(len(x), len(y))
    x, y = (1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y
    return tuple(size.multiply(a, b) for a, b in zip(x, y, strict=True))


def _kron(x: Node, y: Node) -> Node:
    rank = max(len(x.shape), len(y.shape))
    left = [("x", k) for k in range(rank)]
    right = [("y", k) for k in range(rank)]
    sizes: dict[Any, Any] = dict.fromkeys(left[: rank - len(x.shape)] + right[: rank - len(y.shape)], 1)
    factors = [(x, left[rank - len(x.shape) :]), (y, right[rank - len(y.shape) :])]
    both = contract(factors, [label for pair in zip(left, right, strict=True) for label in pair], sizes)
    return reshape(both, _kron_shape(x.shape, y.shape))


def _vec_shape(x: Shape) -> Shape:
    if len(x) != MATRIX:
        raise refuse("vec", "a matrix (m, n)", x)
    return (size.multiply(x[0], x[1]),)


def _vec(x: Node) -> Node:
    return reshape(contract([(x, "ij")], "ji"), _vec_shape(x.shape))


def _square_shape(name: str, keep: int) -> Any:
    def shape(x: Shape, **_: Any) -> Shape:
        square(name, x)
        return x[: len(x) - MATRIX + keep]

    return shape


def _cofactor_shape(x: Shape, order: int = 1) -> Shape:
    n = square("cofactor", x)
    if order < 0:
        raise refuse("cofactor", "an order of at least 0", x)
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
    left = np.linalg.det(u)*np.linalg.det(vt)*np.array(
        [np.prod(np.delete(s, list(k))) if len(set(k)) == order else 0.0 for k in np.ndindex((len(s),)*order)]
    ).reshape((len(s),)*order)
    total = 0.0
    for p in permutations(range(order)):
        sign = np.linalg.det(np.eye(order)[list(p)])
        spec = ",".join([ks, *(r + k for r, k in zip(rows, ks)), *(ks[q] + c for q, c in zip(p, columns))])
        total = total + sign*np.einsum(spec + "->" + "".join(r + c for r, c in zip(rows, columns)), left, *[u]*order, *[vt]*order)
    return total
"""
_infix = Notation("#1 @ #2", precedence=50, needs=(50, 51))
_declare("matmul", "matrix product, NumPy's `@`", _matmul_shape, matmul, arrays("x", "y"), text=_infix, numpy=_infix,
         latex=Notation(r"#1 \, #2", precedence=55, needs=(55, 56)), example="A @ x")  # fmt: skip
_declare("transpose", "axes in reverse, or in the order `axes`", _transpose_shape, _transpose,
         (ARRAY, Parameter("axes", "permutation", None, required=False)), example="A.T")  # fmt: skip
_declare(
    "dot",
    "NumPy's dot: inner product of the last axis of x with the last but one of y",
    _dot_shape,
    _dot,
    arrays("x", "y"),
)
_declare(
    "outer",
    "products of every entry of x with every entry of y",
    _outer_shape,
    _outer,
    arrays("x", "y"),
    latex=Notation(r"#1 \, {#2}^{\top}", precedence=55, needs=(55, 90)),
)
_declare(
    "kron",
    "Kronecker product",
    _kron_shape,
    _kron,
    arrays("x", "y"),
    latex=Notation(r"#1 \otimes #2", precedence=50, needs=(51, 51)),
)
_declare("vec", "the columns of a matrix under one another", _vec_shape, _vec,
         numpy=Notation("#1.reshape(-1, order='F')", precedence=100, needs=(100,)))  # fmt: skip
_declare("trace", "sum of the diagonal of a square matrix", _trace_shape, _trace, aliases=("tr",),
         latex=Notation(name=r"\operatorname{tr}"))  # fmt: skip
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
_declare("solve", "inv(A) @ b; b with one axis is a vector", _solve_shape, _solve, arrays("a", "b"),
         numpy=Notation(name="np.linalg.solve"))  # fmt: skip
_declare("eye", "identity matrix of n rows", lambda n: (n, n), lambda n: delta(n), (Parameter("n", "size"),), example="eye(3)",
         latex=Notation("I", precedence=100))  # fmt: skip
