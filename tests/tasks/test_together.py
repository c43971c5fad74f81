"""Points of different requests in one batch: each row has the bits of its request alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.api.encoding import encode_answer, encode_rows
from service.tasks.bounded import InseparableError
from service.tasks.compute import compute
from service.tasks.messages import Answer, Array, Task
from service.tasks.together import compute_together, is_joinable, row

SEPARABLE = (
    ("x*exp(-x**2-y**2)", {"x": (), "y": ()}),
    ("sqrt(x**2+exp(x**2))+cos(x**2+exp(x**2))", {"x": ()}),
    ("a*x/(b+x) + a*b*x + a*x*y + b*x*y", {"x": (), "y": (), "a": (), "b": ()}),
    ("log(1 + exp(a*x)) * b", {"a": (), "b": (), "x": ()}),
)
SUMMED = (("x.T @ A @ x", {"x": (5,), "A": (5, 5)}), ("sum(sin(x)*exp(y))", {"x": (40,), "y": (40,)}))
ELEMENTWISE = (("sin(x)*exp(y)/(1 + x**2)", {"x": (7,), "y": (7,)}),)


def tasks(kind: str, expression: str, shapes: dict[str, tuple[int, ...]], count: int) -> list[Task]:
    """Tasks that differ in their points."""
    draw = np.random.default_rng(0)
    first = Task(kind, expression, forms=())  # type: ignore[arg-type]
    return [
        replace(first, at={name: draw.uniform(0.1, 2.0, shape) for name, shape in shapes.items()}) for _ in range(count)
    ]


def together(asked: list[Task]) -> Answer | None:
    """Their answers in one."""
    return compute_together(asked[0], [task.at or {} for task in asked])


def arrays(answer: Answer) -> list[bytes]:
    """Every number of an answer, as its bits."""
    found: list[Array] = [*(answer.values or ())]
    found += [block.value for block in answer.blocks if block.value is not None]
    return [np.ascontiguousarray(array).tobytes() for array in found]


@pytest.mark.parametrize("count", [2, 3, 17, 70])
@pytest.mark.parametrize("kind", ["evaluate", "gradient", "hessian", "jacobian"])
@pytest.mark.parametrize(("expression", "shapes"), SEPARABLE, ids=lambda value: str(value)[:20])
def test_rows_have_the_bits_of_requests_alone(
    kind: str, expression: str, shapes: dict[str, tuple[int, ...]], count: int
) -> None:
    """Whatever tier runs a single point and whatever runs the batch."""
    asked = tasks(kind, expression, shapes, count)
    for _ in range(4):  # later runs are by generated code
        whole = together(asked)
        assert whole is not None
        for number, task in enumerate(asked):
            answer, alone = row(whole, number), compute(task)
            assert encode_rows(whole)[number] == encode_answer(alone)
            assert arrays(answer) == arrays(alone)
            assert answer.batch_size is None
            assert [block.shape for block in answer.blocks] == [block.shape for block in alone.blocks]


@pytest.mark.parametrize(("expression", "shapes"), SUMMED, ids=lambda value: str(value)[:20])
def test_what_a_library_sums_is_left_alone(expression: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """BLAS orders sums by the sizes of what it is given."""
    with pytest.raises(InseparableError):
        together(tasks("gradient", expression, shapes, 3))


def test_a_bad_row_sends_every_request_back() -> None:
    """A warning belongs to one request; it must not be lost, nor reach another."""
    asked = tasks("gradient", "log(x)", {"x": ()}, 3)
    asked[1] = replace(asked[1], at={"x": np.array(0.0)})
    assert together(asked) is None


def test_wrong_names_are_refused_alone() -> None:
    """An error names what is wrong with one request."""
    asked = [replace(task, at={**(task.at or {}), "z": np.array(1.0)}) for task in tasks("gradient", "x", {"x": ()}, 2)]
    with pytest.raises(InseparableError):
        together(asked)


def test_only_plain_points_are_joined() -> None:
    """What has further arrays, or is checked, is computed by itself."""
    task = Task("gradient", "x", at={"x": np.array(1.0)})
    assert is_joinable(task)
    assert not is_joinable(replace(task, verify=True))
    assert not is_joinable(replace(task, kind="jvp"))
    assert not is_joinable(replace(task, at=None))
