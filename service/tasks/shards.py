"""Long batches in parts: which can be parted, the numbers of a part, and the answer of all parts together.

An answer about which something is to be said is not put together from parts: what is said of a batch is said of the
whole, with its counts and its first points. Such a batch is computed in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from service.tasks.messages import PARTED, Answer, Array, Task
from service.tasks.problem import read_problem

Compute = Callable[[Task], Answer]


def sized(compute: Compute, task: Task) -> dict[str, object]:
    """What the numbers take (the fields of `sizing.Takes`), and `batched`: the paths of the arrays to cut.

    Nothing for a task that is not parted. Raises what computing it would, for reasons of form and size.
    """
    if task.kind not in PARTED or task.verify or task.structure != "dense" or task.at is None:
        return {}
    found = compute(replace(task, sized=True, forms=())).parts.get("takes")
    return {**found, "batched": batched(task)} if found and found["apart"] else {}


def batched(task: Task) -> list[str]:
    """The tensors of a task that have a batch axis: `at/NAME`, `tangents/NAME`, `cotangent`."""
    problem = read_problem(task)
    inputs, moving = problem.function.inputs, task.tangents or {}
    found = [f"at/{name}" for name in sorted(problem.point.batched)]
    found += [f"tangents/{name}" for name, value in moving.items() if value.ndim > len(inputs[name])]
    weights = task.cotangent
    if weights is not None and weights.ndim > len(problem.function.kernel[0].shape):
        found.append("cotangent")
    return found


def part(compute: Compute, task: Task) -> list[Array] | None:
    """The values, then the derivatives, of one part of a batch; None if something is to be said of them."""
    answer = compute(replace(task, forms=()))
    return None if answer.warnings else arrays(answer)


def joined(compute: Compute, first: Task, parts: Sequence[bytes | memoryview], counts: Sequence[int]) -> Answer:
    """The answer to a batch from the numbers of its parts, each so many points long, all arrays one after another.

    `first` is the task at the first point alone, as a batch of one.
    """
    answer = compute(first)
    whole = [np.empty((sum(counts), *array.shape[1:])) for array in arrays(answer)]
    start = 0
    for data, count in zip(parts, counts, strict=True):
        flat, place = np.frombuffer(data, np.float64), 0
        for array in whole:
            rows = array[start : start + count]
            rows[:] = flat[place : place + rows.size].reshape(rows.shape)
            place += rows.size
        start += count
    numbers = iter(whole)
    values = tuple(next(numbers) for _ in answer.values or ())
    blocks = tuple(replace(block, value=next(numbers)) for block in answer.blocks)
    return replace(answer, batch_size=sum(counts), values=values, blocks=blocks, warnings=())


def arrays(answer: Answer) -> list[Array]:
    """The values, then the derivatives."""
    return [*(answer.values or ()), *(block.value for block in answer.blocks if block.value is not None)]
