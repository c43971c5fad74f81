"""The Taylor polynomial about a point: its terms, its derivative tensors, its coefficients and its closed form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from service.diff.series import derivatives_along
from service.errors import InvalidRequestError, LimitError, UnknownNameError, nearest
from service.ir.coefficient import scale
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.size import Shape, bulk
from service.ir.total import total
from service.ir.walk import topological
from service.rewrite.simplify import simplify
from service.tasks.derivatives import Derivative
from service.tasks.function import Function, fresh
from service.tasks.inputs import Point, read_point
from service.tasks.joined import Joined, by_layout, joined, names_to_join, one_output, require_point
from service.tasks.messages import Answer, Array, Limits, Task
from service.tasks.numbers import Evaluation, Manner, Numbers, evaluate
from service.tasks.polynomial import expanded_forms, forms_about, forms_in_steps
from service.tasks.problem import Problem, answer
from service.tasks.products import TANGENT
from service.tasks.remembered import remembered
from service.tasks.sharing import digests, graphs

Seeds = tuple[tuple[Node, Node], ...]  # variables with their tangents

ABSENT = {"value": None, "terms": None, "derivatives": None, "coefficients": None}


def taylor(problem: Problem) -> Answer:
    """T_n about `at`, with D^k f and, with `evaluate_at`, the terms D^k f delta^k / k! and their sum.

    The forms are a polynomial with numbers where there is one point, and one in the steps otherwise.
    """
    task, names = problem.task, names_to_join(problem)
    one_output(problem)
    if task.order > task.limits.taylor_order:
        raise LimitError("taylor_order", task.order, task.limits.taylor_order, pointer="/order")
    steps = {name: fresh(TANGENT + name, problem.function.inputs) for name in names}
    if task.at is None:
        if task.evaluate_at is not None:
            message = "evaluate_at needs at, the point to expand about"
            raise InvalidRequestError(message, pointer="/at")
        forms = _symbolic(problem, steps)
        return answer(problem, taylor={"order": task.order} | ABSENT | {"forms": forms, "expanded": {}})
    require_point(problem, names)
    found = _numbers(problem, names, steps)
    numeric = _numeric_forms(problem, found)
    forms, expanded = (_symbolic(problem, steps), {}) if numeric is None else numeric
    parts = {"order": task.order} | found.parts | {"forms": forms, "expanded": expanded}
    return answer(problem, found.numbers, taylor=parts)


@dataclass(frozen=True)
class _Found:
    """What was computed; `tensors` are D^k f at one point, output axes first, or None."""

    numbers: Numbers
    parts: dict[str, Any]
    joined: Joined
    tensors: list[Array] | None


def _numbers(problem: Problem, names: Sequence[str], steps: Mapping[str, str]) -> _Found:
    task, function = problem.task, problem.concrete
    whole = joined(function, names)
    moved = _displacements(problem, whole)
    named = {steps[name]: value for name, value in moved.items()}
    point = problem.point.joined_by(named, {steps[name]: whole.shapes[name] for name in moved}, "evaluate_at")
    tensors = _tensors(function, whole, task, point) if task.derivatives else []
    terms = [] if task.evaluate_at is None else _terms(function, {n: steps[n] for n in moved}, task, tensors)
    value = [total(terms, terms[0].shape)] if terms else []
    blocks = [Derivative(0, tuple(names), node) for node in (*tensors, *terms, *value)]
    found = evaluate(function.kernel, blocks, point, task.limits, Manner(function.outputs, task.nonsmooth))
    derivatives = [
        _symmetric(block, k, whole, problem.point, point) for k, block in enumerate(found.arrays[: len(tensors)])
    ]
    at_step = found.arrays[len(tensors) :]
    return _placed(problem, found, whole, derivatives, at_step)


def _placed(
    problem: Problem, found: Evaluation, whole: Joined, derivatives: list[Array], at_step: Sequence[Array]
) -> _Found:
    """The arrays under their names in the answer, with the notices of each."""
    task, (output,) = problem.task, problem.concrete.kernel
    batch = int(found.point.batch_size is not None)
    lists: dict[str, Any] = {
        "value": at_step[-1] if at_step else None,
        "terms": list(at_step[:-1]) if at_step else None,
        "derivatives": [by_layout(a, len(output.shape), task.layout, batch) for a in derivatives] or None,
        "coefficients": None,
    }
    if derivatives and len(whole.shapes) == 1 and whole.shape == ():
        lists["coefficients"] = [np.asarray(array / math.factorial(k)) for k, array in enumerate(derivatives)]
    placed = [("/value", found.values[0])]
    for name, part in lists.items():
        if isinstance(part, list):
            placed += [(f"/taylor/{name}/{k}", array) for k, array in enumerate(part)]
        elif part is not None:
            placed.append((f"/taylor/{name}", part))
    given = Numbers(found.values, (), found.notices(placed), found.point.batch_size)
    one = problem.point.batch_size is None and bool(derivatives)
    return _Found(given, lists, whole, [array[0] if batch else array for array in derivatives] if one else None)


def _displacements(problem: Problem, whole: Joined) -> dict[str, Array]:
    """How far each variable that `evaluate_at` names is from its value in `at`."""
    given, point = problem.task.evaluate_at or {}, problem.point
    for name in given:
        if name not in whole.shapes:
            known = name in problem.function.inputs
            what = "is not in wrt: it keeps its value in at" if known else "is not a variable"
            hint = "" if known else nearest(name, whole.shapes)
            message = f"evaluate_at has a value for {name}, which {what}{hint}"
            raise UnknownNameError(message, pointer=f"/evaluate_at/{name}")
    there = read_point(given, whole.shapes, "evaluate_at")
    both = {there.batch_size, point.batch_size} - {None}
    if len(both) > 1:
        message = f"all batched values must have one length: at has {point.batch_size}, evaluate_at {there.batch_size}"
        raise InvalidRequestError(message, pointer="/evaluate_at")
    with np.errstate(all="ignore"):
        return {name: np.asarray(value - point.arrays[name]) for name, value in there.arrays.items()}


def _tensors(function: Function, whole: Joined, task: Task, point: Point) -> list[Node]:
    """D^k f for k = 0 to n, not yet symmetric: the output's axes, then the joined variable's k times."""
    (output,) = function.kernel
    _check_size(output.shape, whole.shape, task.order, point, task.limits)
    return _along(output, tuple(whole.tangents().items()), task.order, task.limits.nodes, whole.shape, "tensors")


def _content(output: Node, seeds: Seeds, *options: object) -> list[object]:
    return [digests([output, *(node for pair in seeds for node in pair)]), *options]


_SHARED = graphs("taylor", _content, lambda output, *_: [output], lambda _, __, order, *___: order + 1)


@remembered(lambda nodes: len(topological(nodes)), shared=_SHARED)
def _along(
    output: Node, seeds: Seeds, order: int, most_nodes: int, trail: Shape, part: Literal["tensors", "terms"]
) -> list[Node]:
    """D(f, k) for k = 0 to `order`; in terms they are divided by k!."""
    nodes = derivatives_along(output, dict(seeds), order, most_nodes, trail)
    return simplify(nodes if part == "tensors" else _divided(nodes))


def _divided(nodes: Iterable[Node]) -> list[Node]:
    return [scale(node, 1 / math.factorial(k)) for k, node in enumerate(nodes)]


def _check_size(output: Shape, shape: tuple[int, ...], order: int, point: Point, limits: Limits) -> None:
    """The largest tensor is known before anything is derived."""
    hint = 'ask for a lower order, or send "derivatives": false for the terms alone'
    axes = len(output) + len(shape) * order
    if axes > 2 * limits.axes:
        raise LimitError("axes", axes, 2 * limits.axes, hint=hint)
    entries = bulk(output) * bulk(shape) ** order * (point.batch_size or 1)
    if entries > limits.elements:
        raise LimitError("elements", entries, limits.elements, hint=hint)


def _terms(function: Function, moved: Mapping[str, str], task: Task, tensors: Sequence[Node] = ()) -> list[Node]:
    """D^k f delta^k / k! for k = 0 to n, each of the output's shape.

    By moving along delta, so that no tensor is formed; for one scalar variable the tensors that there are will do.
    """
    (output,), inputs = function.kernel, function.inputs
    seeds = {variable(name, inputs[name]): variable(step, inputs[name]) for name, step in moved.items()}
    if tensors and all(tensor.shape == output.shape for tensor in tensors[1:]) and len(seeds) == 1:
        (step,) = seeds.values()
        return simplify(_divided(tensor * step**k for k, tensor in enumerate(tensors)))
    return _along(output, tuple(seeds.items()), task.order, task.limits.nodes, (), "terms")


def _symmetric(tensor: Array, order: int, whole: Joined, at: Point, point: Point) -> Array:
    """The mean over all orders of the directions: of the entries with equal indices, in whatever order."""
    batch = point.batch_size
    if order < 2 or whole.size < 2:  # noqa: PLR2004 - nothing to order
        return tensor
    once = tensor[:1] if batch is not None and at.batch_size is None else tensor  # the same at every point of the batch
    flat = once.reshape(-1, whole.size**order)
    indices = np.sort(np.indices((whole.size,) * order).reshape(order, -1), axis=0)
    keys = np.ravel_multi_index(tuple(indices), (whole.size,) * order)
    order_of_keys = np.argsort(keys, kind="stable")
    _, starts, inverse, counts = np.unique(
        keys[order_of_keys], return_index=True, return_inverse=True, return_counts=True
    )
    with np.errstate(all="ignore"):
        means = np.add.reduceat(flat[:, order_of_keys], starts, axis=1) / counts
    result = np.empty_like(flat)
    result[:, order_of_keys] = means[:, inverse]
    return np.broadcast_to(result.reshape(once.shape), tensor.shape)


def _symbolic(problem: Problem, steps: Mapping[str, str]) -> dict[str, Any]:
    """The polynomial as a program in the point and the steps from it."""
    task, function = problem.task, problem.function
    if not task.forms:
        return {}
    inputs = {**function.inputs, **{step: function.inputs[name] for name, step in steps.items()}}
    return forms_in_steps(_terms(function, steps, task), inputs, task)


def _numeric_forms(problem: Problem, found: _Found) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The polynomial with the point's numbers and, for one scalar variable, multiplied out; None where it has none."""
    if found.tensors is None:
        return None
    centre = {name: problem.point.arrays[name] for name in found.joined.shapes}
    inputs = problem.concrete.inputs
    forms = forms_about(centre, found.tensors, inputs, problem.task)
    return None if forms is None else (forms, expanded_forms(centre, found.tensors, inputs, problem.task))
