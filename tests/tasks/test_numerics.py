"""What is answered at every hard point of the documented table, number by number and code by code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from service.errors import FluxionError, NotDifferentiableError
from service.tasks.compute import compute
from service.tasks.messages import Answer, Declaration, Task
from tests import numerics
from tests.numerics import TABLE, Row

ROWS = [row for rows in TABLE.values() for row in rows]


def each(chosen: Callable[[Row], bool]) -> pytest.MarkDecorator:
    """The test once for each row that is chosen."""
    rows = [pytest.param(row, id=f"{row.program} at {row.at}") for row in ROWS if chosen(row)]
    return pytest.mark.parametrize("row", rows)


each_answered = each(lambda row: not row.refused)


def ask(kind: str, row: Row, **more: Any) -> Answer:
    """The answer for a row."""
    at = {name: np.asarray(value, dtype=float) for name, value in row.at.items()}
    return compute(Task(kind, row.program, at=at, forms=(), **more))  # type: ignore[arg-type]


def equal(actual: Any, wanted: Any, ulps: int) -> None:
    """The same numbers, infinities and places without a number, up to so many units in the last place."""
    wanted = np.asarray(wanted, dtype=float)
    assert np.shape(actual) == wanted.shape
    unit = np.spacing(np.max(np.abs(wanted), initial=0.0)) if np.isfinite(wanted).all() else 0.0
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=ulps * unit)


@each_answered
def test_the_table(row: Row) -> None:
    """Value, first derivatives and the codes of the warnings."""
    answer = ask("gradient", row)
    assert answer.values is not None
    equal(answer.values[0], row.value, row.ulps)
    found = {" ".join(block.wrt): block.value for block in answer.blocks}
    for key, wanted in row.derivatives.items():
        if " " not in key:
            equal(found[key], wanted, row.ulps)
    assert {notice.code for notice in answer.warnings} == set(row.codes)


@each(lambda row: any(" " in key for key in row.derivatives))
def test_second_derivatives(row: Row) -> None:
    """Those that the table has."""
    found = {" ".join(block.wrt): block.value for block in ask("hessian", row).blocks}
    for key, wanted in row.derivatives.items():
        if " " in key:
            equal(found[key], wanted, row.ulps)


@each_answered
def test_in_a_batch(row: Row) -> None:
    """The same at a point of a batch as alone, beside a copy of itself."""
    at = {name: np.stack([np.asarray(value, dtype=float)] * 2) for name, value in row.at.items()}
    shapes = {name: Declaration(value.shape[1:]) for name, value in at.items()}
    answer = compute(Task("gradient", row.program, variables=shapes, at=at, forms=()))
    for block in answer.blocks:
        wanted = row.derivatives.get(block.wrt[0])
        assert block.value is not None
        if wanted is not None:
            equal(block.value[1], wanted, max(row.ulps, 4))


@each(lambda row: bool(row.refused))
def test_refused(row: Row) -> None:
    """With the code that the table has."""
    with pytest.raises(FluxionError) as caught:
        ask("gradient", row)
    assert caught.value.code == row.refused


@each(lambda row: bool({"kink", "tie"} & set(row.codes)))
def test_nonsmooth_error(row: Row) -> None:
    """A kink, a tie or a jump is refused, with the operation's name, when that is asked for."""
    first = next(notice for notice in ask("gradient", row).warnings if notice.code in {"kink", "tie"})
    with pytest.raises(NotDifferentiableError) as caught:
        ask("gradient", row, nonsmooth="error")
    assert caught.value.detail == first.message
    with pytest.raises(NotDifferentiableError):
        ask("taylor", row, nonsmooth="error", order=1)


def test_nonsmooth_error_elsewhere() -> None:
    """Where there is no kink, nothing is refused; nor is a value."""
    row = Row("abs(x) + floor(y) + maximum(x, y)", {"x": -1, "y": 2.5})
    assert ask("gradient", row, nonsmooth="error").warnings == ()
    assert ask("evaluate", Row("abs(x)", {"x": 0}), nonsmooth="error").warnings == ()


def test_only_what_moves_is_at_a_kink() -> None:
    """A tie of constants, of other variables or of steps between jumps says nothing about this derivative."""
    at = {"x": np.array(1.5), "y": np.array(0.0)}
    answer = compute(Task("gradient", "where(floor(x) == 1, x, 0) + maximum(0, 0)*x + abs(y)", wrt=("x",), at=at))
    assert answer.warnings == ()


def test_the_place_is_named() -> None:
    """The first point of the batch and the entry."""
    shapes = {"x": Declaration((2,))}
    task = Task("gradient", "sum(abs(x))", variables=shapes, at={"x": np.array([[1.0, 2.0], [3.0, 0.0]])})
    (notice,) = compute(task).warnings
    assert "abs has no derivative at point 1, at entry [1]" in notice.message
    assert notice.where == "/derivatives/0/value"


def test_the_page_has_the_table() -> None:
    """What the documents say is what the tests above compute."""
    assert numerics.page() == numerics.PAGE.read_text("utf-8")
