"""Products with a derivative that is never formed: J v in forward mode, v J in reverse mode, H v by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from service.diff.forward import push_forward
from service.diff.reverse import jacobian, pull_back
from service.errors import InvalidRequestError, ShapeError, UnknownNameError, nearest
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.size import Shape, written
from service.rewrite.simplify import simplify
from service.rewrite.structure import structure_of
from service.tasks.derivatives import Derivative, nodes_in, read_blocks, write_blocks
from service.tasks.function import Function, fresh
from service.tasks.messages import Answer
from service.tasks.problem import Directions, Problem, answer_blocks
from service.tasks.remembered import remembered
from service.tasks.sharing import Entry
from service.tasks.weighted import weighted

Moved = tuple[tuple[str, str], ...]  # variables with their tangents

TANGENT = "d_"
COTANGENT = "cotangent"


def jvp(problem: Problem) -> Answer:
    """The product J v: one block per output, of the output's shape, for the tangents of all names together."""
    moved, directions = tangent_names(problem)
    return answer_blocks(problem, lambda function: _pushed(function, tuple(moved.items())), directions)


def vjp(problem: Problem) -> Answer:
    """The product v J: one block per output and name, of its variable's shape, from a cotangent of the output's."""
    names, name = problem.names, fresh(COTANGENT, problem.function.inputs)
    shapes = {output.shape for output in problem.function.kernel}
    if len(shapes) > 1:
        came = " and ".join(map(written, shapes))
        message = f"a vjp of several outputs needs them of one shape, got {came}"
        raise ShapeError(message)
    values = {} if problem.task.cotangent is None else {name: problem.task.cotangent}
    if problem.task.at is not None and not values:
        message = f"cotangent is missing: a tensor of the output's shape, {written(*shapes)}"
        raise InvalidRequestError(message, pointer="/cotangent")
    directions = Directions("cotangent", {name: problem.function.kernel[0].shape}, values)
    return answer_blocks(problem, lambda function: _pulled(function, names, name), directions)


def hvp(problem: Problem) -> Answer:
    """The product H v of a scalar: forward mode over the reverse pass, one block per name, of the variable's shape.

    With a cotangent the scalar is the sum of the output's entries weighted by it; the id is that of the function.
    """
    moved, directions = tangent_names(problem)
    names = tuple(moved) if problem.task.wrt is None else problem.names
    scalar = problem
    if problem.task.cotangent is not None:
        scalar = weighted(problem, fresh(COTANGENT, {**problem.function.inputs, **directions.shapes}))
    found = answer_blocks(scalar, lambda function: _pushed_gradients(function, names, tuple(moved.items())), directions)
    return replace(found, function_id=problem.function.function_id)


def _content(function: Function, *names: object) -> list[object]:
    return [function.content, *names]


def _shared(name: str) -> Entry[list[Derivative]]:
    return Entry(name, _content, write_blocks, read_blocks)


@remembered(nodes_in, shared=_shared("jvp"))
def _pushed(function: Function, moved: Moved) -> list[Derivative]:
    found = simplify(push_forward(function.kernel, seeds(function, dict(moved))))
    return [_block(number, tuple(dict(moved)), node, "numerator") for number, node in enumerate(found)]


@remembered(nodes_in, shared=_shared("vjp"))
def _pulled(function: Function, names: tuple[str, ...], cotangent: str) -> list[Derivative]:
    wrt = [variable(one, function.inputs[one]) for one in names]
    blocks = []
    for number, output in enumerate(function.kernel):
        found = simplify(pull_back(output, variable(cotangent, output.shape), wrt))
        blocks += [_block(number, (one,), node, "variable") for one, node in zip(names, found, strict=True)]
    return blocks


@remembered(nodes_in, shared=_shared("hvp"))
def _pushed_gradients(function: Function, names: tuple[str, ...], moved: Moved) -> list[Derivative]:
    wrt = [variable(one, function.inputs[one]) for one in names]
    blocks = []
    for number, output in enumerate(function.kernel):
        if output.shape:
            message = (
                f"an hvp is of a scalar; the output has shape {written(output.shape)}, so that it needs a cotangent"
            )
            raise ShapeError(message)
        gradients = simplify(jacobian(output, wrt))
        found = simplify(push_forward(gradients, seeds(function, dict(moved))))
        blocks += [_block(number, (one,), node, "variable") for one, node in zip(names, found, strict=True)]
    return blocks


def _block(output: int, wrt: tuple[str, ...], node: Node, layout: Literal["numerator", "variable"]) -> Derivative:
    rows = len(node.shape)
    return Derivative(output, wrt, node, structure_of(node, rows), rows, layout)


def seeds(function: Function, moved: Mapping[str, str]) -> dict[Node, Node]:
    """The tangent variable of each moved variable."""
    shapes = {name: function.inputs[name] for name in moved}
    return {variable(name, shapes[name]): variable(tangent, shapes[name]) for name, tangent in moved.items()}


def tangent_names(problem: Problem) -> tuple[dict[str, str], Directions]:
    """The name of the tangent of each moved variable, in order, and their shapes and values.

    Without `tangents`, for closed forms, all of `wrt` move.
    """
    given, inputs = problem.task.tangents, problem.function.inputs
    if given is None and problem.task.at is not None:
        message = "tangents is missing: a tensor of its shape for each variable that moves"
        raise InvalidRequestError(message, pointer="/tangents")
    for name in given or ():
        if name not in inputs:
            message = f"tangents has a value for {name}, which is not a variable{nearest(name, inputs)}"
            raise UnknownNameError(message, pointer=f"/tangents/{name}")
    if given is not None and not given:
        message = "tangents is empty: at least one variable moves"
        raise InvalidRequestError(message, pointer="/tangents")
    moving = problem.names if given is None else _in_order(given, inputs)
    moved = {name: fresh(TANGENT + name, inputs) for name in moving}
    shapes: dict[str, Shape] = {tangent: inputs[name] for name, tangent in moved.items()}
    return moved, Directions("tangents", shapes, {moved[name]: value for name, value in (given or {}).items()}, moved)


def _in_order(given: Mapping[str, object], inputs: Mapping[str, Shape]) -> Sequence[str]:
    return [name for name in inputs if name in given]
