"""What an answer says of a derivative's zeros is true at random points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.tasks.compute import compute
from service.tasks.messages import Block, Task

RNG = np.random.default_rng(11)
CASES = [
    ("jacobian", "x*x", {"x": (3,)}, {"diagonal"}),
    ("jacobian", "sin(X)*X", {"X": (2, 3)}, {"diagonal"}),
    ("jacobian", "A @ X @ A", {"A": (2, 2), "X": (2, 2)}, {"dense", "kronecker"}),
    ("jacobian", "x[::-1]", {"x": (3,)}, {"dense"}),
    ("jacobian", "X.T", {"X": (2, 2)}, {"dense"}),
    ("gradient", "trace(X)", {"X": (2, 2)}, {"dense"}),
    ("hessian", "sum(exp(x))", {"x": (3,)}, {"diagonal"}),
    ("hessian", "sum((T - U @ V.T)**2)", {"T": (2, 2), "U": (2, 2), "V": (2, 2)}, {"diagonal", "kronecker", "dense"}),
    ("hessian", "einsum('i,jij->', x, A)", {"x": (2,), "A": (2, 2, 2)}, {"zero", "dense"}),
    ("hessian", "einsum('i,ij,kjl,kl->', x, B, A, C)", dict.fromkeys("xBAC", (2, 2)) | {"x": (2,), "A": (2, 2, 2)},
     {"zero", "dense"}),
    ("hessian", "outer(x, y)", {"x": (2,), "y": (2,)}, {"zero", "dense"}),
]  # fmt: skip


def as_matrix(block: Block, rows: int) -> np.ndarray:
    """The block with its first axes as rows, the others as columns."""
    assert block.value is not None
    return block.value.reshape(math.prod(block.value.shape[:rows]), -1)


@pytest.mark.parametrize(("kind", "expression", "shapes", "known"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_claims_hold(kind: str, expression: str, shapes: dict[str, tuple[int, ...]], known: set[str]) -> None:
    """A block is no more structured than claimed zeros allow, and the claims expected here are made."""
    at = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    answer = compute(Task(kind, expression, at=at, forms=()))  # type: ignore[arg-type]
    assert answer.values is not None
    found = set()
    for block in answer.blocks:
        rows = answer.values[0].ndim + sum(len(shapes[name]) for name in block.wrt[:-1])
        matrix = as_matrix(block, rows)
        found.add(block.structure)
        if block.structure == "zero":
            assert not matrix.any()
        elif block.structure == "diagonal":
            assert not (matrix - np.diag(np.diag(matrix))).any()
        elif block.structure == "kronecker":
            tensor = matrix.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
            assert np.linalg.matrix_rank(tensor) <= 1  # van Loan: a Kronecker product, rearranged, has rank 1
    assert found <= known
