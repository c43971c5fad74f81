"""Formulas whose terms cancel: a number that rounding has spoilt is never called verified, nor answered in silence."""

from __future__ import annotations

from typing import Any

import pytest

from service.execute import span
from tests.tasks.asking import ask

pytestmark = pytest.mark.skipif(not span.HAS_WIDE, reason="this machine has no wider format than doubles")

SPOILT: list[tuple[str, Any, float]] = [
    ("(1 - cos(x))/x**2", "gradient", 1e-8),
    ("(1 - cos(x))/x**2", "hessian", 1e-6),
    ("(exp(x) - 1 - x)/x**2", "gradient", 1e-8),
    ("cos(x)/x - sin(x)/x**2", "gradient", 1e-8),
    ("log1p(x)/x", "hessian", 1e-12),
    ("sinh(x)/x", "hessian", 1e-8),
    ("arctan(x)/x", "hessian", 1e-8),
]
SOUND: list[tuple[str, Any, float]] = [
    ("(1 - cos(x))/x**2", "gradient", 0.5),
    ("sin(x)/x", "gradient", 1e-8),
    ("x/expm1(x)", "gradient", 1e-8),
    ("(x - 1)**4 + exp(x - 1)/x - log(x)", "hessian", 1.0),
    ("x/(1 + x**2)", "gradient", 1.0),
]
IDS = "{0[1]} of {0[0]} at {0[2]}"


@pytest.mark.parametrize("case", SPOILT, ids=IDS.format)
def test_cancelling(case: tuple[str, Any, float]) -> None:
    """There is a warning, and verification says that it is none."""
    expression, kind, x = case
    answer = ask(kind, expression, at={"x": x}, verify=True)
    (block,) = answer.blocks
    assert ("ill-conditioned", "/derivatives/0/value") in {(notice.code, notice.where) for notice in answer.warnings}
    assert block.verified is not None
    assert block.verified.points == 0
    assert any("cancel" in notice.message for notice in answer.warnings if notice.code == "not-verified")


@pytest.mark.parametrize("case", SOUND, ids=IDS.format)
def test_nothing_lost(case: tuple[str, Any, float]) -> None:
    """Small numbers, and differences that nothing divides by little, are no cause for alarm."""
    expression, kind, x = case
    answer = ask(kind, expression, at={"x": x}, verify=True)
    assert "ill-conditioned" not in {notice.code for notice in answer.warnings}
    assert answer.blocks[0].verified is not None
    assert answer.blocks[0].verified.points > 0
