"""Points that came with different requests for the same computation, in one batch.

Each answer has the bits it would have had alone. Only programs are taken in which every entry of a result is made from
the same entries of its point by the same steps (no sum over the batch, no library that orders sums by size), and only
points of which nothing needs to be said: a warning, and what leads to one, belongs to one request alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from service.errors import FluxionError
from service.tasks.bounded import InseparableError
from service.tasks.compute import compute
from service.tasks.messages import Answer, Block, Declaration, Kind, Task
from service.tasks.problem import read_problem

KINDS: frozenset[Kind] = frozenset(("evaluate", "gradient", "jacobian", "hessian", "derivative"))


def is_joinable(task: Task) -> bool:
    """Whether tasks like this one, but for the numbers in `at`, may be computed together."""
    return task.kind in KINDS and bool(task.at) and not task.verify and task.structure == "dense"


def compute_together(tasks: Sequence[Task]) -> list[Answer] | None:
    """The answers to tasks that differ in the numbers of `at` alone, or None where these must be computed one by one.

    Raises InseparableError where that is so whatever the numbers are.
    """
    first, points = tasks[0], [task.at or {} for task in tasks]
    shapes = {name: array.shape for name, array in points[0].items()}
    stacked = {name: np.stack([point[name] for point in points]) for name in shapes}
    variables = first.variables
    if variables is None and first.graph is None:
        variables = {name: Declaration(shape) for name, shape in shapes.items()}
    try:
        if read_problem(first).function.inputs.keys() != shapes.keys():
            raise InseparableError
        whole = compute(replace(first, at=stacked, variables=variables, alone=True))
    except FluxionError:
        return None
    if whole.warnings or whole.batch_size != len(tasks):
        return None
    return [_row(whole, row) for row in range(len(tasks))]


def _row(whole: Answer, row: int) -> Answer:
    values = None if whole.values is None else tuple(value[row] for value in whole.values)
    return replace(whole, batch_size=None, values=values, blocks=tuple(_block(block, row) for block in whole.blocks))


def _block(block: Block, row: int) -> Block:
    return replace(block, value=None if block.value is None else block.value[row])
