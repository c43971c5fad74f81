"""Several variables as one vector: each flattened row by row, in the order asked for. A single one keeps its shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from service.diff.reverse import identity
from service.errors import InvalidRequestError, UnsupportedOperationError
from service.ir.contraction import contract
from service.ir.leaves import selector, variable
from service.ir.node import Node
from service.ir.reshaping import reshape
from service.ir.size import numbers
from service.tasks.bounded import require_values
from service.tasks.function import Function
from service.tasks.messages import Array
from service.tasks.problem import Problem

MOST_NAMED = 3  # missing variables in a message


@dataclass(frozen=True)
class Joined:
    """The variables by name, with their sizes as numbers."""

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def sizes(self) -> list[int]:
        """How many entries each variable has."""
        return [math.prod(shape) for shape in self.shapes.values()]

    @property
    def size(self) -> int:
        """How many entries they have together."""
        return sum(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the one variable, or that of the vector."""
        return next(iter(self.shapes.values())) if len(self.shapes) == 1 else (self.size,)

    @property
    def places(self) -> dict[str, slice]:
        """Where each variable stands in the vector."""
        ends = list(accumulate(self.sizes))
        return {name: slice(end - size, end) for name, size, end in zip(self.shapes, self.sizes, ends, strict=True)}

    def tangents(self) -> dict[Node, Node]:
        """The derivative of each variable by the joined one: shape (*variable, *joined)."""
        if len(self.shapes) == 1:
            return {variable(name, shape): identity(shape) for name, shape in self.shapes.items()}
        found = {}
        for (name, shape), place in zip(self.shapes.items(), self.places.values(), strict=True):
            flat = contract([(selector(self.size, math.prod(shape), place.start, 1), "nk")], "kn")
            found[variable(name, shape)] = reshape(flat, (*shape, self.size))
        return found

    def joined(self, values: Mapping[str, Array]) -> Array:
        """Values of the variables, without a batch axis, as one."""
        return np.concatenate([values[name].ravel() for name in self.shapes]).reshape(self.shape)

    def parted(self, value: Array) -> dict[str, Array]:
        """Arrays of shape (..., size) as the variables': (..., *variable)."""
        return {
            name: value[..., place].reshape(value.shape[:-1] + self.shapes[name]) for name, place in self.places.items()
        }

    def entry(self, place: int) -> str:
        """How the entry at a place of the vector is written: `x`, `X[0, 1]`."""
        for name, part in self.places.items():
            if part.start <= place < part.stop:
                index = np.unravel_index(place - part.start, self.shapes[name])
                return name + (f"[{', '.join(str(int(k)) for k in index)}]" if index else "")
        raise IndexError(place)


def joined(function: Function, names: Sequence[str]) -> Joined:
    """The variables of a function whose sizes are numbers."""
    return Joined({name: numbers(function.inputs[name]) for name in names})


def one_output(problem: Problem) -> Node:
    """The function's kernel graph; a function of several outputs is refused."""
    outputs, kind = problem.function.kernel, problem.task.kind
    if len(outputs) > 1:
        message = f"{kind} is of one output; the graph has {len(outputs)}"
        raise UnsupportedOperationError(message, pointer="/graph/outputs")
    return outputs[0]


def names_to_join(problem: Problem) -> tuple[str, ...]:
    """The variables to differentiate by; a function without any is refused."""
    if not problem.names:
        message = f"{problem.task.kind} is by at least one variable; the function has none"
        raise InvalidRequestError(message)
    return problem.names


def require_point(problem: Problem, names: Sequence[str]) -> None:
    """Refuse to go on without a value for each of `names`, even for one that the function does not use."""
    missing = [name for name in names if name not in problem.point.arrays]
    if missing and problem.task.at is None:
        needed = " and ".join(missing[:MOST_NAMED])
        message = f"at is missing: {problem.task.kind} needs a point, with a value for {needed}"
        raise InvalidRequestError(message, pointer="/at")
    if missing:
        message = f"at has no value for {missing[0]}"
        raise InvalidRequestError(message, pointer="/at")
    require_values(problem.concrete.kernel, problem.point)


def require_one_point(problem: Problem) -> None:
    """Refuse a batch."""
    size = problem.point.batch_size
    if size is not None:
        message = f"{problem.task.kind} is at one point; at has a batch of {size}"
        raise UnsupportedOperationError(message, pointer="/at")


def joined_blocks(blocks: Sequence[Array], leading: int, whole: Joined) -> Array:
    """The derivatives by each variable, with `leading` axes of the output first, as one: (*output, size)."""
    flat = [block.reshape(*block.shape[:leading], -1) for block in blocks]
    return np.concatenate(flat, axis=-1).reshape(*blocks[0].shape[:leading], whole.size)


def by_layout(derivative: Array, leading: int, layout: str, batch: int = 0) -> Array:
    """A derivative with `leading` axes of the output first (after `batch` ones), in the layout asked for."""
    if layout == "numerator":
        return derivative
    return np.moveaxis(derivative, range(batch, batch + leading), range(-leading, 0)) if leading else derivative
