"""Programs within bounds, which shapes alone tell before any number is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from service.errors import InvalidRequestError, LimitError
from service.execute.program import Program, compile_program, planned_for
from service.ir.coefficient import CONTRACT
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import Dim, bulk
from service.ir.walk import topological
from service.ops.determinants import INV
from service.rewrite.bracketing import bracketed
from service.tasks.inputs import Point
from service.tasks.messages import Limits
from service.tasks.remembered import remembered
from service.tasks.sharing import digests, graphs
from service.tasks.timing import stage

BYTES = 8
STEP, NODE_BYTES = 4, 500  # the memory of a step in nodes, that of a node in bytes
LEAST_SHARED = 16  # nodes whose brackets take longer to find than a store to ask
FEWER = "ask for fewer points, outputs or variables at a time"


@dataclass(frozen=True)
class Compiled:
    """A program, and the graphs that it was made of."""

    nodes: Sequence[Node]
    program: Program

    @cached_property
    def inverts(self) -> bool:
        """Whether the program inverts a matrix."""
        return any(step.origin.op is INV for step in self.program.steps)


def compile_bounded(outputs: Sequence[Node], point: Point, limits: Limits) -> Program:
    """The program of what `compile_graphs` makes."""
    return compile_graphs(outputs, point, limits).program


def compile_graphs(outputs: Sequence[Node], point: Point, limits: Limits, *, with_masks: bool = False) -> Compiled:
    """Compile what is asked for, bracketed for numbers, after checking that it stays within the bounds.

    `with_masks`: the graphs are taken as they are, and their masks annihilate what is not finite.
    """
    count = point.batch_size or 1
    for node in outputs:
        check_entries(bulk(node.shape) * count, limits)
    plan = _Plan(point.batched, point.planned, planned_for(point.count))
    with stage("compile"):
        compiled = _compiled(tuple(outputs), plan, limits.elements, with_masks)
    program = compiled.program
    if point.alone and not program.is_entrywise:
        raise InseparableError
    largest = program.largest(count)
    if largest > limits.elements:
        raise LimitError("elements", largest, limits.elements, hint="an intermediate result is too large")
    operations = program.operations(count)
    if operations > limits.operations:
        raise LimitError("operations", operations, limits.operations)
    return compiled


class InseparableError(Exception):
    """The points of a batch cannot be computed as if each were alone."""


class _Plan(NamedTuple):
    """The variables that have a batch axis, those that are planned to have one, and for how many points."""

    batched: frozenset[str]
    planned: frozenset[str]
    points: int


def _size(compiled: Compiled) -> int:
    """In nodes: steps with what runs them, and arrays of constants."""
    listing = compiled.program.listing
    arrays = sum(int(array.nbytes) for array in listing.constants.values() if any(array.strides))
    return STEP * len(listing.steps) + arrays // NODE_BYTES


@remembered(_size)
def _compiled(
    outputs: Sequence[Node],
    plan: _Plan,
    most_entries: int,
    with_masks: bool,  # noqa: FBT001 - part of the key
) -> Compiled:
    nodes = outputs if with_masks else arranged(outputs, plan.planned, plan.points)
    program = compile_program(nodes, plan.batched, most_entries, count=plan.points, with_masks=with_masks)
    return Compiled(nodes, program)


def arranged(outputs: Sequence[Node], batched: frozenset[str], count: int) -> Sequence[Node]:
    """The graphs with brackets for numbers, but for single ones: finding brackets takes longer than they save there."""
    order = topological(outputs)
    if not batched and not any(node.shape or _is_summed(node) for node in order):
        return outputs
    if len(order) < LEAST_SHARED:
        return bracketed(outputs, batched, count)
    return _bracketed(tuple(outputs), batched, count)


def _content(outputs: Sequence[Node], batched: frozenset[str], count: int) -> list[object]:
    return [digests(outputs), sorted(batched), count]


_SHARED = graphs("brackets", _content, lambda outputs, *_: outputs, lambda outputs, *_: len(outputs))


@remembered(lambda nodes: len(topological(nodes)), shared=_SHARED)
def _bracketed(outputs: tuple[Node, ...], batched: frozenset[str], count: int) -> list[Node]:
    return list(bracketed(outputs, batched, count))


def _is_summed(node: Node) -> bool:
    return node.op is CONTRACT and bool(node.attributes.sizes)


def check_entries(entries: int, limits: Limits, hint: str = FEWER) -> None:
    """Refuse an array of the answer that has too many entries."""
    if entries > limits.elements:
        raise LimitError("elements", entries, limits.elements, hint=hint)


def require_values(outputs: Sequence[Node], point: Point) -> None:
    """Refuse to compute numbers of a variable that has no value, or with a size that no value settles."""
    names, sizes = _needed(tuple(outputs))
    for name in names:
        if name not in point.arrays:
            message = f"at has no value for {name}"
            raise InvalidRequestError(message, pointer="/at")
    for size in sizes:
        message = f"at has no value that tells the size {size}"
        raise InvalidRequestError(message, pointer="/at")


@remembered(lambda needed: len(needed[0]))
def _needed(outputs: tuple[Node, ...]) -> tuple[list[str], list[str]]:
    """The variables of graphs, and the first of their named sizes."""
    order = topological(outputs)
    sizes = {size for node in order for size in (node.attributes, *node.shape) if isinstance(size, Dim)}
    return [node.attributes for node in order if node.op is VARIABLE], sorted(map(repr, sizes))[:1]
