"""What is verified: a request's function with a number for every size, and the derivatives that it then has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.errors import FluxionError
from service.frontends.sizes import bind, size_names
from service.tasks.derivatives import Derivative
from service.tasks.function import Function, declared_shapes, read_function

if TYPE_CHECKING:
    from service.tasks.problem import Problem

ATTEMPTS = 40  # to find sizes that a function has; the sizes grow meanwhile
SIZES = (2, 5)


@dataclass(frozen=True)
class Subject:
    """The function with numbers for all sizes, and its blocks."""

    function: Function
    blocks: Sequence[Derivative]
    sizes: Mapping[str, int]


def subject_of(
    problem: Problem,
    derive: Callable[[Function], list[Derivative]],
    blocks: tuple[Sequence[Derivative], Sequence[Derivative]],
    generator: np.random.Generator,
) -> Subject | None:
    """The problem with numbers for its sizes: those of its point, random ones for the rest; None if none fit."""
    given = problem.point.sizes
    names = sorted(size_names(problem.function.inputs.values()) - given.keys())
    if not names:
        return Subject(problem.concrete, blocks[1], given)
    low, high = SIZES
    for attempt in range(ATTEMPTS):
        sizes = {**given, **{name: int(generator.integers(low, high + attempt // 2)) for name in names}}
        try:
            function = read_function(problem.task, declared_shapes(problem.task), sizes)
            found = derive(function)
        except FluxionError:
            continue  # these sizes do not fit the function, or its slices
        if all(bind(b.node.shape, sizes) == f.node.shape for b, f in zip(blocks[0], found, strict=True)):
            return Subject(function, found, sizes)
    return None
