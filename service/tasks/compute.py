"""The compute tasks: evaluate, gradient, jacobian, hessian and plan, from a request's data to its answer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import LimitError, ShapeError
from service.frontends.sizes import bind
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import Shape, written
from service.ir.walk import topological
from service.tasks.closed_forms import MOST_NODES, Writer, closed_forms, orientation_of
from service.tasks.derivatives import Derivative, chosen_names, derivatives
from service.tasks.facts import Fact, assumed_facts, check_values
from service.tasks.function import Function, declared_shapes, read_function, written_shape
from service.tasks.inputs import NOWHERE, Point, is_concrete, read_point
from service.tasks.messages import Answer, Block, Task
from service.tasks.numbers import Numbers, compute_numbers, require_values
from service.tasks.plan import plan


def compute(task: Task) -> Answer:
    """The answer to one request. Raises the errors of `service.errors`."""
    shapes = declared_shapes(task)
    point = _point(task, shapes)
    facts = assumed_facts(task, shapes)
    check_values(facts, point)
    function = read_function(task, shapes, {})
    concrete = read_function(task, shapes, point.sizes) if point.sizes else function
    kind = task.plan_kind if task.kind == "plan" else task.kind
    names = chosen_names(function, task.wrt)
    blocks = derivatives(function, kind, names, task.layout)
    numeric = blocks if concrete is function else derivatives(concrete, kind, names, task.layout)
    for block, number in zip(blocks, numeric, strict=True):
        _check_rank(block, task)
        _check_sizes(block.node, number.node, point)
    for output, value in zip(function.kernel, concrete.kernel, strict=True):
        _check_sizes(output, value, point)
    if task.kind == "plan":
        return _answer(task, function, planned=plan(task, function, concrete, blocks, numeric, point))
    numbers = _numbers(task, concrete, numeric, point)
    return _answer(task, function, point, numbers, _blocks(task, function, blocks, numbers, facts))


def _point(task: Task, shapes: Mapping[str, Shape] | None) -> Point:
    if task.at is None:
        return NOWHERE
    return read_point(task.at, {name: value.shape for name, value in task.at.items()} if shapes is None else shapes)


def _check_rank(block: Derivative, task: Task) -> None:
    if len(block.node.shape) > 2 * task.limits.axes:
        raise LimitError("axes", len(block.node.shape), 2 * task.limits.axes)


def _check_sizes(form: Node, number: Node, point: Point) -> None:
    """Refuse sizes for which the closed form does not hold: `x[:5]` has 5 entries for every n, but not for n = 3."""
    bound = bind(form.shape, point.sizes)
    if bound != number.shape:
        sizes = ", ".join(f"{name} = {n}" for name, n in point.sizes.items())
        shapes = f"the closed form has shape {written(form.shape)}, the value {written(number.shape)}"
        message = f"with {sizes} a slice reaches beyond its axis: {shapes}"
        raise ShapeError(message)


def _numbers(task: Task, function: Function, blocks: Sequence[Derivative], point: Point) -> Numbers | None:
    """Numbers where a point is given, or where the function needs none; evaluate always asks for them."""
    needs_values = any(node.op is VARIABLE for node in topological(function.kernel))
    if task.at is None and (needs_values or not is_concrete(function.inputs)):
        if task.kind == "evaluate":
            require_values(function.kernel, point)
        return None
    return compute_numbers(function.kernel, blocks, point, task.limits, task.layout)


def _blocks(
    task: Task, function: Function, blocks: Sequence[Derivative], numbers: Numbers | None, facts: Sequence[Fact]
) -> tuple[Block, ...]:
    answered = []
    for place, block in enumerate(blocks):
        orientation = orientation_of(block.node, function.kernel[block.output], task.layout)
        writer = Writer(block.node, function.inputs, orientation)
        forms = closed_forms(writer, task.forms, task.kind, facts, MOST_NODES // len(blocks))
        value = None if numbers is None else numbers.blocks[place]
        shape = written_shape(block.node)
        answered.append(
            Block(block.output, block.wrt, shape, block.structure, forms.spellings, value, forms.assumptions)
        )
    return tuple(answered)


def _answer(
    task: Task,
    function: Function,
    point: Point = NOWHERE,
    numbers: Numbers | None = None,
    blocks: tuple[Block, ...] = (),
    planned: Mapping[str, Any] | None = None,
) -> Answer:
    return Answer(
        function.function_id,
        task.kind,
        task.layout,
        point.batch_size,
        None if numbers is None else numbers.values,
        blocks,
        () if numbers is None else numbers.notices,
        planned,
    )
