"""Points that came with different requests for the same computation, in one batch.

Each answer has the bits it would have had alone. Only programs are taken in which every entry of a result is made from
the same entries of its point by the same steps (no sum over the batch, no library that orders sums by size), and only
points of which nothing needs to be said: a warning, and what leads to one, belongs to one request alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from service.errors import FluxionError
from service.tasks.bounded import InseparableError
from service.tasks.compute import compute
from service.tasks.messages import Answer, Array, Block, Declaration, Kind, Task
from service.tasks.problem import read_problem

KINDS: frozenset[Kind] = frozenset(("evaluate", "gradient", "jacobian", "hessian", "derivative"))


def is_joinable(task: Task) -> bool:
    """Whether tasks like this one, but for the numbers in `at`, may be computed together."""
    return task.kind in KINDS and bool(task.at) and not task.verify and task.structure == "dense"


def compute_together(task: Task, points: Sequence[Mapping[str, Array]]) -> Answer | None:
    """The answer to a task at the points of several, along one more leading axis; `at` of the task is not looked at.

    None where these points must be computed one by one. Raises InseparableError where that is so of all points.
    """
    shapes = {name: array.shape for name, array in points[0].items()}
    stacked = {name: np.stack([point[name] for point in points]) for name in shapes}
    variables = task.variables
    if variables is None and task.graph is None:
        variables = {name: Declaration(shape) for name, shape in shapes.items()}
    try:
        if read_problem(replace(task, at=points[0])).function.inputs.keys() != shapes.keys():
            raise InseparableError
        whole = compute(replace(task, at=stacked, variables=variables, alone=True))
    except FluxionError:
        return None
    return None if whole.warnings or whole.batch_size != len(points) else whole


def row(whole: Answer, number: int) -> Answer:
    """What the request with one of the points is answered."""
    values = None if whole.values is None else tuple(value[number] for value in whole.values)
    blocks = tuple(_block(block, number) for block in whole.blocks)
    return replace(whole, batch_size=None, values=values, blocks=blocks)


def _block(block: Block, row: int) -> Block:
    return replace(block, value=None if block.value is None else block.value[row])
