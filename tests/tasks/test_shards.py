"""Batches in parts: the answer is that of the whole, field by field and bit by bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from service.tasks.compute import compute
from service.tasks.messages import PARTED, Answer, Array, Declaration, Limits, Task
from service.tasks.shards import joined, part, sized

POINTS = 150_000  # more than two blocks of numbers
LIMITS = Limits(elements=10**8, operations=10**12)
rng = np.random.default_rng(7)


def of(shape: tuple[int, ...]) -> Array:
    """Random numbers between 1 and 2, with a batch axis."""
    return rng.uniform(1, 2, (POINTS, *shape))


def task(kind: str, expression: str, **more: Any) -> Task:
    """A task on a batch; `at` tells the shapes, but for the batch axis."""
    at = more.pop("at")
    variables = {
        name: Declaration(value.shape[1:] if value.shape[:1] == (POINTS,) else value.shape)
        for name, value in at.items()
    }
    return Task(kind, expression, variables=variables, at=at, limits=LIMITS, **more)  # type: ignore[arg-type]


MATRIX = np.arange(9.0).reshape(3, 3)
TASKS = {
    "evaluate": task("evaluate", "exp(x) * sin(x)", at={"x": of(())}),
    "gradient": task("gradient", "x.T @ A @ x + sum(log(x))", at={"x": of((3,)), "A": MATRIX}, wrt=("x", "A")),
    "jacobian": task("jacobian", "tanh(A @ x)", at={"x": of((3,)), "A": MATRIX}, wrt=("x",), layout="denominator"),
    "hessian": task("hessian", "sum(x**3) * y", at={"x": of((3,)), "y": of(())}),
    "derivative": task("derivative", "x**5", at={"x": of(())}, wrt=("x", "x", "x")),
    "jvp": task("jvp", "A @ x", at={"x": of((3,)), "A": MATRIX}, tangents={"x": of((3,)), "A": MATRIX}),
    "vjp": task("vjp", "x * sin(x)", at={"x": of((3,))}, cotangent=of((3,))),
    "hvp": task("hvp", "sum(exp(x))", at={"x": of((3,))}, tangents={"x": np.ones(3)}),
    "constant": task("gradient", "3 * y + 2 * c", at={"y": of(()), "c": np.array(2.0)}),
    "linalg": task("gradient", "logdet(M.T @ M)", at={"M": of((3, 3)) + 3 * np.eye(3)}),
}


def cut(whole: Task, paths: list[str], start: int, stop: int) -> Task:
    """Some points of a task."""

    def some(field: str, values: Any) -> Any:
        return {n: v[start:stop] if f"{field}/{n}" in paths else v for n, v in values.items()} if values else values

    weights = whole.cotangent[start:stop] if whole.cotangent is not None and "cotangent" in paths else whole.cotangent
    return replace(whole, at=some("at", whole.at), tangents=some("tangents", whole.tangents), cotangent=weights)


def in_parts(whole: Task) -> Answer:
    """The answer, put together from parts of whole blocks."""
    takes: Any = sized(compute, whole)
    rows = takes["rows"]
    each = -(-3000 // rows) * rows
    ends = [*range(0, POINTS - each, each), POINTS]
    assert len(ends) > 2, "nothing is parted"
    found = [part(compute, cut(whole, takes["batched"], *ends_of)) for ends_of in pairwise(ends)]
    data = [b"".join(array.tobytes() for array in arrays or ()) for arrays in found]
    first = cut(whole, takes["batched"], 0, 1)
    return joined(compute, first, data, [stop - start for start, stop in pairwise(ends)])


def test_every_kind_that_is_parted_is_tried() -> None:
    """There is a task of each kind."""
    assert {each.kind for each in TASKS.values()} == PARTED


@pytest.mark.parametrize("name", TASKS)
def test_parts_make_the_answer_of_the_whole(name: str) -> None:
    """Every field is the same, and every number has the same bits."""
    whole, found = compute(TASKS[name]), in_parts(TASKS[name])
    assert not whole.warnings
    assert len(found.blocks) == len(whole.blocks)
    for mine, theirs in zip(found.blocks, whole.blocks, strict=True):
        assert mine.value is not None
        assert theirs.value is not None
        np.testing.assert_array_equal(mine.value, theirs.value, strict=True)
        assert replace(mine, value=None) == replace(theirs, value=None)
    for one, other in zip(found.values or (), whole.values or (), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    assert replace(found, values=None, blocks=()) == replace(whole, values=None, blocks=())


def test_what_something_is_to_be_said_of_is_not_put_together() -> None:
    """A pole, a kink and an overflow are found in the part that has them."""
    for expression, value in (("1 / x", 0.0), ("abs(x)", 0.0), ("exp(x)", 1000.0)):
        x = of(())
        x[POINTS // 2] = value
        whole = task("gradient", expression, at={"x": x})
        assert part(compute, cut(whole, ["at/x"], 0, 5000)) is not None
        assert part(compute, cut(whole, ["at/x"], 5000, POINTS)) is None


def test_what_is_not_parted() -> None:
    """Kinds with one answer for all points, checks at random points, factors, single points, infinite inputs."""
    x = of(())
    plain = task("gradient", "x**2", at={"x": x})
    assert sized(compute, plain)
    infinite = np.where(np.arange(POINTS) == 7, np.inf, x)
    for other in (
        replace(plain, kind="taylor"),
        replace(plain, verify=True),
        replace(plain, structure="auto"),
        task("gradient", "x**2", at={"x": infinite}),
        task("gradient", "log(x) - log(x) + x", at={"x": x - 1.5}),
        Task("gradient", "x**2", at={"x": np.array(2.0)}),
        Task("gradient", "x**2"),
    ):
        assert not sized(compute, other)
