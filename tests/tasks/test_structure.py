"""What an answer says of a derivative's zeros is true at random points."""

from __future__ import annotations

import numpy as np
import pytest

from service.tasks.compute import compute
from service.tasks.messages import Task
from tests.factors import dense_from

RNG = np.random.default_rng(11)
CASES = [
    ("jacobian", "x*x", {"x": (3,)}, {"diagonal"}),
    ("jacobian", "sin(X)*X", {"X": (2, 3)}, {"diagonal"}),
    ("jacobian", "A @ X @ A", {"A": (2, 2), "X": (2, 2)}, {"dense", "kronecker"}),
    ("jacobian", "x[::-1]", {"x": (3,)}, {"sparse"}),
    ("jacobian", "X.T", {"X": (2, 2)}, {"dense"}),
    ("gradient", "trace(X)", {"X": (2, 2)}, {"dense"}),
    ("hessian", "sum(exp(x))", {"x": (3,)}, {"diagonal"}),
    ("hessian", "sum((T - U @ V.T)**2)", {"T": (2, 2), "U": (2, 2), "V": (2, 2)}, {"diagonal", "kronecker", "dense"}),
    ("hessian", "einsum('i,jij->', x, A)", {"x": (2,), "A": (2, 2, 2)}, {"zero", "dense"}),
    ("hessian", "einsum('i,ij,kjl,kl->', x, B, A, C)", dict.fromkeys("xBAC", (2, 2)) | {"x": (2,), "A": (2, 2, 2)},
     {"zero", "dense", "kronecker"}),
    ("hessian", "outer(x, y)", {"x": (2,), "y": (2,)}, {"zero", "dense"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expression", "shapes", "known"), CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_claims_hold(kind: str, expression: str, shapes: dict[str, tuple[int, ...]], known: set[str]) -> None:
    """A block is no more structured than claimed zeros allow, and the claims expected here are made."""
    at = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    dense, auto = (
        compute(Task(kind, expression, at=at, forms=(), structure=structure))  # type: ignore[arg-type]
        for structure in ("dense", "auto")
    )
    assert dense.values is not None
    found = set()
    for block, factored in zip(dense.blocks, auto.blocks, strict=True):
        found.add(block.structure)
        assert block.value is not None
        if block.structure != "dense":
            assert factored.factors is not None
            rows = dense.values[0].ndim + sum(len(shapes[name]) for name in block.wrt[:-1])
            stated = dense_from(factored.structure, factored.factors, block.value.shape, rows)
            assert np.allclose(stated, block.value, rtol=1e-13, atol=1e-13)
    assert found <= known
