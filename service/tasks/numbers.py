"""Values of a function and its derivatives at a point or over a batch, within bounds, with every doubt reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.errors import DomainError, InvalidRequestError, LimitError, NotDifferentiableError
from service.execute.blame import Blame
from service.execute.program import Program, Watch, compile_program
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import bulk, numbers
from service.ir.walk import topological
from service.rewrite.masks import with_masks
from service.tasks.as_written import has_nonfinite, values_as_written
from service.tasks.conditions import Conditions
from service.tasks.derivatives import Derivative
from service.tasks.inputs import Point, spread
from service.tasks.kinks import kinks_at
from service.tasks.messages import Array, Limits, Nonsmooth, Notice
from service.tasks.notices import INVERTING, notices_of

BYTES = 8


@dataclass(frozen=True)
class Numbers:
    """The values of the outputs and of the derivative blocks, and what must be said about them."""

    values: tuple[Array, ...]
    blocks: tuple[Array, ...]
    notices: tuple[Notice, ...]
    batch_size: int | None


def compile_bounded(outputs: Sequence[Node], point: Point, limits: Limits) -> Program:
    """Compile what is asked for, after checking from shapes alone that it stays within the bounds."""
    count = point.batch_size or 1
    for node in outputs:
        entries = bulk(node.shape) * count
        if entries > limits.elements:
            raise LimitError(
                "elements", entries, limits.elements, hint="ask for fewer points, outputs or variables at a time"
            )
    program = compile_program(outputs, point.batched, limits.elements)
    largest = max(program.shared.largest, program.per_point.largest * count)
    if largest > limits.elements:
        raise LimitError("elements", largest, limits.elements, hint="an intermediate result is too large")
    operations = program.shared.operations + program.per_point.operations * count
    if operations > limits.operations:
        raise LimitError("operations", operations, limits.operations)
    return program


def require_values(outputs: Sequence[Node], point: Point) -> None:
    """Refuse to compute numbers of a variable that has no value."""
    names = [node.attributes for node in topological(outputs) if node.op is VARIABLE]
    for name in names:
        if name not in point.arrays:
            message = f"at has no value for {name}"
            raise InvalidRequestError(message, pointer="/at")


@dataclass(frozen=True)
class Evaluation:
    """The values of outputs and derivatives, with the batch axis if there is one, and the program that made them.

    `of` has the number of the output that each derivative is of, `said` what is said of numbers that are finite.
    """

    program: Program
    point: Point
    values: tuple[Array, ...]
    blocks: tuple[Array, ...]
    of: tuple[int, ...]
    said: tuple[Notice, ...]
    given: bool  # whether an input or a constant is not finite

    def notices(self, placed: Sequence[tuple[str, Array]]) -> tuple[Notice, ...]:
        """What must be said of the numbers, under their places in the answer: not finite, or by a convention."""
        return (*self.nonfinite(placed), *self._finite([where for where, _ in placed]))

    def _finite(self, places: Sequence[str]) -> list[Notice]:
        """Kinks and bad conditions under their places, or under the first place of an answer that has others."""
        moved = [notice if notice.where in places else replace(notice, where=places[0]) for notice in self.said]
        return list(dict.fromkeys(moved))

    def nonfinite(self, placed: Sequence[tuple[str, Array]]) -> list[Notice]:
        """What must be said of the numbers, under their places in the answer, that are not finite.

        Raises DomainError where a value does not exist because a matrix has no inverse at the one point asked for.
        """
        broken = [(where, array) for where, array in placed if not np.isfinite(array).all()]
        if not broken:
            return []
        blame = Blame(self.program, self.point.arrays)
        for k, value in enumerate(self.values):
            name = blame.undefined(k).operation or ""
            if self.point.batch_size is None and np.isnan(value).any() and name in INVERTING:
                message = f"{name}: {INVERTING[name]}, so the answer does not exist at this point"
                raise DomainError(message)
        found = []
        for where, array in broken:
            behind = self._behind(array)
            found += notices_of(where, array, blame.undefined(*behind), blame.infinite(*behind), given=self.given)
        return found

    def _behind(self, array: Array) -> Sequence[int]:
        """The outputs of the program that an array comes from: it alone, then the value it is a derivative of."""
        known = (*self.values, *self.blocks)
        number = next((k for k, other in enumerate(known) if other is array), None)
        if number is None:
            return range(len(known))
        block = number - len(self.values)
        return (number,) if block < 0 else (number, self.of[block])


def evaluate(
    outputs: Sequence[Node],
    derivatives: Sequence[Derivative],
    point: Point,
    limits: Limits,
    written: Sequence[Node] = (),
    nonsmooth: Nonsmooth = "default",
) -> Evaluation:
    """Evaluate outputs and derivatives in one program. Where a value is not a number, so are its derivatives.

    With the user's graphs `written`, a value that these do not have at an infinite point is not a number either.
    Raises NotDifferentiableError at a kink, a tie or a jump where `nonsmooth` is `error`.
    """
    nodes = [*outputs, *(block.node for block in derivatives)]
    require_values(nodes, point)
    conditions = Conditions(nodes)
    program, results = _run(nodes, point, limits, conditions)
    values, blocks = results[: len(outputs)], results[len(outputs) :]
    given = has_nonfinite(written or outputs, point)
    if given and written:
        for place, value in enumerate(values_as_written(written, point, limits)):
            values[place] = np.where(np.isnan(value), np.nan, values[place])
    lead = 0 if point.batch_size is None else 1
    for place, block in enumerate(derivatives):
        blocks[place] = _masked(blocks[place], values[block.output], lead, block.layout)
    kinks = kinks_at(outputs, derivatives, point, limits)
    if nonsmooth == "error" and kinks:
        raise NotDifferentiableError(kinks[0].message)
    said = [*kinks, *conditions.notices(list(zip(_places(len(outputs), len(derivatives)), nodes, strict=True)))]
    of = tuple(block.output for block in derivatives)
    return Evaluation(program, point, tuple(values), tuple(blocks), of, tuple(said), given)


def _run(nodes: Sequence[Node], point: Point, limits: Limits, watch: Watch) -> tuple[Program, list[Array]]:
    """The program and its results; where these are not finite, of the graph with its masks spelled out."""
    program = compile_bounded(nodes, point, limits)
    results = program.run(point.arrays, watch)
    if not all(np.isfinite(value).all() for value in results):
        careful = with_masks(nodes)
        if any(node.op.strong for node in topological(careful)):
            program = compile_program(careful, point.batched, limits.elements, with_masks=True)
            results = program.run(point.arrays)
    return program, [_whole(value, point, numbers(node.shape)) for value, node in zip(results, nodes, strict=True)]


def compute_numbers(
    outputs: Sequence[Node],
    derivatives: Sequence[Derivative],
    point: Point,
    limits: Limits,
    written: Sequence[Node] = (),
    nonsmooth: Nonsmooth = "default",
) -> Numbers:
    """The numbers of an answer that has `value` (or `values`) and `derivatives`."""
    found = evaluate(outputs, derivatives, point, limits, written, nonsmooth)
    places = zip(_places(len(outputs), len(derivatives)), [*found.values, *found.blocks], strict=True)
    return Numbers(found.values, found.blocks, found.notices(list(places)), point.batch_size)


def _places(outputs: int, derivatives: int) -> list[str]:
    values = ["/value"] if outputs == 1 else [f"/values/{k}" for k in range(outputs)]
    return [*values, *(f"/derivatives/{k}/value" for k in range(derivatives))]


def _whole(value: Array, point: Point, shape: tuple[int, ...]) -> Array:
    """The value with its batch axis; one that has not the shape its graph promises is a defect, never an answer."""
    result = spread(value, point.batch_size, shape)
    if result.shape[result.ndim - len(shape) :] != shape or result.ndim != len(shape) + (point.batch_size is not None):
        message = f"a value of shape {result.shape} where the graph promises {shape}"
        raise AssertionError(message)
    return result


def _masked(block: Array, value: Array, lead: int, layout: str) -> Array:
    """A derivative of what is not a number is not a number, whatever its formula says there."""
    if not np.isnan(value).any():
        return block
    if layout == "variable":
        gone = np.isnan(value).any(axis=tuple(range(lead, value.ndim)))
        return np.where(gone.reshape((*gone.shape, *(1,) * (block.ndim - lead))), np.nan, block)
    axes = block.ndim - value.ndim
    shape = (
        (*value.shape, *(1,) * axes)
        if layout == "numerator"
        else (*value.shape[:lead], *(1,) * axes, *value.shape[lead:])
    )
    return np.where(np.isnan(value).reshape(shape), np.nan, block)
