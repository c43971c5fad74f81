"""Simplifying does not widen a domain: where the function as written has no value, there is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.errors import DomainError
from tests.tasks.asking import ask

OUTSIDE = [
    "log(x) - log(x) + x",
    "log(x)*0 + 1",
    "x*log(x)/x",
    "x**0.5/x**0.5",
    "arcsin(2*x) - arcsin(2*x)",
    "exp(log(x))",
    "0*log10(x)",
    "where(x < 0, 0*sqrt(x), 1)",
]


@pytest.mark.parametrize("expression", OUTSIDE)
def test_outside_of_a_domain_that_cancels(expression: str) -> None:
    """Neither value nor derivative, at that point of a batch only, and the operation is named."""
    answer = ask("gradient", expression, {"x": ()}, at={"x": [-1.0, 0.25]})
    assert answer.values is not None
    for found in (answer.values[0], answer.blocks[0].value):
        np.testing.assert_array_equal(np.isnan(found), [True, False])  # type: ignore[arg-type]
    assert {(notice.code, notice.where) for notice in answer.warnings} == {
        ("domain", "/value"),
        ("domain", "/derivatives/0/value"),
    }


SINGULAR, NEGATIVE = [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 3.0]]


@pytest.mark.parametrize("expression", ["trace(inv(A) @ A)", "sum(solve(A, A))", "det(inv(A))*det(A)"])
def test_inverse_that_cancels(expression: str) -> None:
    """A singular matrix is refused, as where the inverse stays; others are not."""
    assert ask("gradient", expression, at={"A": NEGATIVE}).values is not None
    with pytest.raises(DomainError, match="singular"):
        ask("gradient", expression, at={"A": SINGULAR})


INSIDE: list[tuple[str, dict[str, Any]]] = [
    ("x*where(x > 0, log(x) - log(x), 1)", {"x": -1.0}),
    ("sqrt(x*x)", {"x": -1.0}),
    ("x/x + sin(x)/x + 0/x", {"x": 0.0}),
    ("sum(softmax(x)*log(softmax(x)))", {"x": [0.0, -1000.0]}),
    ("log(exp(x)/(1 + exp(x)))", {"x": -1000.0}),
]


@pytest.mark.parametrize(("expression", "at"), INSIDE, ids=[case[0] for case in INSIDE])
def test_what_has_a_value_keeps_it(expression: str, at: dict[str, Any]) -> None:
    """Branches that are not taken, points that are filled, and forms that only overflow as written."""
    answer = ask("gradient", expression, at=at)
    assert answer.values is not None
    assert np.isfinite(answer.values[0])
    assert not answer.warnings
