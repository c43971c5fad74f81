"""A program as it is written down: steps on numbered registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from service.ir.node import Node

Array = Any
Shape = tuple[int, ...]
FLOAT = np.dtype(np.float64)


class Manner(Enum):
    """How a step gets its result.

    A ufunc can write into a given array, a call makes its own, a view shares memory with a source, and a kernel may.
    """

    UFUNC = "ufunc"
    CALL = "call"
    VIEW = "view"
    KERNEL = "kernel"


class Step(NamedTuple):
    """`registers[target] = run(*registers[sources])`, on behalf of the node `origin`."""

    origin: Node
    manner: Manner
    run: Callable[..., Array]
    sources: tuple[int, ...]
    target: int

    @property
    def name(self) -> str:
        """The operation that the step is part of."""
        return self.origin.op.name


@dataclass
class Cost:
    """Estimated multiplications and the largest array on the way, in entries, for one point."""

    operations: int = 0
    largest: int = 0

    def note(self, operations: int, entries: int) -> None:
        """One more step."""
        self.operations += operations
        self.largest = max(self.largest, entries)


@dataclass
class Listing:
    """Steps in order, and of each register its shape (without the batch axis) and whether it has a batch axis.

    Orders of products are planned for batches of `typical_batch` points. A batch axis is always the first. `shared` and
    `per_point` estimate the work once and for each point of a batch. `negated` and `squares` have the
    register that another is the negative or the square of.
    """

    typical_batch: int = 1
    steps: list[Step] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    batched: list[bool] = field(default_factory=list)
    dtypes: list[np.dtype[Any]] = field(default_factory=list)
    constants: dict[int, Array] = field(default_factory=dict)
    shared: Cost = field(default_factory=Cost)
    per_point: Cost = field(default_factory=Cost)
    negated: dict[int, int] = field(default_factory=dict)
    squares: dict[int, int] = field(default_factory=dict)
    origin: Node | None = None
    _known: dict[Any, int] = field(default_factory=dict)

    def register(self, shape: Shape, *, batched: bool, dtype: np.dtype[Any] = FLOAT) -> int:
        """A new register."""
        self.shapes.append(shape)
        self.batched.append(batched)
        self.dtypes.append(dtype)
        return len(self.shapes) - 1

    def constant(self, array: Array) -> int:
        """A register that holds an array known beforehand."""
        array = np.asarray(array)
        key = ("constant", array.dtype.char, array.tobytes()) if not array.shape else None
        if key in self._known:
            return self._known[key]
        target = self.register(array.shape, batched=False, dtype=array.dtype)
        self.constants[target] = array
        if key is not None:
            self._known[key] = target
        return target

    def ufunc(self, function: np.ufunc, *sources: int) -> int:
        """A function applied entry by entry to registers of one rank, or of none."""
        key = (function, sources)
        known = self._known.get(key)
        if known is None:
            shapes = [*map(self.shapes.__getitem__, sources)]
            alike = shapes.count(shapes[0]) == len(shapes)  # NumPy takes long to find the common shape
            shape = shapes[0] if alike else np.broadcast_shapes(*shapes)
            dtype = _result_type(function, tuple(map(self.dtypes.__getitem__, sources)))
            known = self._known[key] = self._step(Manner.UFUNC, function, sources, shape, dtype)
            if function is np.square:
                self.squares[known] = sources[0]
        return known

    def negative(self, source: int) -> int:
        """A register with the other sign."""
        if source in self.negated:
            return self.negated[source]
        result = self.ufunc(np.negative, source)
        self.negated[result] = source
        return result

    def view(self, function: Callable[[Array], Array], source: int, shape: Shape, key: Any) -> int:
        """Another look at a register's memory; equal keys mean equal functions."""
        key = ("view", key, source)
        if key not in self._known:
            self._known[key] = self._step(Manner.VIEW, function, (source,), shape)
        return self._known[key]

    def call(self, function: Callable[..., Array], sources: Sequence[int], shape: Shape) -> int:
        """Any other function that makes its own array."""
        return self._step(Manner.CALL, function, tuple(sources), shape)

    def kernel(self, function: Callable[..., Array], sources: Sequence[int], shape: Shape) -> int:
        """A function of which nothing is known, not even whether its result is an array of its own."""
        return self._step(Manner.KERNEL, function, tuple(sources), shape)

    def note(self, operations: int, entries: int, *, batched: bool) -> None:
        """Estimated work."""
        (self.per_point if batched else self.shared).note(operations, entries)

    def _step(
        self,
        manner: Manner,
        function: Callable[..., Array],
        sources: tuple[int, ...],
        shape: Shape,
        dtype: np.dtype[Any] = FLOAT,
    ) -> int:
        target = self.register(shape, batched=True in map(self.batched.__getitem__, sources), dtype=dtype)
        if self.origin is None:
            message = "a step is written on behalf of a node"
            raise TypeError(message)
        self.steps.append(Step(self.origin, manner, function, sources, target))
        return target


@cache
def _result_type(function: np.ufunc, sources: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    return function.resolve_dtypes((*sources, None))[-1]


def needed_steps(steps: Sequence[Step], kept: Sequence[int]) -> list[Step]:
    """The steps on which the registers `kept` depend."""
    needed, result = set(kept), list[Step]()
    for step in reversed(steps):
        if step.target in needed:
            needed.update(step.sources)
            result.append(step)
    return result[::-1]
