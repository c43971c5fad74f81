"""Numbers in a formula whose product with each other leaves the range of doubles, though the whole does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.execute import span
from tests.tasks.asking import ask

FORMS = ("text", "latex", "numpy", "graph")

# Program, point, value, derivative by x and its text.
CASES: list[tuple[str, dict[str, Any], Any, Any, str]] = [
    ("exp(-800)*exp(x)", {"x": 800.0}, 1.0, 1.0, "exp(-800)*exp(x)"),
    ("exp(1000)*exp(-x)", {"x": 1000.0}, 1.0, -1.0, "-exp(1000)*exp(-x)"),
    ("x*1e308 + x*1e308", {"x": 1e-300}, 2e8, np.inf, "1e+308*2"),
    ("x*1e-200*1e-200", {"x": 1e300}, 1e-100, 0.0, "1e-200*1e-200"),
    ("1e-200**2*x*1e300", {"x": 1e100}, 1.0, 1e-100, "1e+300*1e-200**2"),
    ("x*1e308*10", {"x": 1e-300}, 1e9, np.inf, "1e+308*10"),
    ("x**1e308", {"x": 1.0}, 1.0, 1e308, "1e+308*x**1e+308"),
    ("x**-1e308", {"x": 1.0}, 1.0, -1e308, "-1e+308/x**1e+308"),
    ("x*1e308*10", {"x": [1e-300, 2e-300]}, [1e9, 2e9], np.where(np.eye(2), np.inf, 0), "1e+308*10*eye(2)"),
]


@pytest.mark.skipif(not span.HAS_WIDE, reason="this machine has no wider format than doubles")
@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]} at {case[1]}" for case in CASES])
def test_no_number_is_lost_beforehand(case: tuple[str, dict[str, Any], Any, Any, str]) -> None:
    """Value, derivative and form are right, and no derivative is taken for zero; infinite ones have a warning."""
    expression, at, value, derivative, text = case
    answer = ask("jacobian", expression, at=at, forms=FORMS)
    (block,) = answer.blocks
    assert answer.values is not None
    np.testing.assert_allclose(answer.values[0], value, rtol=1e-14)
    assert block.value is not None
    np.testing.assert_allclose(block.value, derivative, rtol=1e-14)
    assert block.forms["text"] == text
    assert block.structure != "zero"
    assert {notice.code for notice in answer.warnings} == (set() if np.isfinite(derivative).all() else {"overflow"})


@pytest.mark.parametrize(
    "expression",
    ["sum(tril(A)*triu(B))", "sum(tril(triu(A)*B))", "sum(tril(A)*triu(B, k=1)*tril(A*B, k=-1))",
     "einsum('ij,ji->i', tril(A), tril(B))[1]"],
)  # fmt: skip
def test_products_of_triangles(expression: str) -> None:
    """Forms of products with more than one triangle are written, and right: verification reads them back."""
    matrix = np.arange(1.0, 10.0).reshape(3, 3)
    answer = ask("gradient", expression, at={"A": matrix, "B": matrix.T + 1}, forms=FORMS, verify=True)
    for block in answer.blocks:
        assert block.verified is not None
        assert "closed form read back" in block.verified.method
