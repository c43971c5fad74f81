"""Factorisation and eigenvalues of symmetric matrices; every matrix A is read as (A + A.T)/2."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from service.ir.contraction import contract
from service.ir.leaves import delta, triangle
from service.ir.node import Node, make
from service.ir.op import Kink, Notation, Op, Rule
from service.ir.size import Shape, bulk, numbers
from service.ops.declaring import called, declare, kernel, pasteable
from service.ops.determinants import inverse, square_shape
from service.ops.onnx import matrices

MATRIX = 2

_declare = partial(declare, family="linear algebra")


def symmetric_part(x: Node) -> Node:
    """(X + X.T)/2 of the matrices in the last two axes: what an adjoint comes to, since only that part was read."""
    batch = [f"b{k}" for k in range(len(x.shape) - MATRIX)]
    return (x + contract([(x, [*batch, "i", "j"])], [*batch, "j", "i"])) * 0.5


def cholesky_kernel(x: Any) -> Any:
    """Lower triangular factors of the matrices in the last two axes; NaN for one that is not positive definite."""
    try:
        return np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2)
    except np.linalg.LinAlgError:
        if x.ndim == 2:  # noqa: PLR2004 - one matrix
            return np.full_like(x, np.nan)
        return np.stack([cholesky_kernel(matrix) for matrix in x])


def eigenvalues_kernel(x: Any) -> Any:
    """Eigenvalues in ascending order; NaN for a matrix with an entry that is not finite."""
    finite = np.isfinite(x).all(axis=(-2, -1))[..., None]
    symmetric = np.where(finite[..., None], (x + np.swapaxes(x, -1, -2)) / 2, 0.0)
    return np.where(finite, np.linalg.eigvalsh(symmetric), np.nan)


def repeated(x: Any) -> Any:
    """For every eigenvalue, ascending, whether it is equal to the one before but for rounding."""
    values = eigenvalues_kernel(x)
    largest = np.max(np.abs(values), axis=-1, keepdims=True, initial=0.0)
    return np.diff(values, axis=-1, prepend=-np.inf) <= x.shape[-1] * np.finfo(float).eps * largest


def projections_kernel(x: Any) -> Any:
    """P[..., i, :, :], the projection on eigenvector i; equal eigenvalues share the mean of theirs.

    Eigenvalues are equal that differ by rounding only: by n*eps times the largest.
    """
    finite = np.isfinite(x).all(axis=(-2, -1))[..., None, None]
    values, vectors = np.linalg.eigh(np.where(finite, (x + np.swapaxes(x, -1, -2)) / 2, 0.0))
    gap = np.abs(values[..., :, None] - values[..., None, :])
    largest = np.max(np.abs(values), axis=-1, initial=0.0)[..., None, None]
    same = (gap <= x.shape[-1] * np.finfo(float).eps * largest).astype(float)
    weights = same / np.sum(same, axis=-1, keepdims=True)
    projections = np.einsum("...ik,...ak,...bk->...iab", weights, vectors, vectors)
    return np.where(finite[..., None], projections, np.nan)


def resolvents_kernel(x: Any) -> Any:
    """R[..., i, :, :], the sum over j of the projection on eigenvector j over eigenvalue i less j; NaN for equal ones.

    T. Kato, "Perturbation Theory for Linear Operators", chapter II, calls it the reduced resolvent.
    """
    finite = np.isfinite(x).all(axis=(-2, -1))[..., None, None]
    values, vectors = np.linalg.eigh(np.where(finite, (x + np.swapaxes(x, -1, -2)) / 2, 0.0))
    gap = values[..., :, None] - values[..., None, :]
    largest = np.max(np.abs(values), axis=-1, initial=0.0)[..., None, None]
    same = np.abs(gap) <= x.shape[-1] * np.finfo(float).eps * largest
    alone = np.sum(same, axis=-1)[..., None, None] == 1
    weights = np.where(same, 0.0, 1 / np.where(same, 1.0, gap))
    resolvents = np.einsum("...ik,...ak,...bk->...iab", weights, vectors, vectors)
    return np.where(finite[..., None] & alone, resolvents, np.nan)


def _labels(g: Node, out: Node, own: int) -> tuple[list[str], list[str]]:
    """Labels of the adjoint's leading axes and of the batch axes of an output with `own` axes of its own."""
    return (
        [f"o{k}" for k in range(len(g.shape) - len(out.shape))],
        [f"b{k}" for k in range(len(out.shape) - own)],
    )


def _cholesky_vjp(g: Node, out: Node, _: int) -> Node:
    """DL = L Phi(inv(L) dS inv(L)'), where Phi halves the diagonal of a lower part and drops the rest.

    I. Murray, "Differentiation of the Cholesky decomposition", 2016.
    """
    lead, batch = _labels(g, out, MATRIX)
    inverted, n = inverse(out), out.shape[-1]
    factors = [
        (inverted, [*batch, "k", "i"]),
        (out, [*batch, "m", "k"]),
        (g, [*lead, *batch, "m", "l"]),
        (inverted, [*batch, "l", "j"]),
    ]
    free = [*lead, *batch, "i", "j"]
    below = contract([*factors, (triangle(n, n, 0), "kl")], free)
    return symmetric_part(below - contract([*factors, (delta(n), "kl")], free, coefficient=0.5))


