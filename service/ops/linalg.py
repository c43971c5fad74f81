"""Linear algebra: products, traces and arrangements of matrices, all as contractions."""

from __future__ import annotations

from functools import partial
from typing import Any

from service.ir import size
from service.ir.contraction import contract
from service.ir.leaves import delta
from service.ir.node import Node
from service.ir.op import Notation, Parameter
from service.ir.size import Shape
from service.ops.broadcasting import broadcast_labels, broadcast_shapes
from service.ops.declaring import declare
from service.ops.determinants import inverse, square
from service.ops.onnx import arranging, matrices, products
from service.ops.signature import ARRAY, arrays, refuse
from service.ops.structural import reshape

MATRIX = 2

_declare = partial(declare, family="linear algebra")


def _batch(node: Node) -> list[str]:
    return [f"b{k}" for k in range(len(node.shape) - MATRIX)]


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


def _inner_shape(x: Shape, y: Shape) -> Shape:
    if not x or not y:
        return x + y
    if x[-1] != y[-1]:
        raise refuse("inner", "equal last sizes", x, y)
    return x[:-1] + y[:-1]


def _inner(x: Node, y: Node) -> Node:
    """NumPy's inner: the last axes of both; scalars multiply."""
    left = [("x", k) for k in range(len(x.shape))]
    right = [("y", k) for k in range(len(y.shape))]
    if left and right:
        left[-1] = right[-1] = ("inner", 0)
    return contract([(x, left), (y, right)], [label for label in left + right if label[0] != "inner"])


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


_infix = Notation("#1 @ #2", precedence=50, needs=(50, 51))


_declare("matmul", "matrix product, NumPy's `@`", _matmul_shape, matmul, arrays("x", "y"), text=_infix, numpy=_infix,
         latex=Notation(r"#1 \, #2", precedence=55, needs=(55, 56)), example="A @ x", onnx=products.matmul)  # fmt: skip


_declare("transpose", "axes in reverse, or in the order `axes`", _transpose_shape, _transpose,
         (ARRAY, Parameter("axes", "permutation", None, required=False)), example="A.T",
         onnx=arranging.transposed)  # fmt: skip


_declare(
    "dot",
    "NumPy's dot: inner product of the last axis of x with the last but one of y",
    _dot_shape,
    _dot,
    arrays("x", "y"),
    onnx=products.dot,
)


_declare(
    "inner", "sum of products over the last axes of both", _inner_shape, _inner, arrays("x", "y"), onnx=products.inner
)


_declare(
    "outer",
    "products of every entry of x with every entry of y",
    _outer_shape,
    _outer,
    arrays("x", "y"),
    latex=Notation(r"#1 \, {#2}^{\top}", precedence=55, needs=(55, 90)),
    onnx=products.outer,
)


_declare(
    "kron",
    "Kronecker product",
    _kron_shape,
    _kron,
    arrays("x", "y"),
    latex=Notation(r"#1 \otimes #2", precedence=50, needs=(51, 51)),
    onnx=products.kron,
)


_declare("vec", "the columns of a matrix under one another", _vec_shape, _vec,
         numpy=Notation("#1.reshape(-1, order='F')", precedence=100, needs=(100,)), onnx=arranging.vec)  # fmt: skip


_declare("trace", "sum of the diagonal of a square matrix", _trace_shape, _trace, aliases=("tr",),
         latex=Notation(name=r"\operatorname{tr}"),
         # of a stack, NumPy's own default would be the first two axes
         numpy=Notation("np.trace(#1, axis1=-2, axis2=-1)", name="np.trace"), onnx=products.trace)  # fmt: skip


_declare("solve", "inv(A) @ b; b with one axis is a vector", _solve_shape, _solve, arrays("a", "b"),
         numpy=Notation(name="np.linalg.solve"), onnx=matrices.solve)  # fmt: skip


_declare("eye", "identity matrix of n rows", lambda n: (n, n), lambda n: delta(n),  # noqa: PLW0108 - called by name
         (Parameter("n", "size"),), example="eye(3)", latex=Notation("I", precedence=100),
         onnx=arranging.eye)  # fmt: skip
