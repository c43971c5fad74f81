"""The gradient check: an exact derivative, or one that the request offers, against finite differences.

The relative error is that of M. P. Deisenroth, A. A. Faisal, C. S. Ong, "Mathematics for Machine Learning", remark in
section 5.2.2: sqrt(sum (dh - df)^2 / sum (dh + df)^2) over all entries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import DomainError, FluxionError, InvalidRequestError, LimitError, ShapeError
from service.execute.program import Program
from service.ir.node import Node
from service.ir.size import numbers, written
from service.tasks.bounded import compile_bounded
from service.tasks.derivatives import derivatives
from service.tasks.function import read_function
from service.tasks.inputs import Point, spread
from service.tasks.joined import (
    Joined,
    by_layout,
    joined,
    joined_blocks,
    names_to_join,
    one_output,
    require_one_point,
    require_point,
)
from service.tasks.messages import Answer, Array, Notice, Scheme
from service.tasks.numbers import Manner, Numbers, evaluate
from service.tasks.problem import Problem, answer

STEPS: Mapping[Scheme, float] = {"central": 1e-5, "forward": 1e-8}  # about the cube and the square root of epsilon


def check(problem: Problem) -> Answer:
    """The relative error of a derivative of any output by the joined variables, and whether it is within tolerance."""
    task, names = problem.task, names_to_join(problem)
    one_output(problem)
    require_point(problem, names)
    require_one_point(problem)
    whole = joined(problem.concrete, names)
    value, derivative, said = _exact(problem, whole) if task.candidate is None else _offered(problem, whole)
    step = STEPS[task.scheme] if task.step is None else task.step
    differences = by_layout(_differences(problem, whole, step), value.ndim, task.layout)
    error = relative_error(differences, derivative)
    opposite = error is not None and math.isinf(error)
    message = "the relative error is infinite: the derivative is minus the finite differences"
    notices = (*said, *((Notice("opposite_sign", message, "/check/relative_error"),) if opposite else ()))
    parts: dict[str, Any] = {
        "scheme": task.scheme,
        "step": step,
        "tolerance": task.tolerance,
        "relative_error": None if opposite else error,
        "passes": error is None or error <= task.tolerance,
        "derivative": derivative,
        "differences": differences,
    }
    return answer(problem, Numbers((value,), (), notices, None), check=parts)


def relative_error(one: Array, other: Array) -> float | None:
    """How far two arrays are apart, as in the book; None where both are 0."""
    largest = max(np.abs(one).max(initial=0.0), np.abs(other).max(initial=0.0))
    if largest == 0:
        return None
    a, b = one / largest, other / largest
    apart, together = float(np.linalg.norm((a - b).ravel())), float(np.linalg.norm((a + b).ravel()))
    return apart / together if together else math.inf


def _exact(problem: Problem, whole: Joined) -> tuple[Array, Array, Sequence[Notice]]:
    """The value, the service's own derivative in the layout asked for, and what is said of it, such as a kink."""
    function, task = problem.concrete, problem.task
    blocks = derivatives(function, "jacobian", tuple(whole.shapes), "numerator")
    found = evaluate(function.kernel, blocks, problem.point, task.limits, Manner(function.outputs, task.nonsmooth))
    value, derivative = found.values[0], joined_blocks(found.arrays, found.values[0].ndim, whole)
    notices = found.nonfinite([("value", value), ("derivative", derivative)])
    if notices:
        message = f"there is no {notices[0].where} to check at this point: {notices[0].message}"
        raise DomainError(message)
    said = dict.fromkeys(replace(notice, where="/check/derivative") for notice in found.said)
    return value, by_layout(derivative.reshape(value.shape + whole.shape), value.ndim, task.layout), tuple(said)


def _offered(problem: Problem, whole: Joined) -> tuple[Array, Array, Sequence[Notice]]:
    """The value, and the derivative that the request's `candidate` says."""
    task, point, limits = problem.task, problem.point, problem.task.limits
    value = _finite(evaluate(problem.concrete.kernel, [], point, limits).values[0], "the function")
    expected = by_layout(np.broadcast_to(0.0, value.shape + whole.shape), value.ndim, task.layout).shape
    try:
        offered = read_function(
            replace(task, expression=task.candidate, graph=None), problem.function.inputs, point.sizes
        )
        (node,) = offered.kernel
        if numbers(node.shape) != expected:
            message = f"candidate has shape {written(node.shape)}, the derivative {written(expected)}"
            raise ShapeError(message)
        (derivative,) = evaluate([node], [], point, limits).values
    except FluxionError as error:
        error.pointer = error.pointer or "/candidate"
        raise
    return value, _finite(derivative, "candidate"), ()


def _finite(value: Array, what: str) -> Array:
    if not np.isfinite(value).all():
        message = f"{what} is not finite at this point"
        raise DomainError(message)
    return value


def _differences(problem: Problem, whole: Joined, step: float) -> Array:
    """Quotients by each entry of the joined variable: the output's axes, then the variable's.

    The divisor is the distance between the two points as they are in float64, not the step that was meant.
    """
    x = np.concatenate([problem.point.arrays[name].ravel() for name in whole.shapes])
    (node,) = problem.concrete.kernel
    ahead, behind = x + step, x - step if problem.task.scheme == "central" else x
    for place in np.flatnonzero((ahead == x) | (ahead == behind))[:1]:
        message = f"step {step:g} is too small beside {whole.entry(int(place))} = {x[place]:g}: their sum is the same"
        raise InvalidRequestError(message, pointer="/step")
    program, count = _program(problem, node, whole)
    columns = []
    for start in range(0, len(x), count):
        places = np.arange(start, min(start + count, len(x)))
        above = _moved(problem, program, whole, places, ahead)
        below = _moved(problem, program, whole, places, behind)
        apart = (ahead - behind)[places].reshape(-1, *(1,) * len(node.shape))
        columns.append((above - below) / apart)
    table = np.concatenate(columns) if columns else np.zeros((0, *numbers(node.shape)))
    return np.moveaxis(table, 0, -1).reshape(numbers(node.shape) + whole.shape)


def _program(problem: Problem, node: Node, whole: Joined) -> tuple[Program, int]:
    """The function over a batch of points, and how many points at a time stay within the bounds."""
    limits, point = problem.task.limits, problem.point
    program = compile_bounded([node], Point(point.arrays, frozenset(whole.shapes), 1, point.sizes), limits)
    work = program.shared.operations + max(program.per_point.operations, whole.size) * 2 * whole.size
    if work > limits.operations:
        raise LimitError("operations", work, limits.operations, hint="check fewer variables at a time")
    return program, max(1, limits.elements // max(program.per_point.largest, whole.size, 1))


def _moved(problem: Problem, program: Program, whole: Joined, places: NDArray[np.intp], there: Array) -> Array:
    """The function's values with one entry at a time moved to where `there` says."""
    x = np.concatenate([problem.point.arrays[name].ravel() for name in whole.shapes])
    points = np.tile(x, (len(places), 1))
    points[np.arange(len(places)), places] = there[places]
    (values,) = program.run({**problem.point.arrays, **whole.parted(points)})
    shape = numbers(problem.concrete.kernel[0].shape)
    values = spread(values, len(places), shape)
    broken = np.flatnonzero(~np.isfinite(values.reshape(len(places), -1)).all(axis=1))
    for row in broken[:1]:
        place = int(places[row])
        message = f"the function is not finite at {whole.entry(place)} = {there[place]:g}, where a difference needs it"
        raise DomainError(message)
    return values
