"""Inverses that lose digits are reported, those of X.T @ X with a better way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from service.tasks.compute import compute
from service.tasks.conditions import WORST, WORST_OF_GRAM
from service.tasks.messages import Declaration, Notice, Task

RNG = np.random.default_rng(3)


def matrix(condition: float, rows: int = 6) -> np.ndarray:
    """A random matrix of 4 columns with this condition number in the 2-norm."""
    left, _ = np.linalg.qr(RNG.normal(size=(rows, 4)))
    right, _ = np.linalg.qr(RNG.normal(size=(4, 4)))
    return np.asarray(left @ np.diag(np.geomspace(1, 1 / condition, 4)) @ right)


def notices(program: str, value: np.ndarray, name: str) -> list[Notice]:
    """What is said of the value and the gradient."""
    answer = compute(Task("gradient", program, at={name: value}, wrt=(name,), forms=()))
    return [notice for notice in answer.warnings if notice.code == "ill-conditioned"]


@pytest.mark.parametrize(("condition", "said"), [(WORST / 100, False), (WORST * 100, True)])
def test_any_matrix(condition: float, said: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Beyond the bound, with a number that is near the true one, at the value and at the derivative."""
    found = notices("sum(inv(A))", matrix(condition, 4), "A")
    assert [notice.where for notice in found] == (["/value", "/derivatives/0/value"] if said else [])
    for notice in found:
        named = float(notice.message.split("condition number ")[1].split(",")[0])
        assert condition / 16 < named < condition * 16
        assert "least squares" not in notice.message


@pytest.mark.parametrize("program", ["sum(inv(X.T @ X))", "sum(solve(X.T @ X, X.T))"])
@pytest.mark.parametrize(("condition", "said"), [(WORST_OF_GRAM / 100, False), (WORST_OF_GRAM * 25, True)])
def test_gram_matrices(program: str, condition: float, said: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The message says that the condition number is squared, and what to do instead."""
    found = notices(program, matrix(np.sqrt(condition)), "X")
    assert bool(found) is said
    assert all("the square of that of X, so least squares" in notice.message for notice in found)


def test_the_worst_point_of_a_batch() -> None:
    """One bad matrix is enough; a singular one is reported as such."""
    stack = np.stack([np.eye(8), linalg.hilbert(8), np.zeros((8, 8))])
    answer = compute(Task("evaluate", "inv(A)", variables={"A": Declaration((8, 8))}, at={"A": stack}))
    assert [notice.code for notice in answer.warnings] == ["singular", "ill-conditioned"]
    assert f"{np.linalg.cond(linalg.hilbert(8), 1):.1e}" in answer.warnings[1].message
