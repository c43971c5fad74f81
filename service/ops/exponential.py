"""The matrix exponential and powers, with derivatives of every order from exponentials of block matrices."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from service.errors import LimitError
from service.ir.contraction import broadcast, contract
from service.ir.leaves import delta
from service.ir.node import Node, make
from service.ir.op import Notation, Parameter
from service.ir.size import Shape, Size, bulk, numbers
from service.ops.broadcasting import aligned, broadcast_shapes
from service.ops.declaring import Form, declare, kernel, pasteable
from service.ops.determinants import inverse, square, square_shape
from service.ops.later import linalg
from service.ops.linalg import matmul
from service.ops.onnx import exponentials, matrices
from service.ops.signature import ARRAY, refuse, term

MOST_DIRECTIONS = 6  # the block matrix has 2**6 times the rows
FLAT = 8  # a power up to here is one product, a higher one is multiplied up from its halves
MATRIX = 2

_declare = partial(declare, family="linear algebra")


def frechet(a: Node, *directions: Node) -> Node:
    """The derivative of expm at `a` along each direction in turn, all of one shape (..., n, n); expm without any."""
    if len(directions) > MOST_DIRECTIONS:
        raise LimitError("order", len(directions), MOST_DIRECTIONS)
    return make(FRECHET, (a, *directions), (), a.shape)


def frechet_kernel(a: Any, *directions: Any) -> Any:
    """Derivative of expm along directions: the corner block of the exponential of [[A, E], [0, A]], and so on.

    N. Higham, S. Relton, "Higher Order Frechet Derivatives of Matrix Functions and the Level-2 Condition Number",
    SIAM J. Matrix Anal. Appl. 35 (2014).
    """
    n, blocks = a.shape[-1], np.asarray(a, dtype=float)
    for k, direction in enumerate(directions):
        blocks, corner = np.broadcast_arrays(blocks, np.kron(np.eye(2**k), direction))
        blocks = np.block([[blocks, corner], [np.zeros_like(blocks), blocks]])
    finite = np.isfinite(blocks).all(axis=(-2, -1))[..., None, None]
    if not blocks.size:
        return np.zeros(a.shape)
    powers = linalg.expm(np.where(finite, blocks, 0.0))
    return np.where(finite, powers[..., :n, powers.shape[-1] - n :], np.nan)


def _frechet_vjp(g: Node, out: Node, place: int) -> Node:
    """<G, L(A, E)> = <L(A', G), E>: the adjoint is the derivative at the transpose, and so for every direction."""
    a, *directions = out.inputs
    kept = [e for k, e in enumerate(directions, 1) if k != place]
    return frechet(*(broadcast(_transposed(node), g.shape) for node in (a, *kept)), g)


def _transposed(node: Node) -> Node:
    batch = [f"b{k}" for k in range(len(node.shape) - MATRIX)]
    return contract([(node, [*batch, "i", "j"])], [*batch, "j", "i"])


def _frechet_jvp(t: Node, out: Node, place: int) -> Node:
    """One more direction, or another in place of one: the derivative is linear in each."""
    if place == 0:
        return frechet(*out.inputs, t)
    return frechet(*(t if k == place else node for k, node in enumerate(out.inputs)))


def _raised_frechet(node: Node, form: Form) -> Node:
    """The user's operation broadcasts, so that repeated matrices need not be written as such."""
    if len(node.inputs) == 1:
        return term("expm", form(node.inputs[0]))
    return term("expm_frechet", *(_unrepeated(form(child)) for child in node.inputs))


def _unrepeated(form: Node) -> Node:
    """A matrix without the ones that repeat it along leading axes."""
    repeated = form.op.name == "multiply" and form.inputs[1].op.name == "ones"
    return form.inputs[0] if repeated and form.inputs[0].shape == form.shape[-MATRIX:] else form


def _frechet_cost(x: Shape, *directions: Shape) -> int:
    """Some thirty products of block matrices."""
    return 30 * bulk(x) * max(numbers(x)[-1], 1) * int(8 ** len(directions))


FRECHET = kernel(
    "kernel_expm", frechet_kernel, _frechet_vjp, jvp=_frechet_jvp, cost=_frechet_cost, raised=_raised_frechet
)


def matrix_power(x: Node, n: int) -> Node:
    """The n-th power of the matrices in the last two axes, of their inverses for a negative n."""
    if n < 0:
        return matrix_power(inverse(x), -n)
    if n == 0:
        size, batch = x.shape[-1], [f"b{k}" for k in range(len(x.shape) - MATRIX)]
        return contract([(delta(size), "ij")], [*batch, "i", "j"], dict(zip(batch, x.shape, strict=False)))
    if n > FLAT:
        half = matrix_power(x, n // 2)
        return matmul(matmul(half, half), x) if n % 2 else matmul(half, half)
    result = x
    for _ in range(n - 1):
        result = matmul(result, x)
    return result


def _frechet_shape(x: Shape, *directions: Shape) -> Shape:
    size: Size = square("expm_frechet", x)
    if not directions or any(e[-2:] != (size, size) for e in directions):
        raise refuse("expm_frechet", "directions with the shape of the matrix", x, *directions)
    if len(directions) > MOST_DIRECTIONS:
        raise LimitError("order", len(directions), MOST_DIRECTIONS)
    return broadcast_shapes("expm_frechet", x, *directions)


_declare(
    "expm",
    "matrix exponential",
    square_shape("expm", MATRIX),
    frechet,
    numpy=Notation(name="linalg.expm"),
    onnx=exponentials.expm,
)
_declare("expm_frechet", "derivative of expm at the first matrix along each of the others in turn", _frechet_shape,
         lambda *inputs: frechet(*aligned(*inputs)), (ARRAY, Parameter("directions", "operands")),
         example="expm_frechet(A, E)",
         numpy=Notation(name="expm_frechet", prelude=pasteable(frechet_kernel, "expm_frechet")),
         onnx=exponentials.expm_frechet)  # fmt: skip
_declare("matrix_power", "product of a matrix with itself, of its inverse for a negative n",
         square_shape("matrix_power", MATRIX), matrix_power,
         (ARRAY, Parameter("n", "integer")), example="matrix_power(A, 3)",
         numpy=Notation(name="np.linalg.matrix_power"), onnx=matrices.matrix_power)  # fmt: skip
