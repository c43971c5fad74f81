"""A user's graph evaluated one operation at a time, as it was written.

Each operation is lowered alone, on variables of its own, and run by itself: nothing is rewritten, merged or shared
with its neighbours, so that the values owe nothing to the passes that they are to check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from service.errors import LimitError
from service.execute.program import Program, compile_program
from service.ir.leaves import ARRAY, FILL, VARIABLE, variable
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.walk import dependents, topological
from service.tasks.function import lower
from service.tasks.inputs import Point, spread
from service.tasks.messages import Array, Limits

EPSILON = float(np.finfo(float).eps)
HINT = "the function as it is written, which decides where it has a value, is too large"
SMALLEST = float(np.finfo(float).smallest_subnormal)  # what numbers near 0 are rounded to multiples of
SAMPLES = 8  # of the value at one point with random roundings
STAIRS = frozenset(("floor", "ceil", "round"))
BLURRED = 1e6  # an argument of theirs beside which a stair is too small for differences


def largest_of(outputs: Sequence[Node]) -> int:
    """The entries of the largest result on the way, all being formed."""
    return max([1, *(bulk(node.shape) for node in topological(outputs))])


Watch = Callable[[Node, Sequence[Array], Array], None]


@dataclass(frozen=True)
class _Step:
    """One operation: its program, whose inputs are called 0, 1, 2, ..., and the nodes it reads."""

    node: Node
    program: Program = field(repr=False)
    free: tuple[Node, ...]


class AsWritten:
    """The function whose outputs are given, all sizes being numbers.

    `operations` and `largest` estimate the multiplications and the largest array for one point.
    """

    def __init__(self, outputs: Sequence[Node]) -> None:
        self._outputs = tuple(outputs)
        order = topological(outputs)
        self._varies = dependents(order, [node for node in order if node.op is VARIABLE])
        self._steps = tuple(self._compiled(order))
        costs = [cost for step in self._steps for cost in (step.program.per_point, step.program.shared)]
        self.operations = sum(cost.operations for cost in costs)
        self.largest = max([largest_of(outputs), *(cost.largest for cost in costs)])

    def _compiled(self, order: Sequence[Node]) -> list[_Step]:
        programs: dict[object, Program] = {}
        steps, last = list[_Step](), dict[Node, int]()
        for node in order:
            if node.op is VARIABLE:
                continue
            last.update(dict.fromkeys(node.inputs, len(steps)))
            flags = frozenset(str(k) for k, child in enumerate(node.inputs) if child in self._varies)
            shapes = tuple(child.shape for child in node.inputs)
            key = (node.op, repr(node.attributes), node.shape, shapes, flags)
            if key not in programs:
                alone = lower(node, tuple(variable(str(k), shape) for k, shape in enumerate(shapes)))
                programs[key] = compile_program([alone], flags, with_masks=True)
            steps.append(_Step(node, programs[key], ()))
        kept = set(self._outputs)
        gone: dict[int, list[Node]] = {}
        for node, place in last.items():
            if node not in kept:
                gone.setdefault(place, []).append(node)
        return [_Step(step.node, step.program, tuple(gone.get(place, ()))) for place, step in enumerate(steps)]

    def at(self, points: Sequence[Mapping[str, Array]]) -> list[Array]:
        """Every output at the points, along the leading axis."""
        names = points[0]
        return self.run({name: np.stack([point[name] for point in points]) for name in names}, len(points))

    def rounding(self, point: Mapping[str, Array], generator: np.random.Generator, limits: Limits) -> Array:
        """How uncertain rounding makes each entry of the only output.

        Every result on the way is rounded at random, so that the values at one point differ by what rounding does
        (Vignes, "A stochastic arithmetic for reliable scientific computation", Mathematics and Computers in
        Simulation 35, 1993).
        """
        most = max(1, limits.elements // self.largest)
        parts = [
            self.run(
                {name: np.broadcast_to(value, (count, *value.shape)) for name, value in point.items()}, count, generator
            )[0]
            for count in (len(range(k, min(k + most, SAMPLES))) for k in range(0, SAMPLES, most))
        ]
        return np.asarray(np.ptp(np.concatenate(parts), axis=0))

    def run(
        self,
        values: Mapping[str, Array],
        count: int,
        rounding: np.random.Generator | None = None,
        watch: Watch | None = None,
    ) -> list[Array]:
        """Every output at `count` points, along the leading axis of every value.

        `rounding` rounds at random, and answers NaN where stairs look like a slope; `watch` is shown every operation
        with its arguments and result.
        """
        if rounding is not None:
            values = {name: _near_zero(array, rounding) for name, array in values.items()}
        done: dict[Node, Array] = {}

        def value(node: Node) -> Array:
            return values[node.attributes] if node.op is VARIABLE else done[node]

        for step in self._steps:
            inputs = {str(k): value(child) for k, child in enumerate(step.node.inputs)}
            (result,) = step.program.run(inputs)
            if step.node in self._varies:  # a power 0 of a matrix has lost the axis that its operand has
                result = spread(result, count, numbers(step.node.shape))
            if rounding is not None and step.node in self._varies:
                result = _rounded(result, rounding)
                if step.node.op.name in STAIRS:
                    result[np.abs(inputs["0"]) > BLURRED] = np.nan
            if watch is not None:
                watch(step.node, list(inputs.values()), result)
            done[step.node] = result
            for node in step.free:
                done.pop(node, None)
        return [spread(value(node), count, numbers(node.shape)) for node in self._outputs]


def _rounded(result: Array, generator: np.random.Generator) -> Array:
    return _near_zero(result * (1 + EPSILON * generator.uniform(-1, 1, result.shape)), generator)


def _near_zero(result: Array, generator: np.random.Generator) -> Array:
    """Rounded at random as numbers below the normal range are, which makes no difference to others."""
    return np.where(result == 0, result, result + SMALLEST * generator.integers(-1, 2, result.shape))


def values_as_written(outputs: Sequence[Node], point: Point, limits: Limits) -> list[Array]:
    """The outputs at a point, or at the points of its batch, as they stand: x - x is not 0 yet at infinity."""
    written, count = within_limits(outputs, point, limits)
    return [value if point.batch_size is not None else value[0] for value in written.run(many_of(point), count)]


def within_limits(outputs: Sequence[Node], point: Point, limits: Limits) -> tuple[AsWritten, int]:
    """The function as it is written, and the number of points.

    Raises LimitError where its arrays are too large.
    """
    written, count = AsWritten(outputs), point.batch_size or 1
    if written.largest * count > limits.elements:
        raise LimitError("elements", written.largest * count, limits.elements, hint=HINT)
    return written, count


def many_of(point: Point) -> dict[str, Array]:
    """The values of a point, all of them with the leading axis of a batch."""
    count = point.batch_size or 1
    return {
        name: value if name in point.batched else np.broadcast_to(value, (count, *value.shape))
        for name, value in point.arrays.items()
    }


def has_nonfinite(outputs: Sequence[Node], point: Point) -> bool:
    """Whether an input that the user's graph uses, or a constant of it, is not finite."""
    for node in topological(outputs):
        if node.op is VARIABLE and not np.isfinite(point.arrays.get(node.attributes, 0.0)).all():
            return True
        if node.op is FILL and not math.isfinite(node.attributes):
            return True
        if node.op is ARRAY and not np.isfinite(np.frombuffer(node.attributes.content)).all():
            return True
    return False
