"""Every number that is missing from an answer is explained by the operation that is to blame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.errors import DomainError, InvalidRequestError, ShapeError
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Kind, Task

CASES = [
    ("log(x)", {"x": [2.0, 0.0, -1.0]}, [("domain", "log"), ("pole", "log")]),
    ("x*y", {"x": 1e200, "y": 1e200}, [("overflow", "a product")]),
    ("x**3", {"x": 1e200}, [("overflow", "a power")]),
    ("1/x", {"x": 0.0}, [("pole", "a power")]),
    ("exp(x)", {"x": 1000.0}, [("overflow", "exp")]),
    ("1/(2 + exp(x)) + log(y)", {"x": 1000.0, "y": -1.0}, [("domain", "log")]),
    ("sqrt(x)", {"x": [-1.0, 0.0, 4.0]}, [("domain", "a power")]),
    ("log(x)", {"x": np.concatenate([[-1.0], np.ones(30_000)])}, [("domain", "log")]),
    ("log(x)", {"x": np.concatenate([np.ones(30_000), [-1.0]])}, [("domain", "log")]),
    ("det(X)", {"X": [[1e200, 0.0], [0.0, 1e200]]}, [("overflow", "cofactors")]),
    ("sqrt(-1)*x", {"x": 1.0}, [("domain", "sqrt")]),
    ("inf*x", {"x": 1.0}, [("nonfinite-input", "constant")]),
    ("0/0 + x", {"x": 1.0}, [("domain", "constants")]),
    ("x + 1", {"x": np.inf}, [("nonfinite-input", "an input")]),
    ("x + 1", {"x": 1.0}, []),
]


@pytest.mark.parametrize(("expression", "at", "expected"), CASES)
def test_the_cause_is_named(expression: str, at: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """One notice per kind of number that is not finite, with its code and the operation."""
    answer = compute(Task("evaluate", expression, at={name: np.asarray(value, float) for name, value in at.items()}))
    assert [notice.code for notice in answer.warnings] == [code for code, _ in expected]
    for notice, (_, operation) in zip(answer.warnings, expected, strict=True):
        assert operation in notice.message


def test_a_derivative_of_what_is_no_number_is_none() -> None:
    """The formula 1/x is finite at -1, where log(x) has no value: the answer must not look valid."""
    answer = compute(Task("gradient", "log(x)", at={"x": np.array(-1.0)}))
    assert answer.blocks[0].value is not None
    assert np.isnan(answer.blocks[0].value)


def test_a_singular_matrix() -> None:
    """Without a batch the request is refused; in a batch only its own point has no numbers."""
    singular, regular = np.array([[1.0, 2.0], [2.0, 4.0]]), np.eye(2)
    with pytest.raises(DomainError, match="singular"):
        compute(Task("evaluate", "inv(A)", at={"A": singular}))
    batch = Task("evaluate", "inv(A)", variables={"A": Declaration((2, 2))}, at={"A": np.stack([singular, regular])})
    answer = compute(batch)
    assert answer.values is not None
    assert np.isnan(answer.values[0][0]).all()
    np.testing.assert_array_equal(answer.values[0][1], regular)
    assert [notice.code for notice in answer.warnings] == ["singular"]


def test_sizes_that_a_form_does_not_hold_for() -> None:
    """`x[:5]` has five entries for every n that is large enough; a smaller one is refused, not answered otherwise."""
    task = Task("jacobian", "x[:5]", variables={"x": Declaration(("n",))}, at={"x": np.ones(3)})
    with pytest.raises(ShapeError, match="n = 3"):
        compute(task)


@pytest.mark.parametrize("kind", ["evaluate", "gradient", "check", "analyze", "taylor"])
def test_a_size_that_no_value_settles(kind: Kind) -> None:
    """An unused variable may be the only one to tell a size; without its value there are no numbers."""
    shapes = {"x": Declaration(()), "A": Declaration(("n",))}
    with pytest.raises(InvalidRequestError, match="at has no value that tells the size n"):
        compute(Task(kind, "sum(x*eye(n))", variables=shapes, at={"x": np.array(1.0)}, wrt=("x",)))
    answer = compute(Task(kind, "x**2", variables=shapes, at={"x": np.array(1.0)}, wrt=("x",)))
    assert answer.values is not None
    assert answer.values[0] == 1


def test_a_name_is_a_variable_or_a_size() -> None:
    """The forms could not be read back otherwise."""
    with pytest.raises(InvalidRequestError, match="as a variable and as a size"):
        compute(Task("jacobian", "n + sum(n)", variables={"n": Declaration(("n",))}))


def test_causes_in_any_block_of_a_batch() -> None:
    """A long batch is computed block by block, and the block that is to blame need not be the last."""
    for place in (0, -1):
        points = np.ones(40_000)
        points[place] = -1.0
        task = Task("gradient", "sqrt(x)", variables={"x": Declaration(())}, at={"x": points})
        assert {(notice.code, "a power" in notice.message) for notice in compute(task).warnings} == {("domain", True)}


def test_a_check_at_a_kink_says_so() -> None:
    """Differences to either side of a kink agree with the convention, which is no derivative for that."""
    answer = compute(Task("check", "abs(x)", at={"x": np.array(0.0)}))
    assert [(notice.code, notice.where) for notice in answer.warnings] == [("kink", "/check/derivative")]
