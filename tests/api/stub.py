"""Mathematics small enough for tests of HTTP: the function x'x, and whatever a test wants to happen instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from service.tasks.messages import Answer, Block, Notice, Task

OPERATION = {
    "name": "exp",
    "signature": "exp(x)",
    "summary": "exponential",
    "shape_rule": "the shape of x",
    "derivative_rule": "exp(x) | itself",
    "example": "exp(x)",
    "aliases": ["e_to"],
    "family": "elementwise",
}


def catalogue() -> list[dict[str, Any]]:
    """A language of one operation."""
    return [OPERATION]


def square(task: Task) -> Answer:
    """X'x and its gradient at `x`, whatever the expression."""
    x = None if task.at is None else task.at.get("x")
    value = None if x is None else (np.asarray(np.sum(x * x)),)
    if task.kind == "plan":
        return Answer("fn_square", "plan", task.layout, None, None, parts={"plan": {"kind": task.plan_kind}})
    block = Block(
        0, ("x",), ("n",) if x is None else x.shape, "dense", {"text": "2 * x"}, None if x is None else 2.0 * x
    )
    blocks = () if task.kind == "evaluate" else (block,)
    warnings = () if x is None or np.isfinite(x).all() else (Notice("non_finite", "x is not finite", "value"),)
    return Answer("fn_square", task.kind, task.layout, None, value, blocks, warnings)


class Recorder:
    """Answers like `square`, or as it is told, and keeps the tasks it was given."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.behave: Callable[[Task], Answer] = square

    def __call__(self, task: Task) -> Answer:
        """The answer to a task."""
        self.tasks.append(task)
        return self.behave(task)

    @property
    def task(self) -> Task:
        """The last task."""
        return self.tasks[-1]

    def fail_with(self, error: BaseException) -> None:
        """Makes every later task end in the error."""

        def behave(_task: Task) -> Answer:
            raise error

        self.behave = behave