def _eigenvalues_vjp(g: Node, out: Node, _: int) -> Node:
    """Eigenvalue i moves by tr(P_i dS); P_i is symmetric."""
    lead, batch = _labels(g, out, 1)
    projections = _term(PROJECTIONS, out.inputs[0])
    return contract([(g, [*lead, *batch, "e"]), (projections, [*batch, "e", "i", "j"])], [*lead, *batch, "i", "j"])


def _projections_vjp(g: Node, out: Node, _: int) -> Node:
    """DP = P dS R + R dS P."""
    lead, batch = _labels(g, out, MATRIX + 1)
    r, seed = _term(RESOLVENTS, out.inputs[0]), (g, [*lead, *batch, "e", "a", "b"])
    free = [*lead, *batch, "i", "j"]
    left = contract([seed, (out, [*batch, "e", "a", "i"]), (r, [*batch, "e", "j", "b"])], free)
    right = contract([seed, (r, [*batch, "e", "a", "i"]), (out, [*batch, "e", "j", "b"])], free)
    return symmetric_part(left + right)


def _resolvents_vjp(g: Node, out: Node, _: int) -> Node:
    """DR = R dS R - tr(P dS) R R - R R dS P - P dS R R, from (w - S) R = I - P and P R = 0."""
    lead, batch = _labels(g, out, MATRIX + 1)
    p, seed = _term(PROJECTIONS, out.inputs[0]), (g, [*lead, *batch, "e", "a", "b"])
    each, free = [*batch, "e"], [*lead, *batch, "i", "j"]
    squared = contract([(out, [*each, "a", "c"]), (out, [*each, "c", "b"])], [*each, "a", "b"])
    terms = (
        ((out, "ai"), (out, "jb")),
        ((p, "ij"), (squared, "ab")),
        ((squared, "ai"), (p, "jb")),
        ((p, "ai"), (squared, "jb")),
    )
    first, *others = (contract([seed, *((node, [*each, *ends]) for node, ends in pair)], free) for pair in terms)
    for other in others:
        first = first - other
    return symmetric_part(first)


def _term(op: Op, x: Node) -> Node:
    """The kernel term of one of these operations."""
    tail = {EIGENVALUES: 1, CHOLESKY: 2}.get(op, 3)
    return make(op, (x,), (), (*x.shape[:-2], *(x.shape[-1],) * tail))


def _cubic(x: Shape) -> int:
    return 10 * bulk(x) * numbers(x)[-1]


def _quartic(x: Shape) -> int:
    return _cubic(x) * numbers(x)[-1]


CHOLESKY = kernel("kernel_cholesky", cholesky_kernel, _cholesky_vjp, cost=_cubic, raised=called("cholesky"))
_TIE = Kink(repeated, "that with equal shares for equal eigenvalues", "tie", along=-1)
_TIE_OF_MATRICES = Kink(lambda x: repeated(x)[..., None, None], "no number", "tie", along=-3)
EIGENVALUES = kernel("kernel_eigvalsh", eigenvalues_kernel, _eigenvalues_vjp, cost=_cubic, raised=called("eigvalsh"),
                     kink=_TIE)  # fmt: skip
PROJECTIONS = kernel("kernel_eigenprojections", projections_kernel, _projections_vjp, cost=_quartic,
                     raised=called("eigenprojections"), kink=_TIE_OF_MATRICES)  # fmt: skip
RESOLVENTS = kernel("kernel_reduced_resolvents", resolvents_kernel, _resolvents_vjp, cost=_quartic,
                    raised=called("reduced_resolvents"), kink=_TIE_OF_MATRICES)  # fmt: skip


def _lowering(op: Op) -> Rule:
    return lambda x: _term(op, x)


def _code(name: str, function: Any) -> Notation:
    return Notation(name=name, prelude=pasteable(function, name))


_NO_EIGENVALUES = "ONNX has no operator for eigenvalues or eigenvectors"
_declare("cholesky", "lower triangular L with L @ L.T = (A + A.T)/2", square_shape("cholesky", 2), _lowering(CHOLESKY),
         example="cholesky(A)", numpy=_code("cholesky", cholesky_kernel), onnx=matrices.cholesky,
         onnx_lacks=matrices.BY_STEPS)  # fmt: skip
_declare("eigvalsh", "eigenvalues of (A + A.T)/2, ascending", square_shape("eigvalsh", 1), _lowering(EIGENVALUES),
         example="eigvalsh(A)", numpy=_code("eigvalsh", eigenvalues_kernel),
         onnx_lacks=_NO_EIGENVALUES)  # fmt: skip
_declare("eigenprojections", "projections on the eigenvectors of (A + A.T)/2: the derivative of eigvalsh",
         square_shape("eigenprojections", 3), _lowering(PROJECTIONS), example="eigenprojections(A)",
         numpy=_code("eigenprojections", projections_kernel), onnx_lacks=_NO_EIGENVALUES)  # fmt: skip
_declare("reduced_resolvents", "for each eigenvalue, the sum of the other projections over the differences to it",
         square_shape("reduced_resolvents", 3), _lowering(RESOLVENTS), example="reduced_resolvents(A)",
         numpy=_code("reduced_resolvents", resolvents_kernel), onnx_lacks=_NO_EIGENVALUES)  # fmt: skip
