"""A function with an output of any shape as a scalar: the sum of the output's entries, weighted by a cotangent."""

from __future__ import annotations

from dataclasses import replace

from service.errors import InvalidRequestError, ShapeError, UnsupportedOperationError
from service.ir.leaves import variable
from service.ir.size import written
from service.ir.walk import rebuild, topological
from service.ops.signature import term
from service.rewrite.simplify import simplify
from service.tasks.function import Function, lower
from service.tasks.problem import Problem
from service.tasks.remembered import remembered


def weighted(problem: Problem, name: str) -> Problem:
    """The same problem of `sum(cotangent*f)`; the cotangent is one more input, called `name`, and has a value.

    Raises:
        InvalidRequestError: the task has no cotangent, or one of another batch than its point.
        ShapeError: the cotangent has not the output's shape, or several outputs have not the same one.
        UnsupportedOperationError: the task asks for a check of its derivatives, which knows unweighted functions.
    """
    task, shapes = problem.task, {output.shape for output in problem.function.kernel}
    if task.cotangent is None:
        message = "cotangent is missing: a tensor of the output's shape"
        raise InvalidRequestError(message, pointer="/cotangent")
    if len(shapes) > 1:
        came = " and ".join(map(written, shapes))
        message = f"one cotangent for several outputs needs them of one shape, got {came}"
        raise ShapeError(message, pointer="/cotangent")
    if task.verify:
        message = "verify does not check an hvp with a cotangent; verify the vjp in its place"
        raise UnsupportedOperationError(message, pointer="/verify")
    return replace(
        problem,
        function=_weighted(problem.function, name),
        concrete=_weighted(problem.concrete, name),
        point=problem.point.joined_by({name: task.cotangent}, {name: shapes.pop()}, "cotangent", {name: "/cotangent"}),
    )


@remembered(lambda function: len(topological([*function.outputs, *function.kernel])))
def _weighted(function: Function, name: str) -> Function:
    shape = function.kernel[0].shape
    weights = variable(name, shape)
    outputs = tuple(term("sum", term("multiply", weights, output)) for output in function.outputs)
    return Function(outputs, tuple(simplify(rebuild(outputs, lower))), {**function.inputs, name: shape})
